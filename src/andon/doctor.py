"""Tells, line by line, whether each thing the loop stands on really works, by doing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from andon.app import App
from andon.config import load
from andon.errors import AndonError
from andon.models import Model


class Finding(Model):
    """One thing that was tried."""

    what: str
    state: Literal["works", "weak", "broken"]
    saw: str
    mend: str = ""
    """What to do about it; empty when it works."""


def examine(path: Path, *, suite: bool = True) -> Iterator[Finding]:
    """Yields a finding for each thing, the configuration first; nothing later is tried when that does not load."""
    try:
        config = load(path)
    except AndonError as error:
        yield Finding(what="configuration", state="broken", saw=str(error), mend=f"edit {path}")
        return
    names = ", ".join(config.systems)
    if not config.systems:
        yield Finding(what="configuration", state="broken", saw="no system", mend="add a [systems.NAME] table")
        return
    yield Finding(what="configuration", state="works", saw=f"{path} loads; systems: {names}")
    with App(config) as app:
        yield tried("state", lambda: f"{app.store.describe()}", "check `database` and the disk")
        yield from sandbox_findings(app)
        yield tried("agent", lambda: agents(app), "check [agent]")
        for system in config.systems:
            yield from system_findings(app, system, suite=suite)


def tried(what: str, work: Callable[[], str], mend: str) -> Finding:
    """Returns what came of trying something."""
    try:
        return Finding(what=what, state="works", saw=work())
    except (AndonError, OSError) as error:
        return Finding(what=what, state="broken", saw=str(error), mend=mend)


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
    leaks = [f"{what}: {detail}" for what, ok, detail in report if not ok]
    if leaks:
        yield Finding(what="sandbox", state="broken", saw=f"{sandbox.name} leaks: {'; '.join(leaks)}", mend=mend)
    elif sandbox.weaker:
        yield Finding(what="sandbox", state="weak", saw=f"{sandbox.name} isolates less: {sandbox.weaker}", mend=mend)
    else:
        yield Finding(
            what="sandbox", state="works", saw=f"{sandbox.name} starts; {len(report)} ways out tried, none open"
        )


def agents(app: App) -> str:
    """Returns which agents answer."""
    return "; ".join(f"{agent.name} answers" for agent in app.agents())


def system_findings(app: App, system: str, *, suite: bool) -> Iterator[Finding]:
    """Yields whether a system's checks, data, repository, suite and replay work."""
    settings = app.config.system(system)
    yield tried(f"{system}: repository", lambda: repository(app, system), "set `repo` and `branch`")
    yield tried(
        f"{system}: push", lambda: push(app, system), "give this login the right to push, or set `repo` to a URL"
    )
    yield tried(f"{system}: checks", lambda: checks(app, system), "mend the check file; each needs `why` and `decided`")
    if settings.data:
        yield tried(f"{system}: data", lambda: data(app, system), data_mend(app, system))
        yield tried(f"{system}: questions", lambda: questions(app, system), "see `andon check` for the errors")
    if settings.replay and not data_missing(app, system):
        yield tried(
            f"{system}: scratch", lambda: scratch(app, system), "pip install 'andon[demo]' or install postgresql"
        )
    elif not settings.replay:
        yield Finding(
            what=f"{system}: replay", state="weak", saw="no `replay` is set", mend="without one, tickets end diagnosed"
        )
    if suite and settings.test and not data_missing(app, system):
        yield tried(f"{system}: suite", lambda: suite_runs(app, system), "make the suite green on the branch first")


def repository(app: App, system: str) -> str:
    """Returns the branch's head."""
    settings = app.config.system(system)
    return f"{settings.branch} is at {app.repo(system).head(settings.branch)[:10]}"


def push(app: App, system: str) -> str:
    """Returns that a push would be taken, after a dry run."""
    settings = app.config.system(system)
    app.repo(system).try_push(settings.branch)
    return f"a push to {settings.branch} would be taken (dry run)"


def data_missing(app: App, system: str) -> bool:
    """Tells whether the variable of a system's data is not set, which an earlier line has said already."""
    try:
        return bool(app.config.system(system).data) and not app.data_url(system)
    except AndonError:
        return True


def data_mend(app: App, system: str) -> str:
    """Returns what to do when a system's data cannot be asked, or could be written."""
    if data_missing(app, system):
        return (
            f"export {app.config.system(system).data.removeprefix('env:')} with the URL of a login that can only read"
        )
    return f"`andon grants {system}` prints the SQL that narrows the login; see that the server can be reached"


def checks(app: App, system: str) -> str:
    """Returns how many checks load."""
    found = app.checks(system)
    return f"{len(found)} load, each with its note"


def data(app: App, system: str) -> str:
    """Returns that the login can only read."""
    app.data(system)
    return "the login reads, and tried in vain to write"


def questions(app: App, system: str) -> str:
    """Returns that every check can be asked.

    Raises:
        AndonError: one cannot; names them.
    """
    from andon.asking import ask_now

    results = ask_now(app, system, app.checks(system), {})
    errors = [f"{one.check}: {one.message}" for one in results if one.state == "error"]
    if errors:
        raise AndonError("; ".join(errors))
    red = [one.check for one in results if one.state == "failing"]
    return f"{len(results)} asked" + (f"; failing now: {', '.join(red)}" if red else "; all ok")


def scratch(app: App, system: str) -> str:
    """Returns that a scratch database can be had and dropped."""
    with app.scratch(system).fresh() as fresh:
        return f"a fresh {fresh.url.split(':', 1)[0]} database came and went"


def suite_runs(app: App, system: str) -> str:
    """Returns that the suite is green on the branch, in the sandbox.

    Raises:
        AndonError: it is not; names the first tests.
    """
    with app.workspace(system) as workspace:
        run = workspace.test()
    if not run.complete:
        raise AndonError(f"the suite did not reach its end: {run.ran.words}")
    if not run.green:
        raise AndonError(f"{len(run.failed)} tests fail: {', '.join(event.id for event in run.failed[:5])}")
    return f"{len(run.events)} tests, green in {run.ran.seconds:.1f} s"
