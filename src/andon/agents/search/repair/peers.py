"""Says which functions and which calls are siblings of which: same callees, parameters, names or roles."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.repair.source import Function, SourceFile, Sources, first_line
from andon.models import Location

LEAST_KINSHIP = 0.4
MAX_PEERS = 8
FALLBACK_SUSPICION = 0.05


class Unit(NamedTuple):
    """A function with what its kinship is measured by."""

    file: SourceFile
    node: Function
    params: frozenset[str]
    callees: frozenset[str]
    words: tuple[str, ...]
    returns: str
    owner: str
    """Name of the class that it is a method of, or empty."""


class Peer(NamedTuple):
    """A sibling of a function and how near it is, 0 to 1."""

    unit: Unit
    kinship: float


def read_units(sources: Sources) -> list[Unit]:
    """Returns all functions of the product."""
    return [unit_of(file, node) for file in sources.values() for node in file.functions]


def unit_of(file: SourceFile, node: Function) -> Unit:
    """Returns a function's unit."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    params = frozenset(a.arg for a in arguments) - {"self", "cls"}
    callees = frozenset(name for call in calls_in(node) if (name := callee_name(call)))
    parent = file.parents.get(node)
    owner = parent.name if isinstance(parent, ast.ClassDef) else ""
    returns = ast.unparse(node.returns) if node.returns is not None else ""
    return Unit(file, node, params, callees, tuple(w for w in node.name.split("_") if w), returns, owner)


def calls_in(node: ast.AST) -> list[ast.Call]:
    """Returns the calls inside a node."""
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]


def callee_name(call: ast.Call) -> str:
    """Returns the last name of what is called: `get` for `client.get(..)`; empty when it has none."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def peers_of(unit: Unit, units: Sequence[Unit], rarity: Mapping[str, float]) -> list[Peer]:
    """Returns the nearest siblings of a function, nearest first."""
    found = [Peer(other, kinship(unit, other, rarity)) for other in units if other.node is not unit.node]
    near = [peer for peer in found if peer.kinship >= LEAST_KINSHIP]
    return sorted(near, key=lambda peer: -peer.kinship)[:MAX_PEERS]


def rarity_of(units: Iterable[Unit]) -> dict[str, float]:
    """Returns for each callee how much it says: 1 when few functions call it, towards 0 when all do."""
    everything = list(units)
    counts = Counter(name for unit in everything for name in unit.callees)
    return {name: 1.0 - count / (len(everything) + 1) for name, count in counts.items()}


def kinship(one: Unit, two: Unit, rarity: Mapping[str, float]) -> float:
    """Returns how much two functions are alike, 0 to 1: parameters, callees, result, name and home."""
    if (one.owner == "") != (two.owner == ""):
        return 0.0
    score = 0.25 * overlap(one.params, two.params)
    common = sum(rarity.get(name, 0.0) for name in one.callees & two.callees)
    score += 0.3 * min(1.0, common)
    score += 0.2 * (bool(one.returns) and one.returns == two.returns and one.returns != "None")
    score += 0.15 * (one.words[:1] == two.words[:1] or (len(one.words) > 1 and one.words[-1:] == two.words[-1:]))
    return score + 0.1 * (one.file.path.rpartition("/")[0] == two.file.path.rpartition("/")[0])


def overlap(one: frozenset[str], two: frozenset[str]) -> float:
    """Returns the share of members that two sets have in common (Jaccard)."""
    return len(one & two) / len(one | two) if one | two else 0.0


def suspicion_at(locations: Sequence[Location], path: str, start: int, end: int) -> float:
    """Returns the highest suspicion of the locations that overlap some lines of a file."""
    hits = [loc.suspicion for loc in locations if loc.path == path and loc.start <= end and start <= loc.end]
    return max(hits, default=0.0)


def suspects(units: Sequence[Unit], locations: Sequence[Location], fresh: Mapping[str, set[int]]) -> list[Peer]:
    """Returns the functions to look at with their suspicion, most suspicious first.

    `fresh` holds the lines by path that the culprit commit wrote: a function with such lines counts half as much again.
    """
    found: list[Peer] = []
    for unit in units:
        start, end = first_line(unit.node), unit.node.end_lineno or unit.node.lineno
        suspicion = suspicion_at(locations, unit.file.path, start, end)
        written = fresh.get(unit.file.path, set())
        if any(line in written for line in range(start, end + 1)):
            suspicion = min(1.0, max(suspicion, 0.4) * 1.5)
        if not locations and not fresh:
            suspicion = FALLBACK_SUSPICION
        if suspicion > 0:
            found.append(Peer(unit, suspicion))
    return sorted(found, key=lambda peer: -peer.kinship)
