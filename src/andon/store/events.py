"""The history of tickets: adds events and lists them; none is ever changed or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, func, insert, select

from andon.models import Event, Status
from andon.store import tables as t
from andon.store.papers import Part, dump, load


class Events(Part):
    """What happened to tickets."""

    def add_event(
        self,
        ticket: int,
        kind: str,
        *,
        actor: str,
        now: datetime,
        text: str = "",
        data: Mapping[str, JsonValue] | None = None,
    ) -> Event:
        """Returns the event that was added to a ticket's history."""
        return self._db.write(
            lambda connection: add_event(
                connection, ticket, kind, actor=actor, text=text, data=dict(data or {}), now=now
            )
        )

    def last_event(self) -> int:
        """Returns the number of the newest event of all tickets; 0 when there is none."""
        query = select(func.max(t.events.c.id))
        return int(self._db.read(lambda connection: connection.execute(query).scalar_one()) or 0)

    def last_move(self, ticket: int) -> int:
        """Returns the number of the event with which a ticket came to where it stands."""
        query = select(func.max(t.events.c.id)).where(
            t.events.c.ticket == ticket, t.events.c.kind.in_(["opened", "moved"])
        )
        return int(self._db.read(lambda connection: connection.execute(query).scalar_one()) or 0)

    def events_after(self, seen: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """Returns the events of all tickets after the last one seen, oldest first."""
        return self.list_events(after=seen, limit=limit)

    def list_events(self, ticket: int | None = None, *, after: int = 0, limit: int = 10_000) -> tuple[Event, ...]:
        """Returns events, oldest first: of a ticket, or of all; `after` is the number of the last one seen."""
        query = select(t.events).where(t.events.c.id > after).order_by(t.events.c.id).limit(limit)
        if ticket is not None:
            query = query.where(t.events.c.ticket == ticket)

        def ask(connection: Connection) -> tuple[Event, ...]:
            rows = connection.execute(query).all()
            return tuple(load(Event, row.doc).model_copy(update={"id": row.id}) for row in rows)

        return self._db.read(ask)


def add_event(
    connection: Connection,
    ticket: int,
    kind: str,
    *,
    actor: str,
    text: str,
    data: dict[str, JsonValue],
    now: datetime,
    old: Status | None = None,
    new: Status | None = None,
) -> Event:
    """Adds an event inside a transaction."""
    event = Event(id=0, ticket=ticket, at=now, kind=kind, old=old, new=new, actor=actor, text=text, data=data)
    row = {"ticket": ticket, "at": now, "kind": kind, "doc": dump(event)}
    number = connection.execute(insert(t.events).values(**row).returning(t.events.c.id)).scalar_one()
    return event.model_copy(update={"id": int(number)})
