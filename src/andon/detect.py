"""Decides what a sweep's results mean: which alerts change, which tickets open, grow, reopen or close; writes nothing.

The rules, each in one sentence:
- A check counts as red once it was red for `for` sweeps in a row; while an upstream of it is red but does not count
  yet, it waits for the upstream, at most the upstream's own `for` longer.
- A check that could not be asked changes nothing: not its alert, not a ticket.
- A red check belongs to the ticket of the topmost red check upstream of it, through any number of checks in between.
- When an upstream turns red later, it takes over the tickets below it that nobody has worked on (status `open`); a
  ticket that has been worked on stays apart.
- A check that is on an open ticket stays on it, red or green, until the ticket is closed.
- A ticket that nobody has worked on is resolved when all its checks are green again by themselves; so is a storm's. Any
  other ticket only notes it. (Whether that is the lane `flaky` is for a diagnosis to say: it reopens when red again.)
- As many causes at once as `storm` says become one ticket for a person; while it is open, new causes join it.
- A check of a resolved ticket that turns red again reopens it or gets a new ticket of the same cause, as set; a check
  that stayed red over the resolution is residue, and silent, until a row appears that is newer than the resolution.
- A check of an abandoned ticket is silent until it has been green.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from andon.config import SystemSettings
from andon.models import (
    Alert,
    AlertState,
    Autonomy,
    Check,
    CheckResult,
    CheckState,
    Row,
    Severity,
    Status,
    Ticket,
    alert_fingerprint,
    row_fingerprint,
)

CLOSED = frozenset({Status.RESOLVED, Status.ABANDONED})
RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}
ERROR_SWEEPS = 3
"""A check that could not be asked this many times in a row is shown as `cannot be asked`."""

FirstSeen = Mapping[str, Mapping[str, datetime]]
"""Check -> row fingerprint -> when the row was first seen to offend."""


class Cause(NamedTuple):
    """A ticket to open (`ticket` None), to attach checks to, or to reopen."""

    ticket: int | None
    reopen: bool
    check: str | None
    checks: tuple[str, ...]
    """The checks that come to it now, its own first."""
    title: str
    body: str
    status: Status
    severity: Severity
    autonomy: Autonomy
    cause: int | None
    """First ticket of the cause, where this one descends from another."""
    absorbs: tuple[int, ...]
    """Open tickets that turn out to be duplicates of it."""
    reason: str


class Calm(NamedTuple):
    """A ticket whose checks are all green again."""

    ticket: int
    resolve: bool
    reason: str


class Detected(NamedTuple):
    """What a sweep decided."""

    alerts: tuple[Alert, ...]
    """Alerts that changed, as they are now. The ticket of those in `causes` is set when those are applied."""
    causes: tuple[Cause, ...] = ()
    calms: tuple[Calm, ...] = ()
    silenced: tuple[str, ...] = ()
    """Checks that are red and need nobody: residue of a resolved ticket, or abandoned by a person."""
    errors: tuple[str, ...] = ()
    """Checks that could not be asked."""
    storm: bool = False


def detect(
    system: str,
    checks: Sequence[Check],
    results: Sequence[CheckResult],
    alerts: Sequence[Alert],
    tickets: Sequence[Ticket],
    *,
    now: datetime,
    settings: SystemSettings,
    first_seen: FirstSeen | None = None,
) -> Detected:
    """Returns what a sweep's results mean. The same results twice, or in another order, mean the same.

    `checks` are all checks of the system, `results` at most the last one of each, `alerts` all alerts of the system,
    `tickets` all its open tickets and those that alerts point to. A result that is not newer than its alert's last
    red one was counted before and is not counted again.
    """
    by_name = {check.name: check for check in checks}
    latest = {
        result.check: result for result in sorted(results, key=lambda one: one.asked_at) if result.check in by_name
    }
    before = {alert.check: alert for alert in alerts if alert.system == system}
    after = _alerts_after(system, by_name, latest, before)
    known = {ticket.id: ticket for ticket in tickets if ticket.system == system}
    picture = _Picture(by_name, latest, before, after, known, settings, now, first_seen or {})
    causes, storm = _causes(picture)
    taken = {duplicate for cause in causes for duplicate in cause.absorbs}
    calms = tuple(calm for calm in _calms(picture, before, causes) if calm.ticket not in taken)
    homes = {check for cause in causes for check in cause.checks}
    housed = {name: _housed(alert, picture.held.get(name)) for name, alert in sorted(after.items())}
    changed = tuple(alert for name, alert in housed.items() if alert != before.get(name) or name in homes)
    errors = tuple(sorted(name for name, result in latest.items() if result.state is CheckState.ERROR))
    return Detected(changed, causes, calms, tuple(sorted(picture.silenced)), errors, storm)


def cannot_be_asked(errors_in_a_row: Mapping[str, int], *, sweeps: int = ERROR_SWEEPS) -> tuple[str, ...]:
    """Returns the checks that could not be asked for so many sweeps in a row that people should look."""
    return tuple(sorted(name for name, count in errors_in_a_row.items() if count >= sweeps))


class _Picture:
    """All that one decision looks at."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        latest: Mapping[str, CheckResult],
        before: Mapping[str, Alert],
        alerts: Mapping[str, Alert],
        tickets: Mapping[int, Ticket],
        settings: SystemSettings,
        now: datetime,
        first_seen: FirstSeen,
    ) -> None:
        self.checks, self.latest, self.before, self.alerts, self.tickets = checks, latest, before, alerts, tickets
        self.settings, self.now, self.first_seen = settings, now, first_seen
        self.held = {
            check: ticket.id for ticket in tickets.values() if ticket.status not in CLOSED for check in ticket.checks
        }
        """Check -> the open ticket it is on."""
        red = {name for name, alert in alerts.items() if alert.state is AlertState.FIRING and name in checks}
        self.silenced = {name for name in red if name not in self.held and _silent(self, name)}
        self.firing = red - self.silenced
        self.above = {name: _ancestors(name, checks) for name in checks}


# --- alerts ---------------------------------------------------------------------------------------------------------


def _alerts_after(
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
            red_above = [above for above in _ancestors(name, checks) if above in known and above not in fired]
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


def _housed(alert: Alert, ticket: int | None) -> Alert:
    """Returns a red alert with the open ticket that its check is on."""
    return alert if ticket is None or not alert.sweeps else alert.model_copy(update={"ticket": ticket})


def _was_firing(alert: Alert | None) -> bool:
    return alert is not None and alert.state is AlertState.FIRING


def _has_fired(alert: Alert, check: Check, before: Alert | None) -> bool:
    return alert.sweeps > 0 and (alert.sweeps >= check.hold or _was_firing(before))


# --- causes ---------------------------------------------------------------------------------------------------------


def _causes(picture: _Picture) -> tuple[tuple[Cause, ...], bool]:
    """Returns the tickets to open, extend or reopen, and whether that was a storm."""
    storm_ticket = _storm_ticket(picture)
    groups: dict[str, list[str]] = {}
    for name in sorted(picture.firing):
        groups.setdefault(_root(picture, name), []).append(name)
    extended: list[Cause] = []
    fresh: list[Cause] = []
    for root, members in sorted(groups.items()):
        arrivals = [name for name in (root, *(name for name in members if name != root)) if name not in picture.held]
        home = picture.held.get(root)
        absorbs, adopted = _duplicates(picture, root, members, home)
        if home is not None and (arrivals or adopted):
            extended.append(_extend(picture, home, root, [*arrivals, *adopted], absorbs))
        elif home is None:
            fresh.append(_open(picture, root, [*arrivals, *adopted], absorbs))
    if storm_ticket is not None and fresh:
        return (*extended, _join_storm(storm_ticket, fresh)), True
    if len(fresh) >= max(2, picture.settings.storm):
        return (*extended, _storm(picture, fresh)), True
    return (*extended, *fresh), False


def _root(picture: _Picture, name: str) -> str:
    """Returns the topmost firing check that explains a firing check; itself when nothing above it fires."""
    above = picture.above[name] & picture.firing
    tops = [one for one in {*above, name} if _is_top(picture, one)]
    return min(tops, key=lambda one: (-RANK[picture.checks[one].severity], picture.alerts[one].since, one))


def _is_top(picture: _Picture, name: str) -> bool:
    """Tells that nothing fires above a check, but for those of its own circle of which it is the first by name."""
    above = picture.above[name] & picture.firing
    circle = {one for one in above if name in picture.above[one]} | {name}
    return above <= circle and name == min(circle)


def _duplicates(
    picture: _Picture, root: str, members: Sequence[str], home: int | None
) -> tuple[tuple[int, ...], list[str]]:
    """Returns the tickets below a root that it takes over, and the checks that come with them."""
    absorbs: list[int] = []
    adopted: list[str] = []
    for ticket in sorted({picture.held[name] for name in members if name in picture.held} - {home}):
        it = picture.tickets[ticket]
        firing = [name for name in it.checks if name in picture.firing]
        if it.status is Status.OPEN and it.check is not None and all(_root(picture, name) == root for name in firing):
            absorbs.append(ticket)
            adopted += [name for name in it.checks if name in picture.alerts]
    return tuple(absorbs), sorted(adopted)


def _extend(picture: _Picture, home: int, root: str, checks: Sequence[str], absorbs: tuple[int, ...]) -> Cause:
    ticket = picture.tickets[home]
    return Cause(
        ticket=home,
        reopen=False,
        check=ticket.check,
        checks=tuple(dict.fromkeys(checks)),
        title=ticket.title,
        body=ticket.body,
        status=ticket.status,
        severity=ticket.severity,
        autonomy=ticket.autonomy,
        cause=ticket.cause,
        absorbs=absorbs,
        reason=f"explained by {root}, which is red upstream" if [*checks] != [root] else f"{root} is red",
    )


def _open(picture: _Picture, root: str, checks: Sequence[str], absorbs: tuple[int, ...]) -> Cause:
    """Returns the new ticket of a root cause, or the resolved one that it reopens."""
    check, total = picture.checks[root], picture.alerts[root].total
    rows = f": {total} offending row{'' if total == 1 else 's'}" if total else ""
    earlier = _earlier(picture, root)
    reopen = earlier is not None and earlier.check == root and picture.settings.when_fires_again == "reopen"
    reason = f"fires again, {total} offending rows" if earlier else f"{root} is red{rows}"
    return Cause(
        ticket=earlier.id if earlier and reopen else None,
        reopen=reopen,
        check=root,
        checks=tuple(dict.fromkeys([root, *checks])),
        title=f"{root} is red{rows}",
        body=f"{check.why}\n\n{check.decided}",
        status=Status.OPEN,
        severity=max(
            (picture.checks[name].severity for name in checks if name in picture.checks), key=RANK.__getitem__
        ),
        autonomy=check.autonomy or picture.settings.autonomy,
        cause=earlier.cause if earlier else None,
        absorbs=absorbs,
        reason=reason,
    )


def _earlier(picture: _Picture, check: str) -> Ticket | None:
    """Returns the ticket that was resolved lately and that a check was on."""
    ticket = picture.tickets.get(picture.alerts[check].ticket or 0)
    if ticket is None or ticket.status is not Status.RESOLVED or ticket.check is None:
        return None
    return ticket if picture.now - ticket.updated_at <= picture.settings.reopen_within else None


# --- storm ----------------------------------------------------------------------------------------------------------


def _storm_ticket(picture: _Picture) -> Ticket | None:
    storms = [
        ticket
        for ticket in picture.tickets.values()
        if ticket.check is None and ticket.checks and ticket.status is Status.ESCALATED
    ]
    return min(storms, key=lambda ticket: ticket.id, default=None)


def _storm(picture: _Picture, fresh: Sequence[Cause]) -> Cause:
    """Returns one ticket for a person instead of many for the loop."""
    checks = tuple(dict.fromkeys(name for cause in fresh for name in cause.checks))
    roots = ", ".join(cause.check or "" for cause in fresh)
    return Cause(
        ticket=None,
        reopen=False,
        check=None,
        checks=checks,
        title=f"{len(fresh)} causes at once, {len(checks)} red checks",
        body=f"Red at once without a shared upstream: {roots}.",
        status=Status.ESCALATED,
        severity=max((cause.severity for cause in fresh), key=RANK.__getitem__),
        autonomy=Autonomy.REPORT,
        cause=None,
        absorbs=tuple(duplicate for cause in fresh for duplicate in cause.absorbs),
        reason=(
            f"{len(fresh)} independent checks turned red in one sweep, and {picture.settings.storm} make a storm: look "
            "what they share (a host, a deploy, a source); nothing is fixed until this ticket is closed"
        ),
    )


def _join_storm(storm: Ticket, fresh: Sequence[Cause]) -> Cause:
    checks = tuple(dict.fromkeys(name for cause in fresh for name in cause.checks))
    return Cause(
        ticket=storm.id,
        reopen=False,
        check=None,
        checks=checks,
        title=storm.title,
        body=storm.body,
        status=storm.status,
        severity=storm.severity,
        autonomy=storm.autonomy,
        cause=storm.cause,
        absorbs=tuple(duplicate for cause in fresh for duplicate in cause.absorbs),
        reason="turned red while the storm lasts",
    )


# --- quiet ----------------------------------------------------------------------------------------------------------


def _calms(picture: _Picture, before: Mapping[str, Alert], causes: Sequence[Cause]) -> Iterable[Calm]:
    """Yields the tickets whose last red check has just turned green."""
    touched = {cause.ticket for cause in causes}
    for ticket in sorted(picture.tickets.values(), key=lambda one: one.id):
        alerts = [picture.alerts[name] for name in ticket.checks if name in picture.alerts]
        just_now = any(name in before and before[name].state is not AlertState.RESOLVED for name in ticket.checks)
        if ticket.status in CLOSED or ticket.id in touched or not alerts:
            continue
        if any(alert.state is not AlertState.RESOLVED or not _green_since(picture, alert, ticket) for alert in alerts):
            continue
        if ticket.status is Status.OPEN:
            yield Calm(ticket.id, True, "green again by itself, before anybody worked on it")
        elif ticket.status is Status.ESCALATED and ticket.check is None:
            yield Calm(ticket.id, True, "the storm is over: all its checks are green again by themselves")
        elif just_now:
            yield Calm(ticket.id, False, "all its checks are green again")


def _green_since(picture: _Picture, alert: Alert, ticket: Ticket) -> bool:
    """Tells that a check was asked and green after its ticket last moved: an older green proves nothing about it."""
    result = picture.latest.get(alert.check)
    return result is not None and result.state is CheckState.OK and result.asked_at > ticket.updated_at


def _silent(picture: _Picture, name: str) -> bool:
    """Tells that a red check needs nobody: a person abandoned it, or its rows are residue of a resolved ticket."""
    alert = picture.alerts[name]
    ticket = picture.tickets.get(alert.ticket or 0)
    if ticket is None or ticket.status not in CLOSED or alert.since > ticket.updated_at:
        return False
    if ticket.status is Status.ABANDONED:
        return True
    result = picture.latest.get(name)
    if result is None or result.state is not CheckState.FAILING:
        return True
    if result.total > len(result.rows) and name in picture.before and result.total > picture.before[name].total:
        return False  # more rows than were kept: that there are more than before is all that can be told
    check, seen = picture.checks[name], picture.first_seen.get(name, {})
    return not any(_newer(check, row, ticket.updated_at, seen) for row in result.rows)


def _newer(check: Check, row: Row, moment: datetime, seen: Mapping[str, datetime]) -> bool:
    """Tells that a row came after a moment: by its own time, else by when it was first seen."""
    value = row.get(check.at) if check.at else None
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = moment  # not a time: the row's own moment is not known
        if at != moment:
            return (at if at.tzinfo else at.replace(tzinfo=UTC)) > moment
    first = seen.get(row_fingerprint(check, row))
    return first is not None and first > moment


def _ancestors(name: str, checks: Mapping[str, Check]) -> set[str]:
    """Returns all checks upstream of one, through any number of checks between; in a circle, itself as well."""
    found: set[str] = set()
    todo = [name]
    while todo:
        one = checks.get(todo.pop())
        fresh = set(one.upstream) - found if one else set()
        found |= fresh
        todo += sorted(fresh)
    return found
