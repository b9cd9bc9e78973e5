"""Cuts recorded evidence into the part that is bound to the offending rows and the rest; it changes no value."""

from __future__ import annotations

from collections.abc import Sequence

from andon.agents.search.terms import literal, meets_all
from andon.models import Contrast, Evidence, Row


def healthy_part(evidence: Evidence, contrasts: Sequence[Contrast]) -> Evidence | None:
    """Returns the evidence without offending rows and without the context bound to them; None when nothing is left.

    Replaying it shows what the same code does with healthy input of the same moment.
    """
    context = {name: healthy_rows(rows, evidence, contrasts) for name, rows in evidence.context.items()}
    kept = sum(len(rows) for rows in context.values())
    if not kept or kept == sum(len(rows) for rows in evidence.context.values()):
        return None
    return evidence.model_copy(update={"rows": (), "total": 0, "context": context})


def healthy_rows(rows: Sequence[Row], evidence: Evidence, contrasts: Sequence[Contrast]) -> tuple[Row, ...]:
    """Returns the context rows that share no identity with an offending row and meet no strong contrast's terms.

    Identity: the key's columns that the context has too, all at once; without any, each column that tells offending
    rows apart.
    """
    shared = set(evidence.columns) & {column for row in rows for column in row}
    joint = tuple(column for column in evidence.key if column in shared)
    bindings = [joint] if joint else [(column,) for column in telling(shared, evidence.rows)]
    bound = {binding: {identity(row, binding) for row in evidence.rows} for binding in bindings}
    strong = [contrast.terms for contrast in contrasts if contrast.support >= 0.5][:3]
    return tuple(
        row
        for row in rows
        if not any(identity(row, binding) in bound[binding] for binding in bindings)
        and not any(meets_all(row, terms) for terms in strong)
    )


def identity(row: Row, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(literal(row.get(column)) for column in columns)


def telling(columns: set[str], rows: Sequence[Row]) -> list[str]:
    """Returns the columns that tell offending rows apart: nearly every row has its own value."""
    return [
        column
        for column in sorted(columns)
        if len({literal(row.get(column)) for row in rows}) >= max(2, 0.9 * len(rows))
    ]
