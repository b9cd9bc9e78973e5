"""All that one decision looks at, and which red checks need nobody; it decides no ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from andon.config import SystemSettings
from andon.detect.alerts import ancestors_of
from andon.detect.values import CLOSED
from andon.models import Alert, AlertState, Check, CheckResult, CheckState, Row, Status, Ticket, row_fingerprint

FirstSeen = Mapping[str, Mapping[str, datetime]]
"""Check -> row fingerprint -> when the row was first seen to offend."""


class Picture:
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
        self.silenced = {name for name in red if name not in self.held and is_silent(self, name)}
        self.firing = red - self.silenced
        self.above = {name: ancestors_of(name, checks) for name in checks}


def is_silent(picture: Picture, name: str) -> bool:
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
