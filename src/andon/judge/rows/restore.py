"""Writes the changes that fill tables as another replay filled them; it runs none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from andon.judge.rows.tables import Table, differing, pair, quoted
from andon.models import Row
from andon.protocols import Change

MOST = 1500
"""Changes of one restoring: more differences than these are another database altogether."""


def restoring(now: dict[str, Table], wanted: dict[str, Table], *, postgres: bool) -> tuple[Change, ...]:
    """Returns changes that bring the rows of tables to what they are in others of the same names.

    Only what differs is changed: rows are taken out and put in, and updated where that does not go.
    """
    changes = [
        change
        for name, table in now.items()
        if name in wanted and table.whole and wanted[name].whole
        for change in of_table(table, wanted[name], postgres=postgres)
    ]
    return tuple(changes[:MOST])


def of_table(now: Table, wanted: Table, *, postgres: bool) -> Iterator[Change]:
    """Yields the changes for one table."""
    fixed = now.computed | now.serials | wanted.serials
    columns = [name for name in wanted.columns if name not in fixed]
    paired = pair(now, wanted, ignored=fixed)
    telling = {name for name in columns if len({str(row.get(name)) for row in wanted.rows}) == len(wanted.rows)}
    for old, new in paired.changed:
        # Times too, which are no difference to look at: a row of later than the check's `:now` would not be seen.
        others = [name for name in columns if old.get(name) != new[name]]
        values = [f"{quoted(name)} = {sql(new[name], now.types.get(name, ''))}" for name in others]
        update = f"update {quoted(now.name)} set {', '.join(values)} where {where(old, now, postgres=postgres)}"
        # Put in as the pipeline does it, so that whatever watches that is awake; other rows may hold on to the old one.
        out, into = deleting(old, now, postgres=postgres), inserting(new, now)
        if telling & set(differing(old, new, columns)):  # another name: it need not wait until the old one is gone
            yield Change((into,), otherwise=(update,))
            yield Change((out,))
        else:
            yield Change((out, into), otherwise=(update,))
    for row in paired.lost:
        yield Change((deleting(row, now, postgres=postgres),))
    for row in paired.new:
        yield Change((inserting(row, now),))


def deleting(row: Row, table: Table, *, postgres: bool) -> str:
    return f"delete from {quoted(table.name)} where {where(row, table, postgres=postgres)}"


def inserting(row: Row, table: Table) -> str:
    """Returns the statement that puts a row in."""
    names = [name for name in row if name not in table.computed]
    values = [sql(row[name], table.types.get(name, "")) for name in names]
    return f"insert into {quoted(table.name)} ({', '.join(map(quoted, names))}) values ({', '.join(values)})"


def where(row: Row, table: Table, *, postgres: bool) -> str:
    """Returns the condition that a row is this one."""
    same = "is not distinct from" if postgres else "is"
    plain = [name for name in row if "json" not in table.types.get(name, "") and "xml" not in table.types.get(name, "")]
    return " and ".join(f"{quoted(name)} {same} {sql(row[name], table.types.get(name, ''))}" for name in plain)


def sql(value: JsonValue, kind: str) -> str:
    """Returns a value as an SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and kind not in ("text", "character varying"):
        return repr(value)
    text = value if isinstance(value, str) else literal(value, kind)
    escaped = text.replace("\0", "").replace("'", "''")
    return f"decode('{escaped}', 'base64')" if kind == "bytea" else f"'{escaped}'"


def literal(value: JsonValue, kind: str) -> str:
    """Returns a list or a document as text; Postgres writes its arrays in braces."""
    if kind == "ARRAY" and isinstance(value, Sequence):
        return "{" + ",".join("null" if one is None else json.dumps(one) for one in value) + "}"
    return json.dumps(value)
