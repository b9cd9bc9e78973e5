"""What a test tries single stages in; the fixtures of conftest open it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from imagefeed.clock import RecordedClock
from imagefeed.fetch import Session
from imagefeed.source.server import Shops
from imagefeed.store import Connection, Run

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Bench:
    """One open run, with its session at a source server, to try single stages in."""

    conn: Connection
    session: Session
    clock: RecordedClock
    run: Run
    shops: Shops


Opened = Callable[..., Bench]
"""Opens a bench at a source that misbehaves as told, such as `429,share=1`."""
