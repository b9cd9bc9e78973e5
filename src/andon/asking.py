"""Decides which checks are due and asks checks now; it saves no result. `andon check` needs it to start fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from andon.app import App
from andon.errors import ConfigError
from andon.models import Check, CheckKind, CheckResult

if TYPE_CHECKING:
    from andon.checks.heartbeat import Ping


def ask_now(
    app: App, system: str, checks: Sequence[Check], watermarks: Mapping[str, datetime]
) -> tuple[CheckResult, ...]:
    """Returns what checks give now, without saving anything.

    Where the data cannot be opened (a variable of the environment is not set, a URL is none), the checks that need it
    are errors with that reason; the others are asked.

    Raises:
        ConfigError: the data login can do more than read.
    """
    from andon.checks import ask_all

    if any(check.kind in (CheckKind.SQL, CheckKind.PYTHON) for check in checks) and can_open(app, system):
        app.find_data(system)  # refuses a login that can write, before any question is asked
    heartbeats = any(check.kind is CheckKind.HEARTBEAT for check in checks)
    return ask_all(
        checks,
        open_data=lambda: app.open_data(system),
        watermarks=watermarks,
        now=app.now(),
        root=app.check_root(system),
        pings=last_pings(app, system) if heartbeats else {},
    )


def can_open(app: App, system: str) -> bool:
    """Tells whether there is a URL of the system's data that can be tried; it connects to nothing."""
    try:
        app.open_data(system).close()
    except ConfigError:  # whoever needs the data is told when it asks
        return False
    return True


def due_checks(
    checks: Sequence[Check],
    *,
    last: Mapping[str, datetime],
    asked: Mapping[str, str],
    now: datetime,
    every: timedelta | None = None,
) -> tuple[Check, ...]:
    """Returns the checks that a sweep asks now: those never asked, those whose time has come, those edited since.

    `last` is check name -> when it was last asked, `asked` check name -> the hash of its file then. `every` overrides
    the checks' own. A check without a known hash counts as not edited.
    """
    return tuple(
        check
        for check in checks
        if check.name not in last
        or now - last[check.name] >= (every or check.every)
        or asked.get(check.name, check.sha256) != check.sha256
    )


def last_pings(app: App, system: str) -> dict[str, Ping]:
    """Returns check name -> the last sign of life of the job it listens to."""
    from andon.checks.heartbeat import Ping

    found = app.store.pings(system)
    return {name: Ping(name, ping.kind, ping.at) for name, pings in found.items() for ping in pings[:1]}


def record_ping(app: App, ping: Ping) -> None:
    """Saves a sign of life for every system that has a heartbeat check of its name; an unknown name is dropped."""
    for system in app.config.systems:
        if any(check.name == ping.name and check.kind is CheckKind.HEARTBEAT for check in app.checks(system)):
            app.store.save_ping(
                system, ping.name, ping.kind, now=ping.at, data={"text": ping.text} if ping.text else {}
            )
