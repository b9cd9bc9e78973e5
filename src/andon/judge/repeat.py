"""Asks head once more, under another hash seed and time zone: what held once may have held by chance."""

from __future__ import annotations

from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds
from andon.judge.suites import green_proof
from andon.launch import is_pytest, with_tests
from andon.models import Outcome, Proof
from andon.protocols import Workspace

TIME_ZONE = "Pacific/Chatham"
"""A quarter of an hour off the hour, and a day ahead for most of the world."""


def repeat(hearing: Hearing) -> Proof:
    """Holds when replay and new tests end on head as they did before, in a fresh checkout and another surrounding."""
    name = "repeat"
    with hearing.at(hearing.patch.diff) as head:
        if hearing.replayable and not head.replay(hearing.check, hearing.evidence).green:
            return fails(name, "the replay was green once and is not green again")
        trouble = elsewhere(hearing, head)
    if trouble:
        return fails(name, f"the new test passed once and does not pass again: {trouble}")
    return holds(
        name, f"replay and new tests ended the same again, the tests with TZ={TIME_ZONE} and another hash seed"
    )


def elsewhere(hearing: Hearing, head: Workspace) -> str:
    """Returns why the new tests do not pass in another surrounding; empty when they do."""
    argv = hearing.settings.argv("test")
    if not is_pytest(argv):
        again = green_proof("repeat", head.test(hearing.patch.tests), hearing.patch.tests)
        return again.saw if again.outcome is Outcome.FAILS else ""
    home = hearing.settings.folder.strip("/")
    tests = [path.removeprefix(home + "/") if home else path for path in hearing.patch.tests]
    around = ("env", f"PYTHONHASHSEED={hearing.seed % 4_000_000_000 + 1}", f"TZ={TIME_ZONE}")
    words = (*around, *with_tests(argv, tests, head.folder), "-p", "no:cacheprovider")
    ran = head.run(words, writable=True, seconds=hearing.settings.test_seconds)
    return "" if ran.code == 0 and not ran.timed_out else ran.words
