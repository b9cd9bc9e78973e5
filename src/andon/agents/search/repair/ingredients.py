"""Gathers what templates are filled with: suspicious lines, their past versions, ratios and columns of the evidence."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from andon.agents.search.repair.diffs import changed_lines, files_of
from andon.agents.search.repair.source import Sources
from andon.errors import GitError
from andon.models import Evidence, Location, Row
from andon.protocols import Case

SCALES = (10, 24, 60, 100, 1000, 3600, 1024, 86400)
MAX_LINES = 60
PAST_COMMITS = 8


class Spot(NamedTuple):
    """A suspicious line."""

    path: str
    line: int
    suspicion: float


class Ingredients(NamedTuple):
    """What the templates may use."""

    spots: tuple[Spot, ...]
    """Most suspicious first."""
    past: Mapping[str, tuple[str, ...]] = {}
    """Lines by path that earlier commits took out, newest first, without indent."""
    scales: tuple[int, ...] = SCALES
    """Factors between units, the likeliest first."""
    columns: tuple[str, ...] = ()
    """Columns of the evidence and of its context."""


def read_ingredients(
    case: Case, sources: Sources, locations: Sequence[Location], *, fresh: Mapping[str, set[int]]
) -> Ingredients:
    """Returns the ingredients for a case: where to look, and with what to fill."""
    spots = spots_of(sources, locations, fresh)
    past = {path: removed_lines(case, path) for path in dict.fromkeys(spot.path for spot in spots)}
    return Ingredients(spots, past, ordered_scales(case.evidence), columns_of(case.evidence))


def spots_of(sources: Sources, locations: Sequence[Location], fresh: Mapping[str, set[int]]) -> tuple[Spot, ...]:
    """Returns the suspicious lines; those that the culprit commit wrote count half as much again."""
    found: dict[tuple[str, int], float] = {}
    for location in locations:
        file = sources.find(location.path)
        if file is None:
            continue
        width = max(1, location.end - location.start + 1)
        for line in range(location.start, min(location.end, len(file.lines)) + 1):
            score = location.suspicion * (1.0 if width <= 12 else 0.8)
            found[location.path, line] = max(found.get((location.path, line), 0.0), score)
    for path, lines in fresh.items():
        for line in lines:
            found[path, line] = min(1.0, max(found.get((path, line), 0.0), 0.4) * 1.5)
    spots = [Spot(path, line, score) for (path, line), score in found.items()]
    return tuple(sorted(spots, key=lambda spot: (-spot.suspicion, spot.path, spot.line))[:MAX_LINES])


def removed_lines(case: Case, path: str) -> tuple[str, ...]:
    """Returns the lines of a file that its last commits took out, newest first."""
    found: list[str] = []
    try:
        for entry in case.history.log(case.workspace.commit, limit=PAST_COMMITS, path=path):
            try:
                diff = case.history.diff(f"{entry.commit}^", entry.commit, paths=[path])
            except GitError:
                continue  # the first commit of all has nothing before it
            for _, part in files_of(diff):
                found.extend(line.strip() for line in changed_lines(part)[0] if line.strip())
    except GitError:
        return ()
    return tuple(dict.fromkeys(found))


def versions_of(line: str, past: Sequence[str], *, least: float = 0.55, most: int = 3) -> list[str]:
    """Returns past lines that look like versions of a line, the likest first."""
    text = line.strip()
    ratios = [(difflib.SequenceMatcher(None, text, old).ratio(), old) for old in past if old != text]
    return [old for ratio, old in sorted(ratios, key=lambda pair: -pair[0]) if ratio >= least][:most]


def ordered_scales(evidence: Evidence) -> tuple[int, ...]:
    """Returns the factors between units, first those by which offending values lie off the rest of the evidence."""
    values = {name: numbers(evidence.rows, name) for name in evidence.columns}
    others = [row for rows in evidence.context.values() for row in rows]
    near: list[int] = []
    for name, found in values.items():
        rest = numbers(others, name)
        if not found or not rest or not median(found) or not median(rest):
            continue
        ratio = abs(median(found) / median(rest))
        near += sorted(SCALES, key=lambda scale: min(off(ratio, scale), off(ratio, 1 / scale)))[:2]
    return tuple(dict.fromkeys([*near, *SCALES]))


def off(ratio: float, scale: float) -> float:
    """Returns how far a ratio lies from a factor, in orders of magnitude."""
    return abs(math.log10(ratio) - math.log10(scale))


def numbers(rows: Sequence[Row], name: str) -> list[float]:
    """Returns the numbers of a column."""
    found = [row.get(name) for row in rows]
    return [float(value) for value in found if isinstance(value, int | float) and not isinstance(value, bool)]


def columns_of(evidence: Evidence) -> tuple[str, ...]:
    """Returns the columns of the evidence, the check's own first."""
    names = [*evidence.key, *evidence.columns]
    names += [name for rows in evidence.context.values() for row in rows[:1] for name in row]
    return tuple(dict.fromkeys(names))
