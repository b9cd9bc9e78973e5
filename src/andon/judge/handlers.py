"""Finds the handlers that a patch adds: what takes errors and does not pass them on; it says nothing about them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from andon.judge.difftext import added_lines
from andon.judge.hearing import Hearing
from andon.judge.syntax import parse


class Handler(NamedTuple):
    """What a patch adds that takes errors and does not pass them on."""

    path: str
    line: int
    first: int
    """First and last line of what it then does."""
    last: int

    @property
    def words(self) -> str:
        return f"{self.path}:{self.line}"

    def took(self, path: str, lines: tuple[int, ...]) -> bool:
        """Tells whether a function of a file went on in this handler after an error came to it."""
        if path != self.path or self.line not in lines:
            return False
        after = lines[lines.index(self.line) + 1 :]
        return self.first == self.line or (bool(after) and self.first <= after[0] <= self.last)


def added_handlers(hearing: Hearing) -> list[Handler]:
    """Returns the handlers in added lines that do not raise again."""
    found: list[Handler] = []
    items = [item for item in hearing.source if item.path.endswith(".py") and item.kind != "deleted"]
    if not any("except" in line or "suppress" in line for item in items for line in item.added):
        return []
    head = hearing.reading(hearing.judged_diff)
    for item in items:
        try:
            tree = parse(hearing.text_of(head / item.path) or "")
        except (SyntaxError, ValueError):
            continue
        added = added_lines(item)
        found += [one for one in handlers_of(tree, item.path) if one.line in added]
    return found


def handlers_of(tree: ast.Module, path: str) -> Iterator[Handler]:
    """Yields what takes errors in a module and does not pass them on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            if not any(isinstance(inner, ast.Raise) for line in node.body for inner in ast.walk(line)):
                last = node.body[-1].end_lineno or node.lineno
                yield Handler(path, node.lineno, node.body[0].lineno, last)
        elif isinstance(node, ast.With | ast.AsyncWith):
            calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
            if any(ast.unparse(call.func).split(".")[-1] == "suppress" for call in calls):
                yield Handler(path, node.lineno, node.lineno, node.lineno)
