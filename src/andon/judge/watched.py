"""A workspace that notes what is run in it, one compact entry a run; it changes nothing of what is run."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from andon.models import Check, CheckResult, Evidence, Model, Ran, Replay, TestRun, digest
from andon.protocols import USUAL, Needs, Running, Surroundings, Workspace

if TYPE_CHECKING:
    from andon.protocols import Change

NAMES = 20
"""Names that an entry keeps in full; all of them are in its hash."""
WORDS = 300
"""Characters of a text that an entry keeps; a longer one is kept as its hash."""
NOTHING: Mapping[str, str] = MappingProxyType({})


class Entry(Model):
    """One command that ran in the sandbox, and what came of it."""

    kind: Literal["suite", "replay", "command"]
    diff: str
    """Hash of the diff on top of the base; empty for none."""
    asked: tuple[str, ...]
    """Tests, questions or words of the command; empty for the whole suite."""
    settings: dict[str, str] = {}
    """What else it was started with: environment, plugins, surroundings."""
    began: float = 0.0
    """Seconds since the judge began."""
    seconds: float
    code: int
    complete: bool
    counts: dict[str, int] = {}
    """Outcome of tests -> how many; of a replay the rows that each question found."""
    red: tuple[str, ...] = ()
    events: str = ""
    """Hash of all single results, without their times."""


class WatchedWorkspace:
    """Another workspace with somebody who is told of every run. Implements `protocols.Workspace`."""

    def __init__(self, inner: Workspace, heard: Callable[[Entry], None], *, began: float) -> None:
        self.inner, self.heard, self.began = inner, heard, began

    @property
    def root(self) -> Path:
        """Folder of the checkout."""
        return self.inner.root

    @property
    def folder(self) -> Path:
        """Folder of the system inside the checkout."""
        return self.inner.folder

    @property
    def commit(self) -> str:
        """The base commit."""
        return self.inner.commit

    @property
    def diff(self) -> str:
        """The diff on top of it."""
        return self.inner.diff

    @contextmanager
    def at(self, commit: str | None = None, diff: str = "") -> Iterator[WatchedWorkspace]:
        """Gives another clean checkout, watched as well."""
        with self.inner.at(commit, diff) as other:
            yield WatchedWorkspace(other, self.heard, began=self.began)

    def size(self) -> int:
        """Returns how many bytes of the disk the checkout takes."""
        return self.inner.size()

    def changed(self) -> str:
        """Returns what stands otherwise in the checkout than at its commit."""
        return self.inner.changed()

    def replay(
        self,
        check: Check,
        evidence: Evidence,
        *,
        trace: bool = False,
        more: Sequence[Check] = (),
        then: Callable[[Sequence[CheckResult]], Sequence[Check]] | None = None,
        touch: Callable[[Sequence[CheckResult]], Sequence[Change]] | None = None,
        env: Mapping[str, str] = NOTHING,
    ) -> Replay:
        """Runs the replay and notes it."""
        began = time.monotonic() - self.began
        replay = self.inner.replay(check, evidence, trace=trace, more=more, then=then, touch=touch, env=env)
        self.heard(replay_entry(self.diff, replay, env, began, evidence=digest(evidence.model_dump(mode="json"))))
        return replay

    def test(
        self,
        tests: Sequence[str] = (),
        *,
        coverage: bool = False,
        seconds: float | None = None,
        plugins: Sequence[str] = (),
        env: Mapping[str, str] = NOTHING,
        around: Surroundings = USUAL,
        stop: Event | None = None,
    ) -> TestRun:
        """Runs tests and notes it."""
        began = time.monotonic() - self.began
        run = self.inner.test(
            tests, coverage=coverage, seconds=seconds, plugins=plugins, env=env, around=around, stop=stop
        )
        settings = dict(env)
        settings |= {"plugins": " ".join(plugins)} if plugins else {}
        settings |= {"around": f"{around.host} {around.user} {around.tree}"} if around != USUAL else {}
        self.heard(suite_entry(self.diff, run, tests, settings, began))
        return run

    def run(
        self,
        argv: Sequence[str],
        *,
        writable: bool = False,
        copied: bool = False,
        seconds: float = 60.0,
        env: Mapping[str, str] = NOTHING,
        around: Surroundings = USUAL,
    ) -> Ran:
        """Runs any command and notes it."""
        began = time.monotonic() - self.began
        ran = self.inner.run(argv, writable=writable, copied=copied, seconds=seconds, env=env, around=around)
        self.heard(command_entry(self.diff, ran, argv, env, began))
        return ran

    @contextmanager
    def start(self, argv: Sequence[str], needs: Needs, *, writable: bool = False) -> Iterator[Running]:
        """Starts a program that is talked to, and notes it when it has ended."""
        began = time.monotonic() - self.began
        with self.inner.start(argv, needs, writable=writable) as running:
            yield running
        self.heard(command_entry(self.diff, running.wait(), argv, needs.env, began))


def command_entry(diff: str, ran: Ran, argv: Sequence[str], env: Mapping[str, str], began: float) -> Entry:
    """Returns any command as an entry."""
    return Entry(
        kind="command",
        diff=hashed(diff),
        asked=names(argv),
        settings=kept(env),
        began=round(began, 3),
        seconds=round(ran.seconds, 3),
        code=ran.code,
        complete=not ran.timed_out,
    )


def suite_entry(
    diff: str, run: TestRun, asked: Sequence[str] = (), settings: Mapping[str, str] = NOTHING, began: float = 0.0
) -> Entry:
    """Returns a run of tests as an entry."""
    events: JsonValue = [[event.id, event.phase, event.outcome] for event in run.events]
    return Entry(
        kind="suite",
        diff=hashed(diff),
        asked=names(asked),
        settings=kept(settings),
        began=round(began, 3),
        seconds=round(run.ran.seconds, 3),
        code=run.ran.code,
        complete=run.complete,
        counts=dict(Counter(event.outcome for event in run.events)),
        red=names([event.id for event in run.failed]),
        events=digest(events),
    )


def replay_entry(diff: str, replay: Replay, env: Mapping[str, str], began: float, *, evidence: str) -> Entry:
    """Returns a replay, and what each question then found, as an entry."""
    answers = (*([replay.result] if replay.result else []), *replay.answers)
    found: JsonValue = [[one.check, one.state.value, one.total, list(one.rows)] for one in answers]
    return Entry(
        kind="replay",
        diff=hashed(diff),
        asked=names([one.check for one in answers]),
        settings=kept({**env, "evidence": evidence}),
        began=round(began, 3),
        seconds=round(replay.ran.seconds, 3),
        code=replay.ran.code,
        complete=replay.result is not None,
        counts={f"{number} {one.check[:WORDS]}": one.total for number, one in enumerate(answers[:NAMES])},
        events=digest(found),
    )


def hashed(text: str) -> str:
    """Returns the hash of a text; empty for an empty one."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else ""


def names(asked: Sequence[str]) -> tuple[str, ...]:
    """Returns the first names, and how many more there are."""
    more = len(asked) - NAMES
    return (*(name[:WORDS] for name in asked[:NAMES]), *([f"and {more} more"] if more > 0 else []))


def kept(settings: Mapping[str, str]) -> dict[str, str]:
    """Returns settings with long values as their hashes."""
    return {name: text if len(text) <= WORDS else f"sha256 {hashed(text)}" for name, text in settings.items()}
