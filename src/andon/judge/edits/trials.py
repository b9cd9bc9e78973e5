"""Runs the patched tree with other texts in it and tells what goes red; it never decides what that means."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Timer
from typing import NamedTuple, TypeVar

from andon.judge.asserts import parsed
from andon.judge.edits.places import changed_lines
from andon.judge.hearing import Hearing
from andon.judge.rows.both import both
from andon.judge.suites import function_of
from andon.judge.symptom_command import ask, is_gone
from andon.judge.wholesuite import TEST_SECONDS
from andon.models import TestRun
from andon.protocols import USUAL, Surroundings, Workspace
from andon.runners import PYTEST

T = TypeVar("T")
Texts = Mapping[str, str | None]
"""Path from the repository's root -> the file's text; None: the file is not there."""

FIRST_RED = {"PYTEST_ADDOPTS": "-x"}
"""One red test is enough to know: the rest of the run would say nothing more."""
LEAST_PATIENCE, PATIENCE = 5.0, 10.0
"""Seconds of one test, and times the slowest one with the patch, after which a changed tree counts as hanging."""
BUDGET = 300.0
"""Seconds that the trials of one proof may take one after the other; slow tests are tried less often."""
LEAST_TRIALS = 3
LEAST_NAME = 4
SUITE_TESTS = 2000
SUITE_PATIENCE = 5.0
"""Times the usual time of some tests of the suite, after which a changed tree counts as hanging."""
SUITE_SHARE, SUITE_SECONDS = 0.25, 3.0
"""Share of the suite's time, and seconds at least, that its nearest tests may take in a trial."""


class Witnesses(NamedTuple):
    """Who can tell a tree with the fix from one without it."""

    tests: tuple[str, ...]
    """Tests (functions) that are red or absent on the base and pass with the patch."""
    symptom: Callable[[Workspace], str] | None
    """Says why the symptom is back in a tree, from outside its process; empty when it is not."""
    patience: float
    """Seconds that one test may take."""

    def tests_say(self, tree: Workspace) -> str:
        """Returns which new test is red in a tree; empty when none is, or there is none to ask."""
        if not self.tests:
            return ""
        return red_in(tree.test(self.tests, seconds=self.patience, env=FIRST_RED), self.tests)

    def symptom_says(self, tree: Workspace) -> str:
        """Returns why the symptom is back in a tree; empty when it is not, or nobody can tell."""
        return self.symptom(tree) if self.symptom else ""


def witnesses(hearing: Hearing) -> Witnesses:
    """Returns who can tell a tree with the fix from one without it."""
    slowest = max((event.seconds for event in hearing.head_new.events), default=0.0)
    patience = min(TEST_SECONDS, max(LEAST_PATIENCE, PATIENCE * slowest))
    return Witnesses(flipping(hearing), symptom_of(hearing), patience)


def flipping(hearing: Hearing) -> tuple[str, ...]:
    """Returns the tests that pass with the patch and did not pass without it, as `path::function` without parameters.

    A runner that tells nothing of single tests gives its changed files.
    """
    if not hearing.runner.tells:
        return hearing.new_tests
    states = []
    for run in (hearing.base_new, hearing.head_new):
        red = {function_of(event) for event in run.failed}
        states.append({function_of(event) for event in run.events if event.outcome == "passed"} - red)
    return tuple(sorted(states[1] - states[0]))


def symptom_of(hearing: Hearing) -> Callable[[Workspace], str] | None:
    """Returns what asks for the symptom in another process; None where it does not tell the base from the patch."""
    if hearing.replayable:
        seen = both(hearing)
        if not (seen.base.replay.red and seen.head.replay.green):
            return None
        return lambda tree: "" if tree.replay(hearing.ticket_check, hearing.recorded).green else "the replay is red"
    if not hearing.symptom_command.strip():
        return None
    return lambda tree: "" if is_gone(ask(hearing, tree)) else "the symptom is back"


def red_in(run: TestRun, tests: Sequence[str]) -> str:
    """Returns what is not green in a run of some tests; empty when all of them passed."""
    if run.ran.timed_out:
        return "the new test never ends"
    if run.failed:
        return f"{run.failed[0].id} is red"
    passed = {function_of(event) for event in run.events if event.outcome == "passed"}
    silent = [test for test in tests if "::" in test and test not in passed]
    if not run.complete or silent:
        return "the run breaks off" if not run.complete else f"{silent[0]} does not run"
    return ""


def in_time(
    tree: Workspace,
    tests: Sequence[str],
    whole: float,
    *,
    seconds: float,
    plugins: Sequence[str] = (),
    env: Mapping[str, str] = {},
    around: Surroundings = USUAL,
) -> TestRun:
    """Returns a run of tests that is ended after `whole` seconds, as if its time were up; `seconds` bounds one test.

    What makes one test hang makes its fellows hang: their times would add up.
    """
    over = Event()
    timer = Timer(whole, over.set)
    timer.start()
    try:
        return tree.test(tests, seconds=seconds, plugins=plugins, env=env, around=around, stop=over)
    finally:
        timer.cancel()


def affordable(hearing: Hearing, most: int) -> int:
    """Returns how many trials a proof may make: fewer where one run of the new tests is slow."""
    return max(LEAST_TRIALS, min(most, int(BUDGET / max(0.1, hearing.head_new.ran.seconds))))


def try_out(
    hearing: Hearing, trials: Sequence[Texts], ask: Callable[[Workspace], T], *, diff: str | None = None
) -> list[T]:
    """Returns what `ask` says of the patched tree with each of these texts in it, side by side.

    `diff` is another diff than the patch's to begin with. One checkout a worker is written to again and again: for
    small trees a fresh one costs more than the run of a test.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(trials)):
        waiting.put(number)
    answers: dict[int, T] = {}

    def work() -> None:
        with hearing.at(hearing.judged_diff if diff is None else diff) as tree:
            while True:
                try:
                    number = waiting.get_nowait()
                except Empty:
                    return
                with written(tree.root, trials[number]):
                    answers[number] = ask(tree)

    hearing.side_by_side(*[work] * min(hearing.workers, len(trials)))
    return [answers[number] for number in range(len(trials))]


@contextmanager
def written(root: Path, texts: Texts) -> Iterator[None]:
    """Writes texts into a tree, and gives the tree back as it was."""
    before = {path: content(root / path) for path in texts}
    try:
        put(root, texts)
        yield
    finally:
        put(root, before)


def put(root: Path, texts: Texts) -> None:
    """Writes texts into a tree to the byte; None removes the file."""
    for path, text in texts.items():
        place = root / path
        if text is None:
            place.unlink(missing_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode("utf-8", "surrogateescape"))


def content(path: Path) -> str | None:
    """Returns a file's text such that writing it again gives the same bytes; None when there is none."""
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else None


# --- the texts ------------------------------------------------------------------------------------------------------


class Sides(NamedTuple):
    """The texts of the changed source files before and after the patch."""

    base: Texts
    head: Texts


def sides(hearing: Hearing) -> Sides:
    """Returns the texts of the changed source files before and after the patch."""
    before, after = (
        {item.path: content(hearing.reading(diff) / item.path) for item in hearing.source}
        for diff in ("", hearing.judged_diff)
    )
    return Sides(before, after)


# --- the suite ------------------------------------------------------------------------------------------------------


def suite_says(hearing: Hearing, trials: Sequence[Texts]) -> str:
    """Returns which of the base's own tests goes red with any of some texts in the tree; empty when none does.

    Only its nearest tests are asked, as many as fit in a quarter of its time.
    """
    known = {function_of(event) for event in hearing.head_run.failed}

    def ask(tree: Workspace) -> str:
        tests = nearest(hearing, tree.folder, {path for texts in trials for path in texts})
        if not tests:
            return ""
        usual = sum(seconds for test, seconds in known_seconds(hearing).items() if test in tests)
        run = in_time(tree, tests, SUITE_PATIENCE * (SUITE_SECONDS + usual), seconds=TEST_SECONDS)
        red = [event for event in run.failed if function_of(event) not in known]
        return f"{red[0].id} is red" if red else "" if run.complete else "the suite breaks off"

    return next(filter(None, try_out(hearing, trials, ask, diff=hearing.source_diff)), "")


def nearest(hearing: Hearing, folder: Path, paths: Collection[str]) -> tuple[str, ...]:
    """Returns the base's tests (functions) that are nearest to a change, as far as time allows.

    First those that name a changed function, then those whose file speaks of a changed file, quick ones first.
    """
    if hearing.runner is not PYTEST:
        return ()
    seconds = known_seconds(hearing)
    files = {path: content(folder / path) or "" for path in {test.partition("::")[0] for test in seconds}}
    tests = {path: functions(text) for path, text in files.items()}
    stems = {Path(path).stem if Path(path).stem != "__init__" else Path(path).parent.name for path in paths}
    changed = changed_functions(hearing)

    def rank(test: str) -> tuple[bool, bool, float]:
        path, name = test.partition("::")[0], test.rpartition("::")[2]
        words = tests[path].get(name, "")
        return (
            not any(word in words for word in changed),
            not any(stem in files[path] for stem in stems),
            seconds[test],
        )

    left = max(SUITE_SECONDS, SUITE_SHARE * sum(seconds.values()))
    chosen: list[str] = []
    for test in sorted(seconds, key=rank):
        if seconds[test] <= left and len(chosen) < SUITE_TESTS:
            left -= seconds[test]
            chosen.append(test)
    return tuple(chosen)


def known_seconds(hearing: Hearing) -> dict[str, float]:
    """Returns how long each test (function) that passes on the base takes there."""
    seconds: dict[str, float] = {}
    for event in hearing.base_suite.events:
        if event.outcome == "passed":
            seconds[function_of(event)] = seconds.get(function_of(event), 0.0) + event.seconds
    return seconds


def changed_functions(hearing: Hearing) -> frozenset[str]:
    """Returns the names of the functions that the patch changes, where these are long enough to be told apart."""
    found: set[str] = set()
    for item in hearing.source:
        text = sides(hearing).head.get(item.path) or ""
        lines = changed_lines(item, text) if item.path.endswith(".py") else frozenset()
        found |= {name for name, body in spans(text) if lines & set(body)}
    return frozenset(name for name in found if len(name) >= LEAST_NAME and not name.startswith("__"))


def functions(text: str) -> dict[str, str]:
    """Returns the text of each function of a file by its name; of several of a name, all."""
    lines = text.split("\n")
    found: dict[str, str] = {}
    for name, body in spans(text):
        found[name] = found.get(name, "") + "\n".join(lines[body.start - 1 : body.stop - 1])
    return found


def spans(text: str) -> Iterator[tuple[str, range]]:
    """Yields the name and the lines of each function of a text; nothing for what is no Python."""
    tree = parsed(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, range(node.lineno, (node.end_lineno or node.lineno) + 1)
