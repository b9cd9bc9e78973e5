"""Asks head once more, under another hash seed and time zone: what held once may have held by chance."""

from __future__ import annotations

from andon.judge.hearing import TEST_SECONDS, Hearing
from andon.judge.outcome import fails, holds
from andon.judge.suites import green_proof
from andon.models import Outcome, Proof
from andon.protocols import Workspace

TIME_ZONE = "Pacific/Chatham"
"""A quarter of an hour off the hour, and a day ahead for most of the world."""


def repeat(hearing: Hearing) -> Proof:
    """Holds when replay and new tests end on head as they did before, in a fresh checkout and another surrounding."""
    name = "repeat"
    with hearing.at(hearing.judged_diff) as head:
        if hearing.replayable and not head.replay(hearing.ticket_check, hearing.recorded).green:
            return fails(name, "the replay was green once and is not green again")
        trouble = elsewhere(hearing, head)
    if trouble:
        return fails(name, f"the new test passed once and does not pass again: {trouble}")
    return holds(
        name, f"replay and new tests ended the same again, the tests with TZ={TIME_ZONE} and another hash seed"
    )


def elsewhere(hearing: Hearing, head: Workspace) -> str:
    """Returns why the new tests do not pass in another surrounding; empty when they do."""
    seed = str(hearing.seed % 4_000_000_000 + 1)
    run = head.test(hearing.new_tests, seconds=TEST_SECONDS, env={"PYTHONHASHSEED": seed, "TZ": TIME_ZONE})
    again = green_proof("repeat", run, hearing)
    return again.saw if again.outcome is Outcome.FAILS else ""
