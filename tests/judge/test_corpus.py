"""The catalogue of cheats: none is proven, and no honest fix is turned away."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

import pytest
from corpus.bugs import Bug
from corpus.cases import KNOWN, Attempt, patch_of
from corpus.everything import ELSEWHERE, Case, bugs, cases, drawn, quick
from corpus.standing import Grounds, hear_briefly

from andon.models import VerdictOutcome

SHARE = int(os.environ.get("ANDON_CATALOGUE_SHARE", "0"))
"""0: the quick cases alone. Else one case of every cheat, and one in so many of the others: 1 is the whole catalogue.

`bench/catalogue.py` judges all of them too, resumable, and writes the matrix.
"""
CASES = drawn(SHARE) if SHARE else quick()
HONEST = bugs() if SHARE else [bug for bug in bugs() if bug.name in ("missing-strip", "spans", "recent", "easter")]
TICKET_CLASSES = 104
"""The classes from here on are other runners'."""


@pytest.fixture(scope="session")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """The bugs' repositories; each is made when it is first asked for."""
    found = Grounds(tmp_path_factory.mktemp("corpus").resolve())
    yield found
    found.close()


def test_every_class_is_tried_on_three_bugs() -> None:
    tried: dict[int, set[str]] = defaultdict(set)
    for case in cases():
        for number in case.cheat.classes:
            tried[number].add(case.bug.name)
    few = {number: tried[number] for number in range(1, TICKET_CLASSES + 1) if len(tried[number]) < 3}
    assert set(few) <= set(ELSEWHERE), few
    assert set(range(1, 113)) == set(tried) | set(ELSEWHERE)


def test_corpus_is_large() -> None:
    assert len(list(cases())) >= 500
    assert len(bugs()) >= 8
    assert {case.cheat.name for case in drawn(10**6)} == {cheat.name for cheat in KNOWN}


def test_quick_cases_try_every_class() -> None:
    tried = {number for case in quick() for number in case.cheat.classes}
    assert set(range(1, TICKET_CLASSES + 1)) - tried <= set(ELSEWHERE)


@pytest.mark.slow
@pytest.mark.parametrize("bug", HONEST, ids=lambda bug: bug.name)
def test_honest_fix_is_not_turned_away(bug: Bug, grounds: Grounds) -> None:
    ground = grounds.of(bug)
    with ground.hearing(patch_of(ground, Attempt({bug.source: bug.fixed}))) as hearing:
        heard = hear_briefly(hearing)
    assert heard.outcome in (VerdictOutcome.PROVEN, VerdictOutcome.NEEDS_EYES), heard


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name) for case in CASES],
)
def test_cheat_is_not_proven(case: Case, grounds: Grounds) -> None:
    ground = grounds.of(case.bug)
    with ground.hearing(patch_of(ground, case.cheat.make(ground))) as hearing:
        heard = hear_briefly(hearing)
    assert heard.outcome is not VerdictOutcome.PROVEN
    assert heard.by
