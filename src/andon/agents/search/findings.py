"""What a diagnosis has found so far, as values; it words nothing and decides no lane."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.bisect import Bisected
from andon.agents.search.deviance import Deviation
from andon.agents.search.lineage import Writer
from andon.agents.search.source import Block, Function, Lines, Sources, functions_of, named, parse, ran
from andon.agents.search.terms import equal_value
from andon.models import Contrast, Location, Replay
from andon.protocols import Case, CommitEntry

STRONG = 0.5
"""Support from which a contrast speaks for the failure as a whole."""
SHORTEST = 3
"""Characters of a value that is looked for in the code: shorter ones stand everywhere."""


class Change(NamedTuple):
    """The culprit commit, seen from head."""

    entry: CommitEntry
    parent: str
    red: Replay
    green: Replay
    touched: Lines
    """Lines of head that it added or changed, or that stand where it took lines away."""
    added: Lines
    """Lines of head that it added."""
    blocks: tuple[Block, ...]
    """What it put where in head's production code, as far as it changed what the code does."""
    deciding: tuple[Block, ...]
    """Those of them that turn the replay green when they alone are taken out of head."""
    reverse: str
    """A diff on head that turns the replay green: the smallest one known; empty when there is none."""


class Findings(NamedTuple):
    """Everything that a diagnosis knows of a failure that the replay reproduces."""

    case: Case
    sources: Sources
    """Production files of head, without the replay's own."""
    head: Replay
    """Traced."""
    writers: tuple[Writer, ...]
    wrote: tuple[Writer, ...]
    """The writers that ran in the replay."""
    path: tuple[Function, ...]
    """From where the stage is entered to the writer."""
    origins: tuple[Function, ...]
    """Functions that ran and that hold a value of the contrast as a literal."""
    bisected: Bisected | None
    """None: there is no history to bisect."""
    change: Change | None
    healthy: Replay | None
    """The replay of the healthy part of the evidence, traced."""
    only_failing: Lines
    """Lines that ran for the evidence and in no run without the fault."""
    passing: int
    """Runs without the fault that the localisation compared with."""
    deviations: tuple[Deviation, ...]
    suspects: tuple[Function, ...]
    """The functions of the change that count, else those near the rows."""
    locations: tuple[Location, ...]


def strong_contrasts(contrasts: Iterable[Contrast]) -> tuple[Contrast, ...]:
    """Returns the contrasts that hold for most of the offending rows."""
    return tuple(contrast for contrast in contrasts if contrast.support >= STRONG)


def functions_with_values(
    sources: Sources, contrasts: Iterable[Contrast], trace: Lines
) -> tuple[tuple[Function, int], ...]:
    """Returns (function, line) where a function that ran holds a contrast's value as a literal, the shortest first."""
    pairs = [equal_value(term) for contrast in strong_contrasts(contrasts) for term in contrast.terms]
    values = {pair[1] for pair in pairs if pair and len(pair[1]) >= SHORTEST and not pair[1].isdigit()}
    found: dict[Function, int] = {}
    for path, text in sources.items():
        tree = parse(text) if path.endswith(".py") and any(value in text for value in values) else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Constant) and node.value in values:
                inside = [one for one in functions_of(path, text) if one.top <= node.lineno <= one.end]
                function = max(inside, key=lambda one: one.start, default=None)
                if function is not None and ran(function, trace.get(path, ())):
                    found.setdefault(function, node.lineno)
    return tuple(sorted(found.items(), key=lambda pair: (pair[0].end - pair[0].start, pair[0].path, pair[0].start)))


def call_path(calls: Sequence[tuple[str, str]], target: Function, known: Collection[Function]) -> tuple[Function, ...]:
    """Returns the shortest way from a function that nobody in the trace calls down to the target, both included.

    What the trace names and the tree does not hold (module bodies, the replay itself) is left out.
    """
    callers: dict[str, list[str]] = {}
    for caller, callee in calls:
        callers.setdefault(callee, []).append(caller)
    starts = [place for place in callers if named(known, place) == target]
    before: dict[str, str | None] = dict.fromkeys(starts)
    line = deque(starts)
    last = starts[0] if starts else ""
    while line:
        last = line.popleft()
        up = [caller for caller in callers.get(last, ()) if caller not in before]
        if not callers.get(last):
            break
        for caller in up:
            before[caller] = last
            line.append(caller)
    way: list[Function] = []
    place: str | None = last or None
    while place is not None:
        function = named(known, place)
        if function is not None and function not in way:
            way.append(function)
        place = before[place]
    return tuple(way) or (target,)


def functions_ran(known: Iterable[Function], trace: Lines) -> tuple[Function, ...]:
    """Returns the functions whose body was entered."""
    return tuple(function for function in known if ran(function, trace.get(function.path, ())))


def touched_functions(known: Iterable[Function], touched: Lines) -> tuple[Function, ...]:
    """Returns the functions that hold touched lines, those with the larger share of them first."""
    shares: Mapping[Function, float] = {
        function: sum(function.top <= line <= function.end for line in touched.get(function.path, ()))
        / (function.end - function.top + 1)
        for function in known
    }
    return tuple(sorted((one for one in shares if shares[one]), key=lambda one: (-shares[one], one.path, one.start)))
