"""Which workers are alive: each beats, and who has not beaten for a lease is dead; takes over nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue
from sqlalchemy import delete, select

from andon.store import tables as t
from andon.store.papers import Part, dump_value, load_value, upsert


class Worker(NamedTuple):
    """A process that runs workflows."""

    name: str
    beat_at: datetime
    data: dict[str, JsonValue]


class Workers(Part):
    """Heartbeats of the processes of `andon up`."""

    def beat(self, worker: str, now: datetime, *, data: Mapping[str, JsonValue] | None = None) -> None:
        """Says that a worker is alive. `data` is for people: host, process, role."""
        row: dict[str, object] = {"name": worker, "beat_at": now, "doc": dump_value(dict(data or {}))}
        self._db.write(lambda connection: upsert(connection, t.workers, row, ("name",)))

    def list_workers(self) -> tuple[Worker, ...]:
        """Returns all workers that ever beat and did not leave, the liveliest first."""
        query = select(t.workers).order_by(t.workers.c.beat_at.desc(), t.workers.c.name)
        rows = self._db.read(lambda connection: connection.execute(query).all())
        return tuple(Worker(row.name, row.beat_at, load_value(row.doc)) for row in rows)

    def dead_workers(self, now: datetime, lease: timedelta) -> tuple[str, ...]:
        """Returns the names of workers whose last beat is older than the lease."""
        return tuple(sorted(worker.name for worker in self.list_workers() if worker.beat_at < now - lease))

    def live_workers(self, now: datetime, lease: timedelta) -> tuple[str, ...]:
        """Returns the names of workers that beat within the lease."""
        return tuple(sorted(worker.name for worker in self.list_workers() if worker.beat_at >= now - lease))

    def leave(self, worker: str) -> None:
        """Forgets a worker: it stopped cleanly, or all its work was taken over."""
        self._db.write(lambda connection: connection.execute(delete(t.workers).where(t.workers.c.name == worker)))
