"""Runs node's own test runner with andon's reporter; a file that ends without telling of a test did not pass."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from andon.models import TestEvent, TestRun
from andon.probes import INSIDE
from andon.probes.reading import Place, read_lines
from andon.runners.bench import Bench, asked_for, event, files_of, inside

REPORTER = INSIDE / "andon_node.mjs"
SCRUBBED = {"NODE_OPTIONS": "", "NO_COLOR": "1"}
PINNED = ("--test", "--experimental-test", "--watch", "--no-test", "--inspect")
"""How options begin that decide which tests run, how, and who is told."""
WITH_VALUE = frozenset(
    {"--import", "--require", "-r", "--loader", "--experimental-loader", "--conditions", "-C", "--env-file"}
)
"""Options whose next word is their value."""
START = 10.0
"""Seconds for what is not the tests themselves."""
FRAME = re.compile(r"(?:file://)?(/[^\s():]+):(\d+):\d+")
NOT_BEGUN = ("hookFailed", "cancelledByParent", "testAborted")
"""Why a test broke that did not come to its own end: nothing is known of what it asks."""
OF_SUBTESTS = ("subtestsFailed", "parentAlreadyFinished")


class Words(NamedTuple):
    """A command of node's test runner, taken apart."""

    program: str
    options: tuple[str, ...]
    """Those that load the project's own things, as it was committed."""
    paths: tuple[str, ...]


def is_node(argv: Sequence[str]) -> bool:
    """Tells whether a test command runs node's own test runner."""
    return Path(argv[0]).name in ("node", "nodejs") and any(word == "--test" for word in argv[1:])


def words_of(argv: Sequence[str]) -> Words:
    """Returns program, options and paths; whatever tells the runner which tests to run and how is left out."""
    options: list[str] = []
    paths: list[str] = []
    words = iter(argv[1:])
    for word in words:
        if word in WITH_VALUE:
            options += [word, next(words, "")]
        elif not word.startswith("-"):
            paths.append(word)
        elif not word.startswith(PINNED):
            options.append(word)
    return Words(argv[0], tuple(options), tuple(paths))


def run_node(bench: Bench, tests: Sequence[str] = ()) -> TestRun:
    """Returns the run of the suite, or of some test files; ids are `file::outer > inner`."""
    words, out = words_of(bench.argv), bench.out / "events.jsonl"
    reporting = ("--test", f"--test-reporter={REPORTER}", f"--test-reporter-destination={out}")
    paths = files_of(tests) or words.paths
    seconds = bench.patience * max(1, len(paths)) + START if tests and bench.patience else 0.0
    ran = bench.run((words.program, *words.options, *reporting, *paths), env={**bench.env, **SCRUBBED}, seconds=seconds)
    lines = list(read_lines(out))
    numbered = [line.get("n") for line in lines] == list(range(len(lines)))
    ended = bool(lines) and lines[0].get("type") == "start" and lines[-1].get("type") == "end"
    events = tuple(told for line in lines if line.get("type") == "test" for told in events_of(line, bench.place))
    red = any(one.outcome in ("failed", "error") for one in events)
    # A runner that ends badly and tells of nothing that failed did not come to its end.
    complete = numbered and ended and not ran.timed_out and ran.code in ((0, 1) if red else (0,))
    return TestRun(ran=ran, complete=complete, events=asked_for(events, tests))


def events_of(line: Mapping[str, Any], place: Place) -> Iterator[TestEvent]:
    """Yields what one line of the reporter says: none for a group of tests that only tells what its tests told."""
    file, names = str(line.get("file") or ""), line.get("path")
    path = os.path.relpath(file, place.folder) if file else ""
    names = [str(name) for name in names] if isinstance(names, list) and names else [""]
    failure = str(line.get("failure") or "")
    number = line.get("seconds")
    values = {
        "seconds": float(number) if isinstance(number, int | float) else 0.0,
        "message": "\n".join(filter(None, (str(line.get("message") or ""), str(line.get("stack") or "")))),
        "where": where(str(line.get("stack") or ""), place),
    }
    if len(names) == 1 and os.path.normpath(place.folder / names[0]) == os.path.normpath(file):
        if line.get("passed"):
            told = "the file ended without telling of a single test"
            yield event(id=path, phase="collect", outcome="skipped", message=told)
        else:
            yield event(id=path, phase="collect", outcome="error", **values)
    elif line.get("suite"):
        if not line.get("passed") and failure not in OF_SUBTESTS:
            yield event(id=f"{path}::{' > '.join(names)}", phase="setup", outcome="error", **values)
    else:
        phase = "setup" if failure in NOT_BEGUN else "call"
        yield event(id=f"{path}::{' > '.join(names)}", phase=phase, outcome=outcome_of(line, failure), **values)


def outcome_of(line: Mapping[str, Any], failure: str) -> str:
    """Returns how a test ended: one that is skipped or still to be done did not pass."""
    passed = bool(line.get("passed"))
    if line.get("skip"):
        return "skipped"
    if line.get("todo"):
        return "xpassed" if passed else "xfailed"
    return "passed" if passed else "error" if failure in NOT_BEGUN else "failed"


def where(stack: str, place: Place) -> tuple[str, int] | None:
    """Returns file and line of the innermost frame that lies in the tree."""
    for path, number in FRAME.findall(stack):
        if Path(path).is_relative_to(place.tree):
            return inside(path, place), int(number)
    return None
