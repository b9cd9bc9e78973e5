"""Asks one check once and says ok, failing or error; what the world does is a result, never an exception."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from andon.checks.places import missing_columns, said
from andon.checks.watermark import BEGINNING, newest_judged, next_watermark
from andon.errors import AndonError
from andon.models import Check, CheckKind, CheckResult, CheckState
from andon.protocols import DataSource, Sandbox

if TYPE_CHECKING:
    from andon.checks.heartbeat import Ping


def ask(
    check: Check,
    *,
    data: DataSource | None,
    since: datetime | None,
    now: datetime,
    sandbox: Sandbox | None = None,
    root: Path | None = None,
    pings: Mapping[str, Ping] | None = None,
    seen: MutableMapping[str, datetime | None] | None = None,
) -> CheckResult:
    """Returns what asking a check of any kind gave.

    `root` is the folder that check paths are relative to (for Python and command checks; the current one when None).
    A command check runs in `sandbox`; without one, as a plain child process. `pings` holds the last ping of each
    heartbeat; `seen` is shared by the checks of one sweep (see `newest_judged`).
    """
    if check.kind is CheckKind.SQL:
        if data is None:
            return error_result(check, now, "the data source cannot be asked: set `data`", since=since)
        return ask_sql(check, data, since, now, seen)
    result = _ask_other(check, data, since, now, sandbox, root or Path(), pings)
    wrong = missing_columns(check, result.columns)
    return error_result(check, now, wrong, since=result.since, seconds=result.seconds) if wrong else result


def _ask_other(
    check: Check,
    data: DataSource | None,
    since: datetime | None,
    now: datetime,
    sandbox: Sandbox | None,
    root: Path,
    pings: Mapping[str, Ping] | None,
) -> CheckResult:
    """Returns what asking a check of any kind but SQL gave."""
    if check.kind is CheckKind.HEARTBEAT:
        from andon.checks.heartbeat import judge_heartbeat

        return judge_heartbeat(check, (pings or {}).get(check.name), now)
    if check.kind is CheckKind.HTTP:
        from andon.checks.http import ask_http

        return ask_http(check, now)
    if check.kind is CheckKind.COMMAND:
        from andon.checks.command import ask_command

        return ask_command(check, now, root=root, sandbox=sandbox)
    from andon.checks.child import ask_python

    return ask_python(check, now, root=root, data=data, since=since)


def ask_sql(
    check: Check,
    data: DataSource,
    since: datetime | None,
    now: datetime,
    seen: MutableMapping[str, datetime | None] | None = None,
) -> CheckResult:
    """Returns what asking an SQL check of a data source gave. `since` is the stored watermark, None at first."""
    started = time.perf_counter()
    start = since if check.incremental else None
    params = {"now": now, "since": since or BEGINNING}
    watermark = None
    try:
        newest = newest_judged(check, data, since, now, seen) if check.incremental else None
        answer = data.ask(check.query, params, timeout=check.timeout, rows_kept=check.rows_kept)
        wrong = missing_columns(check, answer.columns)
        if check.incremental and not wrong:
            watermark = next_watermark(check, answer, newest=newest, since=since, now=now, data=data)
    except AndonError as error:
        wrong = said(check, error)
    if wrong:
        return error_result(check, now, wrong, since=start, seconds=time.perf_counter() - started)
    return CheckResult(
        check=check.name,
        state=CheckState.FAILING if answer.total else CheckState.OK,
        asked_at=now,
        seconds=time.perf_counter() - started,
        rows=answer.rows,
        total=answer.total,
        columns=answer.columns,
        message="" if answer.rows or not answer.total else "its rows are too large to be kept: select fewer columns",
        since=start,
        watermark=watermark,
    )


def error_result(
    check: Check, now: datetime, message: str, *, since: datetime | None = None, seconds: float = 0.0
) -> CheckResult:
    """Returns the result of a check that could not be asked: its watermark stays where it is."""
    return CheckResult(
        check=check.name,
        state=CheckState.ERROR,
        asked_at=now,
        seconds=seconds,
        message=message,
        since=since,
        watermark=since,
    )
