"""Writes down what a sweep decided, in one transaction that no other sweep of the system can come between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import IntegrityError

from andon.errors import ConflictError
from andon.models import Alert, Autonomy, CheckResult, CheckState, Severity, Status, Ticket
from andon.store import tables as t
from andon.store.alerts import advance, first_seen, list_alerts, save_alerts
from andon.store.events import add_event
from andon.store.moving import CLOSED, attach, get_ticket, move_ticket, open_ticket
from andon.store.papers import Part, load

TRIES = 4
"""How often a sweep decides anew when somebody moved a ticket under it."""


class Known(NamedTuple):
    """What is known of a system when its sweep is decided."""

    alerts: tuple[Alert, ...]
    results: tuple[CheckResult, ...]
    """The last result of each check."""
    tickets: tuple[Ticket, ...]
    """All open tickets, and the closed ones that alerts point to."""
    first_seen: dict[str, dict[str, datetime]]
    """Check -> row fingerprint -> first seen, for red checks whose ticket is closed."""


class Opening(Protocol):
    """A ticket to open (`ticket` None), to attach checks to, or to reopen."""

    @property
    def ticket(self) -> int | None: ...
    @property
    def reopen(self) -> bool: ...
    @property
    def check(self) -> str | None: ...
    @property
    def checks(self) -> tuple[str, ...]: ...
    @property
    def title(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def status(self) -> Status: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def autonomy(self) -> Autonomy: ...
    @property
    def cause(self) -> int | None: ...
    @property
    def absorbs(self) -> tuple[int, ...]: ...
    @property
    def reason(self) -> str: ...


class Calm(Protocol):
    """A ticket whose checks are all green again."""

    @property
    def ticket(self) -> int: ...
    @property
    def resolve(self) -> bool: ...
    @property
    def reason(self) -> str: ...


O_co = TypeVar("O_co", bound=Opening, covariant=True)
C_co = TypeVar("C_co", bound=Calm, covariant=True)


class Detected(Protocol[O_co, C_co]):
    """What a sweep decided; `andon.detect.Detected` has this shape."""

    @property
    def alerts(self) -> Sequence[Alert]: ...
    @property
    def causes(self) -> Sequence[O_co]: ...
    @property
    def silenced(self) -> Sequence[str]: ...
    @property
    def calms(self) -> Sequence[C_co]: ...


class Applied(NamedTuple):
    """Numbers of the tickets that a sweep touched."""

    opened: tuple[int, ...] = ()
    attached: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()
    absorbed: tuple[int, ...] = ()
    resolved: tuple[int, ...] = ()

    @property
    def touched(self) -> list[int]:
        """All of them, in order."""
        return sorted({*self.opened, *self.attached, *self.reopened, *self.absorbed, *self.resolved})


class Sweeps(Part):
    """Applies sweeps."""

    def known(self, system: str) -> Known:
        """Returns what is known of a system, as a sweep would be told it."""
        return self._db.read(lambda connection: _known(connection, system))

    def apply_detected(
        self, system: str, decide: Callable[[Known], Detected[O_co, C_co]], *, now: datetime, actor: str = "loop"
    ) -> Applied:
        """Lets `decide` look at what is known, writes what it decides, and returns the tickets that were touched.

        Looking and writing are one transaction under the system's lock, so two processes that apply the same sweep at
        the same time open one ticket. `decide` may be called more than once and must be pure.

        Raises:
            ConflictError: somebody kept moving the same tickets.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return self._db.write(lambda connection: _apply(connection, system, decide, now, actor))
            except (ConflictError, IntegrityError) as error:
                if attempt == TRIES:
                    raise ConflictError(f"the tickets of {system} kept moving under the sweep") from error
        raise AssertionError("unreachable")


def _apply(
    connection: Connection, system: str, decide: Callable[[Known], Detected[O_co, C_co]], now: datetime, actor: str
) -> Applied:
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"andon {system}"}
        )
    decided = decide(_known(connection, system))
    homes: dict[str, int] = {}
    opened: list[int] = []
    attached: list[int] = []
    reopened: list[int] = []
    absorbed: list[int] = []
    for cause in decided.causes:
        for duplicate in cause.absorbs:
            _release_checks(connection, duplicate)
        ticket = _settle(connection, system, cause, now=now, actor=actor)
        for duplicate in cause.absorbs:
            _absorb(connection, duplicate, ticket, cause.reason, now=now, actor=actor)
        homes |= dict.fromkeys(cause.checks, ticket)
        absorbed += cause.absorbs
        (opened if cause.ticket is None else reopened if cause.reopen else attached).append(ticket)
    save_alerts(
        connection,
        [alert.model_copy(update={"ticket": homes.get(alert.check, alert.ticket)}) for alert in decided.alerts],
    )
    _pass_silenced(connection, system, decided.silenced)
    resolved = [calm.ticket for calm in decided.calms if _calm(connection, calm, now=now, actor=actor)]
    return Applied(tuple(opened), tuple(attached), tuple(reopened), tuple(absorbed), tuple(resolved))


def _settle(connection: Connection, system: str, cause: Opening, *, now: datetime, actor: str) -> int:
    """Opens, reopens or extends the ticket of a cause and returns its number."""
    if cause.ticket is None:
        values: Mapping[str, object] = {
            "system": system, "check": cause.check, "checks": cause.checks, "title": cause.title, "body": cause.body,
            "status": cause.status, "severity": cause.severity, "autonomy": cause.autonomy, "cause": cause.cause,
            "reason": cause.reason,
        }  # fmt: skip
        return open_ticket(connection, values, dedupe=None, actor=actor, now=now).id
    if cause.reopen:
        old = get_ticket(connection, cause.ticket).status
        move_ticket(connection, cause.ticket, old, Status.OPEN, actor=actor, reason=cause.reason, now=now, data={})
    return attach(connection, cause.ticket, cause.checks, actor=actor, reason=cause.reason, now=now).id


def _release_checks(connection: Connection, ticket: int) -> None:
    connection.execute(update(t.ticket_checks).where(t.ticket_checks.c.ticket == ticket).values(is_open=False))


def _absorb(connection: Connection, duplicate: int, ticket: int, reason: str, *, now: datetime, actor: str) -> None:
    why = f"duplicate of ticket {ticket}: {reason}"
    move_ticket(
        connection, duplicate, Status.OPEN, Status.ABANDONED, actor=actor, reason=why, now=now, data={"into": ticket}
    )


def _calm(connection: Connection, calm: Calm, *, now: datetime, actor: str) -> bool:
    if calm.resolve:
        old = get_ticket(connection, calm.ticket, lock=True).status
        move_ticket(connection, calm.ticket, old, Status.RESOLVED, actor=actor, reason=calm.reason, now=now, data={})
    else:
        add_event(connection, calm.ticket, "green", actor=actor, text=calm.reason, data={}, now=now)
    return calm.resolve


def _pass_silenced(connection: Connection, system: str, checks: Sequence[str]) -> None:
    """Moves the watermark of checks past red rows that a person decided not to act on."""
    for check in checks:
        here = (t.results.c.system == system) & (t.results.c.check_name == check)
        result = load(CheckResult, connection.execute(select(t.results.c.doc).where(here)).scalar_one())
        if result.state is CheckState.FAILING and result.watermark is not None:
            advance(connection, t.watermarks, system, check, result.watermark)


def _known(connection: Connection, system: str) -> Known:
    alerts = list_alerts(connection, system)
    pointed = {alert.ticket for alert in alerts if alert.ticket is not None}
    wanted = (t.tickets.c.system == system) & (t.tickets.c.is_open | t.tickets.c.id.in_(sorted(pointed)))
    docs = connection.execute(select(t.tickets.c.doc).where(wanted).order_by(t.tickets.c.id)).scalars()
    tickets = tuple(load(Ticket, doc) for doc in docs)
    closed = {ticket.id for ticket in tickets if ticket.status in CLOSED}
    seen = {
        alert.check: first_seen(connection, system, alert.check)
        for alert in alerts
        if alert.ticket in closed and alert.sweeps
    }
    results = select(t.results.c.doc).where(t.results.c.system == system).order_by(t.results.c.check_name)
    latest = tuple(load(CheckResult, doc) for doc in connection.execute(results).scalars())
    return Known(alerts, latest, tickets, seen)
