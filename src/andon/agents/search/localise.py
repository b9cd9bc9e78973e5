"""Ranks places of the code by how likely they hold the bug, from what ran when; it decides nothing about right code."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from andon.agents.search.source import (
    Function,
    Lines,
    Sources,
    function_at,
    functions_of,
    statement_at,
    whole_statements,
)
from andon.models import Location

PLAIN = 0.5
"""Share of Ochiai's measure that is believed."""
DULL = 0.1
"""The same, of lines that run at import."""
APART = 0.25
"""The same, of lines that have nothing to do with the culprit: they ran, and so did a test double and a library."""
MOST = 30
"""Locations that are told."""


class Spectrum(NamedTuple):
    """What one run executed, and whether it showed the fault."""

    name: str
    failed: bool
    lines: Mapping[str, frozenset[int]]


class Hint(NamedTuple):
    """A reason besides the spectra to suspect lines: `weight` is how much it is believed alone, 0 to 1."""

    why: str
    weight: float
    lines: Lines


def spectrum(name: str, lines: Lines, *, failed: bool) -> Spectrum:
    """Returns the spectrum of one run."""
    return Spectrum(name, failed, {path: frozenset(numbers) for path, numbers in lines.items()})


def ochiai(spectra: Sequence[Spectrum]) -> dict[tuple[str, int], float]:
    """Returns the suspicion, 0 to 1, of each line that a failing run executed.

    failing runs that execute it / sqrt(failing runs * all runs that execute it) (Ochiai, as in Abreu et al. 2007).
    """
    failing = [one for one in spectra if one.failed]
    passing = [one for one in spectra if not one.failed]
    scores: dict[tuple[str, int], float] = {}
    for path in {path for one in failing for path in one.lines}:
        for line in {line for one in failing for line in one.lines.get(path, ())}:
            hit = sum(line in one.lines.get(path, ()) for one in failing)
            clean = sum(line in one.lines.get(path, ()) for one in passing)
            scores[path, line] = hit / math.sqrt(len(failing) * (hit + clean))
    return scores


def localise(
    spectra: Sequence[Spectrum],
    sources: Sources,
    *,
    hints: Sequence[Hint] = (),
    culprits: Collection[str] = (),
    most: int = MOST,
) -> tuple[Location, ...]:
    """Returns the most suspicious places of these sources, best first, one for each run of equal statements.

    Only lines that a failing run executed count. Ochiai and the hints are taken for independent witnesses of
    unequal worth: suspicion = 1 - product of (1 - weight) (noisy or), with half of Ochiai as its weight, and a tenth
    for what runs at import alone. Where the `culprits` are known (the files that the change touched), a line elsewhere
    that no hint speaks of counts half: the fault came with the change, and what else ran differently mostly follows.
    """
    hints = [
        hint._replace(
            lines={
                path: whole_statements(path, sources[path], hint.lines[path]) for path in hint.lines if path in sources
            }
        )
        for hint in hints
    ]
    dull = {path: import_lines(text) for path, text in sources.items()}
    believed: dict[tuple[str, int], float] = {}
    for (path, line), score in ochiai(spectra).items():
        if path in sources:
            weights = [hint.weight for hint in hints if line in hint.lines.get(path, ())]
            apart = culprits and path not in culprits and not weights
            share = DULL if line in dull.get(path, ()) else APART if apart else PLAIN
            doubt = (1 - score * share) * math.prod(1 - weight for weight in weights)
            believed[path, line] = round(1 - doubt, 6)
    places = [
        place
        for path in sorted({path for path, _ in believed})
        for place in runs_of(path, sources[path], {line: score for (at, line), score in believed.items() if at == path})
    ]
    places.sort(key=lambda place: (-place.suspicion, place.end - place.start, place.path, place.start))
    return tuple(places[:most])


@lru_cache(maxsize=2048)
def import_lines(text: str) -> frozenset[int]:
    """Returns the lines that run when the module is imported, `def` lines included: they run for every evidence."""
    inside = {
        line
        for function in functions_of("module.py", text)
        for line in range(max(function.body, function.start + 1), function.end + 1)
    }
    return frozenset(range(1, text.count("\n") + 2)) - inside


def runs_of(path: str, text: str, scores: Mapping[int, float]) -> list[Location]:
    """Returns neighbouring statements of one function with the same score as one location each."""
    known = functions_of(path, text)
    by_statement: dict[tuple[int, int], float] = {}
    for line, score in scores.items():
        place = statement_at(text, line)
        by_statement[place] = max(score, by_statement.get(place, 0.0))
    found: list[Location] = []
    for (start, end), score in sorted(by_statement.items()):
        function = name_of(function_at(known, path, start))
        last = found[-1] if found else None
        if last and last.function == function and last.suspicion == score and start <= last.end + 2:
            found[-1] = last.model_copy(update={"end": max(end, last.end)})
        else:
            found.append(Location(path=path, start=start, end=end, function=function, suspicion=score))
    return found


def name_of(function: Function | None) -> str:
    return function.name if function else ""


def lines_of(functions: Iterable[Function]) -> dict[str, set[int]]:
    """Returns all lines of functions, decorators included."""
    found: dict[str, set[int]] = {}
    for function in functions:
        found.setdefault(function.path, set()).update(range(function.top, function.end + 1))
    return found


def both(left: Lines, right: Lines) -> dict[str, set[int]]:
    """Returns the lines that both hold."""
    shared = {path: set(lines) & set(right.get(path, ())) for path, lines in left.items()}
    return {path: lines for path, lines in shared.items() if lines}


def less(left: Lines, right: Lines) -> dict[str, set[int]]:
    """Returns the lines of the first that the second does not hold."""
    rest = {path: set(lines) - set(right.get(path, ())) for path, lines in left.items()}
    return {path: lines for path, lines in rest.items() if lines}


def ranges(lines: Collection[int], gap: int = 0) -> list[tuple[int, int]]:
    """Returns lines as (first, last) of each run that misses at most `gap` lines at a time."""
    found: list[tuple[int, int]] = []
    for line in sorted(lines):
        if found and line <= found[-1][1] + 1 + gap:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return found
