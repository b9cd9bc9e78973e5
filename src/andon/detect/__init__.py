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

from collections.abc import Mapping, Sequence
from datetime import datetime

from andon.config import SystemSettings
from andon.detect.alerts import alerts_after, housed
from andon.detect.calms import calms_of
from andon.detect.causes import causes_of
from andon.detect.picture import FirstSeen, Picture
from andon.detect.values import Calm, Cause, Detected
from andon.models import Alert, Check, CheckResult, CheckState, Ticket

__all__ = ["Calm", "Cause", "Detected", "cannot_be_asked", "detect"]

ERROR_SWEEPS = 3
"""A check that could not be asked this many times in a row is shown as `cannot be asked`."""


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
    after = alerts_after(system, by_name, latest, before)
    known = {ticket.id: ticket for ticket in tickets if ticket.system == system}
    picture = Picture(by_name, latest, before, after, known, settings, now, first_seen or {})
    causes, storm = causes_of(picture)
    taken = {duplicate for cause in causes for duplicate in cause.absorbs}
    calms = tuple(calm for calm in calms_of(picture, before, causes) if calm.ticket not in taken)
    homes = {check for cause in causes for check in cause.checks}
    at_home = {name: housed(alert, picture.held.get(name)) for name, alert in sorted(after.items())}
    changed = tuple(alert for name, alert in at_home.items() if alert != before.get(name) or name in homes)
    errors = tuple(sorted(name for name, result in latest.items() if result.state is CheckState.ERROR))
    return Detected(changed, causes, calms, tuple(sorted(picture.silenced)), errors, storm)


def cannot_be_asked(errors_in_a_row: Mapping[str, int], *, sweeps: int = ERROR_SWEEPS) -> tuple[str, ...]:
    """Returns the checks that could not be asked for so many sweeps in a row that people should look."""
    return tuple(sorted(name for name, count in errors_in_a_row.items() if count >= sweeps))
