"""Writes a test file again with copies of its tests, each with another value: questions next to those that it asks."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Collection, Sequence
from copy import deepcopy
from typing import cast

from andon.judge.edits.edits import Function

WORD = re.compile(r"[0-9]+|[^\W\d_]+")
COPY = "_asked_"
"""Between the name of a test and the number of its copy."""
TIMES = 5
LONG = "aBcdefghijklmnopqrstuvwxyz"
"""What makes a text longer than any honest field is cut to."""


def with_other_values(source: str, tests: Collection[str], times: int, seed: int) -> tuple[str, list[str]]:
    """Returns a test file with copies of some tests (`Class::function`) beside them, and the names of the copies.

    In each copy one value that the test hands on is another one; each takes the next value. Nothing is copied of a test
    that hands on none, or of a file that is no Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source, []
    names: list[str] = []
    for test in tests:
        above, _, name = test.rpartition("::")
        body = body_of(tree, above.split("::") if above else [])
        at = next((at for at, one in enumerate(body) if isinstance(one, Function) and one.name == name), None)
        if at is None:
            continue
        found = copies(cast(Function, body[at]), times, random.Random(f"{seed} {test}"))
        body[at + 1 : at + 1] = found
        names += [f"{above}::{one.name}" if above else one.name for one in found]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n", names


def body_of(tree: ast.Module, classes: Sequence[str]) -> list[ast.stmt]:
    """Returns the statements of a class within classes, or of the module; none when there is no such class."""
    body = tree.body
    for name in classes:
        body = next((one.body for one in body if isinstance(one, ast.ClassDef) and one.name == name), [])
    return body


def copies(test: Function, times: int, chance: random.Random) -> list[Function]:
    """Returns copies of a test, each with another value in one place; none when it hands on no value."""
    found: list[Function] = []
    for number in range(times):
        copy = deepcopy(test)
        places = handed_on(copy)
        if not places:
            break
        place = places[number % len(places)]
        new = other(place.value, [one.value for one in places], number // len(places), chance)
        if new != place.value:
            place.value = cast(str, new)
            copy.name = f"{test.name}{COPY}{number}"
            found.append(cast(Function, Telling(repeated=number % 2 == 1).visit(copy)))
    return found


class Telling(ast.NodeTransformer):
    """Asserts what tells the values of calls that a test makes and does not look at; repeated, it makes them anew."""

    def __init__(self, *, repeated: bool) -> None:
        self.repeated = repeated

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value
        if not isinstance(call, ast.Call) or asserts(call):
            return node
        told = ast.copy_location(ast.Assert(ast.Tuple([call], ast.Load())), node)
        if not self.repeated:
            return told
        times = ast.Call(ast.Name("range", ast.Load()), [ast.Constant(TIMES)], [])
        return ast.copy_location(ast.For(ast.Name("_", ast.Store()), times, [told], []), node)


def handed_on(test: Function) -> list[ast.Constant]:
    """Returns the texts and numbers that a test hands to what it calls, or is given by its decorators."""
    expected = {id(one) for node in ast.walk(test) for one in asserted(node)}
    calls = [node for node in ast.walk(test) if isinstance(node, ast.Call)]
    found = {
        id(one): one
        for call in calls
        for argument in (*call.args[is_table(call) :], *(word.value for word in call.keywords))
        for one in ast.walk(argument)
        if isinstance(one, ast.Constant) and isinstance(one.value, str | int | float)
    }
    kept = [one for one in found.values() if not isinstance(one.value, bool) and id(one) not in expected]
    return sorted(kept, key=lambda one: (one.lineno, one.col_offset))


def is_table(call: ast.Call) -> bool:
    """Tells whether the first argument of a call names the parameters of a test."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "parametrize"


def asserted(node: ast.AST) -> list[ast.expr]:
    """Returns the constants that an assertion holds as what it expects."""
    if isinstance(node, ast.Compare):
        return [one for one in (node.left, *node.comparators) if isinstance(one, ast.Constant)]
    if isinstance(node, ast.Call) and asserts(node):
        return [one for one in node.args if isinstance(one, ast.Constant)]
    return []


def asserts(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr.startswith("assert")


def other(value: object, fellows: list[object], turn: int, chance: random.Random) -> object:
    """Returns another value of the kind; every third turn one of the test's own other values."""
    alike = [one for one in fellows if type(one) is type(value) and one != value]
    if alike and turn % 3 == 2:
        return alike[turn // 3 % len(alike)]
    if isinstance(value, str):
        return chance.choice(texts(value, chance))
    if isinstance(value, float):
        return chance.choice([value + 0.006, value * 10, -value, value + 1])
    assert isinstance(value, int)
    return chance.choice([value * 10 + chance.randrange(1, 10), value + 1, value + 2, max(value - 1, 0), -value])


def texts(value: str, chance: random.Random) -> list[object]:
    """Returns texts like a text: with one of its words or numbers longer, in other letters or with other digits."""
    found: list[object] = [value.swapcase(), value + LONG]
    for word in chance.sample(words := list(WORD.finditer(value)), min(3, len(words))):
        before, inside, after = value[: word.start()], word[0], value[word.end() :]
        if inside.isdecimal():
            drawn = "".join(str(chance.randrange(10)) for _ in inside)
            ways = [f"{chance.randrange(5, 10)}{inside}", drawn, drawn]
        else:
            ways = [inside + LONG, inside.swapcase(), inside[:-1] + chance.choice(LONG)]
        found += [f"{before}{way}{after}" for way in ways]
    return found
