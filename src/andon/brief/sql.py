"""Reads which tables and columns a query names; it never runs one."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

NAMED = re.compile(r"\b(?:from|join)\s+([A-Za-z_][\w.]*)", re.IGNORECASE)


def tables_of(query: str, dialect: str = "postgres") -> tuple[str, ...]:
    """Returns the tables that a query reads, without its own CTEs, in alphabetical order.

    A query that cannot be parsed gives the names after `from` and `join`.
    """
    tree = parse(query, dialect)
    if tree is None:
        return tuple(sorted({name.split(".")[-1].lower() for name in NAMED.findall(query)}))
    from sqlglot import exp

    own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    named = {table.name.lower() for table in tree.find_all(exp.Table) if table.name}
    return tuple(sorted(named - own))


def columns_of(query: str, dialect: str = "postgres") -> tuple[str, ...]:
    """Returns every column that a query names anywhere; nothing when it cannot be parsed."""
    tree = parse(query, dialect)
    if tree is None:
        return ()
    from sqlglot import exp

    return tuple(sorted({column.name.lower() for column in tree.find_all(exp.Column) if column.name}))


def asked_columns(query: str, dialect: str = "postgres") -> tuple[str, ...]:
    """Returns the columns that a query decides by (where, having): they are part of the question itself."""
    tree = parse(query, dialect)
    if tree is None:
        return ()
    from sqlglot import exp

    deciding = list(tree.find_all(exp.Where, exp.Having, exp.Qualify))
    return tuple(sorted({column.name.lower() for node in deciding for column in node.find_all(exp.Column)}))


def asks_of_groups(query: str, dialect: str = "postgres") -> bool:
    """Tells whether each row of a query stands for a group of rows: GROUP BY with an aggregate, bare or in a wrapping
    `select` from nothing else. A join with groups gives rows again."""
    tree = parse(query, dialect) if query else None
    return tree is not None and is_grouped(tree, {})


def is_grouped(tree: exp.Expr, outer: dict[str, exp.Expr]) -> bool:
    """Tells the same of a part of a query; `outer` holds the CTEs that it may name."""
    from sqlglot import exp

    if isinstance(tree, exp.SetOperation):
        own = outer | ctes_of(tree)
        return is_grouped(tree.left, own) and is_grouped(tree.right, own)
    if not isinstance(tree, exp.Select):
        return isinstance(tree, exp.Subquery) and is_grouped(tree.this, outer)
    if tree.args.get("group"):
        return tree.find(exp.AggFunc) is not None
    source = tree.args.get("from_") or tree.args.get("from")
    if source is None or tree.args.get("joins"):
        return False
    own = outer | ctes_of(tree)
    if isinstance(source.this, exp.Table) and source.this.name.lower() in own:
        name = source.this.name.lower()
        return is_grouped(own[name], {other: cte for other, cte in own.items() if other != name})
    return is_grouped(source.this, own)


def ctes_of(tree: exp.Expr) -> dict[str, exp.Expr]:
    """Returns name -> query of the CTEs that a query begins with."""
    from sqlglot import exp

    found = tree.args.get("with_") or tree.args.get("with")
    return {cte.alias_or_name.lower(): cte.this for cte in found.find_all(exp.CTE)} if found is not None else {}


def parse(query: str, dialect: str) -> exp.Expr | None:
    """Returns the tree of a query; None when sqlglot cannot read it."""
    import sqlglot

    # sqlglot warns about what it does not know; a half-understood tree still names its tables.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        return sqlglot.parse_one(query, dialect=dialect)
    except sqlglot.errors.SqlglotError:
        return None
    except RecursionError:
        return None
