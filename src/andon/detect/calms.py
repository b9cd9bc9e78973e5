"""Decides which tickets may rest because all their checks are green again; it proves no fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from andon.detect.picture import Picture
from andon.detect.values import CLOSED, Calm, Cause
from andon.models import Alert, AlertState, CheckState, Status, Ticket


def calms_of(picture: Picture, before: Mapping[str, Alert], causes: Sequence[Cause]) -> Iterable[Calm]:
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


def _green_since(picture: Picture, alert: Alert, ticket: Ticket) -> bool:
    """Tells that a check was asked and green after its ticket last moved: an older green proves nothing about it."""
    result = picture.latest.get(alert.check)
    return result is not None and result.state is CheckState.OK and result.asked_at > ticket.updated_at
