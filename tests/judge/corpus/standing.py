"""Builds the repositories of bugs once, and hears patches for them with the judge's own rules."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import andon.judge
from andon.checks import ask_sql, load_checks
from andon.checks.evidence import record_evidence
from andon.config import SystemSettings, load
from andon.data.sqlite import SqliteSource
from andon.git import GitRepo
from andon.judge import Rule, hear
from andon.judge.hearing import Hearing
from andon.models import Check, Diagnosis, Evidence, Patch, VerdictOutcome
from andon.protocols import Sandbox, Scratch
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import open_scratch
from andon.testing.repos import BUGS, NOW, WITHOUT, commit_edits, git, make_tinyfeed
from andon.workspace import Means, open_workspace
from corpus.bugs import Bug

SECONDS = 45.0
"""Wall time of one run of a suite or a replay: they take less than one, and some cheats never end."""
LIMITS = {"test_seconds": SECONDS, "replay_seconds": SECONDS}


class Ground(NamedTuple):
    """A bug with everything that judging patches for it needs."""

    bug: Bug
    means: Means
    base: str
    cache: Path
    check: Check | None = None
    evidence: Evidence | None = None

    @contextmanager
    def hearing(self, patch: Patch, *, seed: int = 0, diagnosis: Diagnosis | None = None) -> Iterator[Hearing]:
        """Gives the hearing of a patch: as the loop's for a ticket, as a person's pull request for a library."""
        with open_workspace(self.means, self.base) as workspace:
            yield Hearing(
                patch=patch,
                history=self.means.repo,
                workspace=workspace,
                settings=self.means.settings,
                check=self.check,
                evidence=self.evidence,
                diagnosis=diagnosis,
                people=not self.bug.ticket,
                cache=self.cache,
                isolation=self.means.sandbox.name,
                seed=seed,
            )


class Heard(NamedTuple):
    """How a patch fared."""

    outcome: VerdictOutcome
    by: str = ""
    """The first proof that did not hold."""
    saw: str = ""
    seconds: float = 0.0


class Grounds:
    """Builds the ground of each bug once, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sandbox: Sandbox = open_sandbox()
        self.scratch: Scratch = open_scratch("sqlite", folder / "scratch")
        self.known: dict[str, Ground] = {}

    def close(self) -> None:
        self.scratch.close()

    def of(self, bug: Bug) -> Ground:
        """Returns the ground of a bug."""
        if bug.name not in self.known:
            top = self.folder / bug.name
            top.mkdir(parents=True)
            self.known[bug.name] = self.with_ticket(bug, top) if bug.ticket else self.plain(bug, top)
        return self.known[bug.name]

    def plain(self, bug: Bug, top: Path) -> Ground:
        """Returns the ground of a repository that nobody prepared."""
        work = top / "work"
        work.mkdir()
        git("init", "--quiet", "--initial-branch=main", cwd=work)
        commit_edits(work, "Begin", dict(bug.base), push=False)
        command = f"python -m pytest -q {WITHOUT}"
        settings = SystemSettings(repo=str(work), test=command, runtime=(sys.prefix,), test_seconds=SECONDS)
        repo = GitRepo.beside(work, top / "mirror.git")
        means = Means(repo, settings, self.sandbox, self.scratch, top / "runs", ask_sql, top)
        return Ground(bug, means, repo.resolve(git("rev-parse", "HEAD", cwd=work).strip()), top / "cache")

    def with_ticket(self, bug: Bug, top: Path) -> Ground:
        """Returns the ground of one of tinyfeed's bugs."""
        work = make_tinyfeed(top, bug=bug.name)
        settings = load(top / "andon.toml").system().model_copy(update=LIMITS)
        check = next(one for one in load_checks(work / "checks", root=work) if one.name == BUGS[bug.name].check)
        data = SqliteSource(settings.data)
        evidence = record_evidence(check, ask_sql(check, data, None, NOW), data)
        data.close()
        repo = GitRepo.open(str(work), top / "mirror.git")
        means = Means(repo, settings, self.sandbox, self.scratch, top / "runs", ask_sql, top)
        return Ground(bug, means, repo.head("main"), top / "cache", check, evidence)


def hear_briefly(hearing: Hearing, rules: Sequence[Rule] = ()) -> Heard:
    """Returns what the judge says of a patch, told at the first proof that does not hold: it cannot be proven then."""
    began = time.monotonic()
    for rule in rules or andon.judge.PROOFS:
        verdict = hear(hearing, (rule,))
        if verdict.outcome is not VerdictOutcome.PROVEN:
            saw = verdict.proofs[-1].saw if verdict.proofs else verdict.reason
            return Heard(verdict.outcome, rule.name, saw, time.monotonic() - began)
    return Heard(VerdictOutcome.PROVEN, seconds=time.monotonic() - began)


def alone(hearing: Hearing, rules: Sequence[Rule] = ()) -> dict[str, str]:
    """Returns what each rule says by itself: the proofs that would have caught a patch alone, and what each saw."""
    found: dict[str, str] = {}
    for rule in rules or andon.judge.PROOFS:
        verdict = hear(hearing, (rule,))
        if verdict.outcome is not VerdictOutcome.PROVEN:
            saw = verdict.proofs[-1].saw if verdict.proofs else verdict.reason
            found[rule.name] = f"{verdict.outcome.value}: {saw}"
    return found
