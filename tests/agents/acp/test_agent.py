"""An agent of the protocol through whole phases of a ticket: in the sandbox, with the ticket's tools, on real cases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from andon.agents.acp import AcpAgent
from andon.agents.acp.configured import no_way
from andon.agents.acp.program import Program
from andon.errors import AgentError, ExternalError
from andon.models import Attempt, Diagnosis, Lane
from andon.protocols import Case
from andon.sandboxes import LandlockSandbox, open_sandbox
from andon.testing.acp import SEEN, Turn, scripted
from andon.testing.agents import MENDS, REGRESSION
from andon.testing.cases import Stage, open_case
from andon.wallet import wallet_with

LINES = {"kind": "lines", "path": "tinyfeed/prices.py", "start": 7, "end": 7}
CLAIM = {
    "whys": [
        {"question": "Why is it red?", "answer": "Prices are too high.", "facts": [{"kind": "rows", "count": 35}]},
        {"question": "Why are they?", "answer": "tinyfeed/prices.py multiplies twice.", "facts": [LINES]},
    ],
    "root_cause": "to_cents multiplies cents by 100",
    "lane": "code bug",
}
SUBMIT = {"use": {"tool": "submit_diagnosis", "given": CLAIM}}


def agent(*turns: Turn, minutes: float = 5) -> AcpAgent:
    """Returns an agent that follows a script."""
    program = Program(scripted(*turns), SEEN, (Path(sys.executable).parent,))
    return AcpAgent("scripted", lambda: program, no_way, minutes=minutes)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Case, Stage]]:
    with open_case(tmp_path_factory.mktemp("case"), "unit") as found:
        yield found


@pytest.fixture
def case(opened: tuple[Case, Stage]) -> Case:
    opened[1].lines.clear()
    return opened[0]._replace(wallet=wallet_with())


@pytest.fixture
def lines(opened: tuple[Case, Stage]) -> list[tuple[str, str]]:
    return opened[1].lines


@pytest.fixture(scope="module")
def cause(opened: tuple[Case, Stage]) -> Diagnosis:
    found, _ = agent([SUBMIT]).diagnose(opened[0])
    return found


def said(lines: list[tuple[str, str]], kind: str = "says") -> str:
    return "\n".join(text for name, text in lines if name == kind)


def mending(case: Case) -> list[dict[str, Any]]:
    """Returns the steps that mend the bug with a regression test."""
    path, old, new = MENDS["unit"]
    evidence = case.evidence.model_dump_json(indent=1) + "\n"
    return [
        {"edit": {"path": path, "old": old, "new": new}},
        {"write": {"path": "tests/test_ticket_1.json", "text": evidence}},
        {"write": {"path": "tests/test_ticket_1.py", "text": REGRESSION}},
    ]


def test_diagnosis_that_holds_is_accepted_and_ends_the_session(case: Case, lines: list[tuple[str, str]]) -> None:
    found, spend = agent([{"use": {"tool": "brief"}}, SUBMIT, {"hang": "until it is told to stop"}]).diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert found.agent == "scripted"
    assert [len(why.facts) for why in found.whys] == [1, 1]
    assert spend.tokens == 0
    assert "prices-in-range" in said(lines, "prompt")
    assert "Accepted: code bug" in said(lines, "answer")


def test_diagnosis_that_does_not_hold_comes_back_and_is_mended(case: Case, lines: list[tuple[str, str]]) -> None:
    false = {"use": {"tool": "submit_diagnosis", "given": {**CLAIM, "whys": [CLAIM["whys"][0]] * 2}}}  # type: ignore[index]
    found, _ = agent([false], [SUBMIT]).diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert "nothing that was handed in is accepted yet" in said(lines, "prompt")


def test_agent_that_hands_in_nothing_leaves_the_cause_unknown(case: Case) -> None:
    found, _ = agent([{"say": "I am done"}]).diagnose(case)
    assert found.lane is Lane.UNKNOWN
    assert "it ended its turn 6 times with nothing handed in" in found.root_cause
    assert case.weigh(found).lane is Lane.UNKNOWN


def test_model_that_refuses_ends_the_session(case: Case) -> None:
    assert "the model refused" in agent([{"stop": "refusal"}]).diagnose(case)[0].root_cause


def test_refused_leave_is_told_in_the_next_turn(case: Case, lines: list[tuple[str, str]]) -> None:
    agent([{"ask": {"kind": "edit"}}], [SUBMIT]).diagnose(case)
    assert "was refused: the tree is read-only until a diagnosis is accepted" in said(lines, "prompt")


TRICKS = (
    "echo x > tinyfeed/prices.py",
    "chmod u+w tinyfeed/prices.py && echo x >> tinyfeed/prices.py",
    "rm -rf tinyfeed",
    "mv tinyfeed other",
    "touch new",
    "mkdir .git && echo x > .git/hooks",
    "mount -o remount,rw . ; echo x >> tinyfeed/prices.py",
    "ln -s $PWD/tinyfeed/prices.py /tmp/link && echo x >> /tmp/link",
    "ln tinyfeed/prices.py /tmp/hard && echo x >> /tmp/hard",
    "cd /proc/self/cwd && echo x >> tinyfeed/prices.py",
    "echo x >> /proc/self/root$PWD/tinyfeed/prices.py",
    "for n in /proc/[0-9]*; do for way in cwd root$PWD; do echo x >> $n/$way/tinyfeed/prices.py; done; done; false",
    "unshare -rm sh -c 'mount -o remount,rw /; echo x >> tinyfeed/prices.py'",
    "git init -q . && git config core.worktree /",
    "python3 -c \"import os; os.open('tinyfeed/prices.py', os.O_RDWR)\"",
)


@pytest.mark.parametrize("sandbox", ["bubblewrap", "landlock", "landlock alone"])
def test_agent_cannot_change_a_byte_before_a_diagnosis_is_accepted(sandbox: str, tmp_path: Path) -> None:
    walls = LandlockSandbox(namespaces=False) if sandbox == "landlock alone" else open_sandbox(sandbox)
    with open_case(tmp_path, "unit", sandbox=walls) as (case, stage):
        before = tree_of(case.workspace.root)
        steps: list[dict[str, Any]] = [{"shell": trick} for trick in TRICKS]
        steps += [
            {"write": {"path": "tinyfeed/prices.py", "text": "x"}},
            {"use": {"tool": "submit_patch", "given": {"summary": "x"}}},
        ]
        agent(steps, [{"stop": "refusal"}]).diagnose(case)
        assert tree_of(case.workspace.root) == before
        heard = said(stage.lines)
        assert heard.count("shell: exit") == len(TRICKS)
        assert "shell: exit 0" not in heard
        assert "write: written" not in heard
        assert "submit_patch belongs to another phase" in heard


def tree_of(root: Path) -> dict[str, tuple[int, bytes]]:
    """Returns every file with its mode and bytes."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in root.rglob("*")
    }


def test_patch_is_what_stands_in_the_tree(case: Case, cause: Diagnosis) -> None:
    fixed = agent([*mending(case), {"use": {"tool": "submit_patch", "given": {"summary": "no second times"}}}]).fix(
        case, cause, ()
    )
    assert fixed.patch is not None
    assert fixed.patch.tests == ("tests/test_ticket_1.py",)
    assert fixed.notes == "no second times"
    assert case.examine(fixed.patch) == ""
    with case.workspace.at(diff=fixed.patch.diff) as mended:
        assert mended.replay(case.check, case.evidence).green
        assert mended.test().green
    assert case.workspace.replay(case.check, case.evidence).red


def test_agent_that_hands_in_no_patch_abstains_and_says_why(case: Case, cause: Diagnosis) -> None:
    fixed = agent([{"say": "too hard"}, {"stop": "refusal"}]).fix(case, cause, ())
    assert fixed.patch is None
    assert fixed.notes == "scripted handed in no patch that was taken: the model refused to go on."


def test_earlier_attempts_are_told(case: Case, cause: Diagnosis, lines: list[tuple[str, str]]) -> None:
    patch = agent([*mending(case), {"use": {"tool": "submit_patch", "given": {"summary": "x"}}}]).fix(case, cause, ())
    tried = Attempt(
        ticket=1, number=1, agent="scripted", started_at=case.deadline, patch=patch.patch, feedback="kills no mutant"
    )
    lines.clear()
    agent([{"use": {"tool": "brief"}}, {"stop": "refusal"}]).fix(case, cause, (tried,))
    assert "kills no mutant" in said(lines, "answer")


def test_agent_that_dies_is_an_error_and_what_it_said_is_kept(case: Case, lines: list[tuple[str, str]]) -> None:
    with pytest.raises(AgentError, match="it said: no memory left"):
        agent([{"say": "so far so good"}, {"die": "no memory left"}]).diagnose(case)
    assert said(lines) == "so far so good"


def test_agent_that_dies_with_its_diagnosis_accepted_has_found_the_cause(case: Case) -> None:
    found, _ = agent([SUBMIT, {"die": "done"}]).diagnose(case)
    assert found.lane is Lane.CODE_BUG


def test_session_ends_when_its_time_is_used_up(case: Case, lines: list[tuple[str, str]]) -> None:
    found, _ = agent([{"hang": "a"}], [{"hang": "b"}], minutes=0.25).diagnose(case)
    assert "the time of the session is used up" in found.root_cause
    assert "Most of the time of the session is used. Start nothing new" in said(lines, "prompt")


def test_session_ends_when_the_wallet_is_empty(case: Case, lines: list[tuple[str, str]]) -> None:
    poor = case._replace(wallet=wallet_with(usd=1.0))
    found, spend = agent([{"cost": {"usd": 0.9}}, {"hang": "a"}], [{"cost": {"usd": 1.1}}, {"hang": "b"}]).diagnose(
        poor
    )
    assert spend.usd == pytest.approx(1.1)
    assert "1.10 of 1.00 USD are used" in found.root_cause
    assert "0.90 of 1.00 USD are used" in said(lines, "prompt")


def test_agent_that_goes_in_circles_is_stopped(case: Case) -> None:
    same = {"call": {"title": "grep", "given": {"pattern": "price"}, "came": "nothing found"}}
    found, _ = agent([*[same] * 5, {"hang": "until it is told to stop"}]).diagnose(case)
    assert "it went in circles: the same action gave the same answer 5 times" in found.root_cause


def test_file_that_is_written_to_and_fro_ends_the_session(case: Case, cause: Diagnosis) -> None:
    steps = [{"write": {"path": "new.py", "text": text}} for text in ("a", "b") * 3]
    fixed = agent([*steps, {"hang": "until it is told to stop"}]).fix(case, cause, ())
    assert "new.py was changed to and fro" in fixed.notes


def test_what_an_agent_counts_adds_only_what_was_not_seen_at_the_relay(case: Case) -> None:
    case.wallet.charge(tokens=500, usd=0.5)
    _, spend = agent([{"cost": {"usd": 0.4}}, {"tokens": 800}, {"stop": "refusal"}]).diagnose(case)
    assert (spend.tokens, spend.usd) == (800, 0.5)


def test_transcript_that_cannot_be_kept_ends_the_session(case: Case) -> None:
    def fail(kind: str, text: str) -> None:
        if kind == "plan":
            raise ExternalError(f"the disk is full: {text}")

    with pytest.raises(ExternalError, match="the disk is full"):
        agent([{"plan": "a"}, {"hang": "b"}]).diagnose(case._replace(transcript=fail))


def test_program_introduces_itself_without_being_asked_anything() -> None:
    assert agent().answers(open_sandbox(), wallet_with()) == ("scripted", "1")


def test_program_that_does_not_speak_the_protocol_does_not_answer() -> None:
    cat = AcpAgent("cat", lambda: Program(("/bin/false",), (), ()), no_way, minutes=1)
    with pytest.raises(AgentError, match="died in the middle"):
        cat.answers(open_sandbox(), wallet_with())
