"""Reads off a Postgres query which columns `:since` bounds, as questions for their newest time; it asks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from andon.data.parameters import bind
from andon.data.tree import Node, Typed, children, names, parse, text, typed
from andon.errors import DataError

CONDITIONS = frozenset({"whereClause", "havingClause", "quals", "agg_filter"})
RIGHT, LEFT = ("rexpr", "lexpr"), ("lexpr", "rexpr")
LOWER = {">": RIGHT, ">=": RIGHT, "<": LEFT, "<=": LEFT}
"""For each comparison: the field of the bound, and the field of what it bounds from below."""


class Scope(NamedTuple):
    """The sources of one SELECT by alias (None for what is no table), and the names of CTEs that are no tables."""

    sources: dict[str, str | None]
    ctes: frozenset[str]


class _UnclearError(Exception):
    """`:since` is used in a way that does not tell what was judged, or that this reader does not know."""


def newest_queries(sql: str) -> tuple[str, ...] | None:
    """Returns a query of the newest time for each column that a query compares with `:since` from below.

    None when it cannot tell: the query does not parse, or uses `:since` in a way that is more involved.
    """
    try:
        bound, order = bind(sql, ("since", "now"))
        statements = parse(bound)
        if len(statements) != 1 or "since" not in order:
            return None
        return tuple(dict.fromkeys(_find(statements[0], (), order.index("since") + 1, condition=False)))
    except (DataError, _UnclearError, RecursionError):
        return None


def _find(found: Typed, scopes: tuple[Scope, ...], since: int, *, condition: bool) -> Iterator[str]:
    """Yields the queries for a node and all below it. `condition`: its value decides whether a row is in the result."""
    kind, node = found
    if kind == "ParamRef" and node.get("number") == since:
        raise _UnclearError
    if kind == "SelectStmt":
        scopes = (*scopes, _scope(node, scopes))
    if kind == "A_Expr":
        bounded = _bounded(node, since)
        if bounded is not None:
            if not condition:
                raise _UnclearError
            yield _newest(bounded, scopes)
            return
    goes_on = condition and kind == "BoolExpr" and node.get("boolop") in ("AND_EXPR", "OR_EXPR")
    for field, value in node.items():
        for child in children(value, field):
            yield from _find(child, scopes, since, condition=field in CONDITIONS or (goes_on and field == "args"))


def _bounded(node: Node, since: int) -> Typed | None:
    """Returns the column that a comparison bounds from below by `:since`; None when it is no such comparison."""
    kind = text(node, "kind")
    if kind == "AEXPR_BETWEEN":
        bounds = children(typed(node.get("rexpr")).node.get("items"))
        side = typed(node.get("lexpr"))
        return side if len(bounds) == 2 and _is_since(bounds[0], since) and not _is_since(bounds[1], since) else None
    fields = LOWER.get((names(node.get("name")) or ("",))[-1]) if kind == "AEXPR_OP" else None
    if fields is None or not _is_since(typed(node.get(fields[0])), since):
        return None
    return typed(node.get(fields[1]))


def _is_since(found: Typed, since: int) -> bool:
    """Tells whether an expression is `:since`, a cast of it, or `:since` less a constant, which looks further back."""
    kind, node = found
    if kind == "ParamRef":
        return node.get("number") == since
    if kind == "TypeCast":
        return _is_since(typed(node.get("arg")), since)
    if kind == "A_Expr" and names(node.get("name")) == ("-",):
        less = typed(node.get("rexpr"))
        constant = less.kind == "A_Const" or (less.kind == "TypeCast" and typed(less.node.get("arg")).kind == "A_Const")
        return constant and _is_since(typed(node.get("lexpr")), since)
    return False


def _newest(column: Typed, scopes: Sequence[Scope]) -> str:
    parts = names(column.node.get("fields")) if column.kind == "ColumnRef" else ()
    if len(parts) not in (1, 2) or not all(parts):
        raise _UnclearError
    if len(parts) == 1:
        table = next(iter(scopes[-1].sources.values())) if len(scopes[-1].sources) == 1 else None
    else:
        table = next((scope.sources[parts[0]] for scope in reversed(scopes) if parts[0] in scope.sources), None)
    if table is None:
        raise _UnclearError
    return f"select max({_quoted(parts[-1])}) as newest from {table}"


def _scope(node: Node, outer: Sequence[Scope]) -> Scope:
    known = outer[-1].ctes if outer else frozenset()
    with_clause = typed(node.get("withClause"), "withClause").node
    ctes = known | {text(cte.node, "ctename") for cte in children(with_clause.get("ctes"))}
    sources: dict[str, str | None] = {}
    for number, found in enumerate(_sources(children(node.get("fromClause")))):
        alias = text(typed(found.node.get("alias"), "alias").node, "aliasname")
        name = text(found.node, "relname")
        is_table = found.kind == "RangeVar" and (name not in ctes or "schemaname" in found.node)
        key = alias or name or f" {number}"
        sources[key] = None if key in sources or not is_table else _table(found.node)
    return Scope(sources, ctes)


def _sources(found: Sequence[Typed]) -> Iterator[Typed]:
    for kind, node in found:
        if kind == "JoinExpr":
            yield from _sources([typed(node.get("larg")), typed(node.get("rarg"))])
        else:
            yield Typed(kind, node)


def _table(node: Node) -> str:
    schema = text(node, "schemaname")
    return (f"{_quoted(schema)}." if schema else "") + _quoted(text(node, "relname"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
