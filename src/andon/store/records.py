"""The records of verdicts, apart from the tickets' papers: they hold seeds, and nothing that agents get reads here."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from andon.store import tables as t
from andon.store.moving import get_ticket
from andon.store.papers import Part, upsert


class KeptRecord(NamedTuple):
    """The record of an attempt's verdict, as text."""

    attempt: int
    sha256: str
    at: datetime
    text: str


class Records(Part):
    """What the judge wrote down of each verdict."""

    def save_record(self, ticket: int, attempt: int, text: str, *, sha256: str, now: datetime) -> None:
        """Keeps the record of an attempt's verdict; the last one counts. `text` is ASCII JSON, which any engine keeps.

        Raises:
            NotFoundError: there is no such ticket.
        """
        row: dict[str, object] = {"ticket": ticket, "attempt": attempt, "sha256": sha256, "at": now, "doc": text}

        def change(connection: Connection) -> None:
            get_ticket(connection, ticket, lock=True)
            upsert(connection, t.records, row, ("ticket", "attempt"))

        self._db.write(change)

    def find_record(self, ticket: int, attempt: int | None = None) -> KeptRecord | None:
        """Returns the record of an attempt's verdict; of the last one that has any when no attempt is named."""
        c = t.records.c
        query = select(t.records).where(c.ticket == ticket).order_by(c.attempt.desc()).limit(1)
        if attempt is not None:
            query = query.where(c.attempt == attempt)
        row = self._db.read(lambda connection: connection.execute(query).first())
        return KeptRecord(row.attempt, row.sha256, row.at, row.doc) if row else None
