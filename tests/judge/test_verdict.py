"""What the judge says when it cannot tell, and how it tells what it saw."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest
from grounds import Stand
from lab import Lab

import andon.judge
from andon.errors import SandboxError
from andon.judge import PROOFS, Rule, hear, render_verdict
from andon.judge.cache import find_run, run_key, save_run, suite_of
from andon.judge.hearing import Hearing
from andon.judge.suites import base_is_green, no_test_lost, suite_on_head
from andon.models import (
    Outcome,
    Proof,
    Ran,
    TestEvent,
    TestRun,
    Verdict,
    VerdictOutcome,
)
from andon.protocols import Command, Running
from andon.testing.repos import commit_edits, make_tinyfeed

FIX = ("tinyfeed/fetch.py", "\n\ndef fetch_gallery(", "\n\n@retrying\ndef fetch_gallery(")
FORBIDDEN = (
    "andon.agents",
    "andon.fix",
    "andon.diagnose",
    "anthropic",
    "openai",
    "pydantic_ai",
    "litellm",
    "acp",
    "mcp",
)
RAN = Ran(code=0, stdout="", stderr="", seconds=1.0)


def test_judge_imports_no_agent_no_stage_and_no_model() -> None:
    folder = Path(andon.judge.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith(FORBIDDEN)], path.name


def test_names_of_proofs_are_told_apart() -> None:
    assert len({rule.name for rule in PROOFS}) == len(PROOFS)
    assert all(rule.reason for rule in PROOFS)


def test_evidence_that_makes_nothing_offend_is_not_reproduced(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    calm = tuple(row for row in ground.evidence.context["fetches"] if row["fetcher"] != "gallery")
    evidence = ground.evidence.model_copy(update={"context": {"fetches": calm}})
    verdict = ground._replace(evidence=evidence).judge(ground.patch(ground.edited(*FIX)))
    assert verdict.outcome is VerdictOutcome.NOT_REPRODUCED


def test_replay_that_crashes_without_the_patch_is_the_judges_trouble(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    evidence = ground.evidence.model_copy(update={"context": {}})
    verdict = ground._replace(evidence=evidence).judge(ground.patch(ground.edited(*FIX)))
    assert verdict.outcome is VerdictOutcome.JUDGE_BROKEN
    assert "crashed on the base" in verdict.reason


def test_base_that_is_not_there_is_the_judges_trouble(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    patch = ground.patch(ground.edited(*FIX)).model_copy(update={"base": "0" * 40})
    assert ground.judge(patch).outcome is VerdictOutcome.JUDGE_BROKEN


class NoSandbox:
    """A sandbox that never starts."""

    name = "none"
    weaker = ""

    def run(self, command: Command) -> Ran:
        raise SandboxError(f"cannot start {command.argv[0]}")

    def start(self, command: Command) -> AbstractContextManager[Running]:
        raise SandboxError(f"cannot start {command.argv[0]}")


def test_sandbox_that_does_not_start_is_the_judges_trouble(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    ground = ground._replace(means=ground.means._replace(sandbox=NoSandbox()))
    verdict = ground.judge(ground.patch(ground.edited(*FIX)))
    assert verdict.outcome is VerdictOutcome.JUDGE_BROKEN
    assert verdict.proofs[-1].name == "test reads straight"


def test_check_that_is_not_the_one_at_the_base_needs_eyes(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    other = ground._replace(check=ground.check.model_copy(update={"sha256": "0" * 64}))
    proof = other.prove(ground.patch(ground.edited(*FIX)), "old evidence")["old evidence"]
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "not the check that opened the ticket" in proof.saw


def test_system_without_a_replay_is_never_proven(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    ground = ground._replace(settings=ground.settings.model_copy(update={"replay": ""}))
    proofs = ground.prove(ground.patch(ground.edited(*FIX)), "symptom on base", "symptom on head", "old evidence")
    assert {proof.outcome for proof in proofs.values()} == {Outcome.NEEDS_EYES}


# --- suites, by their events ----------------------------------------------------------------------------------------


def run_of(*events: tuple[str, str], complete: bool = True) -> TestRun:
    """A run with these (id, outcome)."""
    told = tuple(TestEvent.model_validate({"id": name, "outcome": outcome}) for name, outcome in events)
    return TestRun(ran=RAN, complete=complete, events=told)


NOTHING: Mapping[str, str] = {}


class Suites:
    """Checkouts whose suite ends as told; stands for a workspace where only events matter."""

    commit = "c" * 40

    def __init__(self, base: TestRun, head: TestRun, *, waits: bool = False) -> None:
        self.base, self.head, self.waits = base, head, waits
        """A suite that waits ends only when it is told to stop."""

    def __enter__(self) -> Suites:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def at(self, commit: str | None = None, diff: str = "") -> Suites:
        assert commit is not None or diff == ""
        return Suites(self.head if diff else self.base, self.head, waits=self.waits)

    def test(
        self, tests: Sequence[str] = (), *, seconds: float, env: Mapping[str, str] = NOTHING, stop: Event | None = None
    ) -> TestRun:
        del tests, seconds, env
        if self.waits and stop is not None:
            assert stop.wait(60)
        return self.base


def compared(base: TestRun, head: TestRun, stand: Callable[[str], Stand]) -> dict[str, Proof]:
    """The suite's proofs on two runs."""
    ground = stand("unwrapped-call")
    patch = ground.patch(ground.edited(*FIX))
    suites = Suites(base, head)
    hearing = Hearing(patch, ground.repo, suites, ground.settings, ground.check, ground.evidence)  # type: ignore[arg-type]
    return {proof.name: proof for proof in (base_is_green(hearing), suite_on_head(hearing), no_test_lost(hearing))}


def test_suites_started_ahead_are_stopped_when_the_patch_is_turned_away(
    stand: Callable[[str], Stand],
) -> None:
    ground = stand("unwrapped-call")
    suites = Suites(run_of(("tests/a.py::one", "passed")), run_of(("tests/a.py::one", "passed")), waits=True)
    patch = ground.patch(ground.edited(*FIX))
    hearing = Hearing(patch, ground.repo, suites, ground.settings, ground.check, ground.evidence)  # type: ignore[arg-type]
    rule = Rule(
        "canaries", lambda _: Proof(name="canaries", outcome=Outcome.FAILS, saw="forged"), "", suites_ahead=True
    )
    assert hear(hearing, [rule]).outcome is VerdictOutcome.REJECTED
    assert hearing.ahead is None


def test_suites_started_ahead_are_not_run_again(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    suites = Suites(run_of(("tests/a.py::one", "passed")), run_of(("tests/a.py::one", "failed")))
    patch = ground.patch(ground.edited(*FIX))
    hearing = Hearing(patch, ground.repo, suites, ground.settings, ground.check, ground.evidence)  # type: ignore[arg-type]
    hearing.begin_suites()
    ahead = hearing.ahead
    assert ahead is not None
    assert suite_on_head(hearing).outcome is Outcome.FAILS
    assert hearing.suites is ahead.runs.result()


@pytest.mark.parametrize("outcome", ["skipped", "xfailed", None])
def test_test_that_does_not_pass_any_more_is_lost(outcome: str | None, stand: Callable[[str], Stand]) -> None:
    head = [("tests/a.py::one", "passed")] + ([("tests/a.py::two", outcome)] if outcome else [])
    base = run_of(("tests/a.py::one", "passed"), ("tests/a.py::two", "passed"))
    proofs = compared(base, run_of(*head), stand)
    assert proofs["no test lost"].outcome is Outcome.FAILS
    assert "tests/a.py::two" in proofs["no test lost"].saw


def test_parameters_that_hold_the_time_of_day_are_not_lost(stand: Callable[[str], Stand]) -> None:
    base = run_of(("tests/a.py::one[10:00]", "passed"), ("tests/a.py::one[10:01]", "passed"))
    head = run_of(("tests/a.py::one[10:05]", "passed"), ("tests/a.py::one[10:06]", "passed"))
    assert compared(base, head, stand)["no test lost"].outcome is Outcome.HOLDS


def test_fewer_cases_of_a_test_are_lost(stand: Callable[[str], Stand]) -> None:
    base = run_of(("tests/a.py::one[1]", "passed"), ("tests/a.py::one[2]", "passed"))
    assert compared(base, run_of(("tests/a.py::one[1]", "passed")), stand)["no test lost"].outcome is Outcome.FAILS


def test_run_that_exits_in_the_middle_is_never_green(stand: Callable[[str], Stand]) -> None:
    base = run_of(("tests/a.py::one", "passed"))
    head = run_of(("tests/a.py::one", "passed"), complete=False)
    assert compared(base, head, stand)["suite on head"].outcome is Outcome.FAILS


def test_test_that_was_red_before_may_stay_red_and_is_told(stand: Callable[[str], Stand]) -> None:
    base = run_of(("tests/a.py::one", "passed"), ("tests/a.py::two", "passed"), ("tests/a.py::three", "failed"))
    proofs = compared(base, base, stand)
    assert proofs["base is green"].outcome is Outcome.NEEDS_EYES
    assert "tests/a.py::three" in proofs["base is green"].saw
    assert proofs["suite on head"].outcome is Outcome.HOLDS


def test_suite_that_is_red_as_a_whole_breaks_the_judge(tmp_path: Path, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    red = run_of(("tests/a.py::one", "failed"), ("tests/a.py::two", "error"), ("tests/a.py::three", "passed"))
    with pytest.raises(Exception, match="the suite was red before anyone touched it"):
        compared(red, red, stand)
    assert not list(tmp_path.iterdir())
    assert ground.evidence.total


def test_new_test_that_takes_the_name_of_an_old_one_loses_it(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    files = {**ground.edited(*FIX), "tests/deep/test_parse.py": "def test_it():\n    assert len('a') == 1\n"}
    patch = ground.patch(files, test=None, tests=("tests/deep/test_parse.py",))
    green = run_of(("tests/test_parse.py::one", "passed"))
    suites = Suites(green, green)
    hearing = Hearing(patch, ground.repo, suites, ground.settings, ground.check, ground.evidence)  # type: ignore[arg-type]
    assert suite_on_head(hearing).outcome is Outcome.HOLDS
    assert no_test_lost(hearing).outcome is Outcome.FAILS


# --- cache ----------------------------------------------------------------------------------------------------------


class Once(NamedTuple):
    """A base checkout whose suite can be run once; a second run is an error."""

    commit: str
    runs: list[TestRun]

    def test(self, *, seconds: float, env: Mapping[str, str], stop: Event | None = None) -> TestRun:
        del seconds, env, stop
        return self.runs.pop()


def test_kept_run_counts_for_its_own_base_and_command_only(tmp_path: Path, stand: Callable[[str], Stand]) -> None:
    settings = stand("unwrapped-call").settings
    run = run_of(("tests/a.py::one", "passed"))
    base = Once("a" * 40, [run])
    assert suite_of(base, settings, isolation="x", cache=tmp_path) == run  # type: ignore[arg-type]
    assert suite_of(base, settings, isolation="x", cache=tmp_path) == run  # type: ignore[arg-type]
    key = run_key("a" * 40, settings, "x")
    other = settings.model_copy(update={"test": "python -m pytest -q tests/one"})
    keys = {run_key("b" * 40, settings, "x"), run_key("a" * 40, other, "x"), run_key("a" * 40, settings, "y")}
    assert find_run(tmp_path, key) == run
    assert [find_run(tmp_path, one) for one in keys] == [None] * 3


def test_kept_run_under_a_false_name_is_not_believed(tmp_path: Path) -> None:
    save_run(tmp_path, "one", run_of(("tests/a.py::one", "passed")))
    (tmp_path / "suite-one.json").rename(tmp_path / "suite-two.json")
    assert find_run(tmp_path, "two") is None
    (tmp_path / "suite-one.json").write_text('{"key": ', encoding="utf-8")
    assert find_run(tmp_path, "one") is None


def test_run_that_did_not_end_is_not_kept(tmp_path: Path, stand: Callable[[str], Stand]) -> None:
    settings = stand("unwrapped-call").settings
    base = Once("a" * 40, [run_of(("tests/a.py::one", "passed"), complete=False)])
    suite_of(base, settings, isolation="x", cache=tmp_path)  # type: ignore[arg-type]
    assert find_run(tmp_path, run_key("a" * 40, settings, "x")) is None


# --- a suite that is really red -------------------------------------------------------------------------------------


def test_suite_that_is_really_red_on_the_base_is_said_and_not_judged(
    tmp_path: Path, stand: Callable[[str], Stand]
) -> None:
    ground = stand("unwrapped-call")
    work = make_tinyfeed(tmp_path, bug="unwrapped-call")
    base = commit_edits(work, "Break the store", {"tinyfeed/parse.py": "raise RuntimeError('half done')\n"})
    repo = type(ground.repo).open(str(work), tmp_path / "mirror.git")
    broken = ground._replace(
        work=work, repo=repo, base=base, means=ground.means._replace(repo=repo), cache=tmp_path / "cache"
    )
    patch = broken.patch(broken.edited(*FIX))
    with pytest.raises(Exception, match="red before anyone touched it"):
        broken.prove(patch, "base is green")


# --- telling --------------------------------------------------------------------------------------------------------


def test_verdict_tells_red_first_and_quotes_what_runs_said() -> None:
    verdict = Verdict(
        outcome=VerdictOutcome.REJECTED,
        reason="because",
        patch="f" * 64,
        base="a" * 40,
        proofs=(
            Proof(name="scope", outcome=Outcome.HOLDS, saw="fine"),
            Proof(name="suite on head", outcome=Outcome.FAILS, saw="\x1b[31m<b>[red]</b>", details=("[link=x]",) * 9),
        ),
        seconds=2.0,
        isolation="bubblewrap",
    )
    text = render_verdict(verdict)
    assert text.index("suite on head") < text.index("scope")
    assert "\x1b" not in text
    assert "\\x1b\\[31m" in text or "\\x1b[31m" in text
    assert "and 3 more" in text


def test_checkout_that_is_only_read_is_made_once_and_gone_at_the_end(lab: Lab) -> None:
    with lab.hearing({"a.py": "A = 1\n"}, {"a.py": "A = 2\n"}) as hearing:
        head = hearing.reading(hearing.judged_diff)
        assert (head / "a.py").read_text() == "A = 2\n"
        assert hearing.reading(hearing.judged_diff) == head
        assert (hearing.reading("") / "a.py").read_text() == "A = 1\n"
        hearing.end()
        assert not head.exists()
