"""What `andon doctor` says of agents and their model: it tries them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.app import App
from andon.config import load
from andon.doctor.agents import agent_findings
from andon.doctor.findings import Finding
from andon.testing.acp import SEEN, scripted
from andon.testing.endpoint import Endpoint, Turn, endpoint
from andon.testing.repos import make_tinyfeed


@pytest.fixture
def told() -> Iterator[Endpoint]:
    with endpoint(lambda _: Turn("ready", tokens=(12, 3)), key="hunter2") as running:
        yield running


def found(folder: Path, *lines: str) -> list[Finding]:
    """Returns what doctor says of these lines in [agent]."""
    make_tinyfeed(folder, bug="unit")
    file = folder / "andon.toml"
    told = file.read_text()
    assert "[agent]" not in told
    file.write_text(told + "\n[budget]\ntokens_per_ticket = 100000\n\n[agent]\n" + "\n".join(lines) + "\n")
    with App(load(file)) as app:
        return list(agent_findings(app))


def program(*words: str) -> tuple[str, str]:
    return f"command = {json.dumps(shlex.join(words))}", f"see = {json.dumps([str(place) for place in SEEN])}"


def model(told: Endpoint, wire: str = "openai", key: str = "hunter2") -> tuple[str, ...]:
    version = "v1beta" if wire == "gemini" else "v1"
    return f'model = "{wire}:scripted"', f'url = "{told.url}/{version}"', f'key = "env:{key.upper()}"'


def test_agent_and_model_that_answer_are_told_with_what_it_cost(
    tmp_path: Path, told: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUNTER2", "hunter2")
    findings = found(tmp_path, 'kind = ["search", "acp"]', *program(*scripted()), *model(told))
    assert [(one.what, one.state) for one in findings] == [
        ("agent search", "works"),
        ("agent python", "works"),
        ("model", "works"),
    ]
    assert findings[1].saw == "scripted 1 starts in the sandbox and opens a session"
    assert findings[2].saw == "openai:scripted answers over the relay (15 tokens, 0.0000 USD)"


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
def test_model_of_another_wire_answers_too(
    tmp_path: Path, told: Endpoint, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    monkeypatch.setenv("HUNTER2", "hunter2")
    findings = found(tmp_path, 'kind = "acp"', *program(*scripted()), *model(told, wire))
    assert findings[-1].state == "works"
    assert findings[-1].saw == f"{wire}:scripted answers over the relay (15 tokens, 0.0000 USD)"


def test_key_that_is_not_let_in_is_broken(tmp_path: Path, told: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "other")
    last = found(tmp_path, 'kind = "acp"', *program(*scripted()), *model(told, key="other"))[-1]
    assert (last.what, last.state) == ("model", "broken")
    assert "does not let the key in: no such key" in last.saw
    assert "`key` in [agent]" in last.mend


def test_address_where_nobody_listens_is_broken(tmp_path: Path) -> None:
    lines = ('model = "openai:scripted"', 'url = "http://127.0.0.1:9/v1"')
    last = found(tmp_path, 'kind = "acp"', *program(*scripted()), *lines)[-1]
    assert "http://127.0.0.1:9/v1 cannot be reached" in last.saw


def test_program_that_does_not_speak_or_is_not_there_is_broken(tmp_path: Path) -> None:
    for number, (words, saw) in enumerate(
        ((("/bin/false",), "died in the middle"), (("no-such-agent",), "'no-such-agent' is not installed"))
    ):
        (finding,) = found(tmp_path / str(number), 'kind = "acp"', *program(*words))
        assert finding.state == "broken"
        assert saw in finding.saw


def test_kind_without_a_program_is_broken(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, 'kind = "acp"')
    assert (finding.what, finding.state) == ("agent", "broken")
    assert "needs a `preset`" in finding.saw
