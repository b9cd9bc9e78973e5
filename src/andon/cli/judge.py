"""`andon judge`: a ticket's patch, or the change between two commits of any repository; a record once more."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from click.core import ParameterSource

from andon.cli.open import open_app, ticket_number
from andon.cli.proofs import Lines, LiveList, harmless, showing
from andon.config import environment
from andon.errors import ExternalError, GitError, NotFoundError
from andon.models import Patch, Verdict, VerdictOutcome

if TYPE_CHECKING:
    from andon.app import App
    from andon.judge.record import Record
    from andon.records import Again

CODES = {VerdictOutcome.PROVEN: 0, VerdictOutcome.REJECTED: 1, VerdictOutcome.NEEDS_EYES: 3}
BROKEN = 4
FILE = click.Path(path_type=Path, dir_okay=False)
FORMS = "give a ticket's number, or two commits (BASE HEAD), or one (HEAD, against the default branch)"


def command_of(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Returns a command that was typed.

    Raises:
        BadParameter: it is empty, as a variable is that is not set, or its quotes do not close.
    """
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise click.BadParameter(f"is no command: {error}", ctx, param) from None
    if not words and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("is empty: leave it out, or name a command", ctx, param)
    return value


def writable(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Returns a file that will be written at the end.

    Raises:
        BadParameter: it cannot be, which is told before anything is judged.
    """
    if value is not None and not (value.parent.is_dir() and os.access(value.parent, os.W_OK)):
        raise click.BadParameter(f"{value.parent} is no folder that can be written", ctx, param)
    return value


class Options(NamedTuple):
    """What a person typed after the names."""

    diff: Path | None
    replay: str | None
    tests: tuple[str, ...]
    symptom: str
    python: Path | None
    suite: str
    junit: str
    repo: Path
    seed: int | None
    as_json: bool
    markdown: bool
    sarif: Path | None
    record: Path | None
    github: bool


class Judged(NamedTuple):
    """What came of it."""

    verdict: Verdict
    patch: Patch
    record: Record | None
    again: Again | None = None


@click.command()
@click.argument("what", nargs=-1, metavar="[TICKET | BASE HEAD | HEAD]")
@click.option(
    "--diff", type=click.Path(path_type=Path, exists=True), help="Judge this diff instead of the ticket's own."
)
@click.option("--replay", metavar="RECORD", help="Judge what a record (a file, or a ticket's number) speaks of, again.")
@click.option("--test", "tests", multiple=True, metavar="ID", help="Id of a new test; found when not given.")
@click.option(
    "--symptom",
    default="",
    metavar="CMD",
    callback=command_of,
    help="Command that ends with 0 where the symptom is not.",
)
@click.option("--python", type=click.Path(path_type=Path, exists=True), help="Interpreter or virtual environment.")
@click.option(
    "--suite",
    default="",
    metavar="CMD",
    callback=command_of,
    help="Command that runs the suite; found when not given.",
)
@click.option("--junit", default="", metavar="PATH", help="Where --suite writes its JUnit XML; for other runners.")
@click.option(
    "--repo", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path(), help="Repository."
)
@click.option(
    "--seed", type=click.IntRange(1), help="Seed, for looking at one run again; secret and fresh when not given."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--markdown", is_flag=True, help="Print it as Markdown, also in a terminal.")
@click.option("--sarif", type=FILE, callback=writable, help="Write what fails or needs eyes as SARIF 2.1.0.")
@click.option("--record", type=FILE, callback=writable, help="Write the record of the verdict; it holds the seed.")
@click.option("--github", is_flag=True, help="Write a summary and annotations for GitHub's runner.")
@click.pass_context
def judge(
    ctx: click.Context,
    what: tuple[str, ...],
    diff: Path | None,
    replay: str | None,
    tests: tuple[str, ...],
    symptom: str,
    python: Path | None,
    suite: str,
    junit: str,
    repo: Path,
    seed: int | None,
    sarif: Path | None,
    record: Path | None,
    *,
    as_json: bool,
    markdown: bool,
    github: bool,
) -> None:
    """Prove a ticket's patch again, or the change between two commits of any repository, and store nothing.

    Exit code 0: proven (with --replay: the same verdict). 1: rejected (another verdict). 2: cannot be asked like this.
    3: needs eyes. 4: broken, or not reproduced.
    """
    options = Options(
        diff, replay, tests, symptom, python, suite, junit, repo, seed, as_json, markdown, sarif, record, github
    )
    way = way_of(ctx, what, options)
    try:
        with showing(plain=github) as shown:
            judged = way(shown)
    except GitError:
        raise
    except ExternalError as error:  # no sandbox, no environment: neither for nor against the change
        click.echo(f"judge broken: {harmless(str(error))}", err=True)
        ctx.exit(BROKEN)
    try:
        show(judged, options)
    except BrokenPipeError:  # who read it went away: the verdict stands, and files are still wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    write_files(judged, options)
    if judged.again is not None and judged.verdict.outcome is not VerdictOutcome.JUDGE_BROKEN:
        ctx.exit(0 if judged.again.same else 1)
    ctx.exit(CODES.get(judged.verdict.outcome, BROKEN))


def way_of(ctx: click.Context, what: Sequence[str], options: Options) -> Callable[[Lines | LiveList], Judged]:
    """Returns how to come to the verdict that was asked for.

    Raises:
        UsageError: the words and options do not fit together.
    """
    free = {
        "--test": options.tests,
        "--symptom": options.symptom,
        "--python": options.python,
        "--suite": options.suite,
        "--junit": options.junit,
    }
    if options.github and not environment().get("GITHUB_STEP_SUMMARY"):
        raise click.UsageError("--github: GITHUB_STEP_SUMMARY is not set, so this is no step of a GitHub workflow", ctx)
    if not all(options.tests):
        raise click.UsageError("--test is empty: leave it out, or name a test", ctx)
    if options.junit and not options.suite:
        raise click.UsageError("--junit needs --suite: the command that writes it", ctx)
    if options.replay is not None:
        given = [name for name, value in {**free, "--diff": options.diff, "--seed": options.seed}.items() if value]
        if what or given:
            raise click.UsageError(
                f"--replay takes all from the record; leave out {given[0] if given else what[0]}", ctx
            )
        return lambda shown: replayed(ctx, str(options.replay), options, shown)
    number = ticket_number(what[0]) if len(what) == 1 else None
    if number is not None:
        given = [name for name, value in free.items() if value]
        if given:
            raise click.UsageError(f"{given[0]} is for commits; a ticket brings its own", ctx)
        return lambda shown: of_ticket(ctx, number, options, shown)
    if not 1 <= len(what) <= 2:
        raise click.UsageError(FORMS, ctx)
    if options.diff is not None:
        raise click.UsageError("--diff is for a ticket; commits bring their own", ctx)
    return lambda shown: of_commits(what, options, shown)


def of_ticket(ctx: click.Context, ticket: int, options: Options, shown: Lines | LiveList) -> Judged:
    """Returns the verdict on a ticket's latest patch or on a given diff."""
    from andon import steps
    from andon.judge.record import Origin, Tape

    with open_app(ctx, lambda _, text: shown.doing(text)) as app:
        patch = patch_of(app, ticket, options.diff)
        tape = Tape(Origin(system=app.store.get_ticket(ticket).system, ticket=ticket), at=app.now())
        verdict = steps.verdict_on(app, ticket, patch, seed=options.seed, tape=tape, heard=shown.heard)
    return Judged(verdict, patch, tape.record)


def patch_of(app: App, ticket: int, diff: Path | None) -> Patch:
    """Returns a ticket's latest patch, or a given diff on the branch as it is.

    Raises:
        NotFoundError: it has none.
    """
    from andon import steps

    it = app.store.get_ticket(ticket)
    if diff is not None:
        base = app.repo(it.system).head(app.config.system(it.system).branch)
        return steps.patch_from(diff.read_text(encoding="utf-8"), base)
    patches = [one.patch for one in app.store.list_attempts(ticket) if one.patch is not None]
    if not patches:
        raise NotFoundError(f"ticket {ticket} has no patch to judge; give one with --diff")
    return patches[-1]


def of_commits(what: Sequence[str], options: Options, shown: Lines | LiveList) -> Judged:
    """Returns the verdict on the change between two commits."""
    from andon.app import utc_now
    from andon.cachefolder import find_cache, touch, trim
    from andon.judge.record import Origin, Tape, fresh_seed
    from andon.pullrequest import Asked, find_change, judge_change, mirror_of
    from andon.sandboxes import open_sandbox

    change = find_change(options.repo, what)
    origin = Origin(
        repository=change.top.name,
        head=change.head,
        python=str(options.python or ""),
        suite=options.suite,
        junit=options.junit,
    )
    tape, cache = Tape(origin, at=utc_now()), find_cache()
    asked = Asked(
        change.top,
        change.base,
        change.head,
        options.tests,
        options.symptom,
        options.python,
        options.suite,
        options.junit,
    )
    verdict = judge_change(
        asked,
        cache=cache,
        sandbox=open_sandbox(),
        seed=options.seed or fresh_seed(),
        tape=tape,
        heard=shown.heard,
        progress=shown.doing,
    )
    assert tape.record is not None
    touch(cache, [mirror_of(change.top, cache), *map(Path, tape.record.runtime)])
    trim(cache, now=utc_now())
    return Judged(verdict, tape.record.patch, tape.record)


def replayed(ctx: click.Context, name: str, options: Options, shown: Lines | LiveList) -> Judged:
    """Returns the verdict on what a record speaks of, with its seed, and how it differs."""
    from andon.app import utc_now
    from andon.cachefolder import find_cache
    from andon.pullrequest import find_top
    from andon.records import find_record, judge_change_again, judge_ticket_again, load_record
    from andon.sandboxes import open_sandbox

    number = ticket_number(name) if not Path(name).exists() else None
    record = None if number is not None else load_record(Path(name))
    if record is not None and record.origin.ticket is None:
        again = judge_change_again(
            record, find_top(options.repo), cache=find_cache(), sandbox=open_sandbox(), at=utc_now(),
            heard=shown.heard, progress=shown.doing,
        )  # fmt: skip
        return Judged(again.verdict, record.patch, again.record, again)
    with open_app(ctx, lambda _, text: shown.doing(text)) as app:
        record = record or find_record(app, number or 0)
        if record is None:
            raise NotFoundError(f"ticket {number} has no record of a verdict")
        again = judge_ticket_again(app, record, heard=shown.heard)
    return Judged(again.verdict, record.patch, again.record, again)


# --- showing ----------------------------------------------------------------------------------------------------------


def write_files(judged: Judged, options: Options) -> None:
    """Writes what was asked for into files."""
    from andon.judge.record import write_record
    from andon.judge.telling.sarif import render_sarif

    if options.sarif is not None:
        text = json.dumps(render_sarif(judged.verdict, judged.patch), indent=2)
        options.sarif.write_text(text + "\n", encoding="utf-8")
    if options.record is not None and judged.record is not None:
        options.record.write_text(write_record(judged.record) + "\n", encoding="utf-8")


def show(judged: Judged, options: Options) -> None:
    """Prints the verdict, and how it differs from a record's."""
    from andon.cli.screen import print_markdown
    from andon.judge import render_verdict

    text = render_verdict(judged.verdict, judged.patch) + differences(judged.again)
    if options.as_json:
        value = judged.verdict.model_dump(mode="json")
        if judged.again is not None:
            value |= {"same": judged.again.same, "other_inputs": list(judged.again.inputs)}
            value |= {"differences": list(judged.again.proofs)}
        click.echo(json.dumps(value, indent=2, ensure_ascii=False).replace("##[", "\\u0023#["))
    elif options.markdown or options.github:
        click.echo(text.rstrip("\n").replace("##[", "## ["))
    else:
        print_markdown(text)
    if options.github:
        tell_github(judged, text, err=options.as_json)


def differences(again: Again | None) -> str:
    """Returns how a verdict differs from a record's, as Markdown."""
    from andon.quoting import quote

    if again is None:
        return ""
    lines = ["", "### Against the record", "", "The same verdict." if again.same else "Not the same verdict:", ""]
    lines += [f"- {quote(line, 400)}" for line in again.proofs]
    if again.inputs:
        lines += ["", f"Other inputs than then: {', '.join(again.inputs)}."]
    return "\n".join(lines) + "\n"


def tell_github(judged: Judged, text: str, *, err: bool) -> None:
    """Writes the summary of the step and prints the annotations."""
    from andon.judge.telling.github import annotate, shortened

    with Path(environment()["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
        file.write(shortened(text))
    for line in annotate(judged.verdict, judged.patch):
        click.echo(line, err=err)
    sys.stdout.flush()
