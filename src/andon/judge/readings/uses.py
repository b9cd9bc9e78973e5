"""Finds where a change makes a value otherwise at one of its uses, and who uses it as before; it decides nothing.

A function that takes or gives something wrong is wrong for all who call it: a change beside one call mends one.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from andon.judge.readings.followed import ONE_OF, Unit, scopes, units

MOST_UNITS, MOST_NEAR, MOST_PLACES = 60, 3, 3
"""Altered expressions of one function that are compared, with how many each, and places in one that may differ."""
COMMON = frozenset(name for kind in (str, bytes, list, dict, set, int, float) for name in dir(kind)) | set(
    dir(builtins)
)
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
    names: tuple[str, ...]
    """The functions that it is handed to, the nearest first; or the function or field that gives it."""
    wrapper: str
    """What is new around it: the function, method or operator that comes last. Another function that is called."""
    is_made: bool
    """The value is made into another by a call or by arithmetic, where other words choose one of two."""
    of_call: bool
    """A function gives it, and no field."""


class Altered(NamedTuple):
    """A place where two expressions differ."""

    old: ast.expr
    new: ast.expr
    receivers: tuple[str, ...]
    """The functions in whose arguments it stands, the nearest first."""
    is_callee: bool


def altered_uses(base: str, head: str) -> list[Use]:
    """Returns the values that the functions of two texts use otherwise in the second.

    Raises:
        RecursionError: expressions lie too deep in each other.
    """
    before, after = scopes(base), scopes(head)
    found: set[Use] = set()
    for name in before.keys() & after.keys():
        if ast.dump(before[name]) == ast.dump(after[name]):
            continue
        old, new = list(units(before[name])), list(units(after[name]))
        gone, fresh = beyond(old, new)[:MOST_UNITS], beyond(new, old)[:MOST_UNITS]
        for unit in fresh:
            places = min((list(differing(one.value, unit.value)) for one in nearest(unit, gone)), key=len, default=[])
            if len(places) <= MOST_PLACES:
                found.update(use for place in places for use in uses(place))
    return sorted(found)


def nearest(unit: Unit, gone: list[Unit]) -> list[Unit]:
    """Returns the few expressions that have most in common with one; those of the same kind if there are any."""
    like = [one for one in gone if one.kind == unit.kind] or gone
    return sorted(like, key=lambda one: -len(one.parts & unit.parts))[:MOST_NEAR]


def beyond(some: list[Unit], others: list[Unit]) -> list[Unit]:
    """Returns the expressions that others do not have."""
    known = {(one.kind, ast.dump(one.value)) for one in others}
    return [one for one in some if (one.kind, ast.dump(one.value)) not in known]


def differing(
    old: ast.AST, new: ast.AST, receivers: tuple[str, ...] = (), is_callee: bool = False
) -> Iterator[Altered]:
    """Yields the smallest places where two trees differ."""
    if ast.dump(old) == ast.dump(new):
        return
    mine, others = list(ast.iter_child_nodes(old)), list(ast.iter_child_nodes(new))
    if isinstance(old, ast.expr) and isinstance(new, ast.expr) and (shape(old) != shape(new) or has(new, old)):
        yield Altered(old, new, receivers, is_callee)
        return
    inner = (name_of(new.func), *receivers) if isinstance(new, ast.Call) else receivers
    for one, other in zip(mine, others, strict=False):
        callee = isinstance(old, ast.Call) and one is old.func
        yield from differing(one, other, receivers if callee else inner, callee)


def shape(node: ast.AST) -> tuple[object, ...]:
    """Returns what a node is, apart from what stands in it."""
    fields = [value for _, value in ast.iter_fields(node) if not isinstance(value, ast.AST)]
    return (type(node), *(len(value) if isinstance(value, list) else value for value in fields))


def has(whole: ast.AST, part: ast.AST) -> bool:
    """Tells whether a tree has another in it."""
    wanted = ast.dump(part)
    return any(ast.dump(node) == wanted for node in ast.walk(whole) if node is not whole)


def uses(place: Altered) -> Iterator[Use]:
    """Yields what a place that differs says of the use of a value."""
    old, new = place.old, place.new
    line = new.lineno
    if place.is_callee:
        if name_of(old) and name_of(new) and name_of(old) != name_of(new):
            yield Use(line, How.REPLACED, (name_of(old),), name_of(new), is_made=True, of_call=True)
        return
    if not has(new, old) or not any(isinstance(one, ast.Name) for one in ast.walk(old)) or is_asked(new):
        return
    made = isinstance(new, ast.Call | ast.BinOp)
    if place.receivers:
        yield Use(line, How.HANDED, place.receivers, outermost(new), made, of_call=True)
    if field_of(old):
        yield Use(line, How.GIVEN, (field_of(old),), outermost(new), made, of_call=isinstance(old, ast.Call))


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


def left_behind(text: str, use: Use, name: str) -> list[int]:
    """Returns the lines where a text has such a use of a name, without what is new around it."""
    try:
        return bare(text, use, name)
    except RecursionError:  # made by a program
        return []


def bare(text: str, use: Use, name: str) -> list[int]:
    found: dict[tuple[int, int], bool] = {}
    for scope in scopes(text).values():
        for unit in units(scope):
            for node, above in walked(unit.value):
                if field_of(node) != name or isinstance(node, ast.Call) != use.of_call:
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
