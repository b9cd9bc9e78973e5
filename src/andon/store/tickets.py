"""Tickets and their history: opens, moves and lists them; a move and its event are one transaction, never apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from andon.errors import ConflictError, NotFoundError
from andon.models import MOVES, Autonomy, Event, Severity, Status, Ticket
from andon.store import tables as t
from andon.store.papers import Part, dump, load, upsert

CLOSED = frozenset({Status.RESOLVED, Status.ABANDONED})
FIRED_AGAIN = frozenset({Status.SHIPPED, Status.RESOLVED, Status.ABANDONED})
"""From these, a move to open counts as reopening."""


class Tickets(Part):
    """Tickets, their events, and who holds which check."""

    def create_ticket(
        self,
        *,
        system: str,
        title: str,
        now: datetime,
        check: str | None = None,
        checks: Sequence[str] = (),
        body: str = "",
        status: Status = Status.OPEN,
        severity: Severity = Severity.MEDIUM,
        autonomy: Autonomy = Autonomy.PROPOSE,
        cause: int | None = None,
        reason: str = "",
        dedupe: str | None = None,
        actor: str = "loop",
    ) -> Ticket:
        """Returns the new ticket, or the open one that was created with the same `dedupe` key.

        Raises:
            ConflictError: a check is on another open ticket already; the message says which.
        """
        values: dict[str, object] = {
            "system": system, "title": title, "check": check, "checks": _ordered(check, checks), "body": body,
            "status": status, "severity": severity, "autonomy": autonomy, "cause": cause, "reason": reason,
        }  # fmt: skip

        def change(connection: Connection) -> Ticket:
            known = dedupe and _find_dedupe(connection, dedupe)
            return known or open_ticket(connection, values, dedupe=dedupe, actor=actor, now=now)

        try:
            return self._db.write(change)
        except IntegrityError as error:
            # Another process opened it between our look and our write: now it can be seen.
            found = self._db.read(lambda connection: _find_dedupe(connection, dedupe)) if dedupe else None
            if found:
                return found
            raise ConflictError(f"one of the checks {', '.join(_ordered(check, checks))} has an open ticket") from error

    def get_ticket(self, ticket: int) -> Ticket:
        """Returns a ticket.

        Raises:
            NotFoundError: there is none of that number.
        """
        return self._db.read(lambda connection: get_ticket(connection, ticket))

    def list_tickets(
        self,
        *,
        status: Status | Sequence[Status] | None = None,
        system: str | None = None,
        open_only: bool = False,
        limit: int = 1000,
    ) -> tuple[Ticket, ...]:
        """Returns tickets, newest first."""
        query = select(t.tickets.c.doc).order_by(t.tickets.c.id.desc()).limit(limit)
        if status is not None:
            wanted = [status] if isinstance(status, Status) else list(status)
            query = query.where(t.tickets.c.status.in_([one.value for one in wanted]))
        if system is not None:
            query = query.where(t.tickets.c.system == system)
        if open_only:
            query = query.where(t.tickets.c.is_open)
        return self._db.read(lambda connection: tuple(load(Ticket, doc) for doc in connection.execute(query).scalars()))

    def find_open_ticket(self, system: str, check: str) -> Ticket | None:
        """Returns the open ticket that holds a check."""
        query = (
            select(t.tickets.c.doc)
            .join(t.ticket_checks, t.ticket_checks.c.ticket == t.tickets.c.id)
            .where(t.ticket_checks.c.system == system, t.ticket_checks.c.check_name == check, t.ticket_checks.c.is_open)
        )
        doc = self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return load(Ticket, doc) if doc else None

    def move(
        self,
        ticket: int,
        old: Status,
        new: Status,
        *,
        actor: str,
        reason: str,
        now: datetime,
        data: Mapping[str, JsonValue] | None = None,
        key: str | None = None,
    ) -> Ticket:
        """Returns the ticket after its move from `old` to `new`, with one event in the same transaction.

        `key` names the move for steps that may run again: when the ticket's last move has the same key, nothing is
        written and the ticket is returned as it is.

        Raises:
            ConflictError: it does not stand at `old` any more, or this move is not allowed, or (reopening) another
                open ticket holds one of its checks.
            NotFoundError: there is no such ticket.
        """
        facts = {**(data or {}), **({"key": key} if key else {})}

        def change(connection: Connection) -> Ticket:
            if key and _last_move_key(connection, ticket) == key:
                return get_ticket(connection, ticket)
            return move_ticket(connection, ticket, old, new, actor=actor, reason=reason, now=now, data=facts)

        try:
            return self._db.write(change)
        except IntegrityError as error:
            raise ConflictError(f"another open ticket holds a check of ticket {ticket}") from error

    def update_ticket(
        self,
        ticket: int,
        *,
        now: datetime,
        title: str | None = None,
        body: str | None = None,
        autonomy: Autonomy | None = None,
        severity: Severity | None = None,
        reason: str | None = None,
        actor: str = "loop",
    ) -> Ticket:
        """Returns the ticket with new words or level; its status stays. Leaves an event."""
        given = {"title": title, "body": body, "autonomy": autonomy, "severity": severity, "reason": reason}
        changes = {name: value for name, value in given.items() if value is not None}

        def change(connection: Connection) -> Ticket:
            current = get_ticket(connection, ticket, lock=True)
            if all(getattr(current, name) == value for name, value in changes.items()):
                return current
            fresh = current.model_copy(update={**changes, "updated_at": now})
            _save(connection, fresh)
            text = "changed " + ", ".join(sorted(changes))
            add_event(connection, ticket, "edited", actor=actor, text=text, data={}, now=now)
            return fresh

        return self._db.write(change)

    def attach_check(self, ticket: int, check: str, *, actor: str = "loop", reason: str, now: datetime) -> Ticket:
        """Returns the ticket with one more check; its own first. The same check twice changes nothing.

        Raises:
            ConflictError: another open ticket holds the check.
        """
        try:
            return self._db.write(
                lambda connection: attach(connection, ticket, [check], actor=actor, reason=reason, now=now)
            )
        except IntegrityError as error:
            raise ConflictError(f"{check} is on another open ticket") from error

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


def get_ticket(connection: Connection, ticket: int, *, lock: bool = False) -> Ticket:
    """Returns a ticket inside a transaction; `lock` keeps other writers away until it ends."""
    query = select(t.tickets.c.doc).where(t.tickets.c.id == ticket)
    doc = connection.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    if doc is None:
        raise NotFoundError(f"there is no ticket {ticket}")
    return load(Ticket, doc)


def open_ticket(
    connection: Connection, values: Mapping[str, object], *, dedupe: str | None, actor: str, now: datetime
) -> Ticket:
    """Returns a new ticket inside a transaction. `values` are the ticket's fields but for number and times."""
    draft = Ticket.model_validate(
        {**values, "id": 0, "cause": values["cause"] or 0, "created_at": now, "updated_at": now}
    )
    row = {**_columns(draft), "dedupe": dedupe, "created_at": now}
    number = int(connection.execute(insert(t.tickets).values(**row).returning(t.tickets.c.id)).scalar_one())
    ticket = draft.model_copy(update={"id": number, "cause": draft.cause or number})
    _save(connection, ticket)
    for check in ticket.checks:
        connection.execute(
            insert(t.ticket_checks).values(
                ticket=number, system=ticket.system, check_name=check, is_open=ticket.status not in CLOSED
            )
        )
    add_event(
        connection, number, "opened", actor=actor, text=ticket.reason or "opened", data={}, now=now, new=ticket.status
    )
    return ticket


def move_ticket(
    connection: Connection,
    ticket: int,
    old: Status,
    new: Status,
    *,
    actor: str,
    reason: str,
    now: datetime,
    data: Mapping[str, JsonValue],
) -> Ticket:
    """Moves a ticket inside a transaction; see `Tickets.move`."""
    current = get_ticket(connection, ticket, lock=True)
    if current.status is not old:
        raise ConflictError(f"ticket {ticket} is {current.status}, not {old}: somebody moved it first")
    if new not in MOVES[old]:
        allowed = ", ".join(sorted(MOVES[old])) or "nothing"
        raise ConflictError(f"ticket {ticket} is {old}; from there it may become {allowed}, not {new}")
    again = new is Status.OPEN and old in FIRED_AGAIN
    checks = current.checks
    if old in CLOSED and new not in CLOSED:
        checks = _take_back(connection, current)
    elif new in CLOSED:
        connection.execute(update(t.ticket_checks).where(t.ticket_checks.c.ticket == ticket).values(is_open=False))
    change = {"status": new, "reason": reason, "updated_at": now, "reopened": current.reopened + again}
    fresh = current.model_copy(update={**change, "checks": checks})
    _save(connection, fresh)
    add_event(connection, ticket, "moved", actor=actor, text=reason, data=dict(data), now=now, old=old, new=new)
    return fresh


def attach(
    connection: Connection, ticket: int, checks: Sequence[str], *, actor: str, reason: str, now: datetime
) -> Ticket:
    """Adds checks to a ticket inside a transaction, with one event; see `Tickets.attach_check`."""
    current = get_ticket(connection, ticket, lock=True)
    fresh_checks = [check for check in checks if check not in current.checks]
    if not fresh_checks:
        return current
    fresh = current.model_copy(update={"checks": (*current.checks, *fresh_checks), "updated_at": now})
    _save(connection, fresh)
    is_open = current.status not in CLOSED
    for check in fresh_checks:
        row: dict[str, object] = {"ticket": ticket, "system": current.system, "check_name": check, "is_open": is_open}
        upsert(connection, t.ticket_checks, row, ("ticket", "check_name"))
    data: dict[str, JsonValue] = {"checks": list(fresh_checks)}
    add_event(connection, ticket, "attached", actor=actor, text=reason, data=data, now=now)
    return fresh


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


def _ordered(check: str | None, checks: Sequence[str]) -> tuple[str, ...]:
    """Returns all checks of a ticket once, its own first."""
    return tuple(dict.fromkeys([*([check] if check else []), *checks]))


def _take_back(connection: Connection, ticket: Ticket) -> tuple[str, ...]:
    """Returns the checks of a ticket that is opened again: its own, and the others that no open ticket holds now."""
    c = t.ticket_checks.c
    held = select(c.check_name).where(c.system == ticket.system, c.is_open, c.ticket != ticket.id)
    elsewhere = set(connection.execute(held).scalars()) - {ticket.check}
    checks = tuple(check for check in ticket.checks if check not in elsewhere)
    connection.execute(
        update(t.ticket_checks).where(c.ticket == ticket.id, c.check_name.in_(checks)).values(is_open=True)
    )
    return checks


def _columns(ticket: Ticket) -> dict[str, object]:
    return {
        "system": ticket.system,
        "check_name": ticket.check,
        "status": ticket.status.value,
        "cause": ticket.cause,
        "is_open": ticket.status not in CLOSED,
        "updated_at": ticket.updated_at,
        "doc": dump(ticket),
    }


def _save(connection: Connection, ticket: Ticket) -> None:
    connection.execute(update(t.tickets).where(t.tickets.c.id == ticket.id).values(**_columns(ticket)))


def _find_dedupe(connection: Connection, dedupe: str) -> Ticket | None:
    query = select(t.tickets.c.doc).where(t.tickets.c.dedupe == dedupe, t.tickets.c.is_open)
    doc = connection.execute(query).scalar_one_or_none()
    return load(Ticket, doc) if doc else None


def _last_move_key(connection: Connection, ticket: int) -> str | None:
    query = (
        select(t.events.c.doc)
        .where(t.events.c.ticket == ticket, t.events.c.kind == "moved")
        .order_by(t.events.c.id.desc())
        .limit(1)
    )
    doc = connection.execute(query).scalar_one_or_none()
    key = load(Event, doc).data.get("key") if doc else None
    return str(key) if key else None
