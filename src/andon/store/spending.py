"""What the loop has spent, per cause and per day; each item is counted once however often it is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, Select, func, select

from andon.models import Event, Grant, Spend
from andon.store import tables as t
from andon.store.events import add_event
from andon.store.moving import get_ticket
from andon.store.papers import Part, load, upsert

GRANTED = "granted"
"""Kind of the events with which a person adds to a cause's limits."""


class Spending(Part):
    """Spend by ticket and item."""

    def add_spend(self, ticket: int, item: str, spend: Spend, now: datetime) -> bool:
        """Counts an item of a ticket (`attempt 2: fix`) and tells whether it is new; known items change nothing."""

        def change(connection: Connection) -> bool:
            row: dict[str, object] = {
                "ticket": ticket,
                "item": item,
                "cause": get_ticket(connection, ticket).cause,
                "day": now.astimezone(UTC).date().isoformat(),
                **spend.model_dump(),
            }
            return upsert(connection, t.spend, row, ("ticket", "item"), replace=False)

        return self._db.write(change)

    def spent(self, cause: int) -> Spend:
        """Returns what a cause has cost so far: its first ticket and all that descend from it."""
        return self._sum(_sums().where(t.spend.c.cause == cause))

    def spent_on_ticket(self, ticket: int) -> Spend:
        """Returns what one ticket has cost so far."""
        return self._sum(_sums().where(t.spend.c.ticket == ticket))

    def spent_on(self, day: date) -> Spend:
        """Returns what was spent on a day (UTC), over all systems."""
        return self._sum(_sums().where(t.spend.c.day == day.isoformat()))

    def grant(self, ticket: int, more: Grant, *, actor: str, why: str, now: datetime) -> None:
        """Adds to the limits of a ticket's cause, as a fact of its history."""
        data: dict[str, JsonValue] = more.model_dump()
        self._db.write(
            lambda connection: add_event(connection, ticket, GRANTED, actor=actor, text=why, data=data, now=now)
        )

    def granted(self, cause: int) -> Grant:
        """Returns all that people added to the limits of a cause."""
        of_cause = select(t.tickets.c.id).where(t.tickets.c.cause == cause)
        query = select(t.events.c.doc).where(t.events.c.kind == GRANTED, t.events.c.ticket.in_(of_cause))
        docs = self._db.read(lambda connection: connection.execute(query).scalars().all())
        return sum((Grant.model_validate(load(Event, doc).data) for doc in docs), Grant())

    def _sum(self, query: Select[Any]) -> Spend:
        row = self._db.read(lambda connection: connection.execute(query).one())
        return Spend(seconds=float(row[0] or 0), tokens=int(row[1] or 0), usd=float(row[2] or 0))


def _sums() -> Select[Any]:
    return select(func.sum(t.spend.c.seconds), func.sum(t.spend.c.tokens), func.sum(t.spend.c.usd))
