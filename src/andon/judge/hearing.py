"""All that is known while one patch is judged: what was handed in, and what was run so far, each thing once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from andon.config import SystemSettings
from andon.errors import GitError
from andon.judge.cache import suite_of
from andon.judge.difftext import FileDiff, Unreadable, parse, write
from andon.judge.paths import is_test
from andon.models import Check, CheckKind, Evidence, Patch, Replay, Row, TestRun
from andon.protocols import History, Workspace


class Counted(NamedTuple):
    """What a replay wrote."""

    tables: dict[str, int]
    """Rows in each table that the check reads."""
    rows: tuple[Row, ...]
    """Key and deciding columns of the rows that the check was asked of; empty where its question is too involved."""


def identity(row: Row, key: tuple[str, ...]) -> str:
    """Returns a row's identity: its key, or all of it."""
    return json.dumps([row.get(column) for column in key] if key else row, sort_keys=True)


@dataclass
class Hearing:
    """One patch before the judge. Every checkout is the judge's own, made from commits and text."""

    patch: Patch
    check: Check
    evidence: Evidence
    history: History
    workspace: Workspace
    settings: SystemSettings
    cache: Path | None = None
    isolation: str = ""
    workers: int = 2
    seed: int = 0
    progress: Callable[[str], None] = lambda _: None
    base_replay: Replay | None = None
    wrote: tuple[Counted, Counted] | None = None
    """What the replay wrote on the base and with the patch."""
    head_run: TestRun | None = None
    """The base's own suite on head, once it has run."""
    known_red: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def parsed(self) -> tuple[tuple[FileDiff, ...], str]:
        """The files of the diff, and why it cannot be read."""
        try:
            return parse(self.patch.diff), ""
        except Unreadable as error:
            return (), str(error)

    @property
    def files(self) -> tuple[FileDiff, ...]:
        return self.parsed[0]

    @property
    def unreadable(self) -> str:
        return self.parsed[1]

    @cached_property
    def existing(self) -> frozenset[str]:
        """Paths at the base commit."""
        return frozenset(self.history.files(self.patch.base))

    @cached_property
    def source(self) -> tuple[FileDiff, ...]:
        """What of the diff is neither test nor test material."""
        return tuple(item for item in self.files if not is_test(item.path))

    @cached_property
    def source_diff(self) -> str:
        return write(self.source)

    @cached_property
    def test_diff(self) -> str:
        return write(item for item in self.files if is_test(item.path))

    @property
    def replayable(self) -> bool:
        """Tells whether the symptom can be rebuilt and asked about from outside."""
        return bool(self.settings.replay.strip()) and self.check.kind is CheckKind.SQL

    @contextmanager
    def at(self, diff: str) -> Iterator[Workspace]:
        """Gives a clean checkout of the base with a diff on top."""
        with self.workspace.at(self.patch.base, diff) as fresh:
            yield fresh

    def apply_trouble(self) -> str:
        """Returns why the diff does not apply to its base; empty when it does.

        Raises:
            GitError: the base itself cannot be checked out: the judge's trouble, not the patch's.
        """
        with self.at(""):
            pass
        try:
            with self.at(self.patch.diff):
                return ""
        except GitError as error:
            return str(error)

    @cached_property
    def base_suite(self) -> TestRun:
        """The whole suite on the base, as the judge itself ran it: now, or earlier on the very same base."""
        with self.at("") as base:
            return suite_of(base, self.settings, isolation=self.isolation, cache=self.cache)
