"""One case for all tests of the tools: real data, real history, a real sandbox; nothing in it is changed by a test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from claims import Opened, honest

from andon.agents.tools import Phase, Toolbox
from andon.models import Diagnosis
from andon.protocols import Case
from andon.testing.cases import Stage, open_case


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Case, Stage]]:
    folder = tmp_path_factory.mktemp("case")
    (folder / "feed.log").write_text("run 1\nnorth asks 10000\nsouth asks 100\n", encoding="utf-8")
    with open_case(folder, "unit", logs=(f"{folder}/*.log",)) as found:
        yield found


@pytest.fixture(scope="session")
def case(opened: tuple[Case, Stage]) -> Case:
    return opened[0]


@pytest.fixture
def lines(opened: tuple[Case, Stage]) -> list[tuple[str, str]]:
    """The transcript of this test."""
    opened[1].lines.clear()
    return opened[1].lines


@pytest.fixture
def box(case: Case) -> Toolbox:
    """The tools of a diagnosis."""
    return Toolbox(case, Phase.DIAGNOSE, case.workspace, agent="claims")


@pytest.fixture(scope="session")
def cause(case: Case) -> Diagnosis:
    """The accepted diagnosis."""
    box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent="claims")
    answer = box.answer("submit_diagnosis", honest())
    assert not answer.refused, answer.text
    assert box.diagnosis is not None
    return box.diagnosis


@pytest.fixture
def fixing(case: Case, cause: Diagnosis) -> Iterator[Opened]:
    """The tools of a fix, and the tree that the agent may change."""
    with case.workspace.at() as tree:
        yield Toolbox(case, Phase.FIX, tree, agent="claims", diagnosis=cause), tree.root


@pytest.fixture
def refusal(box: Toolbox) -> Callable[..., str]:
    """Calls a tool that must refuse, and returns its words."""

    def call(name: str, **given: Any) -> str:
        answer = box.answer(name, given)
        assert answer.refused, answer.text
        return answer.text

    return call
