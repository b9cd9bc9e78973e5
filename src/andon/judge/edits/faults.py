"""The faults that people make, as edits of one place of a Python text; it chooses none and runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from andon.judge.edits.edits import Edit, Function, Node, Source

FLIPPED = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
BOUNDARY = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
}
LOGS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
"""Names of calls whose words nobody tests."""


def replaced(source: Source, node: Node, text: str, words: str) -> Edit:
    return Edit(source.start(node), source.end(node), text, node.lineno, words)


def short(text: str) -> str:
    """Returns a text on one line of bounded length."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 40 else flat[:37] + "..."


def between(source: Source, one: ast.expr, other: ast.expr, old: str, new: str) -> Iterator[Edit]:
    """Yields the edit that writes another operator between two operands."""
    start, end = source.end(one), source.start(other)
    gap = source.between(start, end)
    pattern = re.escape(old).replace(r"\ ", r"\s+")
    pattern = rf"\b{pattern}\b" if old.isalpha() or " " in old else pattern
    found = list(re.finditer(pattern, gap))
    if len(found) != 1 or "#" in gap:
        return
    at = start + len(gap[: found[0].start()].encode())
    line = one.end_lineno or one.lineno
    line += gap[: found[0].start()].count("\n")
    yield Edit(at, at + len(found[0][0].encode()), new, line, f"`{old}` becomes `{new}`")


# --- the faults -----------------------------------------------------------------------------------------------------


def comparison(source: Source, node: ast.AST) -> Iterator[Edit]:
    """The comparison flipped, or its boundary moved."""
    if not isinstance(node, ast.Compare):
        return
    sides = [node.left, *node.comparators]
    for one, sign, other in zip(sides, node.ops, sides[1:], strict=False):
        old, new = FLIPPED[type(sign)]
        yield from between(source, one, other, old, new)
        if type(sign) in BOUNDARY:
            yield from between(source, one, other, old, BOUNDARY[type(sign)])


def connective(source: Source, node: ast.AST) -> Iterator[Edit]:
    """`and` for `or`, `or` for `and`."""
    if isinstance(node, ast.BoolOp):
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for one, other in zip(node.values, node.values[1:], strict=False):
            yield from between(source, one, other, old, new)


def condition(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A condition negated."""
    tests: list[ast.expr] = []
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        tests = [node.test]
    elif isinstance(node, ast.comprehension):
        tests = node.ifs
    for test in tests:
        text = source.segment(test)
        yield replaced(source, test, f"(not ({text}))", f"`{short(text)}` is negated")


def negation(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A `not` removed."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        start = source.start(node)
        yield Edit(start, start + len("not"), "", node.lineno, f"`not` is gone from `{short(source.segment(node))}`")


def arithmetic(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Another arithmetic operator."""
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield from between(source, node.left, node.right, *ARITHMETIC[type(node.op)])


def number(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A number or truth value changed."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool | int | float):
        return
    value = node.value
    new = repr(not value) if isinstance(value, bool) else repr(value + 1)
    if new not in (repr(value), "inf", "nan"):
        yield replaced(source, node, new, f"`{source.segment(node)}` becomes `{new}`")


def text(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A text emptied."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        letter = "b" if isinstance(node.value, bytes) else ""
        new = f'{letter}""' if node.value else f'{letter}"x"'
        yield replaced(source, node, new, f"`{short(source.segment(node))}` becomes `{new}`")


def returned(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A returned or yielded value replaced by None."""
    if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
        kind = "return" if isinstance(node, ast.Return) else "yield"
        words = f"`{short(source.segment(node.value))}` becomes None in a {kind}"
        yield Edit(source.start(node), source.end(node), f"{kind} None", node.lineno, words)


def call(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A call left out: what it was asked of is taken instead."""
    if not isinstance(node, ast.Call) or node.keywords or is_log(node) or any(above_call(source, node)):
        return
    kept = None
    if len(node.args) == 1 and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp):
        kept = node.args[0]
    elif not node.args and isinstance(node.func, ast.Attribute):
        kept = node.func.value
    if kept is not None:
        yield replaced(
            source, node, f"({source.segment(kept)})", f"the call is gone from `{short(source.segment(node))}`"
        )


def above_call(source: Source, node: ast.Call) -> Iterator[bool]:
    """Yields True where a call is a statement or a decorator: those have faults of their own."""
    parent = source.parents.get(node)
    yield isinstance(parent, ast.Expr)
    yield isinstance(parent, Function | ast.ClassDef) and node in parent.decorator_list


def argument(source: Source, node: ast.AST) -> Iterator[Edit]:
    """An argument dropped, or the first two swapped."""
    if not isinstance(node, ast.Call) or is_log(node):
        return
    given: list[ast.expr | ast.keyword] = sorted([*node.args, *node.keywords], key=source.start)
    for before, one in zip([None, *given], given, strict=False):
        start = source.end(before) if before is not None else source.start(one)
        if isinstance(one, ast.GeneratorExp):
            continue
        words = f"`{short(source.segment(one))}` is dropped from a call"
        yield Edit(start, source.end(one), "", one.lineno, words)
    if len(node.args) > 1 and not any(isinstance(one, ast.Starred) for one in node.args[:2]):
        one, other = node.args[:2]
        gap = source.between(source.end(one), source.start(other))
        swapped = source.segment(other) + gap + source.segment(one)
        words = f"the first two of `{short(source.segment(node))}` are swapped"
        yield Edit(source.start(one), source.end(other), swapped, one.lineno, words)


def statement(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A statement removed."""
    removable = isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break | ast.Delete)
    if isinstance(node, ast.Expr):
        removable = not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        removable = any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    if removable and isinstance(node, ast.stmt) and not logs(node):
        yield replaced(source, node, "pass", f"`{short(source.segment(node))}` is removed")


def is_log(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr in LOGS


def logs(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and is_log(node.value)


def decorator(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A decorator removed."""
    if isinstance(node, Function | ast.ClassDef):
        for one in node.decorator_list:
            at = source.starts[one.lineno - 1] + source.line(one.lineno).encode().find(b"@")
            yield Edit(at, source.end(one), "", one.lineno, f"`@{short(source.segment(one))}` is removed")


def exception(source: Source, node: ast.AST) -> Iterator[Edit]:
    """An exception of another type raised or caught."""
    kind: ast.expr | None = None
    if isinstance(node, ast.ExceptHandler):
        kind = node.type
    elif isinstance(node, ast.Raise):
        kind = node.exc.func if isinstance(node.exc, ast.Call) else None
    if kind is not None:
        new = "ZeroDivisionError" if isinstance(node, ast.ExceptHandler) else "RuntimeError"
        new = new if source.segment(kind) != new else "LookupError"
        yield replaced(source, kind, new, f"`{short(source.segment(kind))}` becomes {new}")


def value(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A value that is given a name replaced by None."""
    given = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None
    if given is not None and not (isinstance(given, ast.Constant) and given.value is None):
        yield replaced(source, given, "None", f"`{short(source.segment(given))}` becomes None")


OPERATORS: tuple[tuple[Callable[[Source, ast.AST], Iterator[Edit]], bool], ...] = (
    (comparison, True),
    (connective, True),
    (condition, True),
    (negation, True),
    (arithmetic, True),
    (number, True),
    (returned, True),
    (call, True),
    (argument, True),
    (statement, True),
    (decorator, True),
    (exception, True),
    (text, False),
    (value, False),
)
