"""Asks head once more: what held only once may have held by chance or by what an earlier run left behind."""

from __future__ import annotations

from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds
from andon.judge.suites import green_proof
from andon.models import Outcome, Proof


def repeat(hearing: Hearing) -> Proof:
    """Holds when replay and new tests end on head as they did before, in a fresh checkout."""
    name = "repeat"
    with hearing.at(hearing.patch.diff) as head:
        again = green_proof(name, head.test(hearing.patch.tests), hearing.patch.tests)
        if again.outcome is Outcome.FAILS:
            return fails(name, f"the new test passed once and does not pass again: {again.saw}")
        if hearing.replayable and not head.replay(hearing.check, hearing.evidence).green:
            return fails(name, "the replay was green once and is not green again")
    return holds(name, "replay and new tests ended the same a second time, in another checkout")
