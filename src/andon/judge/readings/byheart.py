"""Reads the added source for the new tests' own values, where code that knows them by heart would hold them.

It decides nothing by itself: a word that is a keyword of the product stands in both for good reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from andon.judge.split.known import NotKnown, known
from andon.judge.syntax import parse

WORD = re.compile(r"[A-Za-z_]\w*")
LEAST_TEXT, LEAST_PART, LEAST_NUMBER = 3, 5, 10
"""Shorter texts, shorter parts of a text, and smaller numbers are in every program."""
CHOOSING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
Literal = str | bytes | int | float


class Heart:
    """The values that the new tests hold."""

    def __init__(self) -> None:
        self.values: set[tuple[type, Literal]] = set()
        self.texts: list[str] = []

    def learn(self, text: str, lines: frozenset[int]) -> None:
        """Takes in the literals of some lines of a test file; all of a file that is no Python is one text."""
        try:
            tree = parse(text)
        except (SyntaxError, ValueError):
            rows = text.splitlines()
            self.texts.append("\n".join(rows[number - 1] for number in sorted(lines) if number <= len(rows)))
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.lineno in lines and telling(node.value):
                self.values.add((type(node.value), node.value))  # type: ignore[arg-type]
                if isinstance(node.value, str):
                    self.texts.append(node.value)

    def holds(self, value: object) -> bool:
        """Tells whether a value is one of the tests', or a telling part of one of their texts."""
        if not telling(value):
            return False
        if (type(value), value) in self.values:
            return True
        if not isinstance(value, str) or len(value) < LEAST_PART or WORD.fullmatch(value):
            return False
        return any(value in text for text in self.texts)


def telling(value: object) -> bool:
    """Tells whether a value says something of where it comes from."""
    if isinstance(value, str | bytes):
        return len(value) >= LEAST_TEXT
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= LEAST_NUMBER


def by_heart(text: str, lines: frozenset[int], heart: Heart, before: str = "") -> Iterator[tuple[int, str]]:
    """Yields line and words for each place of some lines that chooses by a value of the tests, or answers with one.

    A word or a text that stood in the file before is one of the product's own.
    """
    spoken = frozenset(WORD.findall(before))
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if line not in lines:
            continue
        for value in values_of(node):
            if heart.holds(value) and value not in spoken and not quoted(value, before):
                yield line, f"knows {str(value)[:60]!r}, a value of the new tests: `{ast.unparse(node)[:80]}`"
                break


def quoted(value: object, text: str) -> bool:
    """Tells whether a text stands as a whole in quotes in another."""
    return isinstance(value, str) and any(f"{mark}{value}{mark}" in text for mark in "'\"")


def values_of(node: ast.AST) -> Iterator[object]:
    """Yields the constants by which a node chooses or answers."""
    if isinstance(node, ast.Compare) and any(isinstance(sign, CHOOSING) for sign in node.ops):
        for side in (node.left, *node.comparators):
            yield from leaves(side)
    elif isinstance(node, ast.Dict):
        for key in filter(None, node.keys):
            yield from leaves(key)
    elif isinstance(node, ast.Set):
        yield from leaves(node)
    elif isinstance(node, ast.MatchValue | ast.Return | ast.Yield) and node.value is not None:
        yield from leaves(node.value)
    elif isinstance(node, ast.IfExp):
        yield from leaves(node.body)
        yield from leaves(node.orelse)


def leaves(node: ast.expr) -> Iterator[object]:
    """Yields the constants of an expression that is built of nothing else."""
    try:
        value = known(node, {}, {})
    except NotKnown:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            for one in node.elts:
                yield from leaves(one)
        return
    yield from parts(value)


def parts(value: object) -> Iterator[object]:
    """Yields what a value holds, all the way down, and itself."""
    if isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from parts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from parts(key)
            yield from parts(one)
    elif isinstance(value, bytes):
        yield value
        yield value.decode("utf-8", "replace")
    else:
        yield value
