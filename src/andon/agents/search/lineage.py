"""Finds which functions of a tree write which tables, from the text alone; it never runs what it reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.source import Function, Lines, Sources, function_at, functions_of, parse, ran
from andon.agents.search.strings import Constants, constants_of, hole, pieces, prose, render

NAME = r"""(?:["'`\[]?[\w{}]+["'`\]]?\.)?["'`\[]?([\w{}]+)["'`\]]?"""
WRITES = re.compile(
    rf"""\b(?:
        (?P<insert>insert\s+(?:or\s+\w+\s+)?into|replace\s+into|merge\s+into)\s+{NAME}
        |(?P<update>update)\s+(?:only\s+|or\s+\w+\s+)?{NAME}(?:\s+(?:as\s+)?\w+)?\s+set\b
        |(?P<copy>copy)\s+{NAME}\s*(?:\([^)]*\))?\s*from\b
        |(?P<delete>delete\s+from|truncate(?:\s+table)?)\s+{NAME}
        |create\s+(?:or\s+replace\s+)?(?:temp\w*\s+|unlogged\s+)?(?P<create>table|materialized\s+view|view)\s+
            (?:if\s+not\s+exists\s+)?{NAME}\s*(?:\([^)]*\)\s*)?as\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
READS = re.compile(rf"\b(?:from|join)\s+{NAME}", re.IGNORECASE)
ORM_CALLS = frozenset({"insert", "update", "delete", "upsert", "insert_many", "bulk_create", "create", "save", "add"})
FRAME_CALLS = frozenset({"to_sql", "write_database", "copy_from", "copy_records_to_table"})
TABLE_WORDS = frozenset({"name", "table", "table_name"})
HOPS = 3
"""How many calls a table's name may be handed through before it meets its SQL."""


class Writer(NamedTuple):
    """A place that writes a table."""

    table: str
    verb: str
    """`insert`, `update`, `copy`, `delete`, `create`, `orm`."""
    path: str
    start: int
    end: int
    """The lines of the statement's text, or of the call that names the table."""
    function: Function | None
    """None: at module level, or in an SQL file."""


class Write(NamedTuple):
    """A write found in one file; `table` may hold `{name}`, a hole that a caller fills."""

    table: str
    verb: str
    path: str
    start: int
    end: int
    function: Function | None


def find_writers(sources: Sources, tables: Collection[str]) -> tuple[Writer, ...]:
    """Returns the places that write one of the tables (or a table that one of these views reads), in file order."""
    writes = [write for path, text in sources.items() for write in file_writes(path, text, sources)]
    writes += filled(writes, sources)
    wanted = {bare(table) for table in tables}
    for _ in range(HOPS):
        behind = {bare(table) for name in wanted for table in view_tables(name, sources)}
        if behind <= wanted:
            break
        wanted |= behind
    found = {Writer(*write) for write in writes if bare(write.table) in wanted}
    return tuple(sorted(found, key=lambda writer: (writer.path, writer.start, writer.table, writer.verb)))


def executed_writers(writers: Sequence[Writer], trace: Lines) -> tuple[Writer, ...]:
    """Returns the writers whose function was entered in a traced run (an SQL file has no lines of its own to trace)."""
    return tuple(
        writer
        for writer in writers
        if writer.function is not None and ran(writer.function, trace.get(writer.function.path, ()))
    )


def bare(table: str) -> str:
    """Returns a table's name without schema, quotes and case."""
    return table.rpartition(".")[2].strip("\"'`[]").lower()


def sql_writes(text: str) -> Iterator[tuple[str, str, int]]:
    """Yields (table, verb, offset) of each write in an SQL text; a hole keeps its braces."""
    for match in WRITES.finditer(text):
        verb = next(name for name, words in match.groupdict().items() if words)
        yield next(group for group in reversed(match.groups()) if group), verb, match.start()


def file_writes(path: str, text: str, sources: Sources) -> Iterator[Write]:
    """Yields the writes of one file."""
    if path.endswith(".sql"):
        for table, verb, offset in sql_writes(text):
            line = text.count("\n", 0, offset) + 1
            yield Write(table, verb, path, line, line, None)
        return
    tree = parse(text)
    if tree is None:
        return
    constants = constants_of(path, sources)
    known = functions_of(path, text)
    for node in pieces(tree):
        function = function_at(known, path, node.lineno)
        if node.lineno in prose(text) and isinstance(node, ast.Constant):
            continue
        for rendered in render(node, constants):
            for table, verb, _ in (*sql_writes(rendered), *file_named(rendered, sources)):
                yield Write(table, verb, path, node.lineno, node.end_lineno or node.lineno, function)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = function_at(known, path, call.lineno)
        for table in call_tables(call, constants):
            yield Write(table, "orm", path, call.lineno, call.end_lineno or call.lineno, function)


def file_named(text: str, sources: Sources) -> Iterator[tuple[str, str, int]]:
    """Yields the writes of the SQL files that a string names."""
    if not text.endswith(".sql") or "\n" in text:
        return
    for path, sql in sources.items():
        if path.endswith(".sql") and (path == text or path.endswith("/" + text.lstrip("./"))):
            yield from sql_writes(sql)


def call_tables(call: ast.Call, constants: Constants) -> Iterator[str]:
    """Yields the tables that a call of an ORM or a data frame library writes."""
    callee = call.func
    name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
    if name in FRAME_CALLS:
        given = [word.value for word in call.keywords if word.arg in TABLE_WORDS]
        for value in (*given, *call.args[:2]):
            yield from (text for text in render(value, constants) if re.fullmatch(r"[\w.]+", text))
    if name in ORM_CALLS and call.args:
        yield from mapped(call.args[0], constants)
    if name in ORM_CALLS and isinstance(callee, ast.Attribute):
        owner = callee.value
        yield from mapped(owner, constants)
        if isinstance(owner, ast.Attribute):  # Model.objects.create(...), Model.__table__.insert()
            yield from mapped(owner.value, constants)
        if isinstance(owner, ast.Subscript):  # db["images"].insert(...)
            yield from (text for text in render(owner.slice, constants) if re.fullmatch(r"\w+", text))
    if isinstance(callee, (ast.Name, ast.Attribute)) and name in constants.classes:
        yield constants.classes[name]  # a mapped object is made: what is made is written


def mapped(node: ast.expr, constants: Constants) -> Iterator[str]:
    """Yields the table behind a name that is mapped to one: a Table object or a model class, or one object of it."""
    if isinstance(node, ast.Call):
        node = node.func
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    for names in (constants.tables, constants.classes):
        if name in names:
            yield names[name]


def filled(writes: Sequence[Write], sources: Sources) -> list[Write]:
    """Returns the writes of callers that hand a table's name to a function whose SQL has a hole for it."""
    open_writes = [write for write in writes if "{" in write.table and write.function is not None]
    found: list[Write] = []
    for _ in range(HOPS):
        by_name: dict[str, list[Write]] = {}
        for write in open_writes:
            if write.function is not None:
                by_name.setdefault(write.function.name.rpartition(".")[2], []).append(write)
        if not by_name:
            break
        handed = [write for path in sources for write in handed_in(path, sources, by_name)]
        found += [write for write in handed if "{" not in write.table]
        open_writes = [write for write in handed if "{" in write.table and write.function is not None]
    return found


def handed_in(path: str, sources: Sources, by_name: Mapping[str, list[Write]]) -> Iterator[Write]:
    tree = parse(sources[path]) if path.endswith(".py") else None
    if tree is None:
        return
    constants = constants_of(path, sources)
    known = functions_of(path, sources[path])
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for write in by_name.get(name, ()):
            gap = write.table[write.table.index("{") + 1 : write.table.index("}")]
            value = argument(call, write.function, gap)
            for text in (render(value, constants) or (hole(value),)) if value is not None else ():
                table = write.table.replace("{" + gap + "}", text)
                if re.fullmatch(r"[\w{}.]+", table):
                    end = call.end_lineno or call.lineno
                    yield Write(table, write.verb, path, call.lineno, end, function_at(known, path, call.lineno))


def argument(call: ast.Call, function: Function | None, parameter: str) -> ast.expr | None:
    """Returns what a call hands in for a parameter; None when it hands in nothing by that name."""
    if function is None:
        return None
    for word in call.keywords:
        if word.arg == parameter:
            return word.value
    names = [arg.arg for arg in (*function.node.args.posonlyargs, *function.node.args.args)]
    if names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
        names = names[1:]
    if parameter in names and names.index(parameter) < len(call.args):
        return call.args[names.index(parameter)]
    return None


def view_tables(name: str, sources: Sources) -> frozenset[str]:
    """Returns the tables that a view of that name reads, wherever the tree creates it."""
    found: set[str] = set()
    pattern = re.compile(rf"\bview\s+(?:if\s+not\s+exists\s+)?[\w\".]*\b{re.escape(name)}\"?\s+as\b", re.IGNORECASE)
    for text in sources.values():
        for match in pattern.finditer(text):
            body = re.split(r";|\"\"\"|'''", text[match.end() : match.end() + 20_000], maxsplit=1)[0]
            found |= {read[1] for read in READS.finditer(body)}
    return frozenset(found)
