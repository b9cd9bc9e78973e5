"""A pytest plugin that writes one numbered JSON line a report; it touches no outcome but for a test's time limit.

Loaded with `-p andon_events`; runs inside the sandbox with the watched system's own interpreter (Python 3.9 or newer).
Environment: ANDON_EVENTS (file to append to), ANDON_TEST_SECONDS (limit of one test), ANDON_COVER and ANDON_COVER_ROOT
(file for the lines that each test ran, and the folder that they lie in).
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Generator
from typing import Any

import andon_trace  # type: ignore[import-not-found]
import pytest

KEPT_HEAD, KEPT_TAIL = 1000, 3000
"""Characters of a failure that are kept."""
GRACE = 5.0
"""Seconds after three limits when a test that catches everything ends the whole run."""


class Events:
    """The channel to the outside."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        self.number = 0

    def write(self, kind: str, **values: Any) -> None:
        """Appends one line."""
        line = json.dumps({"n": self.number, "type": kind, **values})
        os.write(self.fd, line.encode() + b"\n")
        self.number += 1


EVENTS: Events | None = None
TRACER: Any = None
COVER = os.environ.pop("ANDON_COVER", "")
SECONDS = float(os.environ.pop("ANDON_TEST_SECONDS", "0"))
if COVER:
    # From the import on, so that a module's own lines are noted before the first test.
    TRACER = andon_trace.Tracer(os.environ.pop("ANDON_COVER_ROOT"))
    TRACER.start()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    global EVENTS
    path = os.environ.get("ANDON_EVENTS", "")
    if path and not hasattr(config, "workerinput"):
        EVENTS = Events(path)
        EVENTS.write("start", root=str(config.rootpath), pytest=pytest.__version__)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: Any) -> None:
    spread = getattr(session.config.option, "dist", "no") != "no"
    if EVENTS and not spread:
        EVENTS.write("collected", ids=[item.nodeid for item in session.items])


@pytest.hookimpl(tryfirst=True)
def pytest_collectreport(report: Any) -> None:
    if EVENTS and report.outcome != "passed":
        EVENTS.write("collect", id=report.nodeid, outcome=report.outcome, **_failure(report))


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: Any) -> None:
    if EVENTS:
        expected = hasattr(report, "wasxfail")
        values = {"when": report.when, "outcome": report.outcome, "xfail": expected, "seconds": report.duration}
        EVENTS.write("report", id=report.nodeid, **values, **_failure(report))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any, exitstatus: Any) -> None:
    if TRACER:
        TRACER.stop()
        worker = getattr(session.config, "workerinput", {}).get("workerid", "")
        with open(COVER + worker, "w", encoding="utf-8") as file:
            json.dump(TRACER.contexts, file)
        with open(os.path.join(os.environ["ANDON_OUT"], f"note-errors{worker}.json"), "w", encoding="utf-8") as file:
            json.dump(TRACER.errors.told(), file)
    if EVENTS:
        EVENTS.write("end", status=int(exitstatus))


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: Any) -> Generator[None, Any, None]:
    if TRACER:
        TRACER.enter(item.nodeid)
    limited = SECONDS > 0 and hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, _too_long) if limited else None
    if limited:
        # Again and again: a test may catch what ends it.
        signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
        faulthandler.dump_traceback_later(3 * SECONDS + GRACE, exit=True, file=2)
    try:
        yield
    finally:
        if limited:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, before)
        if TRACER:
            TRACER.enter("")


def _too_long(_number: int, frame: Any) -> None:
    stacks = []
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, top in sys._current_frames().items():
        stacks.append(f"--- {names.get(ident, ident)}")
        stacks += _places(frame if ident == threading.get_ident() else top)
    pytest.fail(f"took more than {SECONDS:g} s\n" + "\n".join(stacks))


def _places(frame: Any) -> list[str]:
    places: list[str] = []
    while frame is not None and len(places) < 30:
        places.append(f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}")
        frame = frame.f_back
    return places


def _failure(report: Any) -> dict[str, Any]:
    """Returns message, file and line of a report that did not pass."""
    if report.longrepr is None:
        return {}
    path, line = _place(report.longrepr)
    text = report.longreprtext if hasattr(report, "longreprtext") else str(report.longrepr)
    if len(text) > KEPT_HEAD + KEPT_TAIL:
        text = text[:KEPT_HEAD] + "\n[...]\n" + text[-KEPT_TAIL:]
    return {"message": text, "path": path, "line": line}


def _place(longrepr: Any) -> tuple[str, int]:
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        return str(longrepr[0]), int(longrepr[1] or 0)
    crash = getattr(longrepr, "reprcrash", None)
    return (str(crash.path), int(crash.lineno)) if crash is not None else ("", 0)
