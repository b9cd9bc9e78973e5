"""Asks checks now and saves nothing; apart from the steps, because `andon check` must start fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from andon.app import App
from andon.models import Check, CheckKind, CheckResult

if TYPE_CHECKING:
    from andon.checks.heartbeat import Ping


def ask_now(
    app: App, system: str, checks: Sequence[Check], watermarks: Mapping[str, datetime]
) -> tuple[CheckResult, ...]:
    """Returns what checks give now, without saving anything.

    Raises:
        ConfigError: the data login can do more than read.
    """
    from andon.checks import ask_all

    if any(check.kind in (CheckKind.SQL, CheckKind.PYTHON) for check in checks) and app.config.system(system).data:
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
