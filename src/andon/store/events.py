"""The history of tickets: adds events and lists them; none is ever changed or deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import JsonValue
from sqlalchemy import Connection, func, insert, select

from andon.models import Event, Status
from andon.store import tables as t
from andon.store.papers import Part, dump, load

MOST_ASKED = 500
"""Tickets of one question: databases bound what one statement may hold."""


class LastMove(NamedTuple):
    """How a ticket came to where it stands."""

    event: int
    """Number of the event; 0 when there is none."""
    waits: tuple[datetime, ...]
    """When it has waited since."""


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

    def last_moves(self, tickets: Sequence[int]) -> dict[int, LastMove]:
        """Returns with which event each of some tickets came to where it stands, and when it has waited since."""
        kinds = t.events.c.kind.in_(["opened", "moved", "waits"])
        query = select(t.events.c.ticket, t.events.c.id, t.events.c.at, t.events.c.kind).where(kinds)

        def ask(connection: Connection) -> dict[int, LastMove]:
            found = dict.fromkeys(tickets, LastMove(0, ()))
            for start in range(0, len(tickets), MOST_ASKED):
                some = t.events.c.ticket.in_(tickets[start : start + MOST_ASKED])
                for row in connection.execute(query.where(some).order_by(t.events.c.id)):
                    last = found[row.ticket]
                    waited = row.kind == "waits"
                    found[row.ticket] = last._replace(waits=(*last.waits, row.at)) if waited else LastMove(row.id, ())
            return found

        return self._db.read(ask)

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
