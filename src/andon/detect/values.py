"""What a sweep decided, as values; they say what is to become of tickets and alerts, and change none."""

from __future__ import annotations

from typing import NamedTuple

from andon.models import Alert, Autonomy, Severity, Status

CLOSED = frozenset({Status.RESOLVED, Status.ABANDONED})
RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}


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
