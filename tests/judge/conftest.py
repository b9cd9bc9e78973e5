"""A ticket on tinyfeed for each of its bugs, with everything real: git, SQLite, sandbox, suite, replay."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from grounds import Stand
from lab import Lab

from andon.checks import ask_sql, load_checks
from andon.checks.evidence import record_evidence
from andon.config import load
from andon.data.sqlite import SqliteSource
from andon.git import GitRepo
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import open_scratch
from andon.testing.repos import BUGS, NOW, make_tinyfeed
from andon.workspace import Means


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stand]]:
    """Gives the stand of a bug by its name; each is built once, as judging changes nothing."""
    known: dict[str, Stand] = {}
    sandbox = open_sandbox()
    with_scratch = open_scratch("sqlite", tmp_path_factory.mktemp("scratch"))

    def of(bug: str) -> Stand:
        if bug in known:
            return known[bug]
        top = tmp_path_factory.mktemp(bug)
        work = make_tinyfeed(top, bug=bug)
        settings = load(top / "andon.toml").system()
        check = next(one for one in load_checks(work / "checks", root=work) if one.name == BUGS[bug].check)
        data = SqliteSource(settings.data)
        evidence = record_evidence(check, ask_sql(check, data, None, NOW), data)
        data.close()
        repo = GitRepo.open(str(work), top / "mirror.git")
        means = Means(repo, settings, sandbox, with_scratch, top / "work", ask_sql, top)
        known[bug] = Stand(work, check, evidence, repo, settings, means, repo.head("main"), top / "cache")
        return known[bug]

    yield of
    with_scratch.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Gives what makes small repositories and hears patches for them."""
    scratch = open_scratch("sqlite", tmp_path_factory.mktemp("scratch"))
    yield Lab(tmp_path_factory.mktemp("labs"), open_sandbox(), scratch, sys.prefix)
    scratch.close()
