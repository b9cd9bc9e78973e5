"""Runs a whole suite such that no test of it can hang or end it for the others; it judges nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from threading import Event

from andon.config import SystemSettings
from andon.models import TestEvent, TestRun
from andon.probes.reading import BROKEN_OFF
from andon.protocols import Workspace

TEST_SECONDS = 120.0
"""Wall time of one test: one that hangs must not hang the judge."""


def whole_suite(
    tree: Workspace, settings: SystemSettings, *, without: Sequence[TestEvent] = (), stop: Event | None = None
) -> TestRun:
    """Returns a run of the whole suite, without some tests; one test may take no more than a third of its time."""
    words = " ".join(shlex.quote(f"--deselect={event.id}") for event in without)
    seconds = min(TEST_SECONDS, settings.test_seconds / 3)
    return tree.test(seconds=seconds, env={"PYTEST_ADDOPTS": words} if words else {}, stop=stop)


def ending(run: TestRun) -> list[TestEvent]:
    """Returns the tests of a run in which its process ended; none when it was ended for the time that all took."""
    return [] if run.ran.timed_out else [event for event in run.failed if event.message == BROKEN_OFF]
