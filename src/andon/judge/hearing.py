"""All that is known while one patch is judged: what was handed in, and what was run so far, each thing once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

from andon.config import SystemSettings
from andon.errors import GitError
from andon.judge.cache import suite_of
from andon.judge.difftext import FileDiff, Unreadable, legible, parse, write
from andon.judge.foreign import fresh_tests, is_script, lenient_script, test_files
from andon.judge.inline import Parts, parted
from andon.judge.material import turned_by_material
from andon.judge.newtests import Changes, changes, lenient_imports
from andon.judge.outcome import BrokenError
from andon.judge.paths import is_test, trouble_with
from andon.judge.wholesuite import TEST_SECONDS, ending, whole_suite
from andon.models import Check, CheckKind, Diagnosis, Evidence, Patch, Row, TestEvent, TestRun
from andon.protocols import History, Workspace
from andon.runners import CARGO, PYTEST, Runner, runner_of

T = TypeVar("T")
SOON, TIMES = 20.0, 20
"""Most seconds that a new test gets at first where the patch is not, and how many times what it takes with it."""


def identity(row: Row, key: tuple[str, ...]) -> str:
    """Returns a row's identity: its key, or all of it."""
    return json.dumps([row.get(column) for column in key] if key else row, sort_keys=True)


class Ahead(NamedTuple):
    """Both suites, running beside what is asked meanwhile."""

    runs: Future[tuple[TestRun, TestRun]]
    stop: Event


@dataclass
class Hearing:
    """One patch before the judge. Every checkout is the judge's own, made from commits and text."""

    patch: Patch
    history: History
    workspace: Workspace
    settings: SystemSettings
    check: Check | None = None
    """The check that opened the ticket; None when there is no ticket."""
    evidence: Evidence | None = None
    symptom_command: str = ""
    """Command of the person who asks: exit code 0 says that the symptom is not there."""
    diagnosis: Diagnosis | None = None
    people: bool = False
    """The diff is a person's: it may change tests that existed, and what no patch may touch is set aside and told."""
    cache: Path | None = None
    isolation: str = ""
    workers: int = 2
    seed: int = 0
    progress: Callable[[str], None] = lambda _: None
    uncollected: tuple[TestEvent, ...] = ()
    """Files of the new tests that cannot be collected on the base, and why."""
    known_red: frozenset[str] = field(default_factory=frozenset)
    ahead: Ahead | None = None
    """The suites, where they were started before anything needs them."""
    read: dict[str, Path] = field(default_factory=dict)
    """Checkouts that are only read, by their diff."""
    open: ExitStack = field(default_factory=ExitStack)
    """What is taken away at the end."""

    # --- the diff ---------------------------------------------------------------------------------------------------

    @cached_property
    def parsed(self) -> tuple[tuple[FileDiff, ...], str]:
        """The files of the diff, and why it cannot be read."""
        try:
            return parse(self.legible[0]), ""
        except Unreadable as error:
            return (), str(error)

    @cached_property
    def legible(self) -> tuple[str, dict[str, str]]:
        """The diff without the files of a person's that are no plain text, and those with what is wrong with them."""
        return legible(self.patch.diff) if self.people else (self.patch.diff, {})

    @property
    def files(self) -> tuple[FileDiff, ...]:
        return self.parsed[0]

    @property
    def unreadable(self) -> str:
        return self.parsed[1]

    @cached_property
    def existing(self) -> frozenset[str]:
        """Paths at the base commit."""
        return frozenset(self.history.files(self.patch.base))

    @cached_property
    def aside(self) -> dict[str, str]:
        """Files of a person's diff that are set aside, and why: the fix has to hold where they stay as they were."""
        if not self.people:
            return {}
        return self.legible[1] | {
            item.path: why
            for item in self.files
            if (why := trouble_with(item.path, settings=self.settings, existing=self.existing, people=True))
        }

    @cached_property
    def source(self) -> tuple[FileDiff, ...]:
        """What of the diff is neither test nor test material."""
        kept = [item for item in self.files if not is_test(item.path) and item.path not in self.aside]
        found = [self.inline[item.path].source if item.path in self.inline else item for item in kept]
        return tuple(item for item in found if item is not None)

    @cached_property
    def tests(self) -> tuple[FileDiff, ...]:
        """Tests and test material of the diff."""
        apart = [part.tests for part in self.inline.values() if part.tests is not None]
        return (*(item for item in self.files if is_test(item.path) and item.path not in self.aside), *apart)

    @cached_property
    def inline(self) -> dict[str, Parts]:
        """Source files of a person's whose own tests are changed in them, as Rust has it; with both parts."""
        if not self.people or self.runner is not CARGO:
            return {}
        paths = [item for item in self.files if item.path.endswith(".rs") and not is_test(item.path)]
        paths = [item for item in paths if item.path not in self.aside]
        if not paths or self.apply_trouble():
            return {}
        base, head = self.reading(""), self.reading(self.judged_diff)
        found = {item.path: parted(item, *(self.text_of(tree / item.path) for tree in (base, head))) for item in paths}
        return {path: parts for path, parts in found.items() if parts.tests is not None}

    @cached_property
    def source_diff(self) -> str:
        return write(self.source)

    @cached_property
    def test_diff(self) -> str:
        return write(self.tests)

    @cached_property
    def judged_diff(self) -> str:
        """The diff without what was set aside."""
        return write(item for item in self.files if item.path not in self.aside)

    @cached_property
    def test_changes(self) -> dict[str, Changes]:
        """What the diff does to the tests of each Python test file."""
        found: dict[str, Changes] = {}
        base, head = self.reading(""), self.reading(self.test_diff)
        for item in self.tests:
            if item.path.endswith(".py"):
                found[item.path] = changes(item.path, *(self.text_of(root / item.path) for root in (base, head)))
        return found

    @cached_property
    def new_tests(self) -> tuple[str, ...]:
        """The tests that the diff adds or changes: `path::Class::function` or a whole file, from the repository's root.

        Where a person changes what tests stand on, and none of these is red without the fix: those of the whole suite
        that turn green with it. Empty when there is none: then every test may be the one that matters. Of other
        runners they are files, or all that the runs with the new tests tell of and the base alone does not.
        """
        if self.runner is not PYTEST:
            return self.asked if self.runner.selects or not self.runner.tells else fresh_tests(self)
        named = [f"{path}::{name}" if name else path for path, found in self.test_changes.items() for name in found.new]
        declared = [one for one in self.patch.tests if "::" in one]
        found = tuple(dict.fromkeys(declared or named))
        if self.people and self.material and not (found and self.base_of(found).failed):
            return turned_by_material(self) or found
        return found

    @property
    def material(self) -> tuple[str, ...]:
        """Files of the diff that tests of other files stand on."""
        known = self.test_changes
        return tuple(one.path for one in self.tests if one.path not in known or known[one.path].material)

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """What the runner is told to run for the new tests; empty for the whole suite."""
        if self.runner is PYTEST:
            return self.new_tests
        if self.runner.tells and not self.runner.selects:
            return ()
        if self.people and self.patch.tests:
            return self.patch.tests
        return test_files(self.runner, [item.path for item in self.tests if item.kind != "deleted"], self.existing)

    @property
    def runner(self) -> Runner:
        """Who runs the suite."""
        return runner_of(self.settings)

    @property
    def contested(self) -> tuple[str, ...]:
        """Tests that existed and that the diff changes or takes away."""
        return tuple(f"{path}::{name}" for path, found in self.test_changes.items() for name in found.contested)

    @staticmethod
    def text_of(path: Path) -> str | None:
        """Returns a file's text; None when there is none."""
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    # --- checkouts and runs -----------------------------------------------------------------------------------------

    @contextmanager
    def at(self, diff: str) -> Iterator[Workspace]:
        """Gives a clean checkout of the base with a diff on top."""
        with self.workspace.at(self.patch.base, diff) as fresh:
            yield fresh

    def reading(self, diff: str) -> Path:
        """Returns the root of a checkout of the base with a diff on top that is only read; it is made once.

        Nothing ever runs in it, so that it stays what git has.
        """
        if diff not in self.read:
            self.read[diff] = self.open.enter_context(self.at(diff)).root
        return self.read[diff]

    def apply_trouble(self) -> str:
        """Returns why the diff does not apply to its base; empty when it does.

        Raises:
            GitError: the base itself cannot be checked out: the judge's trouble, not the patch's.
        """
        self.reading("")
        try:
            self.reading(self.judged_diff)
        except GitError as error:
            return str(error)
        return ""

    def side_by_side(self, *works: Callable[[], T]) -> list[T]:
        """Returns what pieces of work give, run at the same time as far as the workers allow."""
        with ThreadPoolExecutor(max_workers=max(1, self.workers)) as pool:
            return [future.result() for future in [pool.submit(work) for work in works]]

    @cached_property
    def suites(self) -> tuple[TestRun, TestRun]:
        """The base's own suite on the base (now, or kept of the very same base) and on the patched source."""
        return self.ahead.runs.result() if self.ahead else self.run_suites()

    def run_suites(self, stop: Event | None = None) -> tuple[TestRun, TestRun]:
        """Returns new runs of both suites; killed once `stop` is set."""

        def on_base() -> TestRun:
            with self.at("") as base:
                return suite_of(base, self.settings, isolation=self.isolation, cache=self.cache, stop=stop)

        def on_head() -> TestRun:
            with self.at(self.source_diff) as head:
                return whole_suite(head, self.settings, stop=stop)

        base, head = self.side_by_side(on_base, on_head)
        if (lost := ending(base)) and base.complete:  # so it is without the patch: the others are to be heard
            with self.at(self.source_diff) as tree:
                head = whole_suite(tree, self.settings, without=lost, stop=stop)
        return base, head

    def begin_suites(self) -> None:
        """Starts the suites beside what is asked meanwhile: whoever needs them then waits for less."""
        if self.ahead is None and "suites" not in vars(self):
            stop, pool = Event(), ThreadPoolExecutor(1, thread_name_prefix="andon-suites")
            self.ahead = Ahead(pool.submit(self.run_suites, stop), stop)
            pool.shutdown(wait=False)

    def end(self) -> None:
        """Kills the suites that were started and that nobody came to need, and takes away what was only read."""
        self.read.clear()
        self.open.close()
        if self.ahead is not None:
            self.ahead.stop.set()
            wait([self.ahead.runs])
            self.ahead = None

    @property
    def base_suite(self) -> TestRun:
        return self.suites[0]

    @property
    def head_run(self) -> TestRun:
        """The base's own suite on the patched source."""
        return self.suites[1]

    @cached_property
    def base_new(self) -> TestRun:
        """The new tests on the base's source."""
        return self.base_of(self.asked)

    @cached_property
    def untouched(self) -> TestRun:
        """The files of the new tests as the base has them, on the base's source: what was red before anyone touched it.

        Files that the base has not are left out; where no file is asked for, it is the base's whole suite.
        """
        if self.runner is PYTEST and not self.asked:
            return self.base_suite
        files = sorted({test.partition("::")[0] for test in self.asked} & self.existing)
        if not files:  # asked for no file, a runner runs them all
            return self.head_new.model_copy(update={"events": (), "covered": {}})
        with self.at("") as base:
            return base.test(tuple(files), seconds=TEST_SECONDS)

    def base_of(self, tests: tuple[str, ...]) -> TestRun:
        """Returns how some tests of the diff end on the base's source."""
        with self.at(self.test_diff) as base:
            run = self.patiently(base, tests)
            self.uncollected = tuple(event for event in run.events if event.phase == "collect")
            if not self.people or not self.uncollected:
                return run
            self.soften(base)
            again = self.patiently(base, tests)
            return again if any(event.phase == "call" for event in again.events) else run

    def patiently(self, base: Workspace, tests: tuple[str, ...]) -> TestRun:
        """Runs new tests without the patch; one that hangs is waited for no longer than its time with it asks."""
        if self.runner is not PYTEST:  # their limit holds what is built too
            return base.test(tests, seconds=TEST_SECONDS)
        run = base.test(tests, seconds=self.soon)
        short = self.hangs(run) and not run.ran.timed_out and self.enough > self.soon
        return base.test(tests, seconds=self.enough) if short else run

    def hangs(self, run: TestRun) -> bool:
        """Tells whether new tests, or one of them, ran out of the time that they get without the patch."""
        return run.ran.timed_out or any(event.seconds >= self.soon for event in run.failed)

    @property
    def soon(self) -> float:
        """Seconds that a new test gets at first where the patch is not."""
        return min(SOON, self.settings.test_seconds / 3)

    @property
    def enough(self) -> float:
        """Seconds after which a new test is known to hang: many times what the slowest takes with the patch."""
        slowest = max((event.seconds for event in self.head_new.events), default=0.0)
        return min(TEST_SECONDS, max(self.soon, TIMES * slowest))

    @property
    def patience(self) -> float:
        """Seconds that one new test may take; what hangs on the base hangs wherever the fix is not."""
        return self.enough if self.hangs(self.base_new) else TEST_SECONDS

    def soften(self, tree: Workspace) -> None:
        """Lets the new tests' files be collected where a name that they import is not there."""
        for item in self.tests:
            lenient = lenient_imports if item.path.endswith(".py") else lenient_script if is_script(item.path) else None
            if lenient and (text := self.text_of(tree.root / item.path)) is not None:
                (tree.root / item.path).write_text(lenient(text), encoding="utf-8")

    @cached_property
    def head_new(self) -> TestRun:
        """The new tests with the patch, with the lines that each of them ran."""
        with self.at(self.judged_diff) as head:
            return head.test(self.asked, coverage=True, seconds=TEST_SECONDS)

    # --- the symptom ------------------------------------------------------------------------------------------------

    @property
    def replayable(self) -> bool:
        """Tells whether the symptom can be rebuilt and asked about from outside."""
        known = self.check is not None and self.evidence is not None
        return known and bool(self.settings.replay.strip()) and self.ticket_check.kind is CheckKind.SQL

    @property
    def ticket_check(self) -> Check:
        """The check that opened the ticket; ask only where there is one."""
        if self.check is None:
            raise BrokenError("there is no check: a person asked without a ticket")
        return self.check

    @property
    def recorded(self) -> Evidence:
        """The evidence of the ticket; ask only where there is one."""
        if self.evidence is None:
            raise BrokenError("there is no evidence: a person asked without a ticket")
        return self.evidence
