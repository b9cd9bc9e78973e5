"""Tells whether what a system's settings name really works, by doing it; what needs a broken thing is not tried."""

from __future__ import annotations

import re
from collections.abc import Iterator

from andon.app import App
from andon.doctor.findings import Finding, tried, unseen
from andon.errors import AndonError
from andon.models import Autonomy, Check, CheckKind, Ran, TestRun

ASK_DATA = frozenset({CheckKind.SQL, CheckKind.PYTHON})
"""Kinds of checks that ask the system's data."""
MISSING_MODULE = re.compile(r"No module named '?([\w.]+)")
MISSING_PROGRAM = re.compile(
    r"(?:execvp |')?([^\s':]+)'?: (?:No such file or directory|command not found|no such program)"
)


def system_findings(app: App, system: str, *, suite: bool) -> Iterator[Finding]:
    """Yields whether a system's repository, push, checks, data, replay and suite work."""
    settings = app.config.system(system)
    whole = tried(f"{system}: repository", lambda: repository(app, system), NAMED.format(system))
    yield whole
    beside = (app.config.home / settings.checks).is_dir()
    if whole.state == "broken" and not beside:
        loaded = unseen(f"{system}: checks", "the repository")
    else:
        mend = "mend the check file; each needs `why` and `decided`"
        loaded = tried(f"{system}: checks", lambda: f"{len(app.checks(system))} load, each with its note", mend)
    found = app.checks(system) if loaded.state == "works" else ()
    yield unseen(f"{system}: push", "the repository") if whole.state == "broken" else push(app, system, found)
    yield loaded
    reads = data(app, system, found)
    yield reads
    yield questions(app, system, found, reads=reads.state == "works", commands=suite)
    unknown = settings.scratch == "auto" and data_missing(app, system)
    if not settings.replay:
        mend = "write one (docs/replay.md): without it tickets end with what is known, and nothing is fixed"
        yield Finding(what=f"{system}: replay", state="weak", saw="no `replay` is set", mend=mend)
    elif unknown:
        yield unseen(f"{system}: scratch", "the data, whose kind decides")
    else:
        mend = "pip install 'andon[demo]' or install postgresql"
        yield tried(f"{system}: scratch", lambda: scratch(app, system), mend)
    if not settings.test:
        mend = "set it to the command that runs the suite: without it nothing is fixed"
        yield Finding(what=f"{system}: suite", state="weak", saw="no `test` is set", mend=mend)
    elif suite and (unknown or whole.state == "broken"):
        yield unseen(
            f"{system}: suite", "the repository" if whole.state == "broken" else "the data, whose kind decides"
        )
    elif suite:
        yield suite_runs(app, system)


NAMED = "see that `repo` and `branch` in [systems.{}] name what is there"


def repository(app: App, system: str) -> str:
    """Returns the branch's head."""
    settings = app.config.system(system)
    return f"{settings.branch} is at {app.repo(system).head(settings.branch)[:10]}"


def push(app: App, system: str, found: tuple[Check, ...]) -> Finding:
    """Returns whether what the loop would push is taken, after a dry run: the branch, a proposal, or nothing."""
    what, settings = f"{system}: push", app.config.system(system)
    levels = {settings.autonomy, *(check.autonomy for check in found if check.autonomy is not None)}
    if levels == {Autonomy.REPORT}:
        return Finding(what=what, state="works", saw="with autonomy `report` nothing is pushed")
    proposes = levels <= {Autonomy.REPORT, Autonomy.PROPOSE}
    pushed = "a branch andon/ticket-N, which is all that is pushed," if proposes else settings.branch
    checked_out = ""
    try:
        app.repo(system).try_push(settings.branch)
    except AndonError as error:
        if " is checked out in " not in str(error):
            less = "report" if proposes else "propose"
            mend = f"give this login the right to push {'andon/*' if proposes else settings.branch}, or set "
            return Finding(what=what, state="broken", saw=str(error), mend=f'{mend}`autonomy = "{less}"`')
        if not proposes:
            mend = (
                'do one of these, or set `autonomy = "propose"`: then only a branch andon/ticket-N is pushed, '
                "for you to merge"
            )
            return Finding(what=what, state="broken", saw=str(error), mend=mend)
        checked_out = f"; {settings.branch} is checked out there: merge proposals into it by hand"
    return Finding(what=what, state="works", saw=f"a push of {pushed} would be taken (dry run){checked_out}")


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


def data(app: App, system: str, found: tuple[Check, ...]) -> Finding:
    """Returns whether the login can only read; without one, what does not work."""
    what = f"{system}: data"
    if app.config.system(system).data:
        return tried(what, lambda: reads_only(app, system), data_mend(app, system))
    lost = [check.name for check in found if check.kind in ASK_DATA]
    rest = f"so these cannot be asked: {', '.join(lost)}" if lost else "so no SQL or Python check could be asked"
    return Finding(
        what=what,
        state="broken" if lost else "weak",
        saw=f"no `data` is set, {rest}; http, command and heartbeat checks work",
        mend=f'set `data = "env:NAME"` in [systems.{system}], and export NAME: the URL of a login that can only read',
    )


def reads_only(app: App, system: str) -> str:
    """Returns that the login can only read.

    Raises:
        AndonError: it can do more, or cannot be reached.
    """
    app.data(system)
    return "the login reads, and tried in vain to write"


def questions(app: App, system: str, found: tuple[Check, ...], *, reads: bool, commands: bool) -> Finding:
    """Returns whether every check that can be asked now can be: those of broken data wait for it."""
    what = f"{system}: questions"
    asked = [check for check in found if reads or check.kind not in ASK_DATA]
    asked = [check for check in asked if commands or check.kind is not CheckKind.COMMAND]
    if not asked:
        left_out = any(check.kind is CheckKind.COMMAND for check in found) and not commands
        needs = "commands, which --no-suite leaves out" if left_out else "the data" if found else "a check"
        return unseen(what, needs)
    left = len(found) - len(asked)
    return tried(
        what,
        lambda: answers(app, system, tuple(asked)) + (f"; {left} not asked" if left else ""),
        f"`andon check --system {system}` shows the errors whole",
    )


def answers(app: App, system: str, asked: tuple[Check, ...]) -> str:
    """Returns what these checks say.

    Raises:
        AndonError: one could not be asked; names them.
    """
    from andon.asking import ask_now

    results = ask_now(app, system, asked, {})
    errors = [f"{one.check}: {one.message}" for one in results if one.state == "error"]
    if errors:
        raise AndonError("; ".join(errors))
    red = [one.check for one in results if one.state == "failing"]
    return f"{len(results)} asked" + (f"; failing now: {', '.join(red)}" if red else "; all ok")


def scratch(app: App, system: str) -> str:
    """Returns that a scratch database can be had and dropped."""
    with app.scratch(system).fresh() as fresh:
        return f"a fresh {fresh.url.split(':', 1)[0]} database came and went"


def suite_runs(app: App, system: str) -> Finding:
    """Returns whether the suite is green on the branch, in the sandbox."""
    what = f"{system}: suite"
    try:
        with app.workspace(system) as workspace:
            run = workspace.test()
    except (AndonError, OSError) as error:
        return Finding(what=what, state="broken", saw=str(error), mend="see that `test` runs the suite")
    if run.complete and run.green:
        seconds = f"{run.ran.seconds:.1f} s"
        return Finding(what=what, state="works", saw=f"{len(run.events)} tests, green in {seconds}")
    failed = [event.id for event in run.failed]
    if not run.complete or not failed:
        words = run.ran.words.strip()
        if "Traceback" in words:  # what it says is in its last line
            words = words.splitlines()[-1]
        saw = f"the suite did not reach its end: {words}"
    else:
        saw = f"{len(failed)} tests fail: {', '.join(failed[:5])}{', ...' if len(failed) > 5 else ''}"
    return Finding(what=what, state="broken", saw=saw, mend=suite_mend(app, system, run))


def suite_mend(app: App, system: str, run: TestRun) -> str:
    """Returns what to do about a suite that is not green: the environment first, as it is the usual reason."""
    settings = app.config.system(system)
    missing = missing_in(run.ran, *(event.message for event in run.failed))
    if missing and settings.runtime:
        return f"install {missing} into {', '.join(settings.runtime)}, or set `runtime` to the environment that has it"
    if missing:
        return (
            f"set `runtime` in [systems.{system}] to the virtual environment that has {missing}, "
            'for instance runtime = ["/path/to/.venv"]: the sandbox sees no other'
        )
    if run.ran.timed_out:
        return f"raise `test_seconds` ({settings.test_seconds:.0f}), or give `test` a quicker part of the suite"
    return (
        f"make the suite green on {settings.branch} first; it ran `{settings.test}` in the sandbox, without a network"
    )


def missing_in(ran: Ran, *messages: str) -> str:
    """Returns the module or program that a run ended for want of; empty when it was something else."""
    said = "\n".join((ran.stderr, ran.stdout, *messages))
    found = MISSING_MODULE.search(said) or (MISSING_PROGRAM.search(said) if ran.code in (1, 126, 127) else None)
    return found[1] if found else ""
