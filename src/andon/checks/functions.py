"""Finds the checks in a Python file by reading it; it never imports or runs the file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pydantic import JsonValue

from andon.checks.header import Entry, Problem, build
from andon.models import Check, CheckKind

P = ParamSpec("P")
R = TypeVar("R")
PARAMETERS = ("data", "since", "now")
NOTE_LINE = re.compile(r"\s*(why|decided):\s*(.*)$")


def check(name: str, **settings: object) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a function as a check: `@check("name", every="15m", at="fetched_at", key=["id"], ...)`.

    The settings are those of an SQL check's header, as literals; the docstring holds the note (`why:`, `decided:`).
    The function may take `data` (ask it), `since` and `now`, and returns the offending rows, or None for none.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        return function

    del name, settings  # read from the file's text, not from here
    return mark


def read_python(text: str, path: str, sha256: str) -> tuple[list[Check], list[Problem]]:
    """Returns the checks of a Python file (none is fine: it may only hold what others import), and the problems."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
        return [], [Problem(path, line, f"is not Python: {error}")]
    found: list[Check] = []
    problems: list[Problem] = []
    for node in tree.body:
        mark = _mark(node)
        if mark is None or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        one, more = _read(node, mark, path, sha256)
        found += [one] if one else []
        problems += more
    return found, problems


def _mark(node: ast.stmt) -> ast.Call | None:
    """Returns the call of the decorator `check` on a function."""
    for decorator in getattr(node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name == "check":
            return decorator if isinstance(decorator, ast.Call) else ast.Call(func=decorator, args=[], keywords=[])
    return None


def _read(
    node: ast.FunctionDef | ast.AsyncFunctionDef, mark: ast.Call, path: str, sha256: str
) -> tuple[Check | None, list[Problem]]:
    header: dict[str, Entry] = {}
    problems: list[Problem] = []
    words = [("check", argument) for argument in mark.args[:1]]
    words += [(word.arg or "**", word.value) for word in mark.keywords]
    for key, value in words:
        try:
            header["check" if key == "name" else key] = Entry(_literal(value), node.lineno)
        except ValueError:
            problems.append(Problem(path, value.lineno, f"{key}: write the value itself; the file is read, not run"))
    header |= _note(node)
    header.setdefault("check", Entry(node.name.replace("_", "-"), node.lineno))
    taken = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
    problems += [
        Problem(path, node.lineno, f"{node.name} takes `{name}`; a check may take {', '.join(PARAMETERS)}")
        for name in taken
        if name not in PARAMETERS
    ]
    if isinstance(node, ast.AsyncFunctionDef):
        problems.append(Problem(path, node.lineno, f"{node.name} is async; write a plain function"))
    if "since" in taken and "lateness" not in header:
        problems.append(
            Problem(path, node.lineno, "a function that takes `since` needs `lateness`: how late a row may come")
        )
    options: dict[str, JsonValue] = {"function": node.name, "takes": list[JsonValue](taken)}
    if "since" in taken:
        options["incremental"] = True
    one, more = build(header, CheckKind.PYTHON, path, sha256, {"options": options})
    at_function = [problem._replace(line=max(problem.line, node.lineno)) for problem in more]
    return (None if problems + more else one), problems + at_function


def _literal(node: ast.expr) -> JsonValue:
    """Returns the value of a literal: texts, numbers, and lists of texts."""
    value = ast.literal_eval(node)
    if isinstance(value, (tuple, set)):
        value = list(value)
    if not isinstance(value, (str, int, float, list)):
        raise ValueError("not a text, number or list")
    return value


def _note(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Entry]:
    """Returns `why` and `decided` of a docstring; a value goes on over the lines that follow it."""
    note: dict[str, Entry] = {}
    last: str | None = None
    for line in (ast.get_docstring(node) or "").splitlines():
        named = NOTE_LINE.match(line)
        if named:
            last = named[1]
            note[last] = Entry(named[2].strip(), node.lineno)
        elif not line.strip():
            last = None
        elif last is not None:
            note[last] = Entry(f"{note[last].value} {line.strip()}".strip(), node.lineno)
    return note
