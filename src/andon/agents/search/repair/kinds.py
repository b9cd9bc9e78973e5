"""Guesses what kind of value an expression has, from how the code around it treats it; unknown when nothing tells."""

from __future__ import annotations

import ast
from typing import Literal

from andon.agents.search.repair.source import Function, SourceFile, Sources

Kind = Literal["text", "number", "truth", "moment", "other", "unknown"]
TEXT_METHODS = frozenset(
    {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "startswith", "endswith", "removeprefix"}
    | {"removesuffix", "splitlines", "partition", "rpartition", "encode", "isdigit", "format", "zfill"}
)
GIVES: dict[str, Kind] = {
    **dict.fromkeys(("int", "float", "len", "round", "sum", "abs", "Decimal", "ord", "total_seconds"), "number"),
    **dict.fromkeys(("timestamp", "count", "find", "rfind", "index", "randrange", "randint", "monotonic"), "number"),
    **dict.fromkeys(("str", "repr", "chr", "isoformat", "hexdigest", "decode", "join", "strftime"), "text"),
    **dict.fromkeys(TEXT_METHODS - {"startswith", "endswith", "splitlines", "encode", "isdigit"}, "text"),
    **dict.fromkeys(("now", "utcnow", "astimezone", "fromtimestamp", "strptime", "fromisoformat"), "moment"),
    **dict.fromkeys(("bool", "isinstance", "startswith", "endswith", "isdigit", "any", "all", "exists"), "truth"),
    **dict.fromkeys(("list", "dict", "set", "tuple", "sorted", "split", "splitlines", "items", "keys"), "other"),
    **dict.fromkeys(("execute", "executemany", "fetchall", "fetchone", "cursor", "range", "open", "zip"), "other"),
}
ANNOTATED: dict[str, Kind] = {"int": "number", "float": "number", "Decimal": "number", "str": "text", "bool": "truth"}
ANNOTATED["datetime"] = "moment"
DEPTH = 4


def kind_of(sources: Sources, file: SourceFile, node: ast.expr, depth: int = DEPTH) -> Kind:
    """Returns the kind of an expression's value, as far as the file tells."""
    known = file.kinds.get(node)
    if known is None:
        known = file.kinds[node] = guess(sources, file, node, depth)
    return known


def guess(sources: Sources, file: SourceFile, node: ast.expr, depth: int) -> Kind:
    """Returns the kind of an expression by its form, else by how it is used."""
    if isinstance(node, ast.Constant):
        value = node.value
        return (
            "truth"
            if isinstance(value, bool)
            else "number"
            if isinstance(value, int | float)
            else ("text" if isinstance(value, str) else "other")
        )
    if isinstance(node, ast.JoinedStr):
        return "text"
    if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return "truth"
    if isinstance(
        node, ast.List | ast.Tuple | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.Lambda
    ):
        return "other"
    if isinstance(node, ast.BinOp):
        return of_operation(sources, file, node, depth)
    if isinstance(node, ast.Call):
        return of_call(sources, node)
    return by_use(sources, file, node, depth) if depth else "unknown"


def of_operation(sources: Sources, file: SourceFile, node: ast.BinOp, depth: int) -> Kind:
    """Returns the kind of an arithmetic expression: that of an operand."""
    sides = [kind_of(sources, file, side, max(0, depth - 1)) for side in (node.left, node.right)]
    if "text" in sides and isinstance(node.op, ast.Add | ast.Mod):
        return "text"
    if "moment" in sides:
        return "moment"
    if "number" in sides:
        return "other" if "other" in sides else "number"
    return "unknown"


def of_call(sources: Sources, node: ast.Call) -> Kind:
    """Returns the kind of what a call gives: of a known name, or of the product's own function."""
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in GIVES:
        return GIVES[name]
    if isinstance(node.func, ast.Name) and name[:1].isupper():
        return "other"
    for other in sources.values():
        for function in other.functions:
            if function.name == name and function.returns is not None:
                return ANNOTATED.get(ast.unparse(function.returns), "other")
    return "unknown"


def by_use(sources: Sources, file: SourceFile, node: ast.expr, depth: int) -> Kind:
    """Returns the kind of a name, attribute or item by its annotation, its assignment, or what is done with it."""
    around = file.enclosing(node)
    if around is None:
        return "unknown"
    if isinstance(node, ast.Name):
        annotated = annotation_of(around, node.id)
        if annotated:
            return ANNOTATED.get(annotated.removesuffix(" | None"), "other")
        for other in ast.walk(around):
            if isinstance(other, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == node.id for t in other.targets
            ):
                found = kind_of(sources, file, other.value, depth - 1)
                if found != "unknown":
                    return found
    return treated_as(around, ast.dump(node))


def annotation_of(function: Function, name: str) -> str:
    """Returns the annotation of a parameter; empty when there is none."""
    for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
        if argument.arg == name and argument.annotation is not None:
            return ast.unparse(argument.annotation)
    return ""


def treated_as(function: Function, dumped: str) -> Kind:
    """Returns the kind that a function treats an expression as."""
    for other in ast.walk(function):
        if isinstance(other, ast.Attribute) and other.attr in TEXT_METHODS and ast.dump(other.value) == dumped:
            return "text"
        if dumped in counted(other):
            return "number"
    return "unknown"


def counted(node: ast.AST) -> list[str]:
    """Returns the expressions, dumped, that a node counts with."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub | ast.Mult | ast.Div):
        return [ast.dump(node.target).replace("Store()", "Load()")]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Mult | ast.Div | ast.FloorDiv):
        return [ast.dump(node.left), ast.dump(node.right)]
    if isinstance(node, ast.Compare) and isinstance(node.comparators[0], ast.Constant):
        return [ast.dump(node.left)] if isinstance(node.comparators[0].value, int | float) else []
    return []
