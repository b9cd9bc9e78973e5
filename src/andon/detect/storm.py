"""Makes one ticket for a person out of many causes at once; how many are many, the settings say."""

from __future__ import annotations

from collections.abc import Sequence

from andon.detect.picture import Picture
from andon.detect.values import RANK, Cause
from andon.models import Autonomy, Status, Ticket


def storm_ticket_of(picture: Picture) -> Ticket | None:
    storms = [
        ticket
        for ticket in picture.tickets.values()
        if ticket.check is None and ticket.checks and ticket.status is Status.ESCALATED
    ]
    return min(storms, key=lambda ticket: ticket.id, default=None)


def storm_of(picture: Picture, fresh: Sequence[Cause]) -> Cause:
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


def join_storm(storm: Ticket, fresh: Sequence[Cause]) -> Cause:
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
