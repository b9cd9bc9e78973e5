"""Counts a sweep's results into alerts: pending, firing, resolved; it opens no ticket."""

from __future__ import annotations

from collections.abc import Mapping

from andon.models import Alert, AlertState, Check, CheckResult, CheckState, alert_fingerprint


def alerts_after(
    system: str, checks: Mapping[str, Check], latest: Mapping[str, CheckResult], before: Mapping[str, Alert]
) -> dict[str, Alert]:
    counted = {name: _count(system, name, latest.get(name), before.get(name)) for name in sorted({*before, *latest})}
    known = {name: alert for name, alert in counted.items() if alert is not None}
    fired = {
        name for name, alert in known.items() if name in checks and _has_fired(alert, checks[name], before.get(name))
    }
    after: dict[str, Alert] = {}
    for name, alert in known.items():
        waits = 0
        if name not in checks:  # its file is gone: nobody can ask it, so nothing is known to have changed
            after[name] = alert
            continue
        if name in fired and not _was_firing(before.get(name)):
            red_above = [above for above in ancestors_of(name, checks) if above in known and above not in fired]
            waits = max((checks[above].hold for above in red_above if known[above].sweeps), default=0)
        counts = name in fired and (_was_firing(before.get(name)) or alert.sweeps >= checks[name].hold + waits)
        red = AlertState.FIRING if counts else AlertState.PENDING
        state = red if alert.sweeps else AlertState.RESOLVED
        after[name] = alert.model_copy(update={"state": state})
    return after


def _count(system: str, name: str, result: CheckResult | None, alert: Alert | None) -> Alert | None:
    """Returns the alert with one more red or green sweep counted; a number of sweeps of 0 means green."""
    if result is None or result.state is CheckState.ERROR or (alert and result.asked_at <= alert.last_seen):
        return alert
    if result.state is CheckState.OK:
        return alert and alert.model_copy(update={"sweeps": 0, "total": 0})
    if alert is None:
        return Alert(
            fingerprint=alert_fingerprint(system, name),
            system=system,
            check=name,
            state=AlertState.PENDING,
            since=result.asked_at,
            last_seen=result.asked_at,
            total=result.total,
        )
    change: dict[str, object] = {"last_seen": result.asked_at, "sweeps": alert.sweeps + 1, "total": result.total}
    return alert.model_copy(update=change if alert.sweeps else {**change, "since": result.asked_at})


def housed(alert: Alert, ticket: int | None) -> Alert:
    """Returns a red alert with the open ticket that its check is on."""
    return alert if ticket is None or not alert.sweeps else alert.model_copy(update={"ticket": ticket})


def _was_firing(alert: Alert | None) -> bool:
    return alert is not None and alert.state is AlertState.FIRING


def _has_fired(alert: Alert, check: Check, before: Alert | None) -> bool:
    return alert.sweeps > 0 and (alert.sweeps >= check.hold or _was_firing(before))


def ancestors_of(name: str, checks: Mapping[str, Check]) -> set[str]:
    """Returns all checks upstream of one, through any number of checks between; in a circle, itself as well."""
    found: set[str] = set()
    todo = [name]
    while todo:
        one = checks.get(todo.pop())
        fresh = set(one.upstream) - found if one else set()
        found |= fresh
        todo += sorted(fresh)
    return found
