"""Tools that run something of the watched system: check, replay, tests; always on clean checkouts in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.agents.search.source import is_test
from andon.agents.tools.arguments import CheckAsked, ReplayAsked, TestsAsked
from andon.agents.tools.bench import Bench, Refused
from andon.agents.tools.fencing import handed, rows_text
from andon.errors import ConfigError, GitError, NotFoundError
from andon.models import CheckResult, CheckState, Replay, ReplayFact, TestEvent, TestRun, TraceFact
from andon.quoting import counted, quote

ROWS_SHOWN = 10
FAILURES_SHOWN = 12
MOST_MESSAGE = 2500
PART = re.compile(r"(?m)^(?=diff --git )")
PATH = re.compile(r"diff --git a/(?:.+) b/(.+)")


def run_check(bench: Bench, asked: CheckAsked) -> str:
    """Returns what a check says of the live system now."""
    bench.in_time()
    name = asked.check or bench.case.check.name
    try:
        result = bench.case.run_check(name)
    except NotFoundError:
        listed = ", ".join(quote(one, 60) for one in bench.case.checks[:60])
        raise Refused(f"there is no check {quote(name, 60)}; there are: {listed}") from None
    return told_result(f"Check {quote(name, 60)}, asked of the live system now,", result)


def told_result(what: str, result: CheckResult) -> str:
    """Returns what asking a check gave, in words and rows."""
    if result.state is CheckState.ERROR:
        return handed(f"{what} could not be asked", result.message, limit=2000)
    if result.state is CheckState.OK:
        return f"{what} is green: no row offends."
    return handed(
        f"{what} is red: {counted(result.total, 'row')} offend, the first {min(ROWS_SHOWN, len(result.rows))}",
        rows_text(result.rows[:ROWS_SHOWN]) or result.message,
    )


def replay(bench: Bench, asked: ReplayAsked) -> str:
    """Returns what the check finds after a replay of the recorded evidence, and the name of that fact."""
    if not bench.case.replay_argv:
        raise Refused("the system has no replay command")
    if asked.with_changes and (asked.commit or asked.diff):
        raise Refused("either your changes, or another commit or diff: not both")
    bench.in_time()
    commit = bench.commit(asked.commit)
    diff = bench.changes() if asked.with_changes else asked.diff
    try:
        with bench.case.workspace.at(commit, diff) as workspace:
            ran = workspace.replay(bench.case.check, bench.case.evidence, trace=bool(asked.trace))
    except GitError as error:
        raise Refused(f"there is no such checkout: {quote(str(error), 600)}") from error
    return told_replay(bench, commit, diff, ran, asked.trace)


def told_replay(bench: Bench, commit: str, diff: str, ran: Replay, traced: str) -> str:
    """Returns a replay in words, rows and executed lines; keeps what it found."""
    if ran.result is None:
        return handed("The replay crashed, which proves nothing; its last words", ran.ran.words, limit=4000)
    parts = [told_result("After the replay the check", ran.result)]
    if ran.result.state is not CheckState.ERROR:
        name = bench.keep(ReplayFact(commit=commit, diff=diff, total=ran.result.total))
        parts.insert(0, f"{name}: replay at {commit[:12]}{' with a diff on top' if diff else ''}")
    if traced:
        lines = ran.trace.get(traced, ())
        if lines and not diff:
            name = bench.keep(TraceFact(commit=commit, path=traced, lines=tuple(lines)))
            parts.append(f"{name}: these lines of {quote(traced)} ran: {spans(lines)}")
        elif lines:
            parts.append(f"These lines of {quote(traced)} ran: {spans(lines)}")
        else:
            ran_files = ", ".join(quote(path, 100) for path in sorted(ran.trace)[:40])
            parts.append(f"No line of {quote(traced)} ran. Lines ran in: {ran_files or 'no file of the tree'}")
    return "\n\n".join(parts)


def spans(lines: Sequence[int]) -> str:
    """Returns line numbers as ranges: `3-7, 12`."""
    found: list[list[int]] = []
    for line in sorted(lines):
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(f"{start}-{end}" if end > start else str(start) for start, end in found)


def run_tests(bench: Bench, asked: TestsAsked) -> str:
    """Returns how tests end with the agent's changes, on a clean checkout."""
    bench.in_time()
    diff = bench.changes()
    if asked.only_tests:
        diff = tests_alone(diff)
        if not diff:
            raise Refused("you changed no test file: tests are files such as tests/test_x.py")
    try:
        with bench.case.workspace.at(None, diff) as workspace:
            run = workspace.test(asked.tests)
    except GitError as error:
        raise Refused(f"your changes do not make a checkout: {quote(str(error), 600)}") from error
    except ConfigError as error:
        raise Refused(f"the tests cannot be run: {quote(str(error), 300)}") from error
    what = "your test files alone" if asked.only_tests else "your changes" if diff else "no change"
    return told_run(run, what)


def tests_alone(diff: str) -> str:
    """Returns the parts of a diff that change tests and what lies beside them."""
    parts = [part for part in PART.split(diff) if part]
    return "".join(part for part in parts if (found := PATH.match(part)) and is_test(found[1]))


def told_run(run: TestRun, what: str) -> str:
    """Returns a run of tests in words, with what failed."""
    if not run.complete:
        return handed(f"With {what} the run did not reach its end; its last words", run.ran.words, limit=4000)
    passed = sum(event.outcome == "passed" for event in run.events)
    if not run.events:
        return handed(f"With {what} no test ran", run.ran.words or "(nothing was said)", limit=2000)
    if run.green:
        return f"Green with {what}: {counted(passed, 'test')} passed of {len(run.events)}."
    head = f"Red with {what}: {counted(len(run.failed), 'test')} failed, {passed} passed."
    return "\n\n".join([head, *(told_event(event) for event in run.failed[:FAILURES_SHOWN])])


def told_event(event: TestEvent) -> str:
    """Returns a test that failed, with its words."""
    place = f" at {quote(event.where[0], 120)}:{event.where[1]}" if event.where else ""
    return handed(f"{quote(event.id, 200)} ended {event.outcome}{place}", event.message or "-", limit=MOST_MESSAGE)
