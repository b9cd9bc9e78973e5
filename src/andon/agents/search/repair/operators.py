"""Templates on operators, comparisons, conditions and constants."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.source import Edit
from andon.agents.search.repair.templates import Place, Template, grouped

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">", ">="),
    ast.LtE: ("<", ">=", ">"),
    ast.Gt: (">=", "<", "<="),
    ast.GtE: (">", "<=", "<"),
    ast.Eq: ("!=", "<=", ">="),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}
SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
ARITHMETIC: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("/", "//", "+"),
    ast.Div: ("*", "//"),
    ast.FloorDiv: ("/", "*", "%"),
    ast.Mod: ("//",),
    ast.BitXor: ("&", "|"),
    ast.BitAnd: ("|", "^"),
    ast.BitOr: ("&", "^"),
    ast.LShift: (">>",),
    ast.RShift: ("<<",),
    ast.Pow: ("*",),
}
PARTS_OF_TIME = frozenset({"days", "hours", "minutes", "seconds", "milliseconds", "weeks"})


def between(place: Place, left: ast.expr, right: ast.expr, sign: str) -> Edit:
    """Returns the edit that puts an operator between two operands, the parentheses around them kept."""
    start, end = place.file.span(left)[1], place.file.span(right)[0]
    text = place.file.text[start:end]
    closing = text[: len(text) - len(text.lstrip(") \n\t"))].rstrip(" ")
    opening = text[len(text.rstrip("( \n\t")) :].lstrip(" ")
    return Edit(place.file.path, start, end, f"{closing} {sign} {opening}")


def comparisons(place: Place) -> Iterator[Idea]:
    """Another comparison; the one that differs by equality alone first."""
    for node in place.nodes:
        if not isinstance(node, ast.Compare):
            continue
        operands = [node.left, *node.comparators]
        for number, operator in enumerate(node.ops):
            for rank, sign in enumerate(COMPARISONS[type(operator)]):
                edit = between(place, operands[number], operands[number + 1], sign)
                says = f"{SIGNS[type(operator)]} becomes {sign} in {place.file.code(node)[:60]}"
                yield place.idea("comparison", 0.6 - 0.15 * rank, says, edit)


def arithmetic(place: Place) -> Iterator[Idea]:
    """Another arithmetic or bit operator, operands swapped, or only one of them."""
    for node in place.nodes:
        if isinstance(node, ast.AugAssign):
            for rank, sign in enumerate(ARITHMETIC.get(type(node.op), ())):
                edit = between(place, node.target, node.value, f"{sign}=")
                yield place.idea("operator", 0.5 - 0.1 * rank, f"{place.file.code(node)[:60]} gets {sign}=", edit)
        if not isinstance(node, ast.BinOp):
            continue
        if place.kind(node.left) in ("text", "other") or place.kind(node.right) in ("text", "other"):
            continue
        for rank, sign in enumerate(ARITHMETIC.get(type(node.op), ())):
            edit = between(place, node.left, node.right, sign)
            yield place.idea("operator", 0.5 - 0.1 * rank, f"{place.file.code(node)[:60]} gets {sign}", edit)
        yield place.swap("operand", 0.35, node, place.file.code(node.left))
        yield place.swap("operand", 0.3, node, place.file.code(node.right))
        if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod):
            left, right = place.file.code(node.left), place.file.code(node.right)
            start, end = place.file.span(node)
            first, second = place.file.span(node.left), place.file.span(node.right)
            text = place.file.text
            flipped = text[start : first[0]] + right + text[first[1] : second[0]] + left + text[second[1] : end]
            yield place.swap("operand", 0.3, node, flipped)


def conditions(place: Place) -> Iterator[Idea]:
    """And for or, a condition negated, a part of it left out."""
    for node in place.nodes:
        if isinstance(node, ast.BoolOp):
            other = "or" if isinstance(node.op, ast.And) else "and"
            texts = [place.file.code(value) for value in node.values]
            yield place.swap("condition", 0.45, node, f" {other} ".join(texts))
            for number in range(len(texts)):
                word = "and" if isinstance(node.op, ast.And) else "or"
                kept = [text for place_, text in enumerate(texts) if place_ != number]
                yield place.swap("condition", 0.35, node, f" {word} ".join(kept))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield place.swap("condition", 0.5, node, place.file.code(node.operand))
        if isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield place.swap("condition", 0.35, node.test, f"not {grouped(place.file, node.test)}")


def loops(place: Place) -> Iterator[Idea]:
    """`while True` on a name that the loop uses; a range that begins or ends one further."""
    for node in place.nodes:
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            inside = {n.id for child in node.body for n in ast.walk(child) if isinstance(n, ast.Name)}
            for name in sorted(inside & local_names(place, node)):
                yield place.swap("condition", 0.4, node.test, name)


def local_names(place: Place, node: ast.AST) -> set[str]:
    """Returns the parameters and variables of the function around a node."""
    around = place.file.enclosing(node)
    if around is None:
        return set()
    names = {a.arg for a in [*around.args.posonlyargs, *around.args.args, *around.args.kwonlyargs]}
    return names | {n.id for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def constants(place: Place) -> Iterator[Idea]:
    """A number one off, or off by a factor between units; a truth value turned round."""
    for node in place.nodes:
        if not isinstance(node, ast.Constant) or isinstance(place.file.parents.get(node), ast.Expr):
            continue
        value = node.value
        if isinstance(value, bool):
            yield place.swap("constant", 0.35, node, str(not value))
        elif isinstance(value, int):
            for other in dict.fromkeys([value + 1, value - 1, 0, 1]):
                if other != value:
                    yield place.swap("off-by-one", 0.55 if abs(other - value) == 1 else 0.2, node, str(other))
        if isinstance(value, int | float) and not isinstance(value, bool) and value:
            yield from scaled_constants(place, node, value)


def scaled_constants(place: Place, node: ast.Constant, value: float) -> Iterator[Idea]:
    """Yields a constant times and by the factors between units."""
    for rank, scale in enumerate(place.ingredients.scales):
        weight = 0.45 if rank < 2 else 0.3
        if abs(value) >= scale and value % scale == 0:
            yield place.swap("constant", weight, node, repr(type(value)(value / scale)))
        yield place.swap("constant", weight, node, repr(value * scale))
        if value == 1 or value in place.ingredients.scales:
            yield place.swap("constant", weight, node, str(scale))


def boundaries(place: Place) -> Iterator[Idea]:
    """An index, a slice's end, an argument of range or an operand of a comparison one further or one back."""
    for node in place.nodes:
        if not isinstance(node, ast.expr) or isinstance(node, ast.Constant | ast.JoinedStr | ast.Starred):
            continue
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or not counts(place, node):
            continue
        if place.kind(node) not in ("number", "unknown"):
            continue
        text = grouped(place.file, node) if not isinstance(node, ast.BinOp) else place.file.code(node)
        yield place.swap("off-by-one", 0.5, node, f"{text} + 1")
        yield place.swap("off-by-one", 0.5, node, f"{text} - 1")


def counts(place: Place, node: ast.expr) -> bool:
    """Tells whether an expression stands where a count or an index belongs."""
    parent = place.file.parents.get(node)
    if isinstance(parent, ast.Slice):
        return True
    if isinstance(parent, ast.Subscript):
        return parent.slice is node and isinstance(node, ast.Name | ast.BinOp)
    if isinstance(parent, ast.Call):
        name = parent.func.id if isinstance(parent.func, ast.Name) else ""
        return node in parent.args and (name == "range" or (isinstance(node, ast.Name) and name != "len"))
    return isinstance(parent, ast.Compare | ast.BinOp | ast.Return | ast.Assign) and isinstance(
        node, ast.Name | ast.Call
    )


def factors(place: Place) -> Iterator[Idea]:
    """A value times or by a factor between units."""
    for node in place.nodes:
        if not isinstance(node, ast.expr) or not measured(place, node):
            continue
        if place.kind(node) not in ("number", "unknown"):
            continue
        text = grouped(place.file, node)
        for rank, scale in enumerate(place.ingredients.scales[:6]):
            weight = 0.45 if rank < 2 else 0.25
            for sign in ("*", "/", "//"):
                yield place.swap("unit", weight if sign != "//" else weight - 0.1, node, f"{text} {sign} {scale}")


def measured(place: Place, node: ast.expr) -> bool:
    """Tells whether an expression is a whole value: returned, assigned, or given to a call or a field."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.BinOp):
        return False
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    parent = place.file.parents.get(node)
    if isinstance(parent, ast.Call):
        return node in parent.args
    return isinstance(parent, ast.Return | ast.Assign | ast.keyword | ast.Dict | ast.AnnAssign)


TEMPLATES: list[Template] = [comparisons, arithmetic, conditions, loops, constants, boundaries, factors]
