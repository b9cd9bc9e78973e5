"""Reads what the statements of a function say with its local names replaced by what they were set to."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from andon.judge.syntax import parse

MOST_CHARACTERS = 400
"""Of a value that is followed through names."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
OWN = ast.Lambda | ast.DictComp | ast.JoinedStr
"""What has names of its own; and what a value cannot always be written into."""
Many = ast.GeneratorExp | ast.ListComp | ast.SetComp
TARGETS = frozenset({"targets", "target", "decorator_list", "optional_vars"})
ONE_OF = "one of"
"""What gives a thing of a loop; nothing else can be called so."""
Values = dict[str, ast.expr]


@dataclass(frozen=True)
class Unit:
    """An expression of a statement, with what its names were set to in their place."""

    kind: str
    """Statement and part of it."""
    value: ast.expr

    @cached_property
    def parts(self) -> frozenset[str]:
        """What the expression is made of, as it would be dumped."""
        return frozenset(ast.dump(node) for node in ast.walk(self.value))


def scopes(text: str) -> dict[str, Scope]:
    """Returns qualified name -> function or class of a text, and the text itself by an empty name.

    Nothing when it is no Python.

    Raises:
        RecursionError: expressions lie too deep in each other.
    """
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, Scope] = {"": tree}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function | ast.ClassDef):
                found[prefix + child.name] = child
                walk(child, f"{prefix}{child.name}.")
            else:
                walk(child, prefix)

    walk(tree, "")
    return found


def units(scope: Scope) -> Iterator[Unit]:
    """Yields the expressions of a scope's own statements in their order."""
    values: Values = {}
    for statement in statements(scope):
        for name, field in ast.iter_fields(statement):
            for node in field if isinstance(field, list) else [field]:
                value = node.context_expr if isinstance(node, ast.withitem) else node
                if isinstance(value, ast.expr) and name not in TARGETS:
                    if isinstance(statement, ast.AugAssign):  # how it is added is a part of it
                        kept = ast.copy_location(ast.Constant(...), value)
                        value = ast.copy_location(ast.BinOp(kept, statement.op, value), value)
                    yield Unit(f"{type(statement).__name__} {name}", put_in(value, values))
        learn(statement, values)


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yields the statements in a scope, those of functions and classes in it aside."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from statements(child)


def learn(statement: ast.stmt, values: Values) -> None:
    """Remembers what a statement sets one name to, and forgets what it sets otherwise."""
    told: tuple[ast.expr, ast.expr] | None = None
    match statement:
        case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
            told = target, put_in(value, values)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            told = target, one_of(put_in(value, values))
    named = (node for node in own(statement) if isinstance(node, ast.Name | ast.Attribute | ast.Subscript))
    gone = [node for node in named if not isinstance(node.ctx, ast.Load)]
    for node in gone:
        values.pop(written(node), None)
    if told is not None and len(gone) == 1 and gone[0] is told[0] and 0 < len(written(told[1])) <= MOST_CHARACTERS:
        values[written(told[0])] = told[1]


def written(node: ast.expr) -> str:
    """Returns an expression as text; empty when it cannot be written, as some texts in texts cannot."""
    try:
        return ast.unparse(node)
    except ValueError:
        return ""


def own(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yields the nodes of a statement, without the statements in it and without names that last for an expression."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            inside = list(ast.walk(child))
            loops = [node.target for node in inside if isinstance(node, ast.comprehension)]
            passing = {id(node) for target in loops for node in ast.walk(target)}
            yield from (node for node in inside if id(node) not in passing)


class Replace(ast.NodeTransformer):
    """Puts what names were set to in their place."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            found = self.values.get(written(node))
            if found is not None:
                return copy.deepcopy(found)
        if isinstance(node, Many) and len(node.generators) == 1 and isinstance(node.generators[0].target, ast.Name):
            return self.many(node, node.generators[0])
        return node if isinstance(node, OWN | Many) else self.generic_visit(node)

    def many(self, node: Many, loop: ast.comprehension) -> ast.AST:
        """Returns what many things are made by, with the thing of its loop in the place of the name of that."""
        loop.iter = self.into(loop.iter)
        inner = Replace({**self.values, written(loop.target): one_of(loop.iter)})
        node.elt = inner.into(node.elt)
        loop.ifs = [inner.into(one) for one in loop.ifs]
        return node

    def into(self, node: ast.expr) -> ast.expr:
        found = self.visit(node)
        assert isinstance(found, ast.expr)
        return found


def one_of(many: ast.expr) -> ast.expr:
    """Returns what a loop over some things gives at a time."""
    match many:
        case ast.GeneratorExp(elt=elt) | ast.ListComp(elt=elt) | ast.SetComp(elt=elt):
            return elt
        case ast.Call(func=ast.Name(id="map"), args=[func, *rest]) if rest:
            return ast.copy_location(ast.Call(func, [one_of(one) for one in rest], []), many)
        case ast.Call(func=ast.Name(id="filter"), args=[_, rest]):
            return one_of(rest)
    name = ast.copy_location(ast.Name(ONE_OF, ast.Load()), many)
    return ast.copy_location(ast.Call(name, [many], []), many)


def put_in(node: ast.expr, values: Values) -> ast.expr:
    """Returns a copy of an expression with names replaced by what they were set to."""
    return Replace(values).into(copy.deepcopy(node))
