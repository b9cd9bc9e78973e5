"""Templates on whole statements: a missing guard, return or continue, an order turned round, an exception swallowed."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.imports import names_used
from andon.agents.search.repair.operators import local_names
from andon.agents.search.repair.source import Edit
from andon.agents.search.repair.templates import Place, Template, grouped, short

SIMPLE = ast.Expr | ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Raise | ast.Delete
LOOPS = ast.For | ast.While | ast.AsyncFor


def guards(place: Place) -> Iterator[Idea]:
    """A guard before a statement: leave when what it uses is None, empty, or was seen."""
    for node in place.nodes:
        if not isinstance(node, SIMPLE | ast.For | ast.If) or place.file.enclosing(node) is None:
            continue
        used = sorted(names_used(node) & local_names(place, node))[:4]
        leaving = ["continue"] if in_loop(place, node) else []
        leaving += [way for way in ways_out(place, node) if way not in leaving]
        for name in used:
            for test in (f"{name} is None", f"not {name}"):
                for rank, way in enumerate(leaving[:3]):
                    text = f"{place.file.indent(node.lineno)}if {test}:\n{place.file.indent(node.lineno)}    {way}\n"
                    edit = place.file.insert_line(node.lineno, text)
                    yield place.idea("guard", 0.3 - 0.03 * rank, f"`{way}` when {test}", edit)


def ways_out(place: Place, node: ast.AST) -> list[str]:
    """Returns the statements with which the function around a node is left."""
    around = place.file.enclosing(node)
    if around is None:
        return []
    found = [
        short(place.file.code(n)) for n in ast.walk(around) if isinstance(n, ast.Return) and constant_like(n.value)
    ]
    return list(dict.fromkeys([*found, "return", "return []", "return 0", "return None"]))


def constant_like(node: ast.expr | None) -> bool:
    """Tells whether a returned value needs nothing of the function's state."""
    empty = isinstance(node, ast.List | ast.Tuple | ast.Set) and not node.elts
    return node is None or isinstance(node, ast.Constant) or empty or (isinstance(node, ast.Dict) and not node.keys)


def in_loop(place: Place, node: ast.AST) -> bool:
    """Tells whether a node stands in the body of a loop of its own function."""
    above: ast.AST | None = place.file.parents.get(node)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        if isinstance(above, LOOPS):
            return True
        above = place.file.parents.get(above)
    return False


def returns(place: Place) -> Iterator[Idea]:
    """A value that is computed and not returned; a branch that does not leave; a bare truth returned too early."""
    for node in place.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.BinOp | ast.Name):
            start = place.file.span(node)[0]
            yield place.idea(
                "return", 0.4, f"returns {short(place.file.code(node))}", Edit(place.file.path, start, start, "return ")
            )
        if isinstance(node, ast.If) and place.file.enclosing(node) is not None:
            last = node.body[-1]
            if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
                continue
            line = (last.end_lineno or last.lineno) + 1
            for way in ["continue", "break", "return"] if in_loop(place, node) else ["return"]:
                edit = place.file.insert_line(line, f"{place.file.indent(last.lineno)}{way}\n")
                yield place.idea("leave", 0.3, f"the branch ends with `{way}`", edit)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
            for name in sorted(local_names(place, node))[:5]:
                yield place.swap("return", 0.3, node.value, f"not {name}")
                yield place.swap("return", 0.3, node.value, f"{name} == 0")


def order(place: Place) -> Iterator[Idea]:
    """Two statements in the other order; a statement one block further out; one left out."""
    for node in place.nodes:
        block = block_around(place, node)
        if block is None or not isinstance(node, ast.stmt):
            continue
        number = block.index(node)
        if number + 1 < len(block):
            following = block[number + 1]
            if not isinstance(following, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
                yield place.idea(
                    "order", 0.35, f"{short(place.file.code(node))} comes later", *exchanged(place, node, following)
                )
        if len(block) > 1 and isinstance(node, ast.Expr | ast.AugAssign | ast.Assign) and not is_docstring(node):
            yield place.idea("leave-out", 0.2, f"{short(place.file.code(node))} goes", lines_edit(place, node, ""))
        if number and number == len(block) - 1 and isinstance(node, SIMPLE):
            yield from outdented(place, node)


def is_docstring(node: ast.stmt) -> bool:
    """Tells whether a statement is a bare text."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def block_around(place: Place, node: ast.AST) -> list[ast.stmt] | None:
    """Returns the list of statements that a statement stands in, when each has its own lines."""
    parent = place.file.parents.get(node)
    for field in ("body", "orelse", "finalbody"):
        block = getattr(parent, field, None)
        if isinstance(block, list) and node in block:
            lines = [statement.lineno for statement in block]
            return block if len(set(lines)) == len(lines) else None
    return None


def lines_edit(place: Place, node: ast.stmt, text: str) -> Edit:
    """Returns the edit that puts a text in the place of a statement's whole lines."""
    return Edit(
        place.file.path, place.file.starts[node.lineno - 1], place.file.starts[node.end_lineno or node.lineno], text
    )


def lines_of(place: Place, node: ast.stmt) -> str:
    """Returns the whole lines of a statement."""
    return place.file.text[place.file.starts[node.lineno - 1] : place.file.starts[node.end_lineno or node.lineno]]


def exchanged(place: Place, one: ast.stmt, two: ast.stmt) -> tuple[Edit, Edit]:
    """Returns the edits that exchange two statements."""
    first, second = lines_of(place, one), lines_of(place, two)
    ended = (text if text.endswith("\n") else text + "\n" for text in (second, first))
    return lines_edit(place, one, next(ended)), lines_edit(place, two, next(ended))


def outdented(place: Place, node: ast.stmt) -> Iterator[Idea]:
    """Yields the last statement of a block moved behind the block."""
    parent = place.file.parents.get(node)
    if isinstance(parent, LOOPS | ast.If | ast.With) and (parent.end_lineno == node.end_lineno):
        indent = place.file.indent(parent.lineno)
        text = textwrap.indent(textwrap.dedent(lines_of(place, node)), indent)
        yield place.idea(
            "indent", 0.3, f"{short(place.file.code(node))} comes after the block", lines_edit(place, node, text)
        )


def exceptions(place: Place) -> Iterator[Idea]:
    """A handler that swallows raises again."""
    for node in place.nodes:
        if isinstance(node, ast.ExceptHandler) and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
            last = node.body[-1]
            if isinstance(last, ast.Pass | ast.Continue):
                yield place.swap("exception", 0.4, last, "raise")
            line = (last.end_lineno or last.lineno) + 1
            edit = place.file.insert_line(line, f"{place.file.indent(last.lineno)}raise\n")
            yield place.idea("exception", 0.35, "the exception is raised on", edit)


def fallbacks(place: Place) -> Iterator[Idea]:
    """A value that may be missing gets the fallback that the function uses."""
    for node in place.nodes:
        parent = place.file.parents.get(node)
        if isinstance(node, ast.Call) and isinstance(parent, ast.Assign | ast.Return | ast.keyword | ast.Dict):
            text = grouped(place.file, node)
            yield place.swap("fallback", 0.15, node, f"{text} or 0")
            yield place.swap("fallback", 0.15, node, f'{text} or ""')


TEMPLATES: list[Template] = [guards, returns, order, exceptions, fallbacks]
