"""Runs the new tests and the base's own suite, with and without the patch, and reads events instead of words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from andon.judge.hearing import Hearing
from andon.judge.outcome import BrokenError, fails, holds, needs_eyes
from andon.judge.paths import colliding, imports, is_compiled, is_test
from andon.judge.wholesuite import TEST_SECONDS, ending, whole_suite
from andon.models import Outcome, Proof, TestEvent, TestRun
from andon.probes.reading import BROKEN_OFF
from andon.runners import PYTEST

MISSING = re.compile(
    r"(ImportError|ModuleNotFoundError|AttributeError|NameError|SyntaxError|fixture '\w+' not found"
    r"|ReferenceError|is not a (function|constructor)|does not provide an export|Cannot find module"
    r"|unexpected keyword argument)"
)
"""What a test says that fails because something is not there yet, rather than because it is wrong."""
ASSERTED = re.compile(r"assert\b|AssertionError|Failed:")
"""What a test says that was let down by a value, and not by what it runs on."""
SOME_RED = 0.2
"""Below this share of red tests a person's suite is taken as it is."""
RELEASE = re.compile(r"\b\d+\.\d+(?:\.\w+)*")
FEW, TIMES = 4, 4
"""How many broken tests may be flaky ones, and how often these are run again on the base to find out."""
ALL_RED = 0.5
"""From this share of red tests on, the suite says nothing about a patch."""


def new_test_on_base(hearing: Hearing) -> Proof:
    """Holds when a new test, put on the base alone, runs and fails in its call, not for want of a name."""
    name = "new test on base"
    run = hearing.base_new
    events = of_tests(run.events, hearing.new_tests)
    if run.ran.timed_out:
        return needs_eyes(name, "the new test never ends on the base: a hang, or a test that waits; look which")
    if any(event.id == "suite" for event in run.events):
        return from_exit_code(name, run, red=True)
    red = [event for event in events if event.outcome == "failed" and event.phase == "call"]
    anyway = red_anyway(hearing) if red else frozenset()
    if red and all(function_of(event) in anyway for event in red):
        words = "what fails on the base fails with the patch too, and did so before anyone touched it"
        return fails(name, f"{words}: {red[0].id}: {first_line(red[0])}", told(red))
    red = [event for event in red if function_of(event) not in anyway]
    if not red:
        broke = [event for event in run.events if event.outcome == "error"]
        if broke:
            words = f"it breaks on the base before it tests anything: {first_line(broke[0])}"
            seen_from_outside = hearing.people and bool(hearing.symptom_command)
            return (needs_eyes if seen_from_outside else fails)(name, words, told(broke))
        if not events and hearing.people and hearing.patch.tests and not hearing.head_new.events:
            raise BrokenError(f"no test is called {', '.join(hearing.patch.tests)}: {run.ran.words[-300:]}")
        said = f"; {run.ran.words[-300:]}" if not events else ""
        return fails(name, f"it does not fail on the base: {counts(events)}{said}", told(events))
    if all(event.message == BROKEN_OFF for event in red):
        return needs_eyes(name, f"on the base the process ends in it ({run.ran.code}): {red[0].id}", told(red))
    behavioural = [event for event in red if not misses_a_name(event, hearing)]
    if not behavioural:
        unsure = needs_eyes if hearing.people and hearing.symptom_command else fails
        why = "; ".join(dict.fromkeys(first_line(event) for event in hearing.uncollected))
        words = f"on the base it only misses a name: {first_line(red[0])}"
        return unsure(name, f"{words} (its file is not collected there: {why})" if why else words, told(red))
    return holds(name, f"{len(red)} of {len(events)} fail on the base: {first_line(behavioural[0])}", told(red))


def red_anyway(hearing: Hearing) -> frozenset[str]:
    """Returns the tests in a person's changed files that are red with the patch and were so before anyone touched them.

    Or that break on the very words that others of these files broke on. It is another Python or library than the
    author's, most often: they count neither way.
    """
    now = hearing.head_new.failed if hearing.people else ()
    if not now:
        return frozenset()
    before = hearing.untouched.failed
    tests = {function_of(event) for event in before}
    broke_on = {first_line(event) for event in before if not ASSERTED.match(first_line(event))}
    return frozenset(function_of(one) for one in now if function_of(one) in tests or first_line(one) in broke_on)


def misses_a_name(event: TestEvent, hearing: Hearing) -> bool:
    """Tells whether a test failed in its own file for a name that is not there; in product code that is a real bug."""
    line = first_line(event)
    if hearing.people and ASSERTED.match(line):  # what it compares may hold the name of an error
        return False
    inside = event.where is None or is_test(event.where[0]) or event.where[0] in hearing.patch.tests
    return inside and MISSING.search(line) is not None and "'NoneType' object" not in line


def new_test_on_head(hearing: Hearing) -> Proof:
    """Holds when every new test passes with the patch."""
    name = "new test on head"
    proof = green_proof(name, hearing.head_new, hearing)
    if proof.outcome is Outcome.HOLDS or not hearing.head_new.covered:
        return proof
    with hearing.at(hearing.judged_diff) as head:  # looking at lines makes a test slow, and some measure time
        return green_proof(name, head.test(hearing.asked, seconds=TEST_SECONDS), hearing)


def green_proof(name: str, run: TestRun, hearing: Hearing) -> Proof:
    """Returns whether the new tests ran to their end and all passed.

    A person's tests may be skipped here or have been red before: those that fail without the patch have to pass.
    """
    tests = hearing.new_tests
    if not run.complete:
        return fails(name, f"the run did not reach its own end: {run.ran.words or 'it exited in the middle'}")
    if any(event.id == "suite" for event in run.events):
        if run.ran.code and (before := hearing.base_suite.ran).code:
            raise BrokenError(f"the suite was red before anyone touched it: it ends with {before.code}; {before.words}")
        return from_exit_code(name, run, red=False)
    events = of_tests(run.events, tests)
    if hearing.people:
        return people_green(name, events, hearing)
    silent = [test for test in tests if not of_tests(run.events, [test])]
    if silent:
        return fails(name, f"no test ran in {silent[0]}")
    bad = [event for event in events if event.outcome != "passed"]
    if bad:
        return fails(name, f"{counts(events)}: {first_line(bad[0])}", told(bad))
    return holds(name, f"{len(events)} passed")


def people_green(name: str, events: list[TestEvent], hearing: Hearing) -> Proof:
    """Returns whether what was red without a person's patch passes with it, and nothing that passed does not."""
    before = of_tests(hearing.base_new.events, hearing.new_tests)
    red = {function_of(event) for event in before if event.outcome in ("failed", "error")}
    passed_now = {function_of(event) for event in events if event.outcome == "passed"}
    anyway = red_anyway(hearing)
    bad = [event for event in events if event.outcome in ("failed", "error") and function_of(event) not in anyway]
    turned = red & passed_now - {function_of(event) for event in bad}
    apart = [path for path in hearing.aside if is_test(path)]
    if bad and not turned and apart:
        raise BrokenError(f"the new tests are red without what is set aside, which is no text: {', '.join(apart)}")
    built = [item.path for item in hearing.source if hearing.runner is PYTEST and is_compiled(item.path)]
    if bad and not turned and built:
        raise BrokenError(f"the new tests are red, and part of the change is in what is not built here: {built[0]}")
    if bad and not turned and is_red_as_a_whole(old := hearing.untouched):
        raise BrokenError(f"the files of the new tests were red before anyone touched them: {counts(old.events)}")
    if bad and not turned:
        return fails(name, f"{counts(events)}: {first_line(bad[0])}", told(bad))
    if not turned:
        return fails(name, f"no test that fails without the patch passes with it: {counts(events)}", told(events))
    if bad:
        known = {event.id for event in hearing.base_suite.failed}
        fresh = [event for event in bad if event.id not in known]
        words = f"{len(turned)} tests turn green, and {len(bad)} of the changed ones are red: {first_line(bad[0])}"
        return needs_eyes(name, words, told(bad)) if fresh else holds(name, words, told(bad))
    return holds(name, f"{len(turned)} tests turn green; {counts(events)}")


def function_of(event: TestEvent) -> str:
    """Returns a test's file and function: the parameters in its id may hold the time of day."""
    return event.id.split("[")[0]


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
        words = first_line(run.failed[0]) if run.failed and not run.ran.timed_out else run.ran.words[-300:]
        raise BrokenError(f"the suite was red before anyone touched it: it does not reach its end; {words}")
    red = run.failed
    passed = [event for event in run.events if event.outcome == "passed"]
    if is_red_as_a_whole(run):
        raise BrokenError(f"the suite was red before anyone touched it: {counts(run.events)}; {first_line(red[0])}")
    if not passed:
        raise BrokenError("no test passes on the base: there is nothing to hold a patch against")
    hearing.known_red = frozenset(event.id for event in red)
    few = len(red) < SOME_RED * (len(red) + len(passed))
    if red and few and hearing.people and hearing.new_tests:
        # Another Python or library than the author's, most often; or the very test that the change mends.
        return holds(name, f"{counts(run.events)} on the base; what was red before counts neither way", told(red))
    if red:
        return needs_eyes(name, f"{len(red)} tests were red before anyone touched it: {red[0].id}", told(red))
    return holds(name, f"{counts(run.events)} on the base")


def is_red_as_a_whole(run: TestRun) -> bool:
    """Tells whether so many tests are red that the others say nothing either."""
    passed = sum(event.outcome == "passed" for event in run.events)
    return bool(run.failed) and len(run.failed) >= ALL_RED * (len(run.failed) + passed)


def suite_on_head(hearing: Hearing) -> Proof:
    """Holds when every test of the base that passed there passes on the patched source, from the base's copies."""
    name = "suite on head"
    run = hearing.head_run
    if not run.complete:
        return fails(
            name, f"the suite does not reach its own end with the patch: {run.ran.words or 'it exited midway'}"
        )
    before = {event.id for event in hearing.base_suite.events if event.outcome == "passed"}
    broken = [event for event in run.failed if event.id in before or event.id not in hearing.known_red]
    contested = [event for event in broken if is_contested(event, hearing)]
    undeclared = [event for event in broken if event not in contested]
    moody = red_at_times(undeclared, hearing)
    undeclared = [event for event in undeclared if event not in moody]
    steady = again_red(undeclared, hearing) if hearing.people else undeclared
    releases = [event for event in steady if names_release(event, hearing)]
    if releases and releases == steady == undeclared:
        words = f"it raises the version, which stays the base's where the project declares it: {releases[0].id}"
        return needs_eyes(name, f"{words}: {first_line(releases[0])}", told(releases))
    if steady:
        words = f"{len(steady)} tests that held before fail now: {steady[0].id}: {first_line(steady[0])}"
        return fails(name, words, told(undeclared))
    if undeclared:
        words = f"flaky: {undeclared[0].id} failed once with the patch and not again: {first_line(undeclared[0])}"
        return needs_eyes(name, words, told(undeclared))
    if moody and not hearing.people:
        words = f"{moody[0].id} fails with the patch, and at times without it: {first_line(moody[0])}"
        return needs_eyes(name, words, told(moody))
    if contested:
        return needs_eyes(
            name,
            f"contested: the patch changes {len(contested)} tests that held before and fail as they were:"
            f" {contested[0].id}: {first_line(contested[0])}",
            told(contested),
        )
    return holds(name, counts(run.events), [f"{event.id} fails at times without the patch too" for event in moody])


def red_at_times(broken: list[TestEvent], hearing: Hearing) -> list[TestEvent]:
    """Returns those of a few broken tests that fail on the base too when only they are run there again and again.

    They have neither the patch nor its absence to do with it: what they say counts neither way.
    """
    waiting = {function_of(event) for event in broken}
    if not waiting or len(waiting) > FEW or hearing.runner is not PYTEST:
        return []
    hearing.progress("runs what is red now on the base again: it may be so at times")
    with hearing.at("") as base:
        for _ in range(TIMES):
            run = base.test(sorted(waiting), seconds=TEST_SECONDS)
            waiting -= {function_of(event) for event in run.failed}
            if not waiting:
                break
    return [event for event in broken if function_of(event) not in waiting]


def again_red(broken: list[TestEvent], hearing: Hearing) -> list[TestEvent]:
    """Returns those of the broken tests that are red again when the whole suite runs once more, and green without it.

    Both run at the same time: a test that measures time must not be held against a patch on a machine that got busy.
    """
    if not broken:
        return []
    hearing.progress("runs both suites once more: what is red may be flaky")

    def run(diff: str) -> TestRun:
        with hearing.at(diff) as tree:
            return whole_suite(tree, hearing.settings, without=ending(hearing.base_suite))

    base, head = hearing.side_by_side(lambda: run(""), lambda: run(hearing.source_diff))
    red_before, red = ({function_of(event) for event in one.failed} for one in (base, head))
    return [
        event
        for event in broken
        if not head.complete or (function_of(event) in red and function_of(event) not in red_before)
    ]


def names_release(event: TestEvent, hearing: Hearing) -> bool:
    """Tells whether a test is red with both versions in its words, of which a file that is set aside raises one."""
    hunks = [hunk for item in hearing.files if item.path in hearing.aside for hunk in item.hunks]
    gone = set(RELEASE.findall(" ".join(line for hunk in hunks for line in hunk.removed)))
    new = set(RELEASE.findall(" ".join(line for hunk in hunks for line in hunk.added)))
    words = set(RELEASE.findall(event.message))
    return bool(words & (gone - new)) and bool(words & (new - gone))


def is_contested(event: TestEvent, hearing: Hearing) -> bool:
    """Tells whether a person's patch changes or takes away the test itself, or what the tests of its file stand on."""
    if not hearing.people:
        return False
    path, _, name = function_of(event).partition("::")
    for known, found in hearing.test_changes.items():
        if ends_with_path(known, path) and (not name or name in found.contested or "" in found.new):
            return True  # without a name it is the file as a whole, as it was, that cannot be collected
        if is_borrowed(name.rpartition("::")[2], known, path, found.contested, hearing):
            return True
    return bool(hearing.material)


def is_borrowed(test: str, known: str, path: str, contested: Iterable[str], hearing: Hearing) -> bool:
    """Tells whether a file runs a changed test of another, from which it imports: as a mixin, or with its class."""
    if test not in {name.rpartition("::")[2] for name in contested}:
        return False
    text = hearing.text_of(hearing.reading("") / hearing.settings.folder / path) or ""
    stem = PurePosixPath(known).stem if not known.endswith("__init__.py") else PurePosixPath(known).parent.name
    return imports(text, stem) and re.search(rf"\bdef {re.escape(test)}\b", text) is None


def no_test_lost(hearing: Hearing) -> Proof:
    """Holds when every test that passed on the base still runs and passes: none skipped, expected to fail, or gone.

    Parametrised tests are compared by how many of each function passed, as their ids may hold the time of day.
    """
    name = "no test lost"
    before, after = passed(hearing.base_suite.events), passed(hearing.head_run.events)
    red = {function_of(event) for event in hearing.head_run.failed}  # a file that cannot be collected is red as a whole
    lost = [
        f"{test}: {count} passed on the base, {after[test]} with the patch"
        for test, count in before.items()
        if after[test] < count and not red & {test, test.partition("::")[0]}
    ]
    lost += [] if hearing.people else colliding(hearing.patch.tests, hearing.existing)
    if lost:
        return fails(name, f"{lost[0]}" + (f" (and {len(lost) - 1} more)" if lost[1:] else ""), lost)
    return holds(name, f"all {sum(before.values())} that passed on the base ran again, and none was skipped")


def passed(events: Iterable[TestEvent]) -> Counter[str]:
    """Returns how many tests of each function passed."""
    return Counter(event.id.split("[")[0] for event in events if event.outcome == "passed" and event.phase == "call")


def of_tests(events: Iterable[TestEvent], tests: Iterable[str]) -> list[TestEvent]:
    """Returns the events of some tests or files; ids may begin at the system's folder. No test means all of them."""
    wanted = [test.partition("::") for test in tests]
    if not wanted:
        return list(events)
    found = []
    for event in events:
        path, _, name = function_of(event).partition("::")
        if any(
            ends_with_path(file, path) and (not inner or name == inner or name.startswith(f"{inner}::"))
            for file, _, inner in wanted
        ):
            found.append(event)
    return found


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
