"""Weighs which functions and lines to suspect, from the change, the rows and the siblings; it runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from andon.agents.search.deviance import Deviation
from andon.agents.search.findings import (
    Change,
    touched_functions,
)
from andon.agents.search.localise import Hint, lines_of
from andon.agents.search.source import (
    Block,
    Function,
)
from andon.models import Location


def suspects_of(
    change: Change | None,
    ran: Sequence[Function],
    origins: Sequence[Function],
    path: Sequence[Function],
) -> tuple[Function, ...]:
    """Returns the functions whose siblings are looked at: those of the change that ran, else those near the rows."""
    if change is not None:
        touched = touched_functions(ran, change.touched)
        blamed = tuple(dict.fromkeys(one for _, functions in blamed_functions(change, touched) for one in functions))
        if blamed or touched:
            return blamed or touched
    return tuple(dict.fromkeys((*origins, *path)))


def blamed_functions(change: Change, touched: Sequence[Function]) -> list[tuple[Block, tuple[Function, ...]]]:
    """Returns for each deciding piece the touched functions it lies in, or leads into when it calls what came with it.

    A new call of a new function decides by what that function does, not by being made.
    """
    new = [one for one in touched if one.start in change.added.get(one.path, ())]
    blamed = []
    for block in change.deciding:
        words = set(re.findall(r"\w+", "\n".join(block.new)))
        called = [one for one in new if one.name.rpartition(".")[2] in words]
        for one in called:  # and what that calls in turn, when it is new as well
            inner = {node.id for node in ast.walk(one.node) if isinstance(node, ast.Name)}
            called += [other for other in new if other.name in inner and other not in called]
        inside = [
            one for one in touched if one.path == block.path and any(one.top <= line <= one.end for line in block.lines)
        ]
        blamed.append((block, tuple(called or inside)))
    return blamed


def hints_for(
    change: Change | None,
    path: Sequence[Function],
    origins: Sequence[Function],
    odd: Sequence[Deviation],
    ran: Sequence[Function],
) -> list[Hint]:
    """Returns the reasons besides the spectra to suspect lines."""
    hints = [
        Hint("on the way to the writer", 0.15, lines_of(path)),
        Hint("holds the value that marks the rows", 0.25, lines_of(origins)),
    ]
    if change is not None:
        hints.append(Hint("the culprit touched it", 0.6, change.touched))
        hints.append(Hint("taking it out helps", 0.8, decided_lines(change, touched_functions(ran, change.touched))))
    best: Mapping[str, Deviation] = {one.function.place: one for one in reversed(odd)}
    hints += [Hint(f"lacks {one.lacks}", 0.5 * one.score, lines_of([one.function])) for one in best.values()]
    return hints


def decided_lines(change: Change, touched: Sequence[Function]) -> dict[str, set[int]]:
    """Returns the lines of the pieces that decide, or of the new functions that they lead into."""
    found: dict[str, set[int]] = {}
    for block, functions_there in blamed_functions(change, touched):
        lines = set(block.lines)
        led = [one for one in functions_there if one.path != block.path or not lines & set(range(one.top, one.end + 1))]
        if led:
            for path, numbers in lines_of(led).items():
                found.setdefault(path, set()).update(numbers)
        else:
            found.setdefault(block.path, set()).update(lines)
    return found


def with_untraced(locations: tuple[Location, ...], change: Change | None) -> tuple[Location, ...]:
    """Returns the locations with the culprit's SQL files in front: no trace ever shows their lines."""
    extra = [
        Location(path=path, start=min(lines), end=max(lines), suspicion=0.6)
        for path, lines in (change.touched.items() if change else ())
        if path.endswith(".sql")
    ]
    return tuple(sorted((*locations, *extra), key=lambda place: -place.suspicion))[:30]
