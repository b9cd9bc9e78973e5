"""Writes the judge's own questions about what a replay left behind; it never runs one."""

from __future__ import annotations

from collections.abc import Sequence

from andon.models import Check

ROWS_COMPARED = 5000
"""Rows of the population whose keys and values are compared."""


def own_questions(check: Check) -> dict[str, Check]:
    """Returns the judge's questions about what a replay wrote: `counts` of each table read, `population` of rows."""
    tables, population = tables_read(check), derived_population(check)
    found = {}
    if tables:
        found["counts"] = question(check, count_query(tables), len(tables))
    if population:
        found["population"] = question(check, population, ROWS_COMPARED)
    return found


def question(check: Check, query: str, rows_kept: int) -> Check:
    """Returns another question of the judge's, to be asked like the check."""
    return check.model_copy(
        update={"query": query, "rows_kept": rows_kept, "at": None, "key": (), "population": None, "evidence": {}}
    )


def tables_read(check: Check) -> tuple[str, ...]:
    """Returns the tables that a check's question and population read, as they would be named in a query."""
    import sqlglot
    from sqlglot import exp

    found: set[str] = set()
    for query in filter(None, (check.query, check.population)):
        try:
            tree = sqlglot.parse_one(query, dialect="postgres")
        except sqlglot.errors.SqlglotError:
            continue
        own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            if table.name and table.name.lower() not in own:
                schema = f'"{table.db}".' if table.db else ""
                found.add(f'{schema}"{table.name}"')
    return tuple(sorted(found))


def count_query(tables: Sequence[str]) -> str:
    """Returns a query that gives `table_name` and `row_count` for each table."""
    parts = [
        f"select '{name.replace(chr(34), '')}' as table_name, count(*) as row_count from {name}" for name in tables
    ]
    return " union all ".join(parts)


def deciding_columns(check: Check) -> tuple[str, ...]:
    """Returns the columns by which a check tells offending rows from healthy ones."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(check.query, dialect="postgres")
    except sqlglot.errors.SqlglotError:
        return ()
    named = {column.name for where in tree.find_all(exp.Where) for column in where.find_all(exp.Column)}
    return tuple(sorted(named))


def derived_population(check: Check) -> str:
    """Returns a query of keys and deciding columns of all rows that a simple question is asked of; empty when not.

    Simple is one table and no grouping; the where clause is taken away, whatever the check file says itself.
    """
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(check.query, dialect="postgres")
    except sqlglot.errors.SqlglotError:
        return ""
    if not isinstance(tree, exp.Select) or not check.key:
        return ""
    simple = not any(tree.args.get(part) for part in ("joins", "group", "having", "with", "with_", "distinct", "limit"))
    tables = [table for table in tree.find_all(exp.Table) if table.name]
    if not simple or len(tables) != 1:
        return ""
    schema = f'"{tables[0].db}".' if tables[0].db else ""
    columns = ", ".join(f'"{column}"' for column in dict.fromkeys((*check.key, *deciding_columns(check))))
    return f'select {columns} from {schema}"{tables[0].name}"'
