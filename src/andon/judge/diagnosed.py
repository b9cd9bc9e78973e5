"""Runs the evidence of the diagnosis again, and asks whether diagnosis and diff speak of the same lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from andon.errors import GitError
from andon.facts import Again, recheck, share_of
from andon.judge.difftext import HUNK, FileDiff
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.syntax import parse
from andon.models import (
    Check,
    ContrastFact,
    Diagnosis,
    Evidence,
    Fact,
    LinesFact,
    LogFact,
    Proof,
    QueryFact,
    Replay,
    ReplayFact,
    TraceFact,
)
from andon.protocols import DataSource, History, Workspace

REPLAYED = "diagnosis replayed"
SAME = "same lines"
PATIENCE = timedelta(minutes=30)
MODULE = "<module>"
MOST_PLACES = 3
SUSPECTED = 0.8
"""Of the locations, only those nearly as suspicious as the first count, a few at most: a long list cites nothing."""
NEAR = 10
"""Lines around a cited one that count as the same place, in a file without functions that can be read."""


class Grounds(NamedTuple):
    """What the judge runs facts again on: its own checkouts and evidence, no live data and no live logs."""

    history: History
    workspace: Workspace
    check: Check
    evidence: Evidence
    data: DataSource | None
    deadline: datetime
    workers: int
    logs: tuple[str, ...] = ()


def diagnosis_replayed(hearing: Hearing) -> Proof | None:
    """Holds when every fact of the diagnosis says the same again, on the judge's own checkouts and evidence.

    What needs the live data or the logs is not asked again: they have gone on.
    """
    diagnosis = hearing.diagnosis
    if diagnosis is None or hearing.check is None or hearing.evidence is None:
        return None
    facts = [(number, fact) for number, why in enumerate(diagnosis.whys, 1) for fact in why.facts]
    if not facts:
        return None
    again = Again(
        Grounds(
            history=hearing.history,
            workspace=hearing.workspace,
            check=hearing.ticket_check,
            evidence=hearing.recorded,
            data=None,
            deadline=datetime.now(UTC) + PATIENCE,
            workers=hearing.workers,
        )
    )
    if hearing.replayable:
        again.replays[(hearing.patch.base, "")] = (True, traced(hearing))
    asked = [(number, fact) for number, fact in facts if can_be_asked(fact, hearing)]
    again.ready([fact for _, fact in asked])
    differing = [
        f"why {number}, {fact.kind}: {words}" for number, fact in asked if (words := recheck(fact, again.case, again))
    ]
    if differing:
        return fails(
            REPLAYED, f"{len(differing)} of {len(asked)} facts of the diagnosis do not hold: {differing[0]}", differing
        )
    left = len(facts) - len(asked)
    return holds(
        REPLAYED,
        f"{len(asked)} facts in {len(diagnosis.whys)} answers say the same again"
        + (f"; {left} were not asked again, as they need what only the live system has" if left else ""),
    )


def can_be_asked(fact: Fact, hearing: Hearing) -> bool:
    """Tells whether a fact can be run again without what only the live system has."""
    if isinstance(fact, ContrastFact):
        return share_of(hearing.recorded.rows, fact.contrast.terms) is not None
    if isinstance(fact, ReplayFact | TraceFact):
        return hearing.replayable
    return not isinstance(fact, QueryFact | LogFact)


def traced(hearing: Hearing) -> Replay:
    """Returns the replay on the base with the lines that ran, made once."""
    kept = vars(hearing)  # like a cached property of the hearing, which need not know who looks at traces
    if "traced" not in kept:
        with hearing.at("") as base:
            kept["traced"] = base.replay(hearing.ticket_check, hearing.recorded, trace=True)
    found = kept["traced"]
    assert isinstance(found, Replay)
    return found


# --- the same lines -------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A function (or the module around them) with lines that are cited, or changed."""

    path: str
    function: str
    lines: frozenset[int]
    """Numbers at the base."""

    @property
    def label(self) -> str:
        """As the trace names it."""
        return f"{self.path}:{self.function}"


def same_lines(hearing: Hearing) -> Proof | None:
    """Holds when the diff changes what the diagnosis cites, in code that ran on the way to the symptom.

    The same function counts, or one that calls or is called by it, or a name of the module that it uses.
    """
    diagnosis = hearing.diagnosis
    if diagnosis is None or not hearing.replayable:
        return None
    cited = [place for path, lines in cited_lines(diagnosis, hearing).items() for place in places(hearing, path, lines)]
    if not cited:
        return needs_eyes(SAME, "the diagnosis cites no line of the code")
    changed = [place for item in hearing.source for place in places(hearing, item.path, touched_lines(item))]
    replay = traced(hearing)
    ran = {path: frozenset(lines) for path, lines in replay.trace.items()}
    told = [f"cited: {place.label}" for place in cited[:6]] + [f"changed: {place.label}" for place in changed[:6]]
    if not ran:
        return needs_eyes(SAME, "the replay could not be traced, so nobody knows which lines ran", told)
    calls = set(replay.calls)
    for one in changed:
        for other in cited:
            how = related(one, other, calls, hearing)
            if how and (did_run(other, ran) or did_run(one, ran)):
                return holds(SAME, f"{one.label} is changed, {how}", told)
    return needs_eyes(SAME, "the diff changes other code than the diagnosis speaks of", told)


def related(one: Place, other: Place, calls: set[tuple[str, str]], hearing: Hearing) -> str:
    """Returns how a changed place belongs to a cited one; empty when it does not."""
    if one.path == other.path and one.function == other.function:
        near = any(abs(a - b) <= NEAR for a in one.lines for b in other.lines)
        return "which the diagnosis cites" if near or one.function not in ("", MODULE) else ""
    if (one.label, other.label) in calls:
        return f"which calls {other.label} that the diagnosis cites"
    if (other.label, one.label) in calls:
        return f"which {other.label} calls that the diagnosis cites"
    for inner, outer in ((one, other), (other, one)):
        if (
            inner.function == MODULE
            and inner.path == outer.path
            and names_bound(hearing, inner) & names_used(hearing, outer)
        ):
            return f"and {outer.label} uses its name"
    return ""


def cited_lines(diagnosis: Diagnosis, hearing: Hearing) -> dict[str, set[int]]:
    """Returns file -> lines that the diagnosis names: where it looks first, what it shows, what the culprit brought."""
    found: dict[str, set[int]] = {}
    most = max((place.suspicion for place in diagnosis.locations), default=0.0)
    for place in [one for one in diagnosis.locations if one.suspicion >= most * SUSPECTED][:MOST_PLACES]:
        found.setdefault(place.path, set()).update(range(place.start, place.end + 1))
    for fact in diagnosis.whys[-1].facts if diagnosis.whys else ():
        if isinstance(fact, LinesFact) and fact.commit == hearing.patch.base:
            found.setdefault(fact.path, set()).update(range(fact.start, fact.start + fact.text.count("\n") + 1))
    for item in hearing.source if diagnosis.culprit else ():
        try:
            blamed = hearing.history.blame(hearing.patch.base, item.path)
        except GitError:  # a file that the patch adds has no past
            continue
        found.setdefault(item.path, set()).update(
            number for number, commit in enumerate(blamed, 1) if commit == diagnosis.culprit
        )
    return found


def touched_lines(item: FileDiff) -> set[int]:
    """Returns the lines at the base that a file's diff takes away, or between which it puts new ones."""
    found: set[int] = set()
    for hunk in item.hunks:
        header = HUNK.fullmatch(hunk.header)
        place = int(header[1]) if header else 0
        for line in hunk.lines:
            if line.startswith("-"):
                found.add(place)
            elif line.startswith("+"):
                found |= {place - 1, place}
            place += not line.startswith(("+", "\\"))
    return found


def places(hearing: Hearing, path: str, lines: set[int]) -> Iterator[Place]:
    """Yields the functions that lines of a file at the base lie in."""
    spans = functions(hearing, path)
    by_function: dict[str, set[int]] = {}
    for line in lines:
        inside = [(end - start, name) for name, start, end in spans if start <= line <= end]
        by_function.setdefault(min(inside)[1] if inside else MODULE, set()).add(line)
    for function, found in by_function.items():
        yield Place(path, function, frozenset(found))


def functions(hearing: Hearing, path: str) -> list[tuple[str, int, int]]:
    """Returns (qualified name, first line with its decorators, last line) of each function of a file at the base."""
    found: list[tuple[str, int, int]] = []

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                found.append((prefix + child.name, first, child.end_lineno or child.lineno))
                walk(child, f"{prefix}{child.name}.<locals>.")
            else:
                walk(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)

    tree = parsed(hearing, path)
    if tree is not None:
        walk(tree, "")
    return found


def parsed(hearing: Hearing, path: str) -> ast.Module | None:
    """Returns the tree of a Python file at the base; None where there is none that can be read."""
    if not path.endswith(".py") or path not in hearing.existing:
        return None
    try:
        return parse(hearing.history.show(hearing.patch.base, path))
    except (GitError, SyntaxError):
        return None


def names_bound(hearing: Hearing, place: Place) -> set[str]:
    """Returns the names that a module's lines bind."""
    tree = parsed(hearing, place.path)
    body = tree.body if tree is not None else []
    touched = [
        node for node in body if any(node.lineno <= line <= (node.end_lineno or node.lineno) for line in place.lines)
    ]
    inner = (one for node in touched for one in ast.walk(node))
    return {one.id for one in inner if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def names_used(hearing: Hearing, place: Place) -> set[str]:
    """Returns the names that a function reads."""
    span = next((one for one in functions(hearing, place.path) if one[0] == place.function), None)
    tree = parsed(hearing, place.path)
    if span is None or tree is None:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and span[1] <= node.lineno <= span[2]}


def did_run(place: Place, ran: dict[str, frozenset[int]]) -> bool:
    """Tells whether any line of a place ran; of a module, that it was loaded."""
    return (
        bool(ran.get(place.path)) if place.function == MODULE else bool(place.lines & ran.get(place.path, frozenset()))
    )
