"""Decides where the next sweep of an incremental check starts; it never steps past a row that was not judged.

The newest time is asked BEFORE the question itself. Both see committed rows only, and the second sees all that the
first saw, so every row up to that time is in what was judged, or will arrive later: within `lateness` of the newest.
The watermark therefore stays `lateness` (and one tick, for rows of the very same time) behind the newest judged row,
and never ahead of the clock, or one row dated 2099 would hide all others. While the check is failing it stays before
the earliest offending row, so that the rows are seen again until the cause is handled.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta

from andon.checks.derive import newest_queries
from andon.errors import DataError
from andon.models import Check, Row
from andon.protocols import Answer, DataSource

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""What `:since` is before the first sweep."""
TICKS: Mapping[str, timedelta] = {"postgres": timedelta(microseconds=1), "sqlite": timedelta(seconds=1)}
"""The smallest step of time that a dialect's comparison can tell apart: SQLite's datetime() drops fractions."""


def newest_judged(
    check: Check,
    data: DataSource,
    since: datetime | None,
    now: datetime,
    seen: MutableMapping[str, datetime | None] | None = None,
) -> datetime | None:
    """Returns the newest time among the rows that are about to be judged; None when nobody can tell.

    `seen` keeps what was found for a query: within one sweep an earlier answer is older, which is safe.

    Raises:
        DataError: the database could not be asked.
    """
    queries: Sequence[str] = newest_queries(check.query, data.dialect)
    if not queries and check.population and check.at:
        queries = [f'select max("{check.at}") as newest from (\n{check.population}\n) as population']
    params = {"since": since or BEGINNING, "now": now}
    known = {} if seen is None else seen
    newest: list[datetime] = []
    for query in queries:
        key = query if not check.population else f"{params['since']} {query}"
        if key not in known:
            known[key] = _ask_newest(query, check, data, params, now)
        found = known[key]
        if found is None:
            return None
        newest.append(found)
    return min(newest, default=None)


def _ask_newest(
    query: str, check: Check, data: DataSource, params: Mapping[str, datetime], now: datetime
) -> datetime | None:
    try:
        rows = data.ask(query, params, timeout=check.timeout, rows_kept=1).rows
    except DataError as error:
        if not error.permanent:
            raise
        return None  # the column belongs to another table after all: the check itself may still be fine
    return read_time(next(iter(rows[0].values())) if rows else None, now)


def next_watermark(
    check: Check, answer: Answer, *, newest: datetime | None, since: datetime | None, now: datetime, data: DataSource
) -> datetime | None:
    """Returns where the next sweep may start: at `since` again when anything is unclear.

    Raises:
        DataError: the database could not be asked for the earliest of more offending rows than were kept.
    """
    if newest is None:
        return since
    tick = TICKS.get(data.dialect, timedelta(seconds=1))
    reached = _before(min(newest, now), check.lateness + tick)
    if answer.total:
        earliest = _earliest(check, answer, since, now, data)
        if earliest is None:
            return since
        reached = min(reached, _before(earliest, tick))
    return reached if since is None else max(since, reached)


def read_time(value: object, now: datetime) -> datetime | None:
    """Returns the time that a value holds (ISO 8601, without offset UTC); `infinity` is now; None for anything else."""
    if value == "infinity":
        return now
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: the year 1 or 9999, and an offset that leads out of it
        return None


def _earliest(check: Check, answer: Answer, since: datetime | None, now: datetime, data: DataSource) -> datetime | None:
    """Returns the time of the earliest offending row; None when one of them has no time, or nobody can tell.

    Where only the first rows were kept it is asked for, once: from then on the sweeps start there and not at `since`.
    What was mended between the two questions is out, what came late is in: both are right.
    """
    if check.at is None:
        return None
    times = [_time(row, check.at, now) for row in answer.rows]
    known = [time for time in times if time is not None]
    if answer.total == len(answer.rows):
        return min(known) if known and len(known) == len(times) else None
    if since is not None and known and min(known) - since <= 2 * TICKS["sqlite"]:
        return since  # the sweep before found this row the earliest, and it is still there
    column = f'"{check.at}"'
    query = (
        f"select min({column}) as earliest, count(*) - count({column}) as timeless from (\n{check.query}\n) as found"
    )
    params = {"since": since or BEGINNING, "now": now}
    try:
        rows = data.ask(query, params, timeout=check.timeout, rows_kept=1).rows
    except DataError as error:
        if not error.permanent:
            raise
        return None  # `at` is no column of the query
    return read_time(rows[0]["earliest"], now) if rows and not rows[0]["timeless"] else None


def _time(row: Row, column: str, now: datetime) -> datetime | None:
    return read_time(row.get(column), now)


def _before(moment: datetime, span: timedelta) -> datetime:
    return moment - span if moment - BEGINNING > span else BEGINNING
