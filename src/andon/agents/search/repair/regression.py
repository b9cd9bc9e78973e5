"""Makes the regression test of a repair and proves it: red on base by its assertion, green with the repair.

The recorded evidence, made as small as it stays telling, lies beside it as JSON. It abstains with a reason rather than
hand in a test that was not seen red and green.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import NamedTuple

from andon.agents.search.repair.candidates import Candidate
from andon.agents.search.repair.ddmin import ddmin
from andon.agents.search.repair.diffs import make_diff
from andon.agents.search.repair.evaluate import Bench, batched_numbers, utc_now
from andon.agents.search.repair.source import read_text
from andon.agents.search.repair.suites import Kind, NoStyle, read_style
from andon.agents.search.repair.writing import Told, file_text, read_command, snake
from andon.models import CheckKind, Evidence, Row, TestRun, digest
from andon.protocols import Case

MOST_BYTES = 200_000
"""A fixture beyond this is not handed in."""
ROUNDS, FEW_ROUNDS = 5, 3
"""Rounds of making the evidence smaller; each tries up to two subsets side by side more than once."""
SHRINK_SECONDS = 15.0
SMALL_BYTES = 64_000


class Regression(NamedTuple):
    """A regression test as a diff, seen red on base and green with the repair."""

    diff: str
    path: str
    note: str


class NoRegression(NamedTuple):
    """Why there is none."""

    reason: str


def write_regression(bench: Bench, candidate: Candidate, root_cause: str) -> Regression | NoRegression:
    """Returns the regression test of a repair, written into the system's own suite and proven."""
    case = bench.case
    if case.check.kind is not CheckKind.SQL:
        return NoRegression("only SQL checks can be asked of a scratch database")
    command = read_command(case.replay_argv)
    kind: Kind | None = None
    if case.data is not None:
        kind = "postgres" if case.data.dialect == "postgres" else "sqlite"
    place = case.workspace
    style = read_style(
        place.root, place.folder, fixture=case.scratch_fixture, kind=kind, python_path=command.python_path
    )
    if isinstance(style, NoStyle):
        return NoRegression(style.reason)
    evidence, note = smallest(bench, candidate)
    fixture = evidence_text(evidence)
    if len(fixture.encode()) > MOST_BYTES:
        return NoRegression(f"the evidence has {len(fixture.encode())} bytes even when made small")
    stem = f"{snake(case.check.name)}_ticket_{case.ticket.id}"
    where = PurePosixPath(style.folder)
    path = str(where / (f"{stem}_test.py" if style.suffixed else f"test_{stem}.py"))
    told = told_of(case, root_cause)
    text = file_text(style, told, command, evidence=f"regressions/{stem}.json", up=len(where.parts))
    diff = make_diff({}, {path: text, str(where / "regressions" / f"{stem}.json"): fixture})
    return proven(bench, candidate, Regression(diff, path, note))


def told_of(case: Case, root_cause: str) -> Told:
    """Returns what the test says; the query itself only when the check's file is not in the repository."""
    root, folder = case.workspace.root, case.workspace.folder
    for place in (root, folder):
        text = read_text(place / case.check.path)
        if text is not None and case.check.query.strip() in text:
            path = (place / case.check.path).relative_to(root).as_posix()
            check = case.check.model_copy(update={"path": path})
            return Told(case.ticket.id, check, root_cause, case.evidence.asked_at.isoformat(), "")
    return Told(case.ticket.id, case.check, root_cause, case.evidence.asked_at.isoformat(), case.check.query)


def proven(bench: Bench, candidate: Candidate, regression: Regression) -> Regression | NoRegression:
    """Returns the regression test when it was red on base by its assertion and green with the repair."""
    base, head = bench.side_by_side(
        lambda: run_test(bench.case, regression.diff, regression.path),
        lambda: run_test(bench.case, candidate.diff + regression.diff, regression.path),
    )
    failed = [event for event in base.failed if event.phase == "call" and event.outcome == "failed"]
    if not failed:
        saw = ", ".join(f"{event.outcome} in {event.phase}: {event.message[-200:]}" for event in base.events)
        return NoRegression(f"the regression test is not red on base ({saw or base.ran.words[-200:]})")
    if not asserted(failed[0].message):
        return NoRegression(f"the regression test fails on base, but not by its assertion ({failed[0].message[-200:]})")
    passed = [event for event in head.events if event.phase == "call" and event.outcome == "passed"]
    if not head.green or not passed:
        saw = ", ".join(event.message[-200:] for event in head.failed) or head.ran.words[-200:]
        return NoRegression(f"the regression test is not green with the repair ({saw})")
    return regression


def asserted(message: str) -> bool:
    """Tells whether a failure is that of the assertion about the offending rows."""
    return "AssertionError" in message or "assert " in message


def run_test(case: Case, diff: str, path: str) -> TestRun:
    """Returns a run of one test file on a fresh checkout with a diff."""
    with case.workspace.at(diff=diff) as workspace:
        return workspace.test([path])


# --- evidence -------------------------------------------------------------------------------------------------------


Atom = tuple[str, int]
"""(context table, number of the row); the offending rows themselves have the name of no table."""


def smallest(bench: Bench, candidate: Candidate) -> tuple[Evidence, str]:
    """Returns evidence that is still red on base and green with the repair, as small as a few replays make it."""
    whole = bench.case.evidence
    has_context = any(whole.context.values())
    atoms: list[Atom] = [] if has_context else [("", number) for number in range(len(whole.rows))]
    atoms += [(name, number) for name, rows in sorted(whole.context.items()) for number in range(len(rows))]
    end = min(utc_now() + timedelta(seconds=SHRINK_SECONDS), bench.case.deadline)

    rebuilt: dict[frozenset[Atom], tuple[Row, ...]] = {}

    def telling(subset: Sequence[Atom]) -> bool:
        rows = told_again(part_of(whole, subset))
        rebuilt[frozenset(subset)] = rows or ()
        return rows is not None

    def told_again(evidence: Evidence) -> tuple[Row, ...] | None:
        """Returns the recorded rows that are found again on base; None when it is not red, or not mended."""
        base = bench.replay("", evidence=evidence)
        if base is None or base.result is None or not base.red:
            return None
        same = recorded_rows(whole, base.result.rows)
        if whole.key and not same:
            return None  # red, but of other rows than those that were reported
        head = bench.replay(candidate.diff, evidence=evidence)
        return same if head is not None and head.green else None

    def first(subsets: Sequence[tuple[Atom, ...]]) -> int | None:
        for numbers in batched_numbers(len(subsets), bench.case.workers):
            if utc_now() >= end:
                return None
            hits = bench.side_by_side(*(lambda n=n: telling(subsets[n]) for n in numbers))
            if any(hits):
                return numbers[hits.index(True)]
        return None

    is_small = len(evidence_text(whole).encode()) <= SMALL_BYTES
    kept = ddmin(atoms, first, rounds=FEW_ROUNDS if is_small else ROUNDS)
    note = (
        f"{len(kept)} of {len(atoms)} recorded rows are kept in the regression test" if len(kept) < len(atoms) else ""
    )
    small = part_of(whole, kept)
    rows = rebuilt.get(frozenset(kept), ()) if any(name for name, _ in kept) else ()
    narrow = small.model_copy(update={"rows": rows, "total": len(rows)})
    # A replay that reads the rows themselves may need those that it does not bring back.
    whole_needed = not rows or (len(rows) < len(small.rows) and told_again(narrow) is None)
    return (small if whole_needed else narrow), note


def recorded_rows(evidence: Evidence, found: Sequence[Row]) -> tuple[Row, ...]:
    """Returns the recorded rows that were found again, by their key."""
    keys = {digest([row.get(column) for column in evidence.key]) for row in found}
    return tuple(row for row in evidence.rows if digest([row.get(column) for column in evidence.key]) in keys)


def part_of(evidence: Evidence, atoms: Sequence[Atom]) -> Evidence:
    """Returns evidence with only some of its rows, in their order."""
    chosen = set(atoms)

    def rows_of(name: str, rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(row for number, row in enumerate(rows) if (name, number) in chosen)

    rows = rows_of("", evidence.rows) if any(name == "" for name, _ in chosen) else evidence.rows
    context = {name: rows_of(name, table) for name, table in evidence.context.items()}
    return evidence.model_copy(update={"rows": rows, "total": len(rows), "context": context})


def evidence_text(evidence: Evidence) -> str:
    """Returns evidence as JSON that people can read a diff of."""
    value = evidence.model_dump(mode="json")
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    return text if len(text.encode()) <= MOST_BYTES else json.dumps(value, ensure_ascii=False) + "\n"
