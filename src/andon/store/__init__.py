"""Keeps andon's facts in SQLite or Postgres: one face, made of small areas; decides nothing about them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import TracebackType

from andon.store.alerts import Alerts, LastResult, Ping, Run, Sweep
from andon.store.database import connect
from andon.store.events import Events, LastMove
from andon.store.memory import MemoryShelf
from andon.store.migrations import migrate
from andon.store.moving import CLOSED
from andon.store.records import KeptRecord, Records
from andon.store.spending import Spending
from andon.store.sweeps import Applied, Known, Sweeps
from andon.store.tickets import Tickets
from andon.store.transcript import Transcripts
from andon.store.work import Note, Work
from andon.store.workers import Worker, Workers

__all__ = [
    "CLOSED",
    "Applied",
    "KeptRecord",
    "Known",
    "LastMove",
    "LastResult",
    "Note",
    "Ping",
    "Run",
    "Store",
    "Sweep",
    "Worker",
]


class Store(Tickets, Events, Transcripts, Alerts, Sweeps, Work, Records, Spending, MemoryShelf, Workers):
    """All of andon's facts. Safe to share between threads; every process opens its own."""

    @classmethod
    def open(cls, url: str) -> Store:
        """Returns the store at a URL, its schema brought up to date.

        Raises:
            ConfigError: the URL is not usable, or the database was written by a newer andon.
            ExternalError: it cannot be reached or written.
        """
        database = connect(url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def url(self) -> str:
        """The database's URL without its password, for people."""
        return self._db.shown

    def describe(self) -> str:
        """Returns a sentence on where the state lies and that it can be written, having tried."""
        self.beat("doctor", datetime(2000, 1, 1, tzinfo=UTC))
        self.leave("doctor")
        return f"{self.url} can be read and written"

    def close(self) -> None:
        """Closes all connections."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
