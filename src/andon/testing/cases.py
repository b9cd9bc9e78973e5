"""Makes whole cases on tinyfeed for tests of agents and of the judge: everything in them is real, at a small size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from andon.brief import compute_brief
from andon.checks import ask_sql, load_checks, population, record_evidence
from andon.config import Config, load
from andon.data import open_source
from andon.diagnose import check_diagnosis
from andon.errors import NotFoundError
from andon.fix import malformed
from andon.git import GitRepo
from andon.models import Autonomy, Brief, Check, CheckResult, CheckState, Evidence, Status, Ticket
from andon.protocols import Case, DataSource, Sandbox
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import open_scratch
from andon.testing.repos import BUGS, NOW, make_tinyfeed
from andon.wallet import wallet_with
from andon.workspace import Means, open_workspace

LIMIT = timedelta(minutes=10)


class Stage(NamedTuple):
    """What a case stands on, for tests that need more than the case."""

    folder: Path
    config: Config
    repo: GitRepo
    means: Means
    data: DataSource
    checks: tuple[Check, ...]
    logs: tuple[str, ...]
    lines: list[tuple[str, str]]
    """What agents had kept in the transcript."""


@contextmanager
def open_case(
    folder: Path, bug: str, *, sandbox: Sandbox | None = None, logs: tuple[str, ...] = ()
) -> Iterator[tuple[Case, Stage]]:
    """Gives a case on a fresh tinyfeed with a bug, and what it stands on; all of it ends with the context.

    Raises:
        KeyError: no such bug.
        SandboxError: no sandbox starts on this machine.
    """
    work = make_tinyfeed(folder, bug=bug)
    config = load(folder / "andon.toml")
    with ExitStack() as stack:
        repo = GitRepo.open(str(work), folder / "mirror.git")
        data = open_source(config.system().data)
        stack.callback(data.close)
        scratch = open_scratch("sqlite", folder / "scratch")
        stack.callback(scratch.close)
        means = Means(repo, config.system(), sandbox or open_sandbox(), scratch, folder / "trees", ask_sql, config.home)
        checks = load_checks(work / "checks", root=work)
        stage = Stage(folder, config, repo, means, data, checks, logs, [])
        yield _case(stage, BUGS[bug].check, stack), stage


@contextmanager
def make_case(folder: Path, bug: str) -> Iterator[Case]:
    """Gives a case on a fresh tinyfeed with a bug: red check, evidence, brief, clean checkout."""
    with open_case(folder, bug) as (case, _):
        yield case


def find_check(checks: tuple[Check, ...], name: str) -> Check:
    """Returns the check of a name."""
    return next(check for check in checks if check.name == name)


def ticket_of(check: Check, *, number: int = 1) -> Ticket:
    """Returns a diagnosed ticket on a check."""
    return Ticket(
        id=number,
        system="tinyfeed",
        check=check.name,
        title=f"{check.name} is failing",
        status=Status.OPEN,
        severity=check.severity,
        autonomy=check.autonomy or Autonomy.PROPOSE,
        created_at=NOW,
        updated_at=NOW,
        cause=number,
        checks=(check.name,),
    )


def _case(stage: Stage, name: str, stack: ExitStack) -> Case:
    check = find_check(stage.checks, name)
    result = ask_sql(check, stage.data, None, NOW)
    if result.state is not CheckState.FAILING:
        raise AssertionError(f"{name} is {result.state} on the live rows: {result.message}")
    evidence = record_evidence(check, result, stage.data)
    settings = stage.config.system()
    head = stage.repo.head(settings.branch)
    given = Case(
        ticket=ticket_of(check),
        check=check,
        evidence=evidence,
        brief=_brief(stage, check, result, evidence, head),
        workspace=stack.enter_context(open_workspace(stage.means, head)),
        history=stage.repo,
        data=stage.data,
        replay_argv=settings.argv("replay"),
        test_argv=settings.argv("test"),
        scratch_fixture=settings.scratch_fixture,
        deadline=datetime.now(UTC) + LIMIT,
        wallet=wallet_with(),
        progress=lambda _: None,
        transcript=lambda kind, text: stage.lines.append((kind, text)),
        weigh=lambda claimed: check_diagnosis(claimed, given, claimed.agent),
        examine=lambda patch: malformed(given, patch),
        checks=tuple(one.name for one in stage.checks),
        run_check=lambda name: _asked(stage, name),
        recall=lambda _: (),
        logs=stage.logs,
    )
    return given


def _asked(stage: Stage, name: str) -> CheckResult:
    if name not in {check.name for check in stage.checks}:
        raise NotFoundError(f"there is no check {name!r}")
    return ask_sql(find_check(stage.checks, name), stage.data, None, NOW)


def _brief(stage: Stage, check: Check, result: CheckResult, evidence: Evidence, head: str) -> Brief:
    asked = population(check, stage.data, now=result.asked_at)
    return compute_brief(
        check=check,
        evidence=evidence,
        population=asked,
        history=stage.repo,
        branch_head=head,
        now=NOW,
        dialect=stage.data.dialect,
    )
