"""What the sweeps found: results, runs, offending rows first and last seen, watermarks, alerts and pings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import JsonValue
from sqlalchemy import Connection, Table, delete, func, insert, select

from andon.errors import NotFoundError
from andon.models import Alert, AlertState, Check, CheckResult, CheckState, row_fingerprint
from andon.store import tables as t
from andon.store.papers import Part, dump, dump_value, inserting, load, load_value, upsert

RUNS_KEPT = 500
"""Runs of a check that are kept for the picture of its past."""
SWEEPS_KEPT = 2000
PINGS_KEPT = 500


class Run(NamedTuple):
    """One asking of a check, without its rows."""

    asked_at: datetime
    state: CheckState
    total: int
    seconds: float


class LastResult(NamedTuple):
    """The last result of a check, and how many times in a row it could not be asked (0: the last asking worked)."""

    result: CheckResult
    errors: int


class Sweep(NamedTuple):
    """One look at all due checks of a system. Seconds of wall time; counts of checks."""

    system: str
    started_at: datetime
    seconds: float
    green: int
    red: int
    errors: int


class Ping(NamedTuple):
    """A sign of life of a watched job: `start`, `success` or `fail`."""

    kind: Literal["start", "success", "fail"]
    at: datetime
    data: dict[str, JsonValue]


class Alerts(Part):
    """Facts about checks, by (system, check)."""

    def save_result(self, system: str, result: CheckResult, *, check: Check | None = None) -> None:
        """Keeps a result as the check's last, and its run; the same result twice changes nothing.

        With the check itself it also keeps when each offending row was first and last seen. A green result moves the
        watermark; a red one leaves it before the red rows, so that they are asked for again until their ticket is
        closed, and nothing is lost between asking and opening a ticket.
        """
        self._db.write(lambda connection: _save_result(connection, system, result, check))

    def find_result(self, system: str, check: str) -> LastResult | None:
        """Returns the last result of a check."""
        query = select(t.results).where(t.results.c.system == system, t.results.c.check_name == check)
        row = self._db.read(lambda connection: connection.execute(query).one_or_none())
        return LastResult(load(CheckResult, row.doc), row.errors) if row else None

    def latest_results(self, system: str) -> tuple[CheckResult, ...]:
        """Returns the last result of each check of a system, by name."""
        return tuple(last.result for last in self.list_results(system).values())

    def list_results(self, system: str) -> dict[str, LastResult]:
        """Returns check name -> last result of all checks of a system."""
        query = select(t.results).where(t.results.c.system == system).order_by(t.results.c.check_name)
        rows = self._db.read(lambda connection: connection.execute(query).all())
        return {row.check_name: LastResult(load(CheckResult, row.doc), row.errors) for row in rows}

    def last_asked(self, system: str) -> dict[str, datetime]:
        """Returns check name -> when it was last asked: what a sweep needs to know which are due."""
        query = select(t.results.c.check_name, t.results.c.asked_at).where(t.results.c.system == system)
        return dict(self._db.read(lambda connection: [(row[0], row[1]) for row in connection.execute(query).all()]))

    def texts_asked(self, system: str) -> dict[str, str]:
        """Returns check name -> hash of the file that was last asked, where it is known."""
        query = select(t.results.c.check_name, t.results.c.sha256).where(
            t.results.c.system == system, t.results.c.sha256 != ""
        )
        return dict(self._db.read(lambda connection: [(row[0], row[1]) for row in connection.execute(query).all()]))

    def list_runs(self, system: str, check: str, *, limit: int = 100) -> tuple[Run, ...]:
        """Returns the last runs of a check, newest first."""
        query = (
            select(t.runs)
            .where(t.runs.c.system == system, t.runs.c.check_name == check)
            .order_by(t.runs.c.asked_at.desc())
            .limit(limit)
        )
        rows = self._db.read(lambda connection: connection.execute(query).all())
        return tuple(Run(row.asked_at, CheckState(row.state), row.total, row.seconds) for row in rows)

    def first_seen(self, system: str, check: str, fingerprints: Sequence[str]) -> dict[str, datetime]:
        """Returns row fingerprint -> when andon first saw it offend; rows never seen are left out."""
        return self._db.read(lambda connection: first_seen(connection, system, check, fingerprints))

    def watermark(self, system: str, check: str) -> datetime | None:
        """Returns where the next incremental asking starts; None before the first."""
        query = select(t.watermarks.c.at).where(t.watermarks.c.system == system, t.watermarks.c.check_name == check)
        return self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())

    def watermarks(self, system: str) -> dict[str, datetime]:
        """Returns check name -> watermark."""
        query = select(t.watermarks.c.check_name, t.watermarks.c.at).where(t.watermarks.c.system == system)
        return dict(self._db.read(lambda connection: [(row[0], row[1]) for row in connection.execute(query).all()]))

    def save_watermark(self, system: str, check: str, at: datetime, *, back: bool = False) -> datetime:
        """Returns the watermark that now holds: the later of the two, unless told to go `back`."""

        return self._db.write(lambda connection: advance(connection, t.watermarks, system, check, at, back=back))

    def settle(self, system: str, checks: Sequence[str], moment: datetime) -> None:
        """Says that rows of these checks up to a moment are residue: they offend, and nobody need act on them."""

        def change(connection: Connection) -> None:
            for check in checks:
                advance(connection, t.settled, system, check, moment)

        self._db.write(change)

    def settled_until(self, system: str, check: str) -> datetime | None:
        """Returns up to when the offending rows of a check are residue."""
        query = select(t.settled.c.at).where(t.settled.c.system == system, t.settled.c.check_name == check)
        return self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())

    def save_sweep(self, sweep: Sweep) -> None:
        """Keeps that a sweep took place; the same sweep twice is one."""

        def change(connection: Connection) -> None:
            upsert(connection, t.sweeps, sweep._asdict(), ("system", "started_at"))
            c = t.sweeps.c
            kept = select(c.started_at).where(c.system == sweep.system).order_by(c.started_at.desc())
            oldest = connection.execute(kept.offset(SWEEPS_KEPT).limit(1)).scalar_one_or_none()
            if oldest:
                connection.execute(delete(t.sweeps).where(c.system == sweep.system, c.started_at <= oldest))

        self._db.write(change)

    def list_sweeps(self, system: str, *, limit: int = 50) -> tuple[Sweep, ...]:
        """Returns the last sweeps of a system, newest first."""
        c = t.sweeps.c
        query = select(t.sweeps).where(c.system == system).order_by(c.started_at.desc()).limit(limit)
        rows = self._db.read(lambda connection: connection.execute(query).all())
        return tuple(Sweep(row.system, row.started_at, row.seconds, row.green, row.red, row.errors) for row in rows)

    def list_alerts(self, system: str | None = None, *, state: AlertState | None = None) -> tuple[Alert, ...]:
        """Returns alerts, ordered by system and check."""
        return self._db.read(lambda connection: list_alerts(connection, system, state))

    def get_alert(self, fingerprint: str) -> Alert:
        """Returns an alert.

        Raises:
            NotFoundError: there is none of that fingerprint.
        """
        query = select(t.alerts.c.doc).where(t.alerts.c.fingerprint == fingerprint)
        doc = self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())
        if doc is None:
            raise NotFoundError(f"there is no alert {fingerprint}")
        return load(Alert, doc)

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Writes alerts over what was known of them. Sweeps use `apply_detected`, which is safe beside other sweeps."""
        self._db.write(lambda connection: save_alerts(connection, alerts))

    def save_ping(
        self, system: str, check: str, kind: str, *, now: datetime, data: Mapping[str, JsonValue] | None = None
    ) -> None:
        """Keeps a sign of life: kind is `start`, `success` or `fail`."""

        def change(connection: Connection) -> None:
            row = {"system": system, "check_name": check, "kind": kind, "at": now, "doc": dump_value(dict(data or {}))}
            number = connection.execute(insert(t.pings).values(**row).returning(t.pings.c.id)).scalar_one()
            if number % 50 == 0:
                _trim_pings(connection, system, check)

        self._db.write(change)

    def pings(self, system: str) -> dict[str, tuple[Ping, ...]]:
        """Returns check name -> its last signs of life, newest first."""
        query = select(t.pings).where(t.pings.c.system == system).order_by(t.pings.c.id.desc())
        found: dict[str, tuple[Ping, ...]] = {}
        for row in self._db.read(lambda connection: connection.execute(query).all()):
            found[row.check_name] = (*found.get(row.check_name, ()), Ping(row.kind, row.at, load_value(row.doc)))
        return found

    def list_pings(self, system: str, check: str, *, limit: int = 50) -> tuple[Ping, ...]:
        """Returns the last signs of life, newest first."""
        c = t.pings.c
        query = select(t.pings).where(c.system == system, c.check_name == check).order_by(c.id.desc()).limit(limit)
        rows = self._db.read(lambda connection: connection.execute(query).all())
        return tuple(Ping(row.kind, row.at, load_value(row.doc)) for row in rows)


def list_alerts(connection: Connection, system: str | None, state: AlertState | None = None) -> tuple[Alert, ...]:
    """Returns alerts inside a transaction."""
    query = select(t.alerts.c.doc).order_by(t.alerts.c.system, t.alerts.c.check_name)
    if system is not None:
        query = query.where(t.alerts.c.system == system)
    if state is not None:
        query = query.where(t.alerts.c.state == state.value)
    return tuple(load(Alert, doc) for doc in connection.execute(query).scalars())


def save_alerts(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Writes alerts inside a transaction."""
    for alert in alerts:
        row: dict[str, object] = {
            "fingerprint": alert.fingerprint,
            "system": alert.system,
            "check_name": alert.check,
            "state": alert.state.value,
            "ticket": alert.ticket,
            "last_seen": alert.last_seen,
            "doc": dump(alert),
        }
        upsert(connection, t.alerts, row, ("fingerprint",))


def first_seen(
    connection: Connection, system: str, check: str, fingerprints: Sequence[str] | None = None
) -> dict[str, datetime]:
    """Returns row fingerprint -> first seen, inside a transaction; of all known rows when none are named."""
    c = t.offenders.c
    query = select(c.fingerprint, c.first_seen).where(c.system == system, c.check_name == check)
    if fingerprints is not None:
        query = query.where(c.fingerprint.in_(list(fingerprints)))
    return {row[0]: row[1] for row in connection.execute(query).all()}


def advance(
    connection: Connection, table: Table, system: str, check: str, at: datetime, *, back: bool = False
) -> datetime:
    """Moves a check's time in a table forward (or `back`) inside a transaction, and returns the time that holds."""
    row: dict[str, object] = {"system": system, "check_name": check, "at": at}
    if upsert(connection, table, row, ("system", "check_name"), replace=False):
        return at
    here = (table.c.system == system) & (table.c.check_name == check)
    connection.execute(table.update().where(here if back else here & (table.c.at < at)).values(at=at))
    held: datetime = connection.execute(select(table.c.at).where(here)).scalar_one()
    return held


def _save_result(connection: Connection, system: str, result: CheckResult, check: Check | None) -> None:
    run: dict[str, object] = {
        "system": system,
        "check_name": result.check,
        "asked_at": result.asked_at,
        "state": result.state.value,
        "total": result.total,
        "seconds": result.seconds,
    }
    if not upsert(connection, t.runs, run, ("system", "check_name", "asked_at"), replace=False):
        return
    _trim_runs(connection, system, result.check)
    if check is not None:
        _see_rows(connection, system, check, result)
    if result.state is CheckState.OK and result.watermark is not None:
        advance(connection, t.watermarks, system, result.check, result.watermark)
    here = (t.results.c.system == system) & (t.results.c.check_name == result.check)
    last = connection.execute(select(t.results.c.asked_at, t.results.c.errors).where(here)).one_or_none()
    if last and last.asked_at > result.asked_at:
        return
    errors = (last.errors if last else 0) + 1 if result.state is CheckState.ERROR else 0
    row: dict[str, object] = {
        "system": system,
        "check_name": result.check,
        "state": result.state.value,
        "asked_at": result.asked_at,
        "errors": errors,
        "doc": dump(result),
        "sha256": check.sha256 if check is not None else "",
    }
    upsert(connection, t.results, row, ("system", "check_name"))


def _see_rows(connection: Connection, system: str, check: Check, result: CheckResult) -> None:
    """Keeps when rows were first and last seen, in one statement however many there are."""
    prints = sorted({row_fingerprint(check, row) for row in result.rows})
    if not prints:
        return
    same = {"system": system, "check_name": check.name, "first_seen": result.asked_at, "last_seen": result.asked_at}
    statement = inserting(connection, t.offenders).values([{**same, "fingerprint": one} for one in prints])
    newer = statement.excluded.last_seen
    statement = statement.on_conflict_do_update(
        index_elements=["system", "check_name", "fingerprint"],
        set_={"last_seen": newer},
        where=t.offenders.c.last_seen < newer,
    )
    connection.execute(statement)


def _trim_runs(connection: Connection, system: str, check: str) -> None:
    c = t.runs.c
    here = (c.system == system) & (c.check_name == check)
    if connection.execute(select(func.count()).select_from(t.runs).where(here)).scalar_one() <= RUNS_KEPT:
        return
    oldest = select(c.asked_at).where(here).order_by(c.asked_at.desc()).offset(RUNS_KEPT - 1).limit(1)
    connection.execute(delete(t.runs).where(here, c.asked_at < connection.execute(oldest).scalar_one()))


def _trim_pings(connection: Connection, system: str, check: str) -> None:
    c = t.pings.c
    here = (c.system == system) & (c.check_name == check)
    oldest = select(c.id).where(here).order_by(c.id.desc()).offset(PINGS_KEPT).limit(1)
    number = connection.execute(oldest).scalar_one_or_none()
    if number:
        connection.execute(delete(t.pings).where(here, c.id <= number))
