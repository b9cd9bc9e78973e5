"""Time in tests: a clock that can be put forward, and waiting for a fact with a deadline; never a blind sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """A clock that goes on as real time does, from whatever moment it was set to."""

    def __init__(self, at: datetime | None = None) -> None:
        self.offset = timedelta(0) if at is None else at - datetime.now(UTC)

    def now(self) -> datetime:
        """Returns what the clock shows."""
        return datetime.now(UTC) + self.offset

    def forward(self, by: timedelta) -> None:
        """Puts the clock forward."""
        self.offset += by


def wait_until(look: Callable[[], T], *, seconds: float = 90.0, pause: float = 0.05, what: str = "") -> T:
    """Returns what `look` gives as soon as it is true; looks again and again until then.

    Raises:
        AssertionError: it never was within the seconds; tells what it gave last.
    """
    ends = time.monotonic() + seconds
    bell = threading.Event()
    while not (seen := look()):
        if time.monotonic() > ends:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what or look}: last seen {seen!r}")
        bell.wait(pause)
    return seen
