"""Knows the shops: where their new arrivals are and which clock they write times by; it never asks them anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Origin:
    """One shop."""

    name: str
    zone: ZoneInfo
    """The zone of times that the shop writes without an offset."""

    def index_url(self, until: datetime) -> str:
        """The address of the first page of what was new at that time."""
        return f"http://{self.name}.example/new?until={until:%Y-%m-%dT%H:%M:%SZ}&page=1"


ORIGINS = (
    Origin("lumen", ZoneInfo("UTC")),
    Origin("harbor", ZoneInfo("Europe/Berlin")),
    Origin("prairie", ZoneInfo("America/Chicago")),
)


def zone_of(origin: str) -> ZoneInfo:
    """The zone of an origin's times.

    Raises:
        KeyError: no such origin.
    """
    return {known.name: known.zone for known in ORIGINS}[origin]
