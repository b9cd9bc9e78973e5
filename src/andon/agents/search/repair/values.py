"""Templates on names, arguments, calls and the form of values: the wrong one, a missing one, or not normalised."""

from __future__ import annotations

import ast
import difflib
import itertools
from collections.abc import Iterator

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.imports import bound_at_top
from andon.agents.search.repair.kinds import TEXT_METHODS
from andon.agents.search.repair.operators import local_names
from andon.agents.search.repair.source import Edit
from andon.agents.search.repair.templates import Place, Template, grouped

NORMALISERS = (".strip()", ".lower()", ".strip().lower()", ".casefold()", ".upper()", ".rstrip()")
METHOD_TWINS = {
    "match": ("search", "fullmatch"),
    "search": ("match", "fullmatch"),
    "append": ("extend",),
    "extend": ("append",),
    "find": ("rfind",),
    "rfind": ("find",),
    "index": ("rindex",),
    "split": ("rsplit",),
    "partition": ("rpartition",),
    "rpartition": ("partition",),
    "lstrip": ("removeprefix", "strip"),
    "rstrip": ("removesuffix", "strip"),
    "startswith": ("endswith",),
    "endswith": ("startswith",),
    "update": ("setdefault",),
    "fetchone": ("fetchall",),
    "min": ("max",),
    "max": ("min",),
    "any": ("all",),
    "all": ("any",),
    "keys": ("values", "items"),
    "popleft": ("pop",),
    "add": ("discard",),
    "union": ("intersection",),
    "intersection": ("union",),
    "remove": ("discard",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "seconds": ("total_seconds()",),
}
WRAPPED = ("sorted", "list", "set", "abs", "str", "int", "float", "len")
MAX_NAMES = 6


def names(place: Place) -> Iterator[Idea]:
    """Another variable of the function in the place of a name that is read."""
    for node in place.nodes:
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        local = local_names(place, node)
        if node.id not in local:
            continue
        own = place.kind(node)
        kinds = {name: place.kind(other) for name, other in local_uses(place, node).items()}
        if own != "unknown":
            local = {name for name in local if kinds.get(name, own) in (own, "unknown")}
        near = sorted(local - {node.id}, key=lambda name: (-likeness(name, node.id), name))[:MAX_NAMES]
        for rank, name in enumerate(near):
            yield place.swap("variable", 0.42 - 0.03 * rank, node, name)


def local_uses(place: Place, node: ast.Name) -> dict[str, ast.Name]:
    """Returns one use of each name that the function around a node reads."""
    around = place.file.enclosing(node)
    if around is None:
        return {}
    return {n.id: n for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def likeness(one: str, two: str) -> float:
    """Returns how alike two names are, 0 to 1."""
    return difflib.SequenceMatcher(None, one, two).ratio()


def attributes(place: Place) -> Iterator[Idea]:
    """A sibling attribute, key or method in the place of one."""
    for node in place.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for twin in METHOD_TWINS.get(node.func.id, ()):
                yield place.swap("method", 0.45, node.func, twin)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            end = place.file.span(node)[1]
            edit_at = (end - len(node.attr), end)
            for twin in METHOD_TWINS.get(node.attr, ()):
                edit = Edit(place.file.path, *edit_at, twin)
                yield place.idea("method", 0.45, f".{node.attr} becomes .{twin}", edit)
            for other in other_attributes(place, node):
                edit = Edit(place.file.path, *edit_at, other)
                yield place.idea("attribute", 0.35, f".{node.attr} becomes .{other}", edit)
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
        ):
            for other in other_keys(place, node):
                yield place.swap("key", 0.3, node.slice, repr(other).replace("'", '"'))


def other_attributes(place: Place, node: ast.Attribute) -> list[str]:
    """Returns the other attributes that the same object has in this file."""
    owner = ast.dump(node.value)
    called = isinstance(place.file.parents.get(node), ast.Call)
    found = {
        n.attr
        for n in ast.walk(place.file.tree)
        if isinstance(n, ast.Attribute) and ast.dump(n.value) == owner and n.attr != node.attr
        if isinstance(place.file.parents.get(n), ast.Call) == called
    }
    return sorted(found, key=lambda name: (-likeness(name, node.attr), name))[:4]


def other_keys(place: Place, node: ast.Subscript) -> list[str]:
    """Returns the other constant keys that the same mapping is asked for in this file."""
    owner, own = ast.dump(node.value), node.slice
    found = {
        n.slice.value
        for n in ast.walk(place.file.tree)
        if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant) and isinstance(n.slice.value, str)
        if ast.dump(n.value) == owner and isinstance(own, ast.Constant) and n.slice.value != own.value
    }
    return sorted(found, key=lambda name: (-likeness(name, str(getattr(own, "value", ""))), name))[:4]


def arguments(place: Place) -> Iterator[Idea]:
    """Two arguments or two elements swapped; one left out; the call taken off its only argument."""
    for node in place.nodes:
        if isinstance(node, ast.Call | ast.Tuple | ast.List):
            items = node.args if isinstance(node, ast.Call) else node.elts
            if 2 <= len(items) <= 5 and not any(isinstance(item, ast.Starred) for item in items):
                for one, two in itertools.combinations(items, 2):
                    edits = (
                        place.file.replace(one, place.file.code(two)),
                        place.file.replace(two, place.file.code(one)),
                    )
                    says = f"{place.file.code(one)[:30]} and {place.file.code(two)[:30]} change places"
                    weight = 0.45 if items.index(two) == items.index(one) + 1 else 0.35
                    yield place.idea("argument", weight, says, *edits)
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords and isinstance(node.func, ast.Name):
            yield place.swap("unwrap", 0.3, node, place.file.code(node.args[0]))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and len(node.args) + len(node.keywords) < 2
        ):
            yield place.swap("unwrap", 0.25, node, place.file.code(node.func.value))


def normalised(place: Place) -> Iterator[Idea]:
    """A value stripped, lowered, or sent through a function of the product that cleans values."""
    for node in place.nodes:
        if not isinstance(node, ast.expr) or not plain_value(place, node):
            continue
        kind, text = place.kind(node), grouped(place.file, node)
        if kind in ("number", "unknown"):
            yield place.swap("wrap", 0.3, node, f"max(0, {place.file.code(node)})")
        if kind not in ("text", "unknown"):
            continue
        likely = 0.55 if kind == "text" or textual(place, node) else 0.3
        for rank, method in enumerate(NORMALISERS):
            yield place.swap("normalise", likely - 0.04 * rank, node, text + method)
        for name in cleaners(place):
            yield place.swap("normalise", 0.4, node, f"{name}({place.file.code(node)})")
        for rank, function in enumerate(WRAPPED):
            yield place.swap("wrap", 0.22 - 0.01 * rank, node, f"{function}({place.file.code(node)})")


def plain_value(place: Place, node: ast.expr) -> bool:
    """Tells whether an expression is a value that something is done with, not a target and not what is called."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.BinOp):
        return False
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    parent = place.file.parents.get(node)
    if isinstance(parent, ast.Call):
        return node in parent.args
    whole = (
        ast.Return | ast.Assign | ast.keyword | ast.Dict | ast.Compare | ast.Tuple | ast.List | ast.Subscript | ast.For
    )
    return isinstance(parent, whole)


def textual(place: Place, node: ast.expr) -> bool:
    """Tells whether the function treats a value as text somewhere."""
    around = place.file.enclosing(node)
    if around is None:
        return False
    own = ast.dump(node)
    for other in ast.walk(around):
        if isinstance(other, ast.Attribute) and other.attr in TEXT_METHODS:
            inside = ast.dump(other.value)
            if inside == own or (isinstance(other.value, ast.Name) and isinstance(node, ast.Name)):
                return True
    return False


def cleaners(place: Place) -> list[str]:
    """Returns the one-argument functions at hand whose name says that they clean a value."""
    words = ("normal", "clean", "canon", "strip", "trim", "parse", "to_", "as_", "coerce", "sanit")
    at_hand = bound_at_top(place.file)
    found = {
        f.name
        for file in place.sources.values()
        for f in file.functions
        if f.name.startswith(words) and len(f.args.args) == 1 and f.name in at_hand
    }
    return sorted(found)[:4]


# --- keys -----------------------------------------------------------------------------------------------------------


def key_elements(place: Place) -> Iterator[Idea]:
    """A tuple, list or set of like elements with one more: a column, a key, an attribute or a name at hand."""
    for node in place.nodes:
        if not isinstance(node, ast.Tuple | ast.List | ast.Set) or not node.elts:
            continue
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            continue
        for rank, text in enumerate(more_elements(place, node)):
            last = place.file.span(node.elts[-1])[1]
            edit = Edit(place.file.path, last, last, f", {text}")
            yield place.idea("key", max(0.2, 0.6 - 0.03 * rank), f"{text} joins {place.file.code(node)[:50]}", edit)


def more_elements(place: Place, node: ast.Tuple | ast.List | ast.Set) -> list[str]:
    """Returns the texts of elements that would fit a tuple, list or set, the likeliest first."""
    first = node.elts[0]
    if all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in node.elts):
        own = [str(e.value) for e in node.elts if isinstance(e, ast.Constant)]
        known = [*sibling_elements(place, set(own)), *place.ingredients.columns]
        quote = place.file.code(first)[:1]
        return [f"{quote}{name}{quote}" for name in dict.fromkeys(known) if name not in own and name.isidentifier()][
            :12
        ]
    if isinstance(first, ast.Attribute):
        own = [e.attr for e in node.elts if isinstance(e, ast.Attribute)]
        others = sorted(set(place.ingredients.columns) | set(other_attributes(place, first)))
        return [f"{place.file.code(first.value)}.{name}" for name in others if name not in own and name.isidentifier()][
            :8
        ]
    if isinstance(first, ast.Subscript) and isinstance(first.slice, ast.Constant):
        own = [
            str(e.slice.value) for e in node.elts if isinstance(e, ast.Subscript) and isinstance(e.slice, ast.Constant)
        ]
        others = list(dict.fromkeys([*other_keys(place, first), *place.ingredients.columns]))
        return [f'{place.file.code(first.value)}["{name}"]' for name in others if name not in own][:8]
    if isinstance(first, ast.Name):
        own = [e.id for e in node.elts if isinstance(e, ast.Name)]
        return sorted(local_names(place, node) - set(own))[:6]
    return []


def sibling_elements(place: Place, own: set[str]) -> list[str]:
    """Returns the constant texts of other lists that share elements with one, those that share most first."""
    found: list[tuple[int, list[str]]] = []
    for file in place.sources.values():
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                values = [e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
                shared = len(own & set(values))
                if shared and set(values) - own:
                    found.append((shared, [value for value in values if value not in own]))
    return [value for _, values in sorted(found, key=lambda pair: -pair[0]) for value in values]


TEMPLATES: list[Template] = [names, attributes, arguments, normalised, key_elements]
