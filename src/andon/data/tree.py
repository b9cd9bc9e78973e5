"""Parses SQL with Postgres's own parser into plain dicts; it decides nothing about what it reads.

The parser is the libpg_query inside postgast, called for its JSON: the package itself would cost as much to import as
the whole database driver, for node classes that nobody here needs.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from andon.data.mistakes import SqlError
from andon.errors import DataError

Node = dict[str, JsonValue]
LIBRARIES = ("libpg_query.so", "libpg_query.dylib", "pg_query.dll")
TYPED = {
    "alias": "Alias", "intoClause": "IntoClause", "join_using_alias": "Alias", "larg": "SelectStmt",
    "over": "WindowDef", "rarg": "SelectStmt", "relation": "RangeVar", "rel": "RangeVar", "typeName": "TypeName",
    "withClause": "WithClause",
}  # fmt: skip
"""Fields whose node stands there bare, without its type's name around it."""


class _Error(ctypes.Structure):
    _fields_ = (
        ("message", ctypes.c_char_p),
        ("funcname", ctypes.c_char_p),
        ("filename", ctypes.c_char_p),
        ("lineno", ctypes.c_int),
        ("cursorpos", ctypes.c_int),
        ("context", ctypes.c_char_p),
    )


class _Parsed(ctypes.Structure):
    _fields_ = (
        ("parse_tree", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


class Typed(NamedTuple):
    """A node with the name of its type (empty where the parser gives none)."""

    kind: str
    node: Node


def parse(sql: str) -> list[Typed]:
    """Returns the statements of an SQL text.

    Raises:
        SqlError: it does not parse, or is nested too deeply; names the line.
    """
    library = _library()
    parsed = library.pg_query_parse(sql.encode("utf-8", "surrogatepass"))
    try:
        if parsed.error:
            error = parsed.error.contents
            before = sql.encode("utf-8", "surrogatepass")[: max(error.cursorpos - 1, 0)]
            words = f"is not SQL that Postgres reads: {error.message.decode('utf-8', 'replace')}"
            raise SqlError(words, line=before.count(10) + 1)
        try:
            tree = json.loads(parsed.parse_tree)
        except (RecursionError, ValueError) as error:
            raise SqlError("cannot be parsed: nested too deeply") from error
    finally:
        library.pg_query_free_parse_result(parsed)
    return [typed(entry.get("stmt", {})) for entry in tree.get("stmts", [])]


def typed(value: JsonValue, field: str = "") -> Typed:
    """Returns a node's type and content: `{"ColumnRef": {...}}`, or bare in a field of one type."""
    if isinstance(value, dict) and len(value) == 1:
        (name, inner) = next(iter(value.items()))
        if name[:1].isupper() and isinstance(inner, dict):
            return Typed(name, inner)
    return Typed(TYPED.get(field, ""), value if isinstance(value, dict) else {})


def walk(root: Typed) -> Iterator[Typed]:
    """Yields a node and all nodes below it."""
    waiting = [root]
    while waiting:
        found = waiting.pop()
        yield found
        for field, value in found.node.items():
            waiting += children(value, field)


def children(value: JsonValue, field: str = "") -> list[Typed]:
    """Returns the nodes of a field: one, those of a list, or none."""
    if isinstance(value, dict):
        return [typed(value, field)]
    return [child for entry in value for child in children(entry)] if isinstance(value, list) else []


def names(value: JsonValue) -> tuple[str, ...]:
    """Returns the names in a list of nodes; what is no name gives an empty text."""
    return tuple(text(child.node, "sval") if child.kind == "String" else "" for child in children(value))


def text(node: Node, field: str) -> str:
    """Returns a text field; empty where it is not given."""
    value = node.get(field)
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    spec = find_spec("postgast")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    for name in LIBRARIES:
        if spec is not None and (folder / name).is_file():
            library = ctypes.CDLL(str(folder / name))
            library.pg_query_parse.argtypes = [ctypes.c_char_p]
            library.pg_query_parse.restype = _Parsed
            library.pg_query_free_parse_result.argtypes = [_Parsed]
            return library
    raise DataError("Postgres needs its parser: pip install 'andon[postgres]'", permanent=True)
