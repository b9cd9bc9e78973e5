"""Tells, line by line, whether each thing the loop stands on really works, by doing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from andon.app import App
from andon.config import NO_SYSTEM, load
from andon.doctor.agents import agent_findings
from andon.doctor.findings import Finding, tried
from andon.doctor.systems import system_findings
from andon.errors import AndonError

OWNED_GAPS = {
    "send UDP": "UDP is open",
    "use its own loopback": "server on loopback",
    "see processes outside": "no process namespace",
    "signal a process outside": "signals reach",
    "reach an abstract Unix socket": "signals reach",
    "reach a Unix socket by its path": "Unix sockets outside",
    "start processes without end": "number of processes is not bounded",
}
"""Way out -> the words with which a weaker sandbox owns up to it."""


def examine(path: Path, *, suite: bool = True) -> Iterator[Finding]:
    """Yields a finding for each thing, the configuration first; nothing later is tried when that does not load."""
    try:
        config = load(path)
    except AndonError as error:
        yield Finding(what="configuration", state="broken", saw=str(error), mend=f"edit {path}")
        return
    names = ", ".join(config.systems)
    if not config.systems:
        yield Finding(what="configuration", state="broken", saw=f"{path} configures no system", mend=NO_SYSTEM)
        return
    yield Finding(what="configuration", state="works", saw=f"{path} loads; systems: {names}")
    with App(config) as app:
        yield tried("state", lambda: f"{app.store.describe()}", "check `database` and the disk")
        yield from sandbox_findings(app)
        yield from agent_findings(app)
        for system in config.systems:
            yield from system_findings(app, system, suite=suite)


def sandbox_findings(app: App) -> Iterator[Finding]:
    """Yields whether the sandbox starts, and what a program inside it could do that it must not."""
    from andon.sandboxes import isolation_report

    mend = "install bubblewrap (`apt-get install bubblewrap`) and allow unprivileged user namespaces"
    try:
        sandbox = app.sandbox
        report = isolation_report(sandbox)
    except AndonError as error:
        yield Finding(what="sandbox", state="broken", saw=str(error), mend=mend)
        return
    leaks = [
        f"{what}: {detail}"
        for what, ok, detail in report
        if not ok and OWNED_GAPS.get(what, what) not in sandbox.weaker
    ]
    if leaks:
        yield Finding(what="sandbox", state="broken", saw=f"{sandbox.name} leaks: {'; '.join(leaks)}", mend=mend)
    elif sandbox.weaker:
        yield Finding(what="sandbox", state="weak", saw=f"{sandbox.name} isolates less: {sandbox.weaker}", mend=mend)
    else:
        yield Finding(
            what="sandbox", state="works", saw=f"{sandbox.name} starts; {len(report)} ways out tried, none open"
        )
