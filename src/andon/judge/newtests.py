"""Finds the test functions that a diff adds, changes or removes; it reads texts and runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from andon.judge.syntax import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef
DEPTH = 8
"""Classes that are asked in a row for the tests that one inherits."""


class Changes(NamedTuple):
    """What a diff does to the tests of one file; names are `function` or `Class::function`."""

    new: tuple[str, ...]
    """Added or changed; the empty name stands for the whole file: what its tests stand on has changed."""
    contested: tuple[str, ...]
    """Were there before and are changed or gone."""
    material: bool = False
    """It is what the tests of other files stand on: fixtures, helpers, code that is data, tests that they inherit."""


def changes(path: str, before: str | None, after: str | None) -> Changes:
    """Returns what becomes of the tests of a file from one text to another; None: there is no file.

    A file that cannot be parsed counts as changed as a whole.
    """
    beside = not is_named_test(path)
    if beside and not any(holds_tests(text) for text in (before, after)):
        return Changes((), (), material=True)
    old, old_rest = read(before)
    new, new_rest = read(after)
    fresh = tuple(name for name, text in new.items() if old.get(name) != text)
    if after is not None and (new_rest is None or (old_rest is not None and new_rest - old_rest)):
        fresh = ("",)
    contested = tuple(name for name, text in old.items() if new.get(name) != text)
    return Changes(fresh, contested, material=beside)


def is_named_test(path: str) -> bool:
    """Tells whether a file is called as a file of tests is, whatever it holds."""
    return re.search(r"(^|[/_])tests?(_[^/]*)?\.py$", path.lower()) is not None


def holds_tests(text: str | None) -> bool:
    """Tells whether a file holds anything that is collected as a test, at whatever depth."""
    try:
        tree = parse(text or "")
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, Function) and node.name.startswith("test") for node in ast.walk(tree))


def read(text: str | None) -> tuple[dict[str, str], set[str] | None]:
    """Returns the tests of a file by name, and the other statements that they may stand on; None: no Python."""
    if text is None:
        return {}, set()
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return {}, None
    tests = {name: ast.dump(node) for name, node in functions(tree)}
    return tests, {ast.dump(node) for node in grounds(tree)}


def functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Yields the test functions of a module with their names, as pytest would collect them: inherited ones too."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    inherited = {name for node in classes.values() for name in bases(node)}
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not (node.name in inherited and only_lends(node, classes)):
            for name, inner in methods(node, classes).items():
                if isinstance(inner, Function) and name.startswith("test"):
                    yield f"{node.name}::{name}", inner


def methods(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], depth: int = DEPTH) -> dict[str, ast.stmt]:
    """Returns the functions of a class by name, with those of its bases in the same module."""
    found: dict[str, ast.stmt] = {inner.name: inner for inner in node.body if isinstance(inner, Function)}
    found |= {name.id: inner for inner in node.body if isinstance(inner, ast.Assign) for name in named(inner)}
    for name in bases(node) if depth else ():
        if name in classes:
            found = methods(classes[name], classes, depth - 1) | found
    return found


def named(node: ast.Assign) -> list[ast.Name]:
    return [target for target in node.targets if isinstance(target, ast.Name)]


def bases(node: ast.ClassDef) -> list[str]:
    """Returns the names of a class's bases, the one last that is asked first."""
    return [ast.unparse(base) for base in reversed(node.bases)]


def only_lends(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], depth: int = DEPTH) -> bool:
    """Tells whether pytest collects nothing of a class by itself: plain, and not called as a class of tests is."""
    known = all(
        name == "object" or (name in classes and depth and only_lends(classes[name], classes, depth - 1))
        for name in bases(node)
    )
    return known and not node.name.startswith("Test")


def grounds(tree: ast.Module) -> Iterator[ast.AST]:
    """Yields what tests stand on besides themselves: helpers, fixtures, tables, set-up; imports left out."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or is_text(node):
            continue
        if isinstance(node, ast.ClassDef):
            yield from (
                inner
                for inner in node.body
                if not is_text(inner) and not (isinstance(inner, Function) and inner.name.startswith("test"))
            )
        elif not (isinstance(node, Function) and node.name.startswith("test")):
            yield node


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def lenient_imports(text: str) -> str:
    """Returns a test file in which a name that cannot be imported is missing only where it is used.

    One test that needs a name of the patch would otherwise keep the whole file from being collected on the base.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            body += [lenient(ast.ImportFrom(node.module, [alias], node.level), node) for alias in node.names]
        elif isinstance(node, ast.Import):
            body += [lenient(ast.Import([alias]), node) for alias in node.names]
        else:
            body.append(node)
    tree.body = body
    return ast.unparse(ast.fix_missing_locations(tree))


def lenient(statement: ast.stmt, at: ast.stmt) -> ast.stmt:
    """Returns an import that may fail."""
    quiet = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, [ast.Pass()])
    return ast.copy_location(ast.Try([statement], [quiet], [], []), at)
