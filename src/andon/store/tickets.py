"""Opens, moves, changes and lists tickets; a move and its event are one transaction, never apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from andon.errors import ConflictError
from andon.models import Autonomy, Event, Severity, Status, Ticket
from andon.store import tables as t
from andon.store.events import add_event
from andon.store.moving import CLOSED, attach, get_ticket, move_ticket, open_ticket, save_ticket
from andon.store.papers import Part, load


class Tickets(Part):
    """Tickets, and who holds which check."""

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
            save_ticket(connection, fresh)
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

    def absorb(self, duplicate: int, into: int, *, reason: str, now: datetime, actor: str = "loop") -> Ticket:
        """Returns the ticket that an open one is a duplicate of, with its checks attached; twice is once.

        The duplicate is abandoned. Its checks are the other's from now on.

        Raises:
            ConflictError: the duplicate is not open (any more), or the other is closed, of another system, or itself.
        """

        def change(connection: Connection) -> Ticket:
            # In the order of their numbers: two that absorb each other must not wait for each other.
            one, other = (get_ticket(connection, number, lock=True) for number in sorted((duplicate, into)))
            twin, home = (one, other) if one.id == duplicate else (other, one)
            if twin.status is Status.ABANDONED and set(twin.checks) <= set(home.checks):
                return home
            if home.status in CLOSED or home.system != twin.system:
                raise ConflictError(f"ticket {into} is no open ticket of {twin.system}")
            words = f"duplicate of ticket {into}: {reason}"
            data: dict[str, JsonValue] = {"into": into}
            move_ticket(
                connection, duplicate, Status.OPEN, Status.ABANDONED, actor=actor, reason=words, now=now, data=data
            )
            why = f"ticket {duplicate} is a duplicate: {reason}"
            return attach(connection, into, twin.checks, actor=actor, reason=why, now=now)

        if duplicate == into:
            raise ConflictError(f"ticket {into} cannot be a duplicate of itself")
        return self._db.write(change)


def _ordered(check: str | None, checks: Sequence[str]) -> tuple[str, ...]:
    """Returns all checks of a ticket once, its own first."""
    return tuple(dict.fromkeys([*([check] if check else []), *checks]))


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
