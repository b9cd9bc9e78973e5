"""Decides whether a release has held: quiet, waiting, fired again, or not to be told; ships and reverts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from andon.config import SystemSettings
from andon.models import Check, CheckResult, CheckState, Evidence, Release, Row, Watched, row_fingerprint


def watch(
    check: Check,
    release: Release,
    *,
    result: CheckResult,
    newer: CheckResult | None = None,
    evidence: Evidence | None = None,
    first_seen: Mapping[str, datetime] | None = None,
    now: datetime,
    settings: SystemSettings,
) -> Watched:
    """Returns what one look at a shipped ticket's check tells.

    `result` is the check as it stands; `newer`, where it could be asked, the same check of rows newer than the release
    alone (it sees rows that `result` was too full to hold). A row is new by its own time; where it has none, when it
    was first seen after the release; where even that is not known, when the evidence does not hold it. Rows that are
    not new are residue: the bug wrote them before, the fix does not undo them.

    `quiet` needs the quiet time to have passed since the release without a new row; a row that comes later than that
    fires again, and reopens. A result of `error` establishes nothing: it is never quiet, and never fired.
    """
    moment = settled_at(release, settings)
    asked = [result] if newer is None else [result, newer]
    if trouble := next((one for one in asked if one.state is CheckState.ERROR), None):
        return Watched(state="error", message=f"{check.name} could not be asked: {trouble.message}")
    known = {row_fingerprint(check, row) for row in evidence.rows} if evidence else set()
    seen = first_seen or {}
    found = {row_fingerprint(check, row): row for one in asked for row in one.rows}
    fresh = {name: row for name, row in found.items() if _is_new(check, row, name, moment, known, seen)}
    residue = tuple(row for name, row in found.items() if name not in fresh)
    fresh_total = newer.total if newer is not None and check.at is not None else len(fresh)
    residue_total = max(len(residue), result.total - fresh_total)
    if fresh:
        words = f"{len(fresh)} rows newer than the release of {moment:%Y-%m-%d %H:%M} UTC offend"
        return _watched("fired", tuple(fresh.values()), residue, residue_total, words)
    if result.state is CheckState.FAILING and not result.rows:
        return _without_rows(check, result, moment, now)
    until = moment + settings.quiet
    if min(now, result.asked_at) < until:
        return _watched("waiting", (), residue, residue_total, f"no new row so far; quiet at {until:%H:%M} UTC", moment)
    return _watched("quiet", (), residue, residue_total, f"no new row since {moment:%Y-%m-%d %H:%M} UTC", moment)


def settled_at(release: Release, settings: SystemSettings) -> datetime:
    """Returns since when the released code alone writes rows: what ran before the deploy has ended by then."""
    return (release.deployed_at or release.shipped_at) + settings.rollout


def _without_rows(check: Check, result: CheckResult, moment: datetime, now: datetime) -> Watched:
    """Judges a check that is red and shows no rows (http, command): it fired, once it had time to recover."""
    if now - moment < check.every:
        return Watched(state="waiting", message=f"still red: {result.message}; a deploy may need a moment to show")
    return Watched(state="fired", message=f"still red after the release: {result.message}")


def _is_new(check: Check, row: Row, name: str, moment: datetime, known: set[str], seen: Mapping[str, datetime]) -> bool:
    at = row_time(check, row)
    if at is not None:
        return at > moment
    return seen[name] > moment if name in seen else name not in known


def _watched(
    state: str,
    fresh: tuple[Row, ...],
    residue: tuple[Row, ...],
    residue_total: int,
    message: str,
    quiet_since: datetime | None = None,
) -> Watched:
    return Watched.model_validate(
        {
            "state": state,
            "new_rows": fresh,
            "residue": residue,
            "residue_total": residue_total,
            "message": message,
            "quiet_since": quiet_since,
        }
    )


def row_time(check: Check, row: Row) -> datetime | None:
    """Returns a row's own time; None when the check names no column for it, or what stands there is no time."""
    value = row.get(check.at) if check.at else None
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
