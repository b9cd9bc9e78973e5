"""Runs a suite of which only the exit code is known."""

from __future__ import annotations

from collections.abc import Sequence

from andon.models import TestRun
from andon.runners.bench import Bench, event


def run_command(bench: Bench, tests: Sequence[str] = ()) -> TestRun:  # noqa: ARG001 - it cannot be told what to run
    """Returns the run of a suite whose runner tells no events: one event, `suite`, by its exit code."""
    ran = bench.run(bench.argv, env=bench.env)
    outcome = "passed" if ran.code == 0 else "failed"
    one = event(id="suite", outcome=outcome, seconds=ran.seconds, message="" if ran.code == 0 else ran.words)
    return TestRun(ran=ran, complete=not ran.timed_out, events=(one,))
