"""Finds `:name` parameters in SQL where they stand for a value; never inside strings, comments, names or casts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from andon.data.mistakes import SqlError, line_at

SKIP = re.compile(
    r"""
      --[^\n]*                                   # comment to the end of the line
    | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)            # string with escapes (an unfinished one runs to the end)
    | '(?:[^']|'')*(?:'|\Z)                      # string
    | "(?:[^"]|"")*(?:"|\Z)                      # quoted name
    | \$(?P<tag>[A-Za-z_\x80-\U0010ffff][\w]*)?\$ # dollar quote opens; its end is looked up by hand
    | /\*                                        # block comment opens; Postgres nests them
    | ::                                         # cast
    | [A-Za-z_\x80-\U0010ffff][\w$]*             # word: a $ or e'' inside a name opens nothing
    | :(?P<name>[A-Za-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)
BLOCK = re.compile(r"/\*|\*/")


class Parameter(NamedTuple):
    """A place in SQL that stands for a value: `sql[start:end]` is `:name`."""

    name: str
    start: int
    end: int
    sliced: bool
    """It stands inside square brackets, where `a[1:n]` is an array slice."""


def parameters(sql: str, *, nested: bool = True) -> Iterator[Parameter]:
    """Yields each `:name` of a statement, in order. `nested`: block comments nest (Postgres), or not (SQLite)."""
    place = depth = 0
    while place < len(sql):
        found = SKIP.search(sql, place)
        if found is None:
            return
        depth = max(0, depth + sql.count("[", place, found.start()) - sql.count("]", place, found.start()))
        place = found.end()
        text = found.group()
        if found["name"]:
            yield Parameter(found["name"], found.start(), place, depth > 0)
        elif text == "/*":
            place = _end_of_block(sql, place, nested=nested)
        elif text.startswith("$"):
            place = _end_of_dollars(sql, place, text)


def bind(sql: str, names: Collection[str], *, nested: bool = True) -> tuple[str, tuple[str, ...]]:
    """Returns the SQL with `$1`, `$2`, ... for its parameters, and their names in the order of the numbers.

    Raises:
        SqlError: the SQL names a parameter that has no value.
    """
    order: list[str] = []
    parts: list[str] = []
    place = 0
    for parameter in parameters(sql, nested=nested):
        if parameter.name not in names:
            if parameter.sliced:
                continue
            known = ", ".join(f":{name}" for name in sorted(names)) or "none"
            words = f"the query uses :{parameter.name}, which has no value here; there are: {known}"
            raise SqlError(words, line=line_at(sql, parameter.start))
        if parameter.name not in order:
            order.append(parameter.name)
        parts += [sql[place : parameter.start], f"${order.index(parameter.name) + 1}"]
        place = parameter.end
    return "".join(parts) + sql[place:], tuple(order)


def uses(sql: str, name: str) -> bool:
    """Tells whether the SQL has a parameter of this name."""
    return any(parameter.name == name for parameter in parameters(sql))


def _end_of_block(sql: str, place: int, *, nested: bool) -> int:
    depth = 1
    for mark in BLOCK.finditer(sql, place):
        depth += 1 if mark.group() == "/*" and nested else -1 if mark.group() == "*/" else 0
        if depth == 0:
            return mark.end()
    return len(sql)


def _end_of_dollars(sql: str, place: int, tag: str) -> int:
    end = sql.find(tag, place)
    return len(sql) if end < 0 else end + len(tag)
