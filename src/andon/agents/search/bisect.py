"""Finds the change that turned a replay red, by asking a replay at few commits; it never guesses between skips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple


class Colour(StrEnum):
    """How the replay ended at a commit."""

    RED = "red"
    GREEN = "green"
    CRASHED = "crashed"
    """It says nothing about the commit: skipped, as `git bisect skip` does."""


Test = Callable[[Sequence[str]], Mapping[str, Colour]]
"""Replays at several commits, side by side where there are workers."""


class Bisected(NamedTuple):
    """What bisecting found."""

    culprit: str | None
    """The first red commit; None when there is no green one, or when crashed commits stand between."""
    good: str | None
    """The nearest green commit before it: the culprit's neighbour when a culprit is named."""
    suspects: tuple[str, ...]
    """Oldest first: the change is one of these. Empty when no green commit was found."""
    colours: Mapping[str, Colour]
    """Every commit that was replayed, in order of asking."""


def bisect(commits: Sequence[str], test: Test, *, start: int | None = None, most: int = 24) -> Bisected:
    """Returns the first red commit among `commits`, oldest first, of which the last is known red.

    Looks for a green one from `start` (an index; the last but one when None) backwards in growing steps, then halves.
    At most `most` replays.
    """
    asked: dict[str, Colour] = {commits[-1]: Colour.RED} if commits else {}

    def ask(index: int) -> Colour:
        commit = commits[index]
        if commit not in asked:
            asked.update(test([commit]) if len(asked) < most else {commit: Colour.CRASHED})
        return asked[commit]

    good, bad = green_before(commits, ask, len(commits) - 2 if start is None else min(start, len(commits) - 2))
    if good is None:
        return Bisected(None, None, (), asked)
    while bad - good > 1:
        middle = nearest_open(commits, asked, good, bad)
        if middle is None:
            break
        colour = ask(middle)
        good, bad = (middle, bad) if colour is Colour.GREEN else (good, middle) if colour is Colour.RED else (good, bad)
    suspects = tuple(commits[good + 1 : bad + 1])
    return Bisected(suspects[0] if len(suspects) == 1 else None, commits[good], suspects, asked)


def green_before(commits: Sequence[str], ask: Callable[[int], Colour], start: int) -> tuple[int | None, int]:
    """Returns the index of a green commit at or before `start` (None: there is none) and of the oldest red one seen."""
    bad, step, index = len(commits) - 1, 1, start
    while index >= 0:
        colour = ask(index)
        if colour is Colour.GREEN:
            return index, bad
        if colour is Colour.RED:
            bad = min(bad, index)
        if index == 0:
            break
        index, step = max(0, index - step), step * 2
    return None, bad


def nearest_open(commits: Sequence[str], asked: Mapping[str, Colour], good: int, bad: int) -> int | None:
    """Returns the index nearest the middle that was not asked yet; None when all between have crashed."""
    middle = (good + bad) // 2
    rest = [index for index in range(good + 1, bad) if commits[index] not in asked]
    return min(rest, key=lambda index: abs(index - middle), default=None)


def confirm(commits: Sequence[str], suspect: str, test: Test) -> Bisected | None:
    """Returns the suspect as culprit when it is red and its predecessor green: two replays; None otherwise."""
    index = commits.index(suspect) if suspect in commits else 0
    if index < 1:
        return None
    before = commits[index - 1]
    colours = dict(test([before, suspect]))
    if colours[before] is Colour.GREEN and colours[suspect] is Colour.RED:
        return Bisected(suspect, before, (suspect,), colours)
    return None
