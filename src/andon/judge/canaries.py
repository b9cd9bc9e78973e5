"""Puts tests of its own beside the new ones, whose outcome it knows: a runner that tells another is not believed.

Besides tests that must fail or pass, twins stand in the place of the new tests, and of some of the base's own, under
their very names, with their assertions turned round: what passed has to fail now.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import is_test
from andon.judge.planted.foreign import foreign_birds
from andon.judge.planted.texts import Canary, canaries
from andon.judge.planted.twins import PLUGIN, twin_of
from andon.judge.suites import ends_with_path, function_of
from andon.judge.wholesuite import TEST_SECONDS
from andon.models import Proof, TestEvent, TestRun
from andon.protocols import Workspace
from andon.runners import PYTEST

SAMPLE = 3
"""The base's own tests that get a twin."""
SAMPLE_BYTES = 100_000
"""Larger files of tests are not read for a sample."""
GO_ON = ("--maxfail=0",)
"""Twins have to fail: a runner told to stop at the first failure would never come to the others."""


class Planted(NamedTuple):
    """What stands in the judge's checkout."""

    canaries: tuple[Canary, ...]
    twins: tuple[str, ...]
    """Node ids of turned tests, from the repository's root: of the new ones, then of the base's own."""
    own: int
    """How many of the twins are of new tests."""


class Passed(NamedTuple):
    """A twin that passed where it had to fail."""

    test: str
    reached: int
    """Turned assertions that it came to."""
    odd: str


def canary_birds(hearing: Hearing) -> Proof | None:
    """Holds when every planted test ends as it must, and no twin of a test that passed passes as well."""
    name = "canaries"
    if hearing.runner is not PYTEST:
        return foreign_birds(hearing)
    if not hearing.new_tests:
        return None
    seed = random.Random(f"canaries {hearing.seed}")
    with hearing.at(hearing.judged_diff) as head:
        planted = plant(hearing, head, seed)
        run = run_planted(head, planted, hearing.patience)
        if any(event.phase == "collect" for event in run.events) and len(planted.twins) > planted.own:
            planted = planted._replace(twins=planted.twins[: planted.own])  # a file of the sample is not for this place
            run = run_planted(head, planted, hearing.patience)
        passed = passed_twins(hearing, planted, run)
        if hearing.people:
            passed = [one for one in passed if passes_alone(head, one)]
    wrong = wrong_ones(planted.canaries, run)
    if wrong and (left := wrong_by_itself(hearing, planted, wrong)):
        told = [f"{test} had to end {wanted} and {is_told(got)}" for test, (wanted, got) in left.items()]
        unsure = hearing.people and any("conftest" in item.path for item in hearing.tests)
        return (needs_eyes if unsure else fails)(name, f"the runner's word is forged: {told[0]}", told)
    return of_twins(hearing, planted, passed, excused=len(wrong))


def of_twins(hearing: Hearing, planted: Planted, passed: list[Passed], *, excused: int) -> Proof:
    """Returns what the twins say, the canaries being as they should."""
    name = "canaries"
    known = sum(len(canary.outcomes) for canary in planted.canaries)
    saw = f"{known - excused} planted tests ended as they must, {len(planted.twins)} twins of tests that pass fail"
    notes = [f"{excused} planted tests end differently on the base too: the project's own doing"] if excused else []
    details = [f"{one.test}: passes with its assertions turned round; {why(one)}" for one in passed]
    sure = [one for one in passed if one.reached or not hearing.people]
    if not sure:
        return holds(name, saw, [*notes, *details])
    say = needs_eyes if hearing.people else fails
    return say(
        name, f"{sure[0].test} passes though its assertions are turned round: {why(sure[0])}", [*details, *notes]
    )


def why(twin: Passed) -> str:
    """Returns why a twin may have passed."""
    if twin.odd:
        return twin.odd
    return "its assertion failed and nobody heard of it" if twin.reached else "it comes to none of its assertions"


# --- planting -------------------------------------------------------------------------------------------------------


def plant(hearing: Hearing, head: Workspace, seed: random.Random) -> Planted:
    """Writes canaries and twins into a checkout of head."""
    own = by_file(hearing.new_tests)
    twins: list[str] = []
    for path, names in own.items():
        twins += turn(head.root / path, path, names, caught=not hearing.people)
    count = len(twins)
    birds: tuple[Canary, ...] = ()
    files = [path for path in own if (head.root / path).is_file()]
    if files:
        tests = sorted(path for path in hearing.existing if is_test(path) and path.endswith(".py"))
        words = {word for path in tests for word in re.split(r"[/_.]", path)}
        taken = frozenset(Path(path).name for path in (*hearing.existing, *own))
        birds = canaries(files[0], words, taken, seed)
        for bird in birds:
            (head.root / bird.path).write_text(bird.text, encoding="utf-8")
        twins += sampled(hearing, head, files[0], seed)
    return Planted(birds, tuple(twins), count)


def sampled(hearing: Hearing, head: Workspace, beside: str, seed: random.Random) -> list[str]:
    """Turns some of the base's own tests round, from the file beside a new test; returns their ids."""
    folder = str(Path(beside).parent)
    changed = {item.path for item in hearing.tests}
    files = [
        path
        for path in sorted(hearing.existing - changed)
        if str(Path(path).parent) == folder
        and is_test(path)
        and re.search(r"(^|/)test_[^/]*\.py$|_test\.py$", path)
        and (head.root / path).is_file()
        and (head.root / path).stat().st_size < SAMPLE_BYTES
    ]
    if not files:
        return []
    path = seed.choice(files)
    text = (head.root / path).read_text(encoding="utf-8", errors="replace")
    found = twin_of(text, [""], caught=False)
    if found is None:
        return []
    some = seed.sample(found.tests, min(SAMPLE, len(found.tests)))
    return turn(head.root / path, path, some, caught=False)


def turn(file: Path, path: str, names: list[str], *, caught: bool) -> list[str]:
    """Writes the twin of a test file in its place; returns the ids of what was turned."""
    text = Hearing.text_of(file)
    twin = twin_of(text, names, caught=caught) if text is not None else None
    if twin is None:
        return []
    file.write_text(twin.text, encoding="utf-8")
    return [f"{path}::{name}" for name in twin.tests]


def by_file(tests: tuple[str, ...]) -> dict[str, list[str]]:
    """Returns the names of tests by their file; the empty name stands for all of a file."""
    found: dict[str, list[str]] = {}
    for test in tests:
        path, _, name = test.partition("::")
        if path.endswith(".py"):
            found.setdefault(path, []).append(name)
    return found


# --- reading --------------------------------------------------------------------------------------------------------


def run_planted(head: Workspace, planted: Planted, seconds: float) -> TestRun:
    """Returns the one run of twins and canaries: the twins first, so that the product has been at work."""
    files = [bird.path for bird in planted.canaries]
    return head.test((*planted.twins, *files, *GO_ON), seconds=seconds, plugins=(PLUGIN,))


def wrong_ones(birds: tuple[Canary, ...], run: TestRun) -> dict[str, tuple[str, str]]:
    """Returns planted test -> (how it had to end, how it ended), for those that ended otherwise."""
    ended = {event.id: event.outcome for event in run.events}
    wrong = {}
    for bird in birds:
        for name, wanted in bird.outcomes.items():
            got = next((ended[one] for one in ended if same_test(one, f"{bird.path}::{name}")), "")
            if got != wanted:
                wrong[f"{bird.path}::{name}"] = (wanted, got)
    return wrong


def wrong_by_itself(
    hearing: Hearing, planted: Planted, wrong: Mapping[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Returns what of the wrong outcomes is not so on the base too, where a project's own hooks may make them."""
    with hearing.at("") as base:
        for bird in planted.canaries:
            (base.root / bird.path).parent.mkdir(parents=True, exist_ok=True)
            (base.root / bird.path).write_text(bird.text, encoding="utf-8")
        run = base.test([*(bird.path for bird in planted.canaries), *GO_ON], seconds=TEST_SECONDS)
    there = wrong_ones(planted.canaries, run)
    return {test: pair for test, pair in wrong.items() if there.get(test) != pair}


def passed_twins(hearing: Hearing, planted: Planted, run: TestRun) -> list[Passed]:
    """Returns the twins that passed, of tests that pass as they are."""
    notes = reached_by(run)
    found = []
    for number, test in enumerate(planted.twins):
        passed = [event for event in run.events if same_test(function_of(event), test) and is_passed(event)]
        if passed and passes_on_head(hearing, test, own=number < planted.own):
            reached = [notes[short(event.id)] for event in passed if short(event.id) in notes]
            odd = next((odd for _, odd in reached if odd), "")
            found.append(Passed(test, sum(count for count, _ in reached), odd))
    return found


def passes_alone(head: Workspace, twin: Passed) -> bool:
    """Tells whether a twin passes by itself too: one that failed before it may have left things as they must not be."""
    run = head.test((twin.test, *GO_ON), seconds=TEST_SECONDS, plugins=(PLUGIN,))
    events = [event for event in run.events if same_test(function_of(event), twin.test)]
    return not events or any(is_passed(event) for event in events)


def passes_on_head(hearing: Hearing, test: str, *, own: bool) -> bool:
    """Tells whether a test passes on head as it is; the suite is only asked where a twin is odd."""
    run = hearing.head_new if own else hearing.head_run
    events = [event for event in run.events if same_test(function_of(event), test)]
    return bool(events) and all(is_passed(event) for event in events)


def reached_by(run: TestRun) -> dict[str, tuple[int, str]]:
    """Returns file name and test -> (turned assertions reached, what was odd); forged notes give nothing."""
    found: dict[str, tuple[int, str]] = {}
    for name, note in run.notes.items():
        if not name.startswith("twins") or not isinstance(note, dict):
            continue
        for test, value in note.items():
            if isinstance(value, dict) and isinstance(count := value.get("count"), int):
                found[short(test)] = (count, str(value.get("odd") or "")[:200])
    return found


def short(test: str) -> str:
    """Returns a test's id from its file's name on."""
    path, _, name = test.partition("::")
    return f"{path.split('/')[-1]}::{name}"


def same_test(one: str, other: str) -> bool:
    """Tells whether two ids name the same test, from whichever folder they are given."""
    path, _, name = one.partition("::")
    other_path, _, other_name = other.partition("::")
    return name == other_name and ends_with_path(path, other_path)


def is_passed(event: TestEvent) -> bool:
    return event.outcome == "passed" and event.phase in ("call", "teardown")


def is_told(outcome: str) -> str:
    return f"is told {outcome}" if outcome else "is not told of at all"
