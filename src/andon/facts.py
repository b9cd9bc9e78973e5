"""Runs facts again, on fresh checkouts and with own queries; it takes no number from whoever claimed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pydantic import JsonValue

from andon.brief import split
from andon.errors import DataError, GitError
from andon.logs import differs
from andon.models import (
    Check,
    CheckState,
    CommitFact,
    Contrast,
    ContrastFact,
    Evidence,
    Fact,
    LinesFact,
    LogFact,
    QueryFact,
    Replay,
    ReplayFact,
    Row,
    RowsFact,
    TestFact,
    TraceFact,
)
from andon.protocols import LONG_AGO, Answer, DataSource, History, Workspace
from andon.terms import literal, meets_all

PAST = 2000
"""Commits back from the branch's head that facts may speak of."""
MOST_REPLAYS = 12
QUERY_TIMEOUT = timedelta(seconds=30)
POPULATION_ROWS = 20_000
SLACK = 0.1
"""How much smaller a contrast's support may have become since it was computed: the live data goes on."""

Key = tuple[str, str]
"""(commit, diff)"""


class Grounds(Protocol):
    """What facts are run again on: a case, or the judge's own."""

    @property
    def history(self) -> History: ...

    @property
    def workspace(self) -> Workspace: ...

    @property
    def check(self) -> Check: ...

    @property
    def evidence(self) -> Evidence: ...

    @property
    def data(self) -> DataSource | None: ...

    @property
    def logs(self) -> tuple[str, ...]: ...

    @property
    def deadline(self) -> datetime: ...

    @property
    def workers(self) -> int: ...


class Again:
    """What was run again for one case; each replay and query once."""

    def __init__(self, case: Grounds) -> None:
        self.case = case
        self.replays: dict[Key, tuple[bool, Replay | str]] = {}
        self._past: frozenset[str] | None = None
        self._population: Answer | str | None = None

    @property
    def past(self) -> frozenset[str]:
        """The commits of the branch."""
        if self._past is None:
            entries = self.case.history.log(self.case.workspace.commit, limit=PAST)
            self._past = frozenset(entry.commit for entry in entries)
        return self._past

    def ready(self, facts: Iterable[Fact]) -> None:
        """Runs the replays that facts ask for, side by side; with a trace where one of them needs it."""
        wanted: dict[Key, bool] = {}
        for fact in facts:
            if isinstance(fact, ReplayFact | TraceFact) and fact.commit in self.past:
                key = (fact.commit, fact.diff if isinstance(fact, ReplayFact) else "")
                wanted[key] = wanted.get(key, False) or isinstance(fact, TraceFact)
        fresh = {
            key: trace
            for key, trace in wanted.items()
            if key not in self.replays or (trace and not self.replays[key][0])
        }
        room = dict(list(fresh.items())[: max(0, MOST_REPLAYS - len(self.replays))])
        with ThreadPoolExecutor(max_workers=max(1, self.case.workers)) as pool:
            for (key, trace), replay in zip(
                room.items(), pool.map(lambda item: self._run(*item), room.items()), strict=True
            ):
                self.replays[key] = (trace, replay)

    def replay(self, commit: str, diff: str = "", *, trace: bool = False) -> Replay | str:
        """Returns the replay, or why there is none."""
        asked: Fact = (
            TraceFact(commit=commit, path="", lines=()) if trace else ReplayFact(commit=commit, diff=diff, total=0)
        )
        self.ready([asked])
        return self.replays.get((commit, diff), (False, f"more than {MOST_REPLAYS} replays were asked for"))[1]

    def _run(self, key: Key, trace: bool) -> Replay | str:
        if datetime.now(UTC) > self.case.deadline:
            return "the ticket's time is used up"
        try:
            with self.case.workspace.at(*key) as workspace:
                return workspace.replay(self.case.check, self.case.evidence, trace=trace)
        except GitError as error:
            return f"no such checkout: {error}"

    def population(self) -> Answer | str:
        """Returns the rows that the check's question is asked of, from the live data, or why they cannot be had."""
        if self._population is None:
            sql = self.case.check.population
            self._population = self.ask(sql, POPULATION_ROWS) if sql else "the check has no population query"
        return self._population

    def ask(self, sql: str, rows_kept: int) -> Answer | str:
        """Returns the answer of the live data, or why there is none."""
        if self.case.data is None:
            return "the live data cannot be reached"
        params = {"since": LONG_AGO, "now": self.case.evidence.asked_at}
        try:
            return self.case.data.ask(sql, params, timeout=QUERY_TIMEOUT, rows_kept=rows_kept)
        except DataError as error:
            return f"it could not be asked: {error}"


def recheck(fact: Fact, case: Grounds, again: Again | None = None) -> str:
    """Returns what differs when a fact is run again; empty when it holds."""
    again = again or Again(case)
    if isinstance(fact, LinesFact | ReplayFact | TraceFact | TestFact | CommitFact) and fact.commit not in again.past:
        return "its commit is none of the branch"
    if isinstance(fact, RowsFact):
        return recheck_rows(fact, case)
    if isinstance(fact, ContrastFact):
        return recheck_contrast(fact.contrast, again)
    if isinstance(fact, QueryFact):
        return recheck_query(fact, again)
    if isinstance(fact, LinesFact):
        return recheck_lines(fact, case)
    if isinstance(fact, ReplayFact):
        return recheck_replay(fact, again)
    if isinstance(fact, TraceFact):
        return recheck_trace(fact, again)
    if isinstance(fact, CommitFact):
        return recheck_commit(fact, case)
    if isinstance(fact, LogFact):
        return differs(case.logs, fact.path, fact.offset, fact.text) if fact.text.strip() else "it shows no line"
    return recheck_test(fact, case)


def recheck_rows(fact: RowsFact, case: Grounds) -> str:
    """Counts the recorded rows that have the values."""
    evidence = case.evidence
    if fact.check != evidence.check:
        return f"the evidence is of {evidence.check}"
    if fact.context and fact.context not in evidence.context:
        return "the evidence has no such context"
    rows = evidence.context[fact.context] if fact.context else evidence.rows
    count = sum(all(name in row and row[name] == value for name, value in fact.where.items()) for row in rows)
    return "" if count == fact.count and count else f"{count} recorded rows have these values"


def recheck_contrast(claimed: Contrast, again: Again) -> str:
    """Counts the contrast's rows again: in the live population, else (without its healthy side) in the evidence.

    The data goes on after the brief, so the numbers need not be equal: among offending rows the terms must be about
    as common as claimed, and still more common than among healthy rows, by half of the claimed lift at least.
    """
    evidence = again.case.evidence
    population = again.population()
    if isinstance(population, str):
        share = share_of(evidence.rows, claimed.terms)
        if share is None:
            return f"neither the live data nor the recorded rows can tell: {population}"
        return "" if share >= claimed.support - SLACK else f"only {share:.0%} of the recorded rows meet it"
    bad, good = split(population.rows, evidence.rows, evidence.key)
    offending, healthy = share_of(bad, claimed.terms), share_of(good, claimed.terms)
    if offending is None or healthy is None:
        return "its terms cannot be read on the rows of the population"
    if offending < claimed.support - SLACK:
        return f"only {offending:.0%} of the offending rows meet it"
    everywhere = (offending * len(bad) + healthy * len(good)) / (len(bad) + len(good))
    lift = offending / everywhere if everywhere else 0.0
    return "" if lift >= 1 + (claimed.lift - 1) / 2 else f"healthy rows meet it too: the lift is {lift:.2f}"


def share_of(rows: Sequence[Row], terms: Sequence[str]) -> float | None:
    """Returns the share of rows that meet all terms; None when there are no rows, or the terms cannot be read."""
    answers = [meets_all(row, terms) for row in rows]
    return None if not answers or None in answers else sum(map(bool, answers)) / len(answers)


def recheck_query(fact: QueryFact, again: Again) -> str:
    """Asks again, read-only and bounded. Rows may have come since, none may have gone.

    Every claimed row must be among those now seen (or beyond the ones kept), and the count may only have grown. A
    single row of numbers is taken for counts: its numbers may have grown as well.
    """
    answer = again.ask(fact.sql, max(100, len(fact.rows)))
    if isinstance(answer, str):
        return answer
    if answer.total < fact.total:
        return f"it gives {answer.total} rows now"
    if len(fact.rows) == answer.total == 1 and grown(fact.rows[0], answer.rows[0]):
        return ""
    seen = {literal(dict(row)) for row in answer.rows}
    missing = [row for row in fact.rows if literal(dict(row)) not in seen]
    if missing and answer.total <= len(answer.rows):
        return f"{len(missing)} of its rows are not there"
    return "" if fact.rows or fact.total == 0 or answer.total else "it gives no rows"


def grown(old: Row, new: Row) -> bool:
    """Tells whether a row of counts is the same or has grown."""
    return old.keys() == new.keys() and all(new[name] == value or more(value, new[name]) for name, value in old.items())


def more(old: JsonValue, new: JsonValue) -> bool:
    plain = (int, float)
    return isinstance(old, plain) and isinstance(new, plain) and not isinstance(old, bool) and new >= old


def recheck_lines(fact: LinesFact, case: Grounds) -> str:
    """Reads the lines again at their commit."""
    try:
        text = case.history.show(fact.commit, fact.path)
    except GitError:
        return "there is no such file at that commit"
    lines = text.split("\n")
    there = "\n".join(lines[fact.start - 1 : fact.start - 1 + fact.text.count("\n") + 1]) if fact.start > 0 else ""
    return "" if there == fact.text and fact.text.strip() else "other lines stand there"


def recheck_replay(fact: ReplayFact, again: Again) -> str:
    """Replays again and compares how many rows offend."""
    replay = again.replay(fact.commit, fact.diff)
    if isinstance(replay, str):
        return replay
    if replay.result is None:
        return f"the replay crashed: {replay.ran.words[-200:]}"
    if replay.result.state is CheckState.ERROR:
        return f"the check could not be asked after the replay: {replay.result.message[:200]}"
    return "" if replay.result.total == fact.total else f"it gave {replay.result.total} rows"


def recheck_trace(fact: TraceFact, again: Again) -> str:
    """Replays with a trace and looks for the lines."""
    replay = again.replay(fact.commit, trace=True)
    if isinstance(replay, str):
        return replay
    absent = set(fact.lines) - set(replay.trace.get(fact.path, ()))
    return "" if fact.lines and not absent else f"{len(absent)} of its lines did not run"


def recheck_commit(fact: CommitFact, case: Grounds) -> str:
    """Looks the commit up again."""
    entry = next(iter(case.history.log(fact.commit, limit=1)), None)
    if entry is None or entry.commit != fact.commit:
        return "there is no such commit"
    if entry.subject != fact.subject:
        return "its subject is another"
    return "" if set(fact.files) <= set(entry.files) else "it does not touch all of these files"


def recheck_test(fact: TestFact, case: Grounds) -> str:
    """Runs the test again at its commit."""
    with case.workspace.at(fact.commit) as workspace:
        run = workspace.test([fact.test])
    ended = [event.outcome for event in run.events if event.id == fact.test]
    return "" if fact.outcome in ended[-1:] else f"it ended {ended[-1]}" if ended else "it did not run"
