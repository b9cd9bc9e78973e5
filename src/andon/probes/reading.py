"""Reads what the probes wrote: text that hostile code may have forged, so everything is bounded and nothing trusted."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import JsonValue

from andon.models import TestEvent, TestOutcome, TestPhase

MOST_BYTES = 64 * 2**20
MESSAGE_CHARS = 4200
MOST_NOTES = 20
BROKEN_OFF = "the process ended in this test"
"""What is told of a test that began and never ended."""
PHASES: dict[str, TestPhase] = {"collect": "collect", "setup": "setup", "teardown": "teardown"}
FIELDS = set(TestEvent.model_fields)
RANK = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")
"""Of several reports on one test, the last of these counts."""

Lines = dict[str, tuple[int, ...]]


class Told(NamedTuple):
    """What the runner's events say."""

    events: tuple[TestEvent, ...]
    complete: bool
    """Numbered without a gap, begun, ended, and every collected test went through to its tear-down."""
    prefix: str
    """What goes before the runner's own ids so that they are relative to the system's folder."""


class Place(NamedTuple):
    """Where a run took place: names are given relative to these."""

    tree: Path
    folder: Path


def read_events(path: Path, place: Place) -> Told:
    """Returns the events of a run and whether it reached its own end; line by line, for a suite may have a million."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    numbered, prefix = True, ""
    events: dict[str, TestEvent] = {}
    finished: set[str] = set()
    collected: set[str] = set()
    for number, line in enumerate(read_lines(path)):
        numbered &= line.get("n") == number
        first, last = first or line, line
        kind = line.get("type")
        if kind == "start" and number == 0:
            inner = os.path.relpath(str(line.get("root") or place.folder), place.folder)
            prefix = "" if inner == "." else f"{inner}/"
        if kind == "collected" and isinstance(line.get("ids"), list):
            collected.update(str(name) for name in line["ids"])
        if kind in ("collect", "report"):
            _count(events, _event(line, prefix, place))
        if kind == "report" and line.get("when") == "teardown":
            finished.add(str(line.get("id")))
    ended = first.get("type") == "start" and last.get("type") == "end"
    sane = ended and last.get("status") in (0, 1, 2, 5)
    if not sane:
        events = {name: _broken_off(event) for name, event in events.items()}
    return Told(tuple(events.values()), numbered and sane and collected <= finished, prefix)


def read_trace(path: Path) -> tuple[Lines, tuple[tuple[str, str], ...], JsonValue]:
    """Returns file -> lines executed, (caller, callee), and the errors; all empty when the tracer could not write."""
    found = _json(path)
    if not isinstance(found, dict):
        return {}, (), None
    calls = found.get("calls")
    pairs = [pair for pair in calls if isinstance(pair, list) and len(pair) == 2] if isinstance(calls, list) else []
    return (
        _lines(found.get("lines")),
        tuple((str(caller), str(callee)) for caller, callee in pairs),
        found.get("errors"),
    )


def read_coverage(paths: Iterable[Path], prefix: str) -> dict[str, Lines]:
    """Returns test id -> file -> lines executed, over all workers of a run; `prefix` goes before each id.

    Under the empty id stand the lines that ran outside of any test: what importing the modules ran.
    """
    covered: dict[str, Lines] = {}
    for path in paths:
        found = _json(path)
        contexts = found.items() if isinstance(found, dict) else ()
        covered.update({name and prefix + str(name): _lines(lines) for name, lines in contexts})
    return covered


def read_notes(folder: Path) -> dict[str, JsonValue]:
    """Returns what plugins left in a folder as `note-NAME.json`, by name; what is no JSON is left out."""
    found = {path.stem.removeprefix("note-"): _json(path) for path in sorted(folder.glob("note-*.json"))[:MOST_NOTES]}
    return {name: value for name, value in found.items() if value is not None}


def read_lines(path: Path) -> Iterable[dict[str, Any]]:
    """Yields the lines of a file, each a JSON object; an empty one where a line is none."""
    for text in io.BytesIO(read_bytes(path)):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = {}
        yield line if isinstance(line, dict) else {}


def read_bytes(path: Path) -> bytes:
    """Returns a file that sandboxed code could write: empty unless it is a plain file of bounded size."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with open(fd, "rb") as file:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > MOST_BYTES:
            return b""
        return file.read(MOST_BYTES)


def _json(path: Path) -> JsonValue:
    try:
        found: JsonValue = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        return None
    return found


def _lines(found: object) -> Lines:
    if not isinstance(found, dict):
        return {}
    return {
        str(name): tuple(number for number in numbers if isinstance(number, int))
        for name, numbers in found.items()
        if isinstance(numbers, list)
    }


def _event(line: dict[str, Any], prefix: str, place: Place) -> TestEvent:
    phase = "collect" if line["type"] == "collect" else str(line.get("when"))
    number = line.get("line")
    path = str(line.get("path") or "")
    seconds = line.get("seconds")
    return _light(
        _plain(prefix + str(line.get("id"))),
        _outcome(phase, str(line.get("outcome")), expected=bool(line.get("xfail"))),
        PHASES.get(phase, "call"),
        float(seconds) if isinstance(seconds, (int, float)) else 0.0,
        _plain(_words(line, place)[:MESSAGE_CHARS]),
        (_plain(_relative(path, place)), number) if path and isinstance(number, int) else None,
    )


def _plain(text: str) -> str:
    """Returns text that can be written down, whatever halves of characters it was told with."""
    return text.encode("utf-8", "replace").decode()


def _light(
    name: str, outcome: TestOutcome, phase: TestPhase, seconds: float, message: str, where: tuple[str, int] | None
) -> TestEvent:
    """Returns an event of values that were made plain here already.

    Events share what they say of their fields: kept for each, that is three times what the event itself takes.
    """
    return TestEvent.model_construct(
        _fields_set=FIELDS, id=name, outcome=outcome, phase=phase, seconds=seconds, message=message, where=where
    )


def _words(line: dict[str, Any], place: Place) -> str:
    """Returns what a test said, with paths as they are in the repository: where a checkout lies is nobody's concern."""
    return str(line.get("message") or "").replace(f"{place.tree}/", "")


def _outcome(phase: str, outcome: str, *, expected: bool) -> TestOutcome:
    if outcome == "skipped":
        return "xfailed" if expected else "skipped"
    if outcome == "passed":
        return "xpassed" if expected and phase == "call" else "passed"
    return "failed" if phase == "call" else "error"


def _count(events: dict[str, TestEvent], new: TestEvent) -> None:
    """Merges a report into the one event of its test: its time added, its outcome kept when it is worse."""
    old = events.get(new.id)
    if old is None:
        events[new.id] = new
        return
    seconds = old.seconds + new.seconds
    # A test that was only set up says nothing yet: a later phase as good replaces it.
    worse = RANK.index(new.outcome) >= RANK.index(old.outcome) and not (
        new.phase == "teardown" and new.outcome == "passed"
    )
    kept = new if worse else old
    events[new.id] = _light(new.id, kept.outcome, kept.phase, seconds, kept.message, kept.where)


def _broken_off(event: TestEvent) -> TestEvent:
    """Returns a test that was set up and told nothing more as one that failed: the process ended in it."""
    if event.phase != "setup" or event.outcome != "passed":
        return event
    return event.model_copy(update={"outcome": "failed", "phase": "call", "message": BROKEN_OFF})


def _relative(path: str, place: Place) -> str:
    whole = Path(os.path.normpath(place.folder / path))
    return str(whole.relative_to(place.tree)) if whole.is_relative_to(place.tree) else path
