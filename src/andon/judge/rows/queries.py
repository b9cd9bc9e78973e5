"""Writes the judge's own questions about what a replay left behind; it never runs one."""

from __future__ import annotations

from andon.models import Check


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
