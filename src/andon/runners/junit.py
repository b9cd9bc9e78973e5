"""Reads how single tests ended from JUnit XML: text that hostile code may have written, so it is bounded and plain."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from andon.errors import ConfigError
from andon.models import TestEvent, TestRun
from andon.probes.reading import read_bytes
from andon.runners.bench import Bench, event

MOST_TESTS, DEEPEST, MOST_FILES, MOST_WORDS = 200_000, 40, 2_000, 4_000
WORSE = ("passed", "skipped", "failed")


class NoReport(Exception):
    """A report cannot be read; the message says why."""


class Report(NamedTuple):
    """What a report says."""

    events: tuple[TestEvent, ...]
    declared: int | None
    """How many tests it says there are; None where it does not say."""


def run_junit(bench: Bench, tests: Sequence[str] = ()) -> TestRun:  # noqa: ARG001 - it cannot be told what to run
    """Returns the run of a suite by the report that it writes: one that was there before is taken away first.

    Raises:
        ConfigError: the report lies outside of the tree.
    """
    for old in reports(bench):
        old.unlink(missing_ok=True)
    ran = bench.run(bench.argv, env=bench.env)
    events: list[TestEvent] = []
    trouble = "" if (files := reports(bench)) else f"there is no report {bench.report}"
    for file in files[:MOST_FILES]:
        try:
            report = read_report(read_bytes(file))
        except NoReport as error:
            trouble = f"{file.name}: {error}"
            continue
        events += report.events
        if report.declared is not None and report.declared > len(report.events):
            trouble = f"{file.name} speaks of {report.declared} tests and tells of {len(report.events)}"
    red = any(one.outcome == "failed" for one in events)
    if not trouble and not ran.timed_out and (ran.code == 0) == red:
        trouble = f"the runner ended with {ran.code}, and its report tells of {'a' if red else 'no'} test that failed"
    if trouble and not ran.timed_out:
        ran = ran.model_copy(update={"stderr": f"{ran.stderr}\n{trouble}"})
    return TestRun(ran=ran, complete=not trouble and not ran.timed_out, events=tuple(events))


def reports(bench: Bench) -> list[Path]:
    """Returns the files of the report that are there, none of them reached over a link out of the tree.

    Raises:
        ConfigError: the report lies outside of the tree.
    """
    top, tree = bench.place.folder, bench.place.tree.resolve()
    if not Path(os.path.normpath(top / bench.report)).is_relative_to(bench.place.tree):
        raise ConfigError(f"{bench.report} lies outside of the repository", key="junit")
    found = sorted(Path(name) for name in glob.glob(str(Path(glob.escape(str(top))) / bench.report), recursive=True))
    return [path for path in found if path.resolve().is_relative_to(tree) and (path.is_file() or path.is_symlink())]


def read_report(data: bytes) -> Report:
    """Returns the tests of a report.

    Raises:
        NoReport: it is empty, is no XML, declares a document type (and with it entities), or is too large or deep.
    """
    if not data:
        raise NoReport("it is empty, no plain file, or too large")
    reading = Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reading.doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NoReport(f"it is no XML: {error}") from error
    return Report(tuple(reading.events), reading.declared)


class Reading:
    """What was seen of a report so far."""

    def __init__(self) -> None:
        self.events: list[TestEvent] = []
        self.declared: int | None = None
        self._depth, self._level = 0, 0
        self._suites: list[str] = []
        self._case: dict[str, str] | None = None
        self._outcome, self._words = "passed", ""
        self._listening = False

    def doctype(self, *_: object) -> None:
        """Refuses a document type: with it come entities that grow or read files."""
        raise NoReport("it declares a document type")

    def start(self, name: str, values: dict[str, str]) -> None:
        """Begins an element."""
        self._depth += 1
        if self._depth > DEEPEST or len(self.events) > MOST_TESTS:
            raise NoReport("it is too deep or too large")
        if name in ("testsuite", "testsuites"):
            self._declare(values.get("tests", ""))
            self._suites.append(values.get("name", "") if name == "testsuite" else "")
        elif name == "testcase":
            self._case, self._outcome, self._words = values, "passed", ""
        elif self._case is not None and name in ("failure", "error", "skipped"):
            ended = "skipped" if name == "skipped" else "failed"
            self._outcome = max(self._outcome, ended, key=WORSE.index)
            self._words = self._words or values.get("message", "")
            self._listening = name in ("failure", "error")

    def _declare(self, count: str) -> None:
        """Counts the tests that the outermost suites speak of."""
        if count.isdecimal() and len(count) < 9 and self._level in (0, self._depth):
            self._level = self._depth
            self.declared = (self.declared or 0) + int(count)

    def text(self, words: str) -> None:
        """Keeps what a failure says."""
        if self._listening and len(self._words) < MOST_WORDS:
            self._words += f"\n{words}"

    def end(self, name: str) -> None:
        """Ends an element."""
        self._depth -= 1
        if name in ("testsuite", "testsuites"):
            self._suites.pop()
        elif name in ("failure", "error"):
            self._listening = False
        elif name == "testcase" and self._case is not None:
            self.events.append(self._event(self._case))
            self._case = None

    def _event(self, case: dict[str, str]) -> TestEvent:
        group = case.get("file") or case.get("classname") or next(filter(None, reversed(self._suites)), "")
        name = case.get("name", "")
        if case.get("file") and case.get("classname") and case["classname"] not in case["file"]:
            name = f"{case['classname']}.{name}"
        try:
            seconds = max(0.0, float(case.get("time", "0").replace(",", "")))
        except ValueError:
            seconds = 0.0
        return event(
            id=f"{group.removeprefix('./')}::{name}",
            outcome=self._outcome,
            seconds=seconds,
            message=self._words.strip(),
        )
