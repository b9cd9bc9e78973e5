"""Tries candidates in clean checkouts, side by side: which turn the replay green, and with which the suite holds.

It decides by what ran and by nothing else; it never changes a candidate.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from andon.agents.search.repair.candidates import Candidate
from andon.errors import GitError
from andon.models import Check, Evidence, Replay, TestRun
from andon.protocols import Case

T = TypeVar("T")

MARGIN = timedelta(seconds=20)
"""Kept of the ticket's time for what comes after the search."""


class Suite(NamedTuple):
    """What the suite said of a candidate."""

    holds: bool
    broken: tuple[str, ...]
    """Tests that pass on base and not with it."""
    note: str = ""


PATIENCE = 16
"""So many candidates in a row without a green one, after a green one, end the search in their class."""


WORTH = 0.6
"""Candidates with less than this share of a green one's suspicion are not tried after it."""


def utc_now() -> datetime:
    """Returns the present moment."""
    return datetime.now(UTC)


class Bench:
    """Runs replays and suites for one repair; remembers what each diff gave, and counts."""

    def __init__(self, case: Case, *, clock: Callable[[], datetime] = utc_now, cap: int = 240) -> None:
        self.case = case
        self.cap = cap
        self.replays = 0
        self.green = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, bool] = {}
        self._suites: dict[str, Suite] = {}
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="repair-suite")
        self._pool = ThreadPoolExecutor(max_workers=max(1, case.workers), thread_name_prefix="repair")

    def close(self) -> None:
        """Ends the threads; runs that have begun are waited for."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._aside.shutdown(wait=True, cancel_futures=True)

    @property
    def stopped(self) -> str:
        """Why no further candidate may be tried; empty while there is time."""
        if self._clock() >= self.case.deadline - MARGIN:
            return "the ticket's time was used up"
        return f"{self.cap} replays were used up" if self.replays >= self.cap else ""

    def replay(self, diff: str, *, check: Check | None = None, evidence: Evidence | None = None) -> Replay | None:
        """Returns a replay on a fresh checkout with a diff on top; None when the diff does not apply."""
        with self._lock:
            self.replays += 1
        try:
            with self.case.workspace.at(diff=diff) as workspace:
                return workspace.replay(check or self.case.check, evidence or self.case.evidence)
        except GitError:
            return None

    def is_green(self, diff: str) -> bool:
        """Tells whether the replay ran with a diff and the check found nothing; each diff is tried once."""
        with self._lock:
            if diff in self._known:
                return self._known[diff]
        ran = self.replay(diff)
        green = ran is not None and ran.green
        with self._lock:
            if diff not in self._known:
                self.green += green
            self._known[diff] = green
        return green

    def first_green(self, diffs: Sequence[str | None]) -> int | None:
        """Returns the number of the first diff that turns the replay green; a diff of None cannot be tried."""
        for numbers in batched_numbers(len(diffs), self.case.workers):
            if self.stopped:
                return None
            tried = {n: self._pool.submit(self.is_green, diff) for n in numbers if (diff := diffs[n]) is not None}
            greens = [number for number, future in tried.items() if future.result()]
            if greens:
                return min(greens)
        return None

    def greens(self, candidates: Sequence[Candidate], *, what: str, want: int) -> Iterator[Candidate]:
        """Yields the candidates that turn the replay green, in their order, until so many were found."""
        found = last_hit = 0
        best = 0.0
        for tried, numbers in enumerate(batched_numbers(len(candidates), self.case.workers)):
            patience_over = found > 0 and numbers[0] - last_hit > PATIENCE
            much_less = candidates[numbers[0]].suspicion < WORTH * best
            if self.stopped or found >= want or patience_over or much_less:
                return
            futures = [(candidates[n], self._pool.submit(self.is_green, candidates[n].diff)) for n in numbers]
            hits = [candidate for candidate, future in futures if future.result()]
            found += len(hits)
            best = max([best, *(hit.suspicion for hit in hits)])
            last_hit = numbers[-1] if hits else last_hit
            if hits or tried % 5 == 4:
                done = min((tried + 1) * self.case.workers, len(candidates))
                self.case.progress(f"{what}: {done} of {len(candidates)} candidates, {found} turn the replay green")
            yield from hits

    def side_by_side(self, *calls: Callable[[], T]) -> list[T]:
        """Returns what some calls gave, made side by side."""
        return [future.result() for future in [self._pool.submit(call) for call in calls]]

    def begin(self, call: Callable[[], T]) -> Future[T]:
        """Begins a long run beside all others."""
        return self._aside.submit(call)

    def suite(self, diff: str) -> Suite:
        """Returns whether the tests that pass on base still pass with a diff; each diff is tried once."""
        if diff not in self._suites:
            self._suites[diff] = self._run_suite(diff)
        return self._suites[diff]

    def _run_suite(self, diff: str) -> Suite:
        with self.case.workspace.at(diff=diff) as workspace:
            run = workspace.test()
        if not run.complete:
            return Suite(False, (), f"the suite did not end: {run.ran.words[-200:]}")
        failed = sorted({event.id for event in run.failed})
        if not failed:
            return Suite(True, ())
        base = self.case.workspace.test(failed)
        broken = tuple(test for test in failed if passes(base, test))
        note = f"{len(failed) - len(broken)} tests fail with and without it" if len(broken) < len(failed) else ""
        return Suite(not broken, broken, note)


def passes(run: TestRun, test: str) -> bool:
    """Tells whether a test, or a file that did not load elsewhere, is fine in a run that has something to say of it."""
    outcomes = [event.outcome for event in run.events if event.id == test or event.id.startswith(f"{test}::")]
    return bool(outcomes) and not any(outcome in ("failed", "error") for outcome in outcomes)


def batched_numbers(count: int, size: int) -> list[tuple[int, ...]]:
    """Returns 0 to count - 1 in runs of so many."""
    size = max(1, size)
    return [tuple(range(start, min(start + size, count))) for start in range(0, count, size)]
