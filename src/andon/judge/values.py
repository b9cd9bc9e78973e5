"""Compares what the rows that offended hold now: a value that no healthy row has is a symptom painted over."""

from __future__ import annotations

from pydantic import JsonValue

from andon.judge.hearing import Counted, Hearing, identity
from andon.judge.outcome import holds, needs_eyes
from andon.judge.queries import deciding_columns
from andon.models import Proof, Row

LEAST = 3
"""Fewer rows than this may share a value by chance."""


def plausible_values(hearing: Hearing) -> Proof | None:
    """Holds when no deciding column of the rows that offended became one constant that no healthy row has.

    Clamping, defaults and placeholders turn a check green so; data that was really read varies as healthy data does.
    """
    name = "plausible values"
    if not hearing.replayable:
        return None
    wrote = (hearing.looks[0].counted, hearing.looks[1].counted)
    if not wrote[0].rows:
        return holds(name, "the check's question is too involved to compare single values")
    painted = [
        words for column in deciding_columns(hearing.ticket_check) if (words := painted_over(hearing, column, wrote))
    ]
    if painted:
        return needs_eyes(name, painted[0], painted)
    return holds(name, f"{len(wrote[1].rows)} rows compared: those that offended hold values as healthy ones do")


def painted_over(hearing: Hearing, column: str, wrote: tuple[Counted, Counted]) -> str:
    """Returns what is strange about a column of the rows that offended; empty when nothing is."""
    key = hearing.ticket_check.key
    replay = hearing.looks[0].replay
    offended = {identity(row, key) for row in replay.result.rows} if replay.result else set()
    before = by_key(wrote[0].rows, key, column)
    after = by_key(wrote[1].rows, key, column)
    changed = [after[row] for row in offended if row in before and row in after and before[row] != after[row]]
    healthy = {str(value) for row, value in before.items() if row not in offended}
    values = {str(value) for value in changed}
    if len(changed) >= LEAST and len(values) == 1 and len(healthy) > 1 and not values & healthy:
        return f"all {len(changed)} rows that offended now hold {column} = {values.pop()}, which no healthy row holds"
    return ""


def by_key(rows: tuple[Row, ...], key: tuple[str, ...], column: str) -> dict[str, JsonValue]:
    """Returns the value of a column for each row's identity."""
    return {identity(row, key): row.get(column) for row in rows}
