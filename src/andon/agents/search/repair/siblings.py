"""Bugs as deviant behaviour (Engler 2001): what suspicious functions and calls lack that their siblings have.

It only proposes: every idea is a transplant from a sibling, imports included, weighed by how many siblings have it.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.repair import guarding, wrapping
from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.imports import bound_in, import_edits, merged, names_used
from andon.agents.search.repair.peers import (
    Peer,
    Unit,
    callee_name,
    calls_in,
    peers_of,
    rarity_of,
    read_units,
    suspects,
)
from andon.agents.search.repair.source import Edit, SourceFile, Sources, first_line
from andon.models import Location

NOT_TRANSPLANTED = frozenset(
    {"property", "staticmethod", "classmethod", "overload", "abstractmethod", "override", "dataclass", "wraps"}
    | {"setter", "getter", "deleter", "fixture", "contextmanager", "asynccontextmanager", "route", "command", "option"}
)
MAX_SUSPECTS = 24
BUILT_IN = frozenset(dir(builtins))


class Site(NamedTuple):
    """A call and where it stands."""

    file: SourceFile
    call: ast.Call


def deviations(
    sources: Sources, locations: Sequence[Location], fresh: Mapping[str, set[int]] | None = None
) -> list[Idea]:
    """Returns what the suspicious functions lack that their siblings have, best supported first.

    `fresh` holds the lines by path that the culprit commit wrote, where one is known.
    """
    units = read_units(sources)
    rarity = rarity_of(units)
    sites = call_sites(sources)
    roles = wrapping.roles_of(sources)
    found: list[Idea] = []
    for suspect, suspicion in suspects(units, locations, fresh or {})[:MAX_SUSPECTS]:
        peers = peers_of(suspect, units, rarity)
        ideas = [
            *missing_decorators(sources, suspect, peers),
            *missing_keywords(sources, suspect, sites),
            *missing_await(suspect, units),
            *wrapping.missing_wrappers(sources, suspect, units, rarity),
            *wrapping.missing_layers(sources, suspect, roles),
            *guarding.missing_guards(sources, suspect, peers, units),
            *guarding.missing_blocks(sources, suspect, units),
        ]
        found.extend(idea._replace(suspicion=idea.suspicion * suspicion) for idea in ideas)
    return sorted(found, key=lambda idea: -idea.suspicion)


def call_sites(sources: Sources) -> dict[str, list[Site]]:
    """Returns all calls of the product by the last name of what they call."""
    found: dict[str, list[Site]] = defaultdict(list)
    for file in sources.values():
        for call in calls_in(file.tree):
            found[callee_name(call)].append(Site(file, call))
    return found


# --- decorators -----------------------------------------------------------------------------------------------------


def missing_decorators(sources: Sources, suspect: Unit, peers: Sequence[Peer]) -> Iterator[Idea]:
    """Yields the decorators that siblings wear and the suspect does not."""
    own = {decorator_name(node) for node in suspect.node.decorator_list}
    weight: Counter[str] = Counter()
    best: dict[str, tuple[Unit, ast.expr, float]] = {}
    for peer in peers:
        for node in peer.unit.node.decorator_list:
            name = decorator_name(node)
            weight[name] += 1
            if name not in best or peer.kinship > best[name][2]:
                best[name] = (peer.unit, node, peer.kinship)
    for name, count in weight.items():
        if not name or name in own or name in NOT_TRANSPLANTED:
            continue
        origin, node, near = best[name]
        edits = decorated(sources, suspect, origin, node)
        if edits is not None:
            share = count / len(peers)
            says = f"decorates {suspect.node.name} with @{name}, as {count} of {len(peers)} siblings are"
            yield Idea(
                edits, "sibling:decorator", (0.4 + 0.6 * share) * min(1.0, 0.4 + near), f"{says} ({origin.node.name})"
            )


def decorator_name(node: ast.expr) -> str:
    """Returns the last name of a decorator, without its arguments."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def decorated(sources: Sources, suspect: Unit, origin: Unit, node: ast.expr) -> tuple[Edit, ...] | None:
    """Returns the edits that put a sibling's decorator on a function; None when its names cannot be had."""
    outermost = origin.node.decorator_list[0] is node and len(origin.node.decorator_list) > 1
    line = first_line(suspect.node) if outermost else suspect.node.lineno
    text = f"{suspect.file.indent(suspect.node.lineno)}@{origin.file.code(node)}\n"
    needed = names_used(node)
    imports = import_edits(sources, needed, origin.file, suspect.file)
    return None if imports is None else tuple(merged([*imports, suspect.file.insert_line(line, text)]))


# --- keyword arguments ----------------------------------------------------------------------------------------------


def missing_keywords(sources: Sources, suspect: Unit, sites: Mapping[str, Sequence[Site]]) -> Iterator[Idea]:
    """Yields the keyword arguments, and the constants in them, that other calls of the same callee agree on."""
    for call in calls_in(suspect.node):
        name = callee_name(call)
        others = [site for site in sites.get(name, ()) if site.call is not call]
        if not name or not others or any(keyword.arg is None for keyword in call.keywords):
            continue
        has = {keyword.arg: keyword for keyword in call.keywords}
        values = keyword_values(others)
        for word, found in values.items():
            text, count = Counter(found).most_common(1)[0]
            share = count / len(others)
            if share < 0.5 or (name in BUILT_IN and share < 0.75):
                continue
            edit = keyword_edit(suspect, call, has.get(word), word, text)
            origin = next(site for site in others if keyword_text(site, word) == text)
            if edit is None or (word in has and len(others) < 2):
                continue
            imports = import_edits(
                sources,
                names_used(ast.parse(text, mode="eval")) - bound_in(suspect.file, call),
                origin.file,
                suspect.file,
            )
            if imports is not None:
                says = f"gives {name}(..) in {suspect.node.name} {word}={text}, as {count} of {len(others)} others have"
                yield Idea((*imports, edit), "sibling:keyword", 0.35 + 0.4 * share, says)


def keyword_values(sites: Sequence[Site]) -> dict[str, list[str]]:
    """Returns the texts that each keyword argument has in some calls."""
    found: dict[str, list[str]] = defaultdict(list)
    for site in sites:
        for keyword in site.call.keywords:
            if keyword.arg is not None:
                found[keyword.arg].append(site.file.code(keyword.value))
    return found


def keyword_text(site: Site, word: str) -> str:
    """Returns the text of a keyword argument of a call; empty when it has none."""
    return next((site.file.code(keyword.value) for keyword in site.call.keywords if keyword.arg == word), "")


def keyword_edit(suspect: Unit, call: ast.Call, present: ast.keyword | None, word: str, text: str) -> Edit | None:
    """Returns the edit that gives a call a keyword argument, or the siblings' constant in the place of its own."""
    file = suspect.file
    if present is not None:
        differs = isinstance(present.value, ast.Constant) and file.code(present.value) != text
        return file.replace(present.value, text) if differs else None
    end = file.span(call)[1] - 1
    before = file.text[:end].rstrip()
    comma = "" if before.endswith(("(", ",")) else ", "
    if before.endswith(","):
        comma = " "
    return Edit(file.path, len(before), len(before), f"{comma}{word}={text}")


# --- await ----------------------------------------------------------------------------------------------------------


def missing_await(suspect: Unit, units: Sequence[Unit]) -> Iterator[Idea]:
    """Yields awaits for calls of coroutine functions that nobody awaits."""
    if not isinstance(suspect.node, ast.AsyncFunctionDef):
        return
    coroutines = {u.node.name for u in units if isinstance(u.node, ast.AsyncFunctionDef)}
    coroutines -= {u.node.name for u in units if isinstance(u.node, ast.FunctionDef)}
    for call in calls_in(suspect.node):
        parent = suspect.file.parents.get(call)
        plain = isinstance(parent, ast.Assign | ast.Expr | ast.Return | ast.Compare | ast.BinOp | ast.If)
        if plain and callee_name(call) in coroutines:
            edit = suspect.file.replace(call, f"await {suspect.file.code(call)}")
            yield Idea((edit,), "sibling:await", 0.9, f"awaits {callee_name(call)}(..) in {suspect.node.name}")
