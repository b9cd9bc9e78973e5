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
