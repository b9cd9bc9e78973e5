"""Finds where a change makes a value otherwise at one of its uses, and who uses it as before; it decides nothing.

A function that takes or gives something wrong is wrong for all who call it: a change beside one call mends one.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from andon.judge.readings.followed import ONE_OF, Function, Scope, Unit, one_of, scopes, units

MOST_UNITS, MOST_NEAR, MOST_CALLS, MOST_PLACES = 60, 3, 8, 3
"""Altered expressions of one function that are compared, with how many each, with how many calls of the same function,
and places in one that may differ."""
COMMON = frozenset(dir(builtins)).union(*map(dir, (str, bytes, list, dict, set, int, float)))
"""Names that Python's own things have too: by them one cannot tell whose is meant."""


class How(StrEnum):
    """What a change does at one use."""

    HANDED = "is handed something else"
    GIVEN = "gives what is made into something else"
    REPLACED = "is not called any more"


class Use(NamedTuple):
    """A value that a change makes otherwise where it is used."""

    line: int
    """Of the patched file: where the new value is written."""
    how: How
    name: str
    """The function that it is handed to, or the function or field that gives it."""
    wrapper: str
    """What is new around it: the function, method or operator that comes last. Another function that is called."""
    is_made: bool
    """The value is made into another by a call or by arithmetic, where other words choose one of two."""
    of_call: bool
    """It is about a function, and not about a field."""


class Altered(NamedTuple):
    """A place where two expressions differ."""

    old: ast.expr
    new: ast.expr
    is_callee: bool

    @property
    def is_wrapped(self) -> bool:
        """The old value is in the new one, and is more than asked about."""
        named = any(isinstance(one, ast.Name) for one in ast.walk(self.old))
        return named and has(self.new, self.old) and not is_asked(self.new)

    @property
    def is_made(self) -> bool:
        """Another value is made of the old one, always or under a condition."""
        return makes(self.new, self.old)


def altered_uses(base: str, head: str) -> list[Use]:
    """Returns the values that the functions of two texts use otherwise in the second.

    Raises:
        RecursionError: expressions lie too deep in each other.
    """
    before, after = scopes(base), scopes(head)
    added = {scope.name: scope for name, scope in after.items() if name not in before and isinstance(scope, Function)}
    found: set[Use] = set()
    for name in before.keys() & after.keys():
        if ast.dump(before[name]) == ast.dump(after[name]):
            continue
        old, new = list(units(before[name])), list(units(after[name]))
        fresh = beyond(new, old)[:MOST_UNITS]
        still = {name_of(call.func) for call in calls(new)}
        found.update(handed(old, fresh))
        for unit in fresh:
            places = min((list(differing(one.value, unit.value)) for one in nearest(unit, old)), key=len, default=[])
            if len(places) <= MOST_PLACES:
                here = (use for place in places for use in uses(place, added))
                found.update(use for use in here if use.how is not How.REPLACED or use.name not in still)
    return sorted(found)


def beyond(some: list[Unit], others: list[Unit]) -> list[Unit]:
    """Returns the expressions that others do not have."""
    known = {(one.kind, ast.dump(one.value)) for one in others}
    return [one for one in some if (one.kind, ast.dump(one.value)) not in known]


def nearest(unit: Unit, old: list[Unit]) -> list[Unit]:
    """Returns the few expressions that have most in common with one; those of the same kind if there are any."""
    like = [one for one in old if one.kind == unit.kind] or old
    return sorted(like, key=lambda one: -len(one.parts & unit.parts))[:MOST_NEAR]


def handed(old: list[Unit], fresh: list[Unit]) -> Iterator[Use]:
    """Yields each function that is handed something made of what it was handed before."""
    before: dict[str, dict[str, ast.Call]] = {}
    for call in calls(old):
        before.setdefault(name_of(call.func), {})[ast.dump(call)] = call
    for call in calls(fresh):
        name = name_of(call.func)
        known = before.get(name, {}) if name not in COMMON else {}
        for other in list(known.values())[:MOST_CALLS] if ast.dump(call) not in known else ():
            for one, value in slots(other, call):
                places = list(differing(one, value))
                if 0 < len(places) <= MOST_PLACES and all(place.is_wrapped for place in places):
                    place = places[0]
                    line, wrapper = place.new.lineno, outermost(place.new)
                    yield Use(line, How.HANDED, name, wrapper, place.is_made, of_call=True)


def calls(some: list[Unit]) -> Iterator[ast.Call]:
    """Yields the calls in some expressions; `map` calls a function too."""
    for unit in some:
        for node in ast.walk(unit.value):
            call = told(node)
            if isinstance(call, ast.Call) and name_of(call.func):
                yield call


def told(node: ast.AST) -> ast.AST:
    """Returns a node, or what `map` calls in it."""
    is_map = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "map"
    return one_of(node) if is_map and isinstance(node, ast.Call) else node


def slots(old: ast.Call, new: ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yields the pairs of values that two calls of a function are handed at the same place."""
    yield from zip(old.args, new.args, strict=False)
    named = {one.arg: one.value for one in old.keywords}
    yield from ((named[one.arg], one.value) for one in new.keywords if one.arg in named)


def differing(old: ast.AST, new: ast.AST, is_callee: bool = False) -> Iterator[Altered]:
    """Yields the smallest places where two trees differ."""
    if ast.dump(old) == ast.dump(new):
        return
    mine, others = list(ast.iter_child_nodes(old)), list(ast.iter_child_nodes(new))
    if isinstance(old, ast.expr) and isinstance(new, ast.expr) and (shape(old) != shape(new) or has(new, old)):
        yield Altered(old, new, is_callee)
        return
    for one, other in zip(mine, others, strict=False):
        yield from differing(one, other, isinstance(old, ast.Call) and one is old.func)


def shape(node: ast.AST) -> tuple[object, ...]:
    """Returns what a node is, apart from the expressions in it."""
    fields = [value for _, value in ast.iter_fields(node) if not isinstance(value, ast.expr)]
    fields = [type(value) if isinstance(value, ast.AST) else value for value in fields]
    return (type(node), *(len(value) if isinstance(value, list) else value for value in fields))


def has(whole: ast.AST, part: ast.AST) -> bool:
    """Tells whether a tree has another in it."""
    wanted = ast.dump(part)
    return any(ast.dump(node) == wanted for node in ast.walk(whole) if node is not whole)


def uses(place: Altered, added: Mapping[str, Scope]) -> Iterator[Use]:
    """Yields what a place that differs says of the function or field that gives the value.

    `added` are the functions that the change brings: one that calls the old one in its stead hands it something.
    """
    old, new = place.old, place.new
    if place.is_callee and name_of(old) and name_of(new) and name_of(old) != name_of(new):
        scope = added.get(name_of(new))
        wraps = scope is not None and name_of(old) in {name_of(call.func) for call in calls(list(units(scope)))}
        how = How.HANDED if wraps else How.REPLACED
        yield Use(new.lineno, how, name_of(old), name_of(new), is_made=True, of_call=True)
    if isinstance(old, ast.BinOp) and isinstance(new, ast.BinOp) and type(old.op) is not type(new.op):
        for one, other in ((old.left, new.left), (old.right, new.right)):
            if isinstance(one, ast.Call) and ast.dump(one) == ast.dump(other) and name_of(one.func):
                yield Use(new.lineno, How.GIVEN, name_of(one.func), outermost(new), is_made=True, of_call=True)
    if place.is_wrapped and not place.is_callee and field_of(old):
        of_call = isinstance(old, ast.Call)
        yield Use(new.lineno, How.GIVEN, field_of(old), outermost(new), place.is_made, of_call)


def makes(new: ast.expr, old: ast.expr) -> bool:
    """Tells whether an expression makes something of another by a call or by arithmetic."""
    if isinstance(new, ast.IfExp):
        return any(has(one, old) and makes(one, old) for one in (new.body, new.orelse))
    is_slice = isinstance(new, ast.Subscript) and isinstance(new.slice, ast.Slice)
    return is_slice or isinstance(new, ast.Call | ast.BinOp)


def is_asked(new: ast.expr) -> bool:
    """Tells whether a value is only asked about, or put beside others, where it was used itself."""
    match new:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.BoolOp(op=ast.And()):
            return True
        case ast.Tuple() | ast.List() | ast.Dict() | ast.Set():
            return True
    return False


def name_of(node: ast.expr) -> str:
    """Returns the last name of what is called or read; empty when it has none."""
    if isinstance(node, ast.Name):
        return node.id if node.id != ONE_OF else ""
    return node.attr if isinstance(node, ast.Attribute) else ""


def field_of(node: ast.AST) -> str:
    """Returns the function, the field or the key that gives a value; empty for others."""
    match node:
        case ast.Call(func=func):
            return name_of(func)
        case ast.Attribute(attr=attr, ctx=ast.Load()):
            return attr
        case ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Load()):
            return key
    return ""


def outermost(node: ast.AST) -> str:
    """Returns the name of what is done last."""
    match node:
        case ast.Call(func=func):
            return name_of(func)
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.UnaryOp(op=op):
            return type(op).__name__
    return type(node).__name__


def left_behind(text: str, use: Use) -> list[int]:
    """Returns the lines where a text has such a use of a name, without what is new around it."""
    try:
        return bare(text, use)
    except RecursionError:  # made by a program
        return []


def bare(text: str, use: Use) -> list[int]:
    """Returns the same.

    Raises:
        RecursionError: expressions lie too deep in each other.
    """
    found: dict[tuple[int, int], bool] = {}
    for scope in scopes(text).values():
        if isinstance(scope, Function) and scope.name in (use.wrapper, use.name):
            continue  # it is what is new, or hands a part of what it was handed to itself
        for unit in units(scope):
            for at, above in walked(unit.value):
                node = told(at)
                if field_of(node) != use.name or isinstance(node, ast.Call) != use.of_call:
                    continue
                around = ast.walk(node) if use.how is How.HANDED else iter(above)
                changed = any(outermost(one) == use.wrapper for one in around if one is not node)
                place = (node.lineno, node.col_offset)  # type: ignore[attr-defined]  # it is an expression
                found[place] = found.get(place, False) or changed  # seen twice where a name keeps it
    return sorted({line for (line, _), changed in found.items() if not changed})


def walked(node: ast.AST, above: tuple[ast.AST, ...] = ()) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Yields each node of a tree with those that it stands in."""
    yield node, above
    for child in ast.iter_child_nodes(node):
        yield from walked(child, (*above, node))
