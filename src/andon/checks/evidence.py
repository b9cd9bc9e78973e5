"""Collects what makes a failure reproducible, and the rows that a check was asked of; it judges nothing."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from andon.checks.derive import population_query
from andon.checks.places import placed
from andon.checks.watermark import BEGINNING
from andon.errors import DataError
from andon.models import Check, CheckResult, Evidence, Row
from andon.protocols import Answer, DataSource

ROWS = 2_000
"""Rows kept of the offending ones, and of each section."""
BYTES = 8 * 2**20
"""Of all rows of an evidence together, as JSON; what comes later is left out."""
WITH = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*with\b(\s+recursive\b)?", re.IGNORECASE | re.DOTALL)


def record_evidence(check: Check, result: CheckResult, data: DataSource | None) -> Evidence:
    """Returns the evidence of a failing result: its rows, all of them where they were cut, and the named sections.

    The questions are asked as of the result (`:now` and `:since` are the result's). A section of which the database
    gave more than 2,000 rows, or all together more than 8 MB, is cut.

    Raises:
        DataError: the database could not be asked for the rest.
    """
    rows, total = result.rows, result.total
    context: dict[str, tuple[Row, ...]] = {}
    left = BYTES
    if data is not None and check.query:
        if total > len(rows):
            again = _ask(check, check.query, data, result, ROWS)
            if again.rows:  # they may have gone meanwhile: then what was seen first is the evidence
                rows, total = again.rows, max(again.total, len(again.rows))
        rows, left = _within(rows, left)
        for name, query in check.evidence.items():
            asked = with_offending(query, check.query)
            try:
                found = _ask(check, asked, data, result, ROWS)
            except DataError as error:
                raise placed(check, error, section=name, above=asked.count("\n") - query.count("\n")) from error
            context[name], left = _within(found.rows, left)
    return Evidence(
        check=check.name,
        asked_at=result.asked_at,
        query=check.query,
        key=check.key,
        at=check.at,
        columns=result.columns,
        total=total,
        rows=rows,
        context=context,
    )


def population(
    check: Check,
    data: DataSource,
    *,
    now: datetime,
    since: datetime | None = None,
    rows_kept: int = 20_000,
    timeout: timedelta | None = None,
) -> Answer:
    """Returns the rows that the check was asked of, offending and healthy, newest first when `at` is known.

    At most `rows_kept` of them leave the database; `total` counts those, so that no sweep over a large table is
    needed. The query is the check's `population` section, or derived for a simple single-table SELECT.

    Raises:
        DataError: there is no such query, or it could not be asked.
    """
    query = check.population or population_query(check.query, data.dialect)
    if query is None:
        raise DataError(
            f"{check.name}: add a `-- population:` section, its query is too involved to derive one", permanent=True
        )
    order = f'order by "{check.at}" desc' if check.at else ""
    wrapped = f"select * from (\n{query}\n) as population {order} limit {int(rows_kept)}"
    params = {"now": now, "since": since or BEGINNING}
    try:
        return data.ask(wrapped, params, timeout=timeout or check.timeout, rows_kept=rows_kept)
    except DataError as error:
        if not check.population:
            raise
        raise placed(check, error, section="population", above=1) from error


def with_offending(query: str, main: str) -> str:
    """Returns a section's query with the check's main query in front of it, as the CTE `offending`."""
    cte = f"offending as (\n{main}\n)"
    own = WITH.match(query)
    if own is None:
        return f"with {cte}\n{query}"
    return f"with{own[1] or ''} {cte},{query[own.end() :]}"


def _ask(check: Check, query: str, data: DataSource, result: CheckResult, rows_kept: int) -> Answer:
    params = {"now": result.asked_at, "since": result.since or BEGINNING}
    return data.ask(query, params, timeout=check.timeout, rows_kept=rows_kept)


def _within(rows: tuple[Row, ...], left: int) -> tuple[tuple[Row, ...], int]:
    """Returns the first rows that fit into the bytes that are left, and what is left then."""
    kept: list[Row] = []
    for row in rows:
        left -= len(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if left < 0:
            break
        kept.append(row)
    return tuple(kept), max(left, 0)
