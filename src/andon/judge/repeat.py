"""Asks again in other surroundings: what held once may have held by chance, by the date, or by where it ran."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from andon.judge.covered import in_other_processes, turning
from andon.judge.edits.trials import in_time
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.rounds import DAY, PLUGIN, Round, draw_rounds, outside
from andon.judge.suites import function_of, of_tests
from andon.judge.symptom_command import command_rounds
from andon.judge.wholesuite import TEST_SECONDS
from andon.models import Proof, Replay, TestRun
from andon.protocols import Workspace
from andon.runners import PYTEST

PATIENCE = 10.0
"""Times the new tests' time, after which a run elsewhere counts as hanging."""
LONG = 30.0
"""Seconds of the new tests on the base beyond which they are not asked again there: a hang is no chance."""
Outcomes = dict[str, frozenset[str]]


class Side(NamedTuple):
    """Head or base, and what it was like before."""

    words: str
    diff: str
    before: TestRun


class Difference(NamedTuple):
    """A test that ended otherwise than before."""

    test: str
    diff: str
    """The side it was seen on, by what is applied there."""
    round: Round
    words: str
    clock: bool
    """It ends as before in the same surroundings with the clock as it is."""


def repeat(hearing: Hearing) -> Proof:
    """Holds when replay and new tests end as before on head and base, twice more in changed surroundings each.

    Of a person's patch only a new test that turns green counts, and only when it differs once more.
    """
    name = "repeat"
    rounds = draw_rounds(hearing.seed)
    trouble, notes = replays(hearing, rounds)
    if trouble:
        return fails(name, trouble)
    sides = [Side("with the patch", hearing.judged_diff, hearing.head_new)]
    if hearing.runner.tells and not hangs(hearing.base_new):
        sides.append(Side("on the base", hearing.test_diff, hearing.base_new))
    works = [(side, one) for side in sides for one in rounds]
    runs = hearing.side_by_side(*(partial(run_in, hearing, side, one) for side, one in works))
    notes += [*(one.words for one in rounds), *clock_words(runs, [one for _, one in works])]
    found = [
        difference
        for (side, one), run in zip(works, runs, strict=True)
        for difference in differences(hearing, side, one, run)
    ]
    if in_other_processes(hearing):  # where a clock from outside may break what waits
        notes += [f"{one.test}: {one.words}; it starts other processes" for one in found if one.clock]
        found = [one for one in found if not one.clock]
    if not found:
        return holds(name, f"all ends the same {len(works)} times more, elsewhere and at other times", notes)
    return judged(name, hearing, found, notes)


def judged(name: str, hearing: Hearing, differing: list[Difference], notes: list[str]) -> Proof:
    """Returns what tests that do not repeat mean for the patch."""
    told = [f"{one.test}: {one.words}" for one in differing]
    if not hearing.people:
        return fails(name, f"{differing[0].test} does not end as before: {differing[0].words}", [*told, *notes])
    turns = set(turning(hearing)) - flaky_before(hearing, differing)
    own = [one for one in differing if one.test in turns]
    if own and all(one.diff == hearing.test_diff for one in own) and still_red(hearing, {one.test for one in own}):
        words = "the fault shows only in some surroundings: its tests are red again as it is here, and green elsewhere"
        return holds(name, words, [*told, *notes])
    if own:
        return needs_eyes(name, f"{own[0].test} is flaky: {own[0].words}", [*told, *notes])
    return holds(name, "the tests that turn green end the same again; others of the diff do not", [*told, *notes])


def still_red(hearing: Hearing, tests: set[str]) -> bool:
    """Tells whether tests are red once more on the base, in the surroundings of the first time."""
    run = hearing.base_of(tuple(sorted(tests)))
    return tests <= {function_of(event) for event in run.failed}


def flaky_before(hearing: Hearing, seen: list[Difference]) -> frozenset[str]:
    """Returns the tests that a person's patch only changes, and that did not repeat before it either."""
    rounds = {one.test: one.round for one in seen}
    before = outcomes(hearing.untouched, rounds)
    found: set[str] = set()
    for test in before:
        with hearing.at("") as base:
            run = run_once(hearing, base, rounds[test], shifted=True, tests=(test,))
        found.update(differing({test: before[test]}, outcomes(run, [test])))
    return frozenset(found)


# --- tests ----------------------------------------------------------------------------------------------------------


def run_in(hearing: Hearing, side: Side, one: Round, *, shifted: bool = True) -> TestRun:
    """Returns the new tests on one side in one round, in a fresh checkout."""
    with hearing.at(side.diff) as tree:
        run = run_once(hearing, tree, one, shifted=shifted)
        broken = {event.id for event in run.events if event.phase == "collect"}
        if broken - {event.id for event in side.before.events if event.phase == "collect"} and hearing.people:
            hearing.soften(tree)  # as it was run the first time: without the names that the base does not have
            run = run_once(hearing, tree, one, shifted=shifted)
    return run


def run_once(hearing: Hearing, tree: Workspace, one: Round, *, shifted: bool, tests: Sequence[str] = ()) -> TestRun:
    env = env_of(one) if shifted else one.env
    plugins = (PLUGIN,) if hearing.runner is PYTEST else ()
    whole = max(LONG, PATIENCE * hearing.head_new.ran.seconds)  # what shifts the clock from outside can hang a run
    return in_time(
        tree,
        tests or hearing.asked,
        whole,
        seconds=TEST_SECONDS,
        plugins=plugins,
        env=env,
        around=one.around,
    )


def env_of(one: Round) -> dict[str, str]:
    return {**one.env, **one.clock}


def differences(hearing: Hearing, side: Side, one: Round, run: TestRun) -> list[Difference]:
    """Returns the tests that ended otherwise than before, each seen twice."""
    before = outcomes(side.before, hearing.new_tests)
    first = differing(before, outcomes(run, hearing.new_tests))
    if not first:
        return []
    calm = outcomes(run_in(hearing, side, one, shifted=False), hearing.new_tests)
    again = outcomes(run_in(hearing, side, one), hearing.new_tests) if hearing.people else {}
    found = []
    for test, (was, now) in first.items():
        if hearing.people and again.get(test, frozenset()) == was and calm.get(test, frozenset()) == was:
            continue
        clock = calm.get(test) == was
        why = f"the clock {one.ahead // DAY:+d} days" if clock else one.words
        found.append(
            Difference(test, side.diff, one, f"{say(was)} before and {say(now)} {side.words} under {why}", clock)
        )
    return found


def differing(before: Outcomes, after: Outcomes) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    nothing: frozenset[str] = frozenset()
    return {
        test: (before.get(test, nothing), after.get(test, nothing))
        for test in sorted({*before, *after})
        if before.get(test, nothing) != after.get(test, nothing)
    }


def outcomes(run: TestRun, tests: Iterable[str]) -> Outcomes:
    """Returns how the instances of each test function ended; ids may hold the time of day and are not compared."""
    found: dict[str, set[str]] = {}
    for event in of_tests(run.events, tests) if run.events else []:
        found.setdefault(function_of(event), set()).add(event.outcome)
    if any(event.id == "suite" for event in run.events):
        found = {"suite": {event.outcome for event in run.events}}
    return {test: frozenset(ends) for test, ends in found.items()}


def say(ends: frozenset[str]) -> str:
    return " and ".join(sorted(ends)) or "not run"


def hangs(run: TestRun) -> bool:
    """Tells whether a run was so long that asking again would tell nothing but the time it takes."""
    return run.ran.timed_out or sum(event.seconds for event in run.events) > LONG


def clock_words(runs: list[TestRun], rounds: list[Round]) -> list[str]:
    """Returns by what the clock was shifted, and whether the tests saw it."""
    seen = []
    for run, one in zip(runs, rounds, strict=True):
        note = run.notes.get("around")
        told = note.get("time") if isinstance(note, dict) else None
        shifted = isinstance(told, int | float) and abs(told - time.time() - one.ahead) < DAY / 4
        seen.append(shifted)
    means = "libfaketime" if "LD_PRELOAD" in rounds[0].clock else "a plugin, in the runner's own process"
    if all(seen):
        return [f"the clock was shifted by {means}"]
    return [f"the clock was to be shifted by {means}, and {seen.count(False)} of {len(seen)} runs did not say so"]


# --- the replay -----------------------------------------------------------------------------------------------------


def replays(hearing: Hearing, rounds: tuple[Round, Round]) -> tuple[str, list[str]]:
    """Returns why the replay does not end as before, empty when it does; and what else is to be told."""
    if not hearing.replayable:
        return command_rounds(hearing, rounds) if hearing.check is None and hearing.symptom_command else ("", [])

    def ask(diff: str, one: Round, *, shifted: bool = True) -> Replay:
        with hearing.at(diff) as tree:
            return tree.replay(hearing.ticket_check, hearing.recorded, env=outside(one, shifted=shifted))

    notes: list[str] = []
    sides = [(diff, one) for diff in (hearing.judged_diff, "") for one in rounds]
    asked = hearing.side_by_side(*(partial(ask, diff, one) for diff, one in sides))
    for one, head, base in zip(rounds, asked[:2], asked[2:], strict=True):
        if head.green and base.red:
            continue
        if not ask(hearing.judged_diff, one, shifted=False).green:
            return f"the replay was green once and is not green again under {one.words}", notes
        if not ask("", one, shifted=False).red:
            return f"the replay without the patch was red once and is not red again under {one.words}", notes
        if head.red and base.red:
            return f"the replay is green only as the clock is; {one.ahead // DAY:+d} days on it is red", notes
        # One that crashes under another clock may do so for the sake of what shifts it.
        notes.append(f"the replay itself depends on the clock: {one.ahead // DAY:+d} days on it tells nothing")
    return "", notes
