"""Derives questions from a check's query: how far its table goes, and which rows it was asked of; it asks nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from andon.data import newest_postgres

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope


@lru_cache(maxsize=512)
def newest_queries(query: str, dialect: str) -> tuple[str, ...]:
    """Returns a query of the newest judged time for each column that the query compares with `:since`.

    Each gives one row with one column `newest`; over an index it reads one entry. Empty when the query uses `:since`
    in any other way, or on a column whose table is unclear: then nobody can tell what was judged.
    """
    quick = newest_postgres(query) if dialect == "postgres" else None
    return _newest_by_sqlglot(query, dialect) if quick is None else quick


def _newest_by_sqlglot(query: str, dialect: str) -> tuple[str, ...]:
    """Returns the same for every dialect and for expressions, half a second of imports later."""
    from sqlglot import exp

    tree = _parse(query, dialect)
    if tree is None:
        return ()
    found: dict[str, None] = {}
    for scope in _scopes(tree):
        for place in scope.find_all(exp.Placeholder):
            if place.name != "since":
                continue
            bounded = _bounded_by(place)
            table = _table_of(bounded, scope) if bounded is not None else None
            if bounded is None or table is None:
                return ()
            newest = exp.select(exp.alias_(exp.Max(this=bounded.copy()), "newest")).from_(table.copy())
            found[_text(newest, dialect)] = None
    return tuple(found)


@lru_cache(maxsize=512)
def population_query(query: str, dialect: str) -> str | None:
    """Returns the query of all rows that a simple single-table SELECT was asked of; None when it is not that simple.

    The conditions fall away, but those that only bound the row's time by `:since` or `:now` stay.
    """
    from sqlglot import exp

    tree = _parse(query, dialect)
    if not isinstance(tree, exp.Select) or any(tree.args.get(part) for part in _NOT_SIMPLE) or _from(tree) is None:
        return None
    table = _from(tree)
    if not isinstance(table, exp.Table) or list(tree.find_all(exp.AggFunc, exp.Subquery, exp.Window)):
        return None
    if len(list(tree.find_all(exp.Select))) > 1 and _correlates(tree):
        return None
    kept = [part for part in _conditions(tree) if _bounds_time(part)]
    rows = exp.select("*").from_(table.copy())
    for condition in kept:
        rows = rows.where(condition.copy())
    return _text(rows, dialect)


@lru_cache(maxsize=512)
def tables(query: str, dialect: str) -> tuple[str, ...]:
    """Returns the names of the tables that a query reads, without CTEs, in order of first use; empty if unreadable."""
    from sqlglot import exp

    tree = _parse(query, dialect)
    if tree is None:
        return ()
    inner = {cte.alias for cte in tree.find_all(exp.CTE)}
    names = [".".join(part.name for part in table.parts) for table in tree.find_all(exp.Table)]
    return tuple(dict.fromkeys(name for name in names if name and name not in inner))


_NOT_SIMPLE = ("joins", "group", "having", "distinct", "limit", "offset", "laterals", "with", "with_", "qualify")


def _parse(query: str, dialect: str) -> exp.Expr | None:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        # The driver's own parser has the last word on what is SQL; what this one cannot read is merely not derived.
        trees = sqlglot.parse(query, dialect=dialect)
    except (SqlglotError, RecursionError):
        return None
    return trees[0] if len(trees) == 1 else None


def _scopes(tree: exp.Expr) -> Iterable[Scope]:
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.scope import traverse_scope

    try:
        return traverse_scope(tree)
    except (SqlglotError, RecursionError):
        return ()


def _bounded_by(place: exp.Expr) -> exp.Expr | None:
    """Returns the side that `:since` bounds from below in `side > :since`; None for any other use of it."""
    from sqlglot import exp

    node = place
    while isinstance(parent := node.parent, (exp.Cast, exp.Sub, exp.Paren)) and parent.this is node:
        node = parent  # `:since - interval '1 day'` looks further back: nothing is lost by it
    side: exp.Expr | None = None
    if isinstance(parent, (exp.GT, exp.GTE)) and parent.expression is node:
        side = parent.this
    elif isinstance(parent, (exp.LT, exp.LTE)) and parent.this is node:
        side = parent.expression
    elif isinstance(parent, exp.Between) and parent.args.get("low") is node:
        side = parent.this
    return _plain(side) if side is not None and parent is not None and _is_condition(parent) else None


def _is_condition(comparison: exp.Expr) -> bool:
    """Tells whether a comparison is a condition as it stands: not under a NOT, a CASE or a function."""
    from sqlglot import exp

    node = comparison.parent
    while isinstance(node, (exp.And, exp.Or, exp.Paren)):
        node = node.parent
    return isinstance(node, (exp.Where, exp.Having, exp.Join))


def _plain(side: exp.Expr) -> exp.Expr | None:
    from sqlglot import exp

    return None if list(side.find_all(exp.Placeholder, exp.Subquery, exp.AggFunc)) else side


def _table_of(side: exp.Expr, scope: Scope) -> exp.Expr | None:
    """Returns the one table whose columns a side is made of."""
    from sqlglot import exp

    columns = list(side.find_all(exp.Column))
    names = {column.table or (next(iter(scope.sources)) if len(scope.sources) == 1 else "") for column in columns}
    source = scope.sources.get(names.pop()) if len(names) == 1 else None
    return source if isinstance(source, exp.Table) else None


def _from(tree: exp.Expr) -> exp.Expr | None:
    source = tree.args.get("from_") or tree.args.get("from")
    return source.this if source is not None else None


def _conditions(tree: exp.Expr) -> list[exp.Expr]:
    from sqlglot import exp

    where = tree.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def _bounds_time(condition: exp.Expr) -> bool:
    """Tells whether a condition is a bare comparison of a column with `:since` or `:now`."""
    from sqlglot import exp

    if not isinstance(condition, (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)) or condition.find(exp.Select):
        return False
    return condition.find(exp.Placeholder) is not None


def _correlates(tree: exp.Expr) -> bool:
    """Tells whether a subquery stands anywhere but in the conditions, which fall away."""
    from sqlglot import exp

    return any(select.find_ancestor(exp.Where) is None for select in tree.find_all(exp.Select) if select is not tree)


def _text(tree: exp.Expr, dialect: str) -> str:
    from sqlglot import exp

    def named(node: exp.Expr) -> exp.Expr:
        return exp.var(f":{node.name}") if isinstance(node, exp.Placeholder) and node.name else node

    return tree.transform(named).sql(dialect=dialect, comments=False)
