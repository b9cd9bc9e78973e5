"""Makes changes that may need each other in whatever order works; it opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from andon.protocols import Change

Run = Callable[[tuple[str, ...]], str]
"""Runs statements together or not at all; returns why they were refused, empty when they were not."""


def in_rounds(changes: Sequence[Change], run: Run) -> tuple[str, ...]:
    """Makes changes, those that are refused again after the others; returns why each was refused for good."""
    refused = rounds({place: change.statements for place, change in enumerate(changes)}, run)
    instead = {place: changes[place].otherwise for place in refused if changes[place].otherwise}
    again = rounds(instead, run)
    return tuple(
        (again.get(place, "") if place in instead else refused.get(place, "")) for place in range(len(changes))
    )


def rounds(waiting: dict[int, tuple[str, ...]], run: Run) -> dict[int, str]:
    """Runs what waits until a round brings nothing new; returns why the rest was refused."""
    refused = dict.fromkeys(waiting, "")
    left = -1
    while refused and len(refused) != left:
        left = len(refused)
        refused = {place: words for place in refused if (words := run(waiting[place]))}
    return refused
