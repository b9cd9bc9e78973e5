"""Finds what separates offending rows from healthy ones; it tells what goes together, never what causes what."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from andon.brief.attributes import Condition, conditions, distinct_share
from andon.brief.chance import fisher, holm, still_tells
from andon.models import Contrast, Row
from andon.quoting import counted

ALPHA = 0.01
"""Corrected p-value up to which a contrast is reported."""
ROWS_LIMIT = 20_000
"""More rows than this are thinned evenly before they are compared."""
SINGLES_LIMIT = 6_000
"""Conditions tried at most; the ones that fewest rows meet go first."""
PAIR_PARTS = 80
"""Conditions that pairs are made of at most."""
PARTS_OF_A_COLUMN = 4
MIN_SUPPORT = 0.1
"""A contrast explains at least this share of the offending rows."""
MIN_LIFT = 1.2
ALL = 0.95
"""From this share of the offending rows on, a condition explains all of them."""
SHOWN = 12


class Found(NamedTuple):
    """Conditions that offending rows meet more often than chance allows."""

    contrasts: tuple[Contrast, ...]
    note: str


class Candidate(NamedTuple):
    """One condition, or two at once, as sets of rows: bit i stands for row i, offending rows in the low bits."""

    parts: tuple[Condition, ...]
    bits: int
    hits: int
    drawn: int

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(part.column for part in self.parts)

    @property
    def simplicity(self) -> int:
        return sum(part.simplicity + 1 for part in self.parts)


class Table(NamedTuple):
    """Labelled rows: the healthy ones first."""

    rows: list[Row]
    offending: int

    @property
    def total(self) -> int:
        return len(self.rows)


def find_contrasts(
    offending: Sequence[Row],
    healthy: Sequence[Row],
    *,
    key: Collection[str] = (),
    asked: Collection[str] = (),
    alpha: float = ALPHA,
) -> Found:
    """Returns the conditions that separate offending from healthy rows, strongest first, with why there is none.

    Single conditions and pairs share `alpha` evenly; within each, p-values are corrected for every candidate tried
    (Holm). Columns in `asked` are named by the check's own question: they are told last, and hide nothing else.
    """
    if not offending or not healthy:
        return Found((), "No contrast: " + ("no offending rows to compare." if not offending else "no healthy rows."))
    table = labelled(offending, healthy)
    singles = single_candidates(table, key)
    pairs, pairs_tried = pair_candidates(table, singles, asked)
    kept = [
        *significant(table, singles, len(singles) * 2, alpha),
        *significant(table, pairs, pairs_tried * 2, alpha),
    ]
    kept.sort(key=lambda item: (bool(item[0].columns & set(asked)), *strength(table, item[0])))
    chosen = without_redundant(table, kept, asked)
    tried = len(singles) + pairs_tried
    return Found(tuple(contrast(table, *item) for item in chosen[:SHOWN]), note(table, tried, chosen, asked))


def labelled(offending: Sequence[Row], healthy: Sequence[Row]) -> Table:
    """Returns both kinds of rows in one list, thinned evenly to what can be compared in time."""
    bad = thinned(offending, ROWS_LIMIT // 2)
    good = thinned(healthy, ROWS_LIMIT - len(bad))
    return Table([*good, *bad], len(bad))


def thinned(rows: Sequence[Row], limit: int) -> list[Row]:
    """Returns at most `limit` rows, spread evenly."""
    if len(rows) <= limit:
        return list(rows)
    step = len(rows) / limit
    return [rows[int(index * step)] for index in range(limit)]


def single_candidates(table: Table, key: Collection[str]) -> list[Candidate]:
    """Returns every condition on one column, chosen without looking at which rows offend."""
    columns = sorted({column for row in table.rows for column in row})
    found: list[Candidate] = []
    for column in columns:
        values = [row.get(column) for row in table.rows]
        is_key = column in key and (len(key) == 1 or distinct_share(values) > 0.5)
        found.extend(candidate(table, (item,), item.bits) for item in conditions(column, values, shapes_only=is_key))
    found = [item for item in found if 1 < item.drawn < table.total]
    found.sort(key=lambda item: -min(item.drawn, table.total - item.drawn))
    return found[:SINGLES_LIMIT]


def candidate(table: Table, parts: tuple[Condition, ...], bits: int) -> Candidate:
    """Returns conditions with their set of rows counted."""
    return Candidate(parts, bits, (bits & offending_mask(table)).bit_count(), bits.bit_count())


def offending_mask(table: Table) -> int:
    return (1 << table.offending) - 1


def pair_candidates(table: Table, singles: Sequence[Candidate], asked: Collection[str]) -> tuple[list[Candidate], int]:
    """Returns the pairs that beat both their parts, and how many pairs there are in all.

    Only the strongest conditions are paired, but as that choice looks at the labels, all pairs count as tried.
    """
    need = max(2, math.ceil(MIN_SUPPORT * table.offending))
    parts = pair_parts(table, [item for item in singles if item.hits >= need and not item.columns & set(asked)])
    pairs: list[Candidate] = []
    for place, first in enumerate(parts):
        for second in parts[place + 1 :]:
            if first.columns & second.columns:
                continue
            bits = first.bits & second.bits
            if (bits & offending_mask(table)).bit_count() < need:
                continue
            pair = candidate(table, (*first.parts, *second.parts), bits)
            if beats(pair, first) and beats(pair, second):
                pairs.append(pair)
    return pairs, len(singles) * (len(singles) - 1) // 2


def pair_parts(table: Table, singles: Sequence[Candidate]) -> list[Candidate]:
    """Returns the strongest conditions, a few of each column."""
    of_column: dict[frozenset[str], int] = {}
    parts: list[Candidate] = []
    for item in sorted(singles, key=lambda item: strength(table, item)):
        of_column[item.columns] = of_column.get(item.columns, 0) + 1
        if of_column[item.columns] <= PARTS_OF_A_COLUMN:
            parts.append(item)
    return parts[:PAIR_PARTS]


def beats(pair: Candidate, part: Candidate) -> bool:
    """Tells whether a pair says clearly more than one of its parts: purer, and not by chance, at little cost."""
    purer = pair.hits / pair.drawn >= 1.25 * part.hits / part.drawn
    return purer and pair.hits >= 0.7 * part.hits and fisher(pair.hits, pair.drawn, part.hits, part.drawn) < 0.001


def significant(table: Table, tried: Sequence[Candidate], weight: int, alpha: float) -> list[tuple[Candidate, float]]:
    """Returns the candidates that chance does not explain, each with its corrected p-value."""
    need = MIN_SUPPORT * table.offending
    base = table.offending / table.total
    worth = [item for item in tried if item.hits >= need and item.hits / item.drawn >= MIN_LIFT * base]
    raw = [fisher(item.hits, item.drawn, table.offending, table.total) for item in worth]
    return [(item, p) for item, p in zip(worth, holm(raw, weight), strict=True) if p <= alpha]


def strength(table: Table, item: Candidate) -> tuple[float, int, str]:
    """Returns a sort key: how well it separates (Matthews' correlation), then how simple it is."""
    bad, good = table.offending, table.total - table.offending
    wrong = item.drawn - item.hits
    square = item.drawn * (table.total - item.drawn) * bad * good
    correlation = (item.hits * (good - wrong) - wrong * (bad - item.hits)) / math.sqrt(square) if square else 0.0
    return (-round(correlation, 3), item.simplicity, " and ".join(part.words for part in item.parts))


def without_redundant(
    table: Table, ranked: Sequence[tuple[Candidate, float]], asked: Collection[str]
) -> list[tuple[Candidate, float]]:
    """Returns what each adds something to the stronger ones before it.

    The same rows said of the same column are said once; a weaker condition stays only when it still separates once
    the stronger one is known. Other columns that explain all offending rows stay: which one is the cause is open.
    """
    chosen: list[tuple[Candidate, float]] = []
    for item, p in ranked:
        rivals = [other for other, _ in chosen if bool(other.columns & set(asked)) == bool(item.columns & set(asked))]
        if all(adds(table, item, other) for other in rivals):
            chosen.append((item, p))
    return chosen


def adds(table: Table, item: Candidate, other: Candidate) -> bool:
    """Tells whether a condition says something that a stronger one does not say already."""
    if item.bits == other.bits:
        return not item.columns & other.columns
    if not item.columns & other.columns and item.hits >= ALL * table.offending:
        return True  # beside a perfect separator nothing can add by arithmetic, yet it may be the cause
    low = offending_mask(table)
    inside = item.bits & other.bits
    hits, drawn = (inside & low).bit_count(), inside.bit_count()
    return still_tells(
        [
            (hits, drawn, other.hits, other.drawn),
            (item.hits - hits, item.drawn - drawn, table.offending - other.hits, table.total - other.drawn),
        ]
    )


def contrast(table: Table, item: Candidate, p_value: float) -> Contrast:
    """Returns a candidate as the brief tells it."""
    return Contrast(
        terms=tuple(part.words for part in item.parts),
        offending=item.hits,
        offending_total=table.offending,
        healthy=item.drawn - item.hits,
        healthy_total=table.total - table.offending,
        lift=round((item.hits / table.offending) / (item.drawn / table.total), 3),
        support=round(item.hits / table.offending, 4),
        p_value=p_value,
    )


def note(table: Table, tried: int, chosen: Sequence[tuple[Candidate, float]], asked: Collection[str]) -> str:
    """Returns how much was compared, and which columns the question names itself."""
    healthy = table.total - table.offending
    rows = "row" if healthy == 1 else "rows"
    words = f"{counted(tried, 'condition')} tried on {table.offending:,} offending and {healthy:,} healthy {rows}."
    if not chosen:
        return f"No contrast: {words} None separates them more than chance would."
    named = sorted({column for item, _ in chosen for column in item.columns} & set(asked))
    return words + (f" Part of the question itself: {', '.join(named)}." if named else "")
