"""Tells from what an agent did whether it goes in circles, so that its attempt ends early; it stops nothing itself."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

WINDOW = 20
"""Actions back that are looked at for repetition."""
SAME = 5
"""The same action with the same answer, so often within the window."""
ROUNDS = 4
"""The same few actions with the same answers in the same order, so many rounds without a pause."""
LONGEST_ROUND = 4
BACK = 3
"""A file has the same text for the third time, with others in between."""
IDLE = 60
"""Actions without a new fact, a changed verdict or a new text of a file."""
IDLE_SHARE = 0.5
"""Share of the budget that was left at the beginning, spent without one ..."""
IDLE_LEAST = 8
"""... over so many actions at least: to read much before the first fact is no circle."""
LASTED = re.compile(r"\b\d+(\.\d+)?\s?(ms|s|sec|seconds)\b")


class Action(NamedTuple):
    """One thing that an agent did, and what it knew after it."""

    what: str
    """Tool and arguments."""
    answer: str
    """What came back."""
    facts: int = 0
    """Facts that it had found by then."""
    verdict: str = ""
    """Outcome of the last run of tests, replay or submission by then."""
    spent: float = 0.0
    """Share of the budget that was left at the beginning, spent by then; 0 to 1."""
    edited: tuple[str, str] | None = None
    """Path and text (or its hash) of a file that it wrote."""


def stuck(actions: Sequence[Action]) -> str:
    """Returns in which circle an agent goes, in words for people and for itself; empty when it gets ahead."""
    return repeats(actions) or rounds(actions) or comes_back(actions) or idles(actions)


def repeats(actions: Sequence[Action]) -> str:
    """Returns which action was done again and again with the same outcome."""
    recent = [key(action) for action in actions[-WINDOW:]]
    if not recent:
        return ""
    count = recent.count(recent[-1])
    return f"the same action gave the same answer {count} times: {actions[-1].what[:200]}" if count >= SAME else ""


def rounds(actions: Sequence[Action]) -> str:
    """Returns that the last actions are the same few in the same order, round after round."""
    keys = [key(action) for action in actions[-LONGEST_ROUND * ROUNDS :]]
    for length in range(2, LONGEST_ROUND + 1):
        if len(keys) < length * ROUNDS:
            break
        last = keys[-length * ROUNDS :]
        if all(one == last[place % length] for place, one in enumerate(last)):
            return f"the same {length} actions gave the same answers in {ROUNDS} rounds"
    return ""


def comes_back(actions: Sequence[Action]) -> str:
    """Returns which file was changed to and fro."""
    now: dict[str, str] = {}
    visits: Counter[tuple[str, str]] = Counter()
    for action in actions:
        if action.edited is not None and now.get(action.edited[0]) != action.edited[1]:
            now[action.edited[0]] = action.edited[1]
            visits[action.edited] += 1
    last = actions[-1].edited if actions else None
    if last is not None and visits[last] >= BACK:
        return f"{last[0]} was changed to and fro: it has a text that it had {visits[last] - 1} times before"
    return ""


def idles(actions: Sequence[Action]) -> str:
    """Returns how much was done or spent since anything new was known."""
    known: set[tuple[str, str]] = set()
    since, spent = 0, 0.0
    facts, verdict = 0, ""
    for number, action in enumerate(actions, 1):
        new_text = action.edited is not None and action.edited not in known
        if action.edited is not None:
            known.add(action.edited)
        if action.facts > facts or action.verdict != verdict or new_text:
            since, spent = number, action.spent
        facts, verdict = max(facts, action.facts), action.verdict
    idle = len(actions) - since
    if idle >= IDLE:
        return f"{idle} actions brought no new fact and no other verdict"
    cost = actions[-1].spent - spent if actions else 0.0
    return (
        f"{cost:.0%} of the budget brought no new fact and no other verdict"
        if cost >= IDLE_SHARE and idle >= IDLE_LEAST
        else ""
    )


def key(action: Action) -> tuple[str, str]:
    """Returns what makes an action the same as another: how long it took does not count."""
    return action.what, LASTED.sub("", action.answer)


class Watch:
    """Keeps what an agent did in one session; safe to use from any thread."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.why = ""
        """In which circle it goes; stays once it is said."""
        self._lock = threading.Lock()

    def act(self, action: Action) -> str:
        """Notes an action; returns in which circle the agent goes, empty while it gets ahead."""
        with self._lock:
            if not self.why:
                self.actions.append(action)
                self.why = stuck(self.actions)
            return self.why
