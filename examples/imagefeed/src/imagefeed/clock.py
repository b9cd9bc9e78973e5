"""Says what time it is and waits; it never lets a stage look at the wall by itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What every stage asks for the time, and sleeps with."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        ...


class WallClock:
    """The real time: what scheduled runs use."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Waits for real."""
        time.sleep(seconds)


class RecordedClock:
    """A time that starts where it is told and moves by itself: what backfills, replays and tests use.

    Each look moves it by one millisecond, so that rows keep their order; a sleep moves it and costs nothing.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The recorded moment, in UTC, one millisecond later at each look."""
        self._now += timedelta(milliseconds=1)
        return self._now

    def sleep(self, seconds: float) -> None:
        """Moves the recorded time forward without waiting."""
        self._now += timedelta(seconds=seconds)


def parse_moment(text: str) -> datetime:
    """The moment an ISO 8601 text names, in UTC.

    Raises:
        ValueError: the text is no ISO 8601 moment, or it has no offset, which would make it a guess.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: write 2026-03-02T10:30:00+00:00")
    return moment.astimezone(UTC)
