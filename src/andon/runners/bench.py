"""What a runner is given for one run, and what all of them share; nothing here knows one of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from andon.models import Ran, TestEvent
from andon.probes.reading import MESSAGE_CHARS, Place

NOTHING: Mapping[str, str] = MappingProxyType({})


class Start(Protocol):
    """Starts one command of a run in the sandbox and waits for its end."""

    def __call__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], seconds: float, /) -> Ran: ...


class Bench(NamedTuple):
    """One run of a suite: a copy of the tree, a folder for results, and the way into the sandbox."""

    argv: tuple[str, ...]
    """The suite's command, its program found."""
    place: Place
    out: Path
    """Empty folder outside the tree that commands may write to; read once they are dead."""
    start: Start
    ends: float
    """Monotonic time at which the whole run has to have ended."""
    patience: float = 0.0
    """Seconds that a single test may take; 0: as long as the whole run."""
    env: Mapping[str, str] = NOTHING
    """More environment for what runs tests."""
    runtime: tuple[Path, ...] = ()
    """Folders of programs and packages that the sandbox shows."""
    report: str = ""
    """Where the command writes its report, from the system's folder; a pattern may name several files."""

    def run(
        self, argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] = NOTHING, seconds: float = 0.0
    ) -> Ran:
        """Returns how a command ended, in the system's folder if nothing else is said, in the time that is left.

        `seconds` bounds it further.
        """
        left = max(0.1, self.ends - time.monotonic())
        return self.start(tuple(argv), cwd or self.place.folder, env, min(left, seconds) if seconds else left)


def to_file(argv: Sequence[str], out: Path) -> tuple[str, ...]:
    """Returns a command whose standard output goes whole into a file: what is kept of a stream is cut."""
    return ("/bin/sh", "-c", 'exec "$@" >"$0"', str(out), *argv)


def event(**values: object) -> TestEvent:
    """Returns an event made of what a runner told: its text bounded, its names printable."""
    message = str(values.pop("message", ""))[:MESSAGE_CHARS].encode("utf-8", "replace").decode()
    name = str(values.pop("id")).encode("utf-8", "replace").decode()[:1000]
    return TestEvent.model_validate({"id": name, "message": message, **values})


def files_of(tests: Iterable[str]) -> tuple[str, ...]:
    """Returns the files of some tests, each once."""
    return tuple(dict.fromkeys(test.partition("::")[0] for test in tests))


def asked_for(events: Iterable[TestEvent], tests: Sequence[str]) -> tuple[TestEvent, ...]:
    """Returns the events of some files and tests; those that speak of a whole file stay. No test means all of them."""
    names = {test.partition("[")[0] for test in tests if "::" in test}
    whole = {test for test in tests if "::" not in test}
    return tuple(
        one
        for one in events
        if not tests
        or one.id.partition("[")[0] in names
        or one.id.partition("::")[0] in whole
        or (one.phase != "call" and one.outcome != "passed")
    )


def inside(path: str, place: Place) -> str:
    """Returns a path as one from the tree's root where it lies in the tree; as it is elsewhere."""
    whole = Path(os.path.normpath(place.folder / path))
    return str(whole.relative_to(place.tree)) if whole.is_relative_to(place.tree) else path
