"""What is written of tickets inside a transaction: open, move, attach, each with its event; commits nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, insert, select, update

from andon.errors import ConflictError, NotFoundError
from andon.models import MOVES, Status, Ticket
from andon.store import tables as t
from andon.store.events import add_event
from andon.store.papers import dump, load, upsert

CLOSED = frozenset({Status.RESOLVED, Status.ABANDONED})
FIRED_AGAIN = frozenset({Status.SHIPPED, Status.RESOLVED, Status.ABANDONED})
"""From these, a move to open counts as reopening."""


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
    save_ticket(connection, ticket)
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
    save_ticket(connection, fresh)
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
    save_ticket(connection, fresh)
    is_open = current.status not in CLOSED
    for check in fresh_checks:
        row: dict[str, object] = {"ticket": ticket, "system": current.system, "check_name": check, "is_open": is_open}
        upsert(connection, t.ticket_checks, row, ("ticket", "check_name"))
    data: dict[str, JsonValue] = {"checks": list(fresh_checks)}
    add_event(connection, ticket, "attached", actor=actor, text=reason, data=data, now=now)
    return fresh


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


def save_ticket(connection: Connection, ticket: Ticket) -> None:
    connection.execute(update(t.tickets).where(t.tickets.c.id == ticket.id).values(**_columns(ticket)))
