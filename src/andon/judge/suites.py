"""Runs the new tests and the base's own suite, with and without the patch, and reads events instead of words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from andon.judge.hearing import Hearing
from andon.judge.outcome import BrokenError, fails, holds, needs_eyes
from andon.judge.paths import colliding, is_test
from andon.models import Proof, TestEvent, TestRun

MISSING = re.compile(r"(ImportError|ModuleNotFoundError|AttributeError|NameError|SyntaxError|fixture '\w+' not found)")
"""What a test says that fails because something is not there yet, rather than because it is wrong."""
TEST_SECONDS = 120.0
"""Wall time of one new test: a bug that hangs must not hang the judge."""
ALL_RED = 0.5
"""From this share of red tests on, the suite says nothing about a patch."""


def new_test_on_base(hearing: Hearing) -> Proof:
    """Holds when a new test, put on the base alone, runs and fails in its call, not for want of a name."""
    name = "new test on base"
    with hearing.at(hearing.test_diff) as base:
        run = base.test(hearing.patch.tests, seconds=TEST_SECONDS)
    events = of_files(run.events, hearing.patch.tests)
    if run.ran.timed_out:
        return needs_eyes(name, "the new test never ends on the base: a hang, or a test that waits; look which")
    if any(event.id == "suite" for event in run.events):
        return from_exit_code(name, run, red=True)
    red = [event for event in events if event.outcome == "failed" and event.phase == "call"]
    if not red:
        broke = [event for event in run.events if event.outcome == "error"]
        if broke:
            return fails(name, f"it breaks on the base before it tests anything: {first_line(broke[0])}", told(broke))
        return fails(name, f"it does not fail on the base: {counts(events)}", told(events))
    behavioural = [event for event in red if not misses_a_name(event, hearing)]
    if not behavioural:
        return fails(name, f"on the base it only misses a name that the patch adds: {first_line(red[0])}", told(red))
    return holds(name, f"{len(red)} of {len(events)} fail on the base: {first_line(behavioural[0])}", told(red))


def misses_a_name(event: TestEvent, hearing: Hearing) -> bool:
    """Tells whether a test failed in its own file for a name that is not there; in product code that is a real bug."""
    inside = event.where is None or event.where[0] in hearing.patch.tests or is_test(event.where[0])
    return inside and MISSING.search(first_line(event)) is not None


def new_test_on_head(hearing: Hearing) -> Proof:
    """Holds when every new test passes with the patch."""
    name = "new test on head"
    with hearing.at(hearing.patch.diff) as head:
        run = head.test(hearing.patch.tests, seconds=TEST_SECONDS)
    return green_proof(name, run, hearing.patch.tests)


def green_proof(name: str, run: TestRun, tests: Iterable[str]) -> Proof:
    """Returns whether the new tests ran to their end and all passed."""
    events = of_files(run.events, tests)
    if not run.complete:
        return fails(name, f"the run did not reach its own end: {run.ran.words or 'it exited in the middle'}")
    if any(event.id == "suite" for event in run.events):
        return from_exit_code(name, run, red=False)
    silent = [path for path in tests if not of_files(run.events, [path])]
    if silent:
        return fails(name, f"no test ran in {silent[0]}")
    bad = [event for event in events if event.outcome != "passed"]
    if bad:
        return fails(name, f"{counts(events)}: {first_line(bad[0])}", told(bad))
    return holds(name, f"{len(events)} passed")


def from_exit_code(name: str, run: TestRun, *, red: bool) -> Proof:
    """Returns what can be said of a runner that tells no events: too little to hold by itself."""
    if (run.ran.code != 0) != red:
        return fails(name, f"the runner ended with {run.ran.code}, which is {'green' if red else 'red'}")
    return needs_eyes(name, f"the runner ended with {run.ran.code}; it tells nothing of single tests")


def base_is_green(hearing: Hearing) -> Proof:
    """Holds when the suite is green on the base; a suite that is red as a whole cannot judge anything."""
    name = "base is green"
    run = hearing.base_suite
    if not run.complete:
        words = first_line(run.failed[0]) if run.failed else run.ran.words[-300:]
        raise BrokenError(f"the suite was red before anyone touched it: it does not reach its end; {words}")
    red = run.failed
    passed = [event for event in run.events if event.outcome == "passed"]
    if red and len(red) >= ALL_RED * (len(red) + len(passed)):
        raise BrokenError(f"the suite was red before anyone touched it: {counts(run.events)}; {first_line(red[0])}")
    if not passed:
        raise BrokenError("no test passes on the base: there is nothing to hold a patch against")
    hearing.known_red = frozenset(event.id for event in red)
    if red:
        return needs_eyes(name, f"{len(red)} tests were red before anyone touched it: {red[0].id}", told(red))
    return holds(name, f"{counts(run.events)} on the base")


def suite_on_head(hearing: Hearing) -> Proof:
    """Holds when every test of the base that passed there passes on the patched source, from the base's copies."""
    name = "suite on head"
    hearing.progress("runs the base's own suite on the patched source")
    with hearing.at(hearing.source_diff) as head:
        run = head.test()
    hearing.head_run = run
    if not run.complete:
        return fails(
            name, f"the suite does not reach its own end with the patch: {run.ran.words or 'it exited midway'}"
        )
    before = {event.id for event in hearing.base_suite.events if event.outcome == "passed"}
    broken = [event for event in run.failed if event.id in before or event.id not in hearing.known_red]
    if broken:
        return fails(
            name,
            f"{len(broken)} tests that held before fail now: {broken[0].id}: {first_line(broken[0])}",
            told(broken),
        )
    return holds(name, counts(run.events))


def no_test_lost(hearing: Hearing) -> Proof:
    """Holds when every test that passed on the base still runs and passes: none skipped, expected to fail, or gone.

    Parametrised tests are compared by how many of each function passed, as their ids may hold the time of day.
    """
    name = "no test lost"
    assert hearing.head_run is not None  # suite_on_head ran before
    before, after = passed(hearing.base_suite.events), passed(hearing.head_run.events)
    lost = [
        f"{test}: {count} passed on the base, {after[test]} with the patch"
        for test, count in before.items()
        if after[test] < count
    ]
    lost += colliding(hearing.patch.tests, hearing.existing)
    if lost:
        return fails(name, f"{lost[0]}" + (f" (and {len(lost) - 1} more)" if lost[1:] else ""), lost)
    return holds(name, f"all {sum(before.values())} that passed on the base ran and passed again")


def passed(events: Iterable[TestEvent]) -> Counter[str]:
    """Returns how many tests of each function passed."""
    return Counter(event.id.split("[")[0] for event in events if event.outcome == "passed" and event.phase == "call")


def of_files(events: Iterable[TestEvent], paths: Iterable[str]) -> list[TestEvent]:
    """Returns the events of the tests in some files; ids may begin at the system's folder."""
    wanted = tuple(paths)
    return [event for event in events if any(ends_with_path(path, event.id.split("::")[0]) for path in wanted)]


def ends_with_path(path: str, other: str) -> bool:
    return path == other or path.endswith("/" + other) or other.endswith("/" + path)


def counts(events: Iterable[TestEvent]) -> str:
    """Returns how many tests ended how, in words."""
    found = Counter(event.outcome for event in events)
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(found.items())) or "no test ran"


def first_line(event: TestEvent) -> str:
    """Returns the line of a failure that says what was wrong."""
    lines = [line.strip() for line in event.message.splitlines() if line.strip()]
    told_by_runner = [line[1:].strip() for line in lines if line.startswith("E ")]
    return (told_by_runner or lines or [f"{event.id} {event.outcome}"])[0][:300]


def told(events: Iterable[TestEvent]) -> list[str]:
    """Returns events as lines of detail."""
    return [f"{event.id} {event.outcome} ({event.phase}): {first_line(event)}" for event in events]
