"""Turns columns of rows into conditions that a row meets or not; it never looks at which rows offend."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from heapq import nlargest
from itertools import pairwise
from typing import NamedTuple

from pydantic import JsonValue

TEXT_LIMIT = 80
"""Longer texts are told apart by shape, never by value."""
FEW_VALUES = 12
"""A number with at most this many different values is cut at each of them."""
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
GAPS = 3
"""Thresholds that are put into the widest gaps between neighbouring values, besides the quantiles."""
NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
PREFIX = re.compile(r"\w+://[^/?#]*/?|\w{1,40}[^\w\s]+|\w{2,40}\s")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Condition(NamedTuple):
    """Something that is true or false of each row."""

    words: str
    column: str
    simplicity: int
    """0 for an equality; higher for what says less about the cause at the same strength."""
    bits: int
    """The rows that meet it: row 0 is the highest of as many bits as there are rows."""


class Column(NamedTuple):
    """One column as groups of equal values."""

    name: str
    total: int
    """How many rows there are."""

    def bits(self, rows: Sequence[int]) -> int:
        """Returns rows as a set of bits."""
        if len(rows) * 16 < self.total:  # eight times less to fill, but dearer a row
            few = bytearray(self.total // 8 + 1)
            for row in rows:
                place = self.total - 1 - row
                few[place >> 3] |= 1 << (place & 7)
            return int.from_bytes(few, "little")
        marks = bytearray(b"0") * self.total
        for row in rows:
            marks[row] = 49
        return int(marks, 2)


def conditions(name: str, values: Sequence[JsonValue], *, shapes_only: bool = False) -> Iterator[Condition]:
    """Yields every condition on one column that some rows meet and some do not.

    Which are made depends on the values alone, so that trying them can be corrected for.
    """
    column = Column(name, len(values))
    groups = group(values)
    if len(groups) < 2:
        return
    nothing = groups.pop(None, [])
    if nothing:
        null = column.bits(nothing)
        yield Condition(f"{name} is null", name, 1, null)
        yield Condition(f"{name} is not null", name, 1, null ^ ((1 << column.total) - 1))
    if times := as_times(groups):
        yield from time_conditions(column, times)
        return
    if not shapes_only:
        yield from equalities(column, groups)
    if numbers := as_numbers(groups):
        if not shapes_only:
            yield from ranges(column, name, numbers, 3)
        return
    if texts := {value: rows for value, rows in groups.items() if isinstance(value, str)}:
        yield from text_shapes(column, texts)


def group(values: Sequence[JsonValue]) -> dict[Hashable, list[int]]:
    """Returns the rows of each different value; None for null. Lists and objects count as their JSON."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        kind = type(value)
        if kind is bool:
            groups["true" if value else "false"].append(row)
        elif kind is list or kind is dict:
            groups[json.dumps(value, sort_keys=True)].append(row)
        else:
            groups[value].append(row)  # type: ignore[index]
    return groups


def equalities(column: Column, groups: dict[Hashable, list[int]]) -> Iterator[Condition]:
    """Yields `column = value` for each value that at least two rows have."""
    for value, rows in groups.items():
        if len(rows) > 1 and not (isinstance(value, str) and len(value) > TEXT_LIMIT):
            yield Condition(f"{column.name} = {literal(value)}", column.name, 0, column.bits(rows))


def literal(value: Hashable) -> str:
    """Returns a value as SQL would write it."""
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"


def as_numbers(groups: dict[Hashable, list[int]]) -> list[tuple[float, list[int]]]:
    """Returns (value, rows) in rising order when every value is a number or a decimal as text; else nothing."""
    numbers: dict[float, list[int]] = {}
    for value, rows in groups.items():
        if isinstance(value, str):
            if not NUMBER.fullmatch(value):
                return []
        elif not isinstance(value, (int, float)):
            return []
        number = float(value)
        numbers[number] = numbers[number] + rows if number in numbers else rows
    return [(number, numbers[number]) for number in sorted(numbers) if math.isfinite(number)]


def ranges(column: Column, words: str, numbers: list[tuple[float, list[int]]], simplicity: int) -> Iterator[Condition]:
    """Yields `>=`, `<` and two-sided ranges between thresholds taken from quantiles and wide gaps."""
    edges = thresholds(numbers)
    bins: list[list[int]] = [[] for _ in range(len(edges) + 1)]
    place = 0
    for value, rows in numbers:
        while place < len(edges) and value >= edges[place]:
            place += 1
        bins[place].extend(rows)
    sets = [column.bits(rows) for rows in bins]
    for low in range(len(sets)):
        bits = 0
        for high in range(low, len(sets)):
            bits |= sets[high]
            ends = [f"{words} >= {edges[low - 1]:.15g}"] if low else []
            ends += [f"{words} < {edges[high]:.15g}"] if high < len(edges) else []
            if ends:
                yield Condition(" and ".join(ends), column.name, simplicity + len(ends) - 1, bits)


def thresholds(numbers: list[tuple[float, list[int]]]) -> list[float]:
    """Returns the values at which a number is cut, in rising order; the smallest value is none of them."""
    values = [value for value, _ in numbers]
    if len(values) <= FEW_VALUES:
        return values[1:]
    total = sum(len(rows) for _, rows in numbers)
    edges: set[float] = set()
    seen, wanted = 0, [share * total for share in QUANTILES]
    for value, rows in numbers:
        while wanted and seen >= wanted[0]:
            edges.add(value)
            wanted.pop(0)
        seen += len(rows)
    pairs = list(pairwise(values))
    edges.update(high for _, high in nlargest(GAPS, [(high - low, high) for low, high in pairs]))
    edges.update(high for _, high in nlargest(GAPS, [(high / low, high) for low, high in pairs if low > 0]))
    return sorted(edges - {values[0]})


def text_shapes(column: Column, texts: dict[str, list[int]]) -> Iterator[Condition]:
    """Yields what texts look like: how long, how they begin, whether blank, padded or outside ASCII."""
    lengths: dict[float, list[int]] = defaultdict(list)
    kinds: dict[str, list[int]] = defaultdict(list)
    for text, rows in texts.items():
        lengths[len(text)].extend(rows)
        for kind in shapes_of(text):
            kinds[kind].extend(rows)
    for kind, rows in kinds.items():
        if len(rows) > 1:
            yield Condition(f"{column.name} {kind}", column.name, 2, column.bits(rows))
    yield from ranges(column, f"length({column.name})", sorted(lengths.items()), 4)


def shapes_of(text: str) -> list[str]:
    """Returns the shapes of one text, as words that follow the column's name."""
    shapes: list[str] = []
    bare = text.strip()
    if len(bare) != len(text):
        shapes.append("has spaces around it" if bare else "is blank")
    elif not text:
        shapes.append("is blank")
    if not text.isascii():
        shapes.append("has characters outside ASCII")
    found = PREFIX.match(text)
    if found and found.end() < len(text):
        shapes.append(f"starts with {literal(found[0][:TEXT_LIMIT])}")
    return shapes


def as_times(groups: dict[Hashable, list[int]]) -> list[tuple[datetime, list[int]]]:
    """Returns (time, rows) when every value is an ISO 8601 time; else nothing."""
    times: list[tuple[datetime, list[int]]] = []
    for value, rows in groups.items():
        found = parse_time(value)
        if found is None:
            return []
        times.append((found, rows))
    return times


def parse_time(value: object) -> datetime | None:
    """Returns the time that a text of the form `2026-03-02T10:00...` stands for; None for anything else."""
    if not isinstance(value, str) or not TIME.match(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def time_conditions(column: Column, times: list[tuple[datetime, list[int]]]) -> Iterator[Condition]:
    """Yields hours and weekdays, each only where it comes round more than once: else it is the onset, not a habit."""
    days: dict[str, set[int]] = {}
    rows_of: dict[str, list[int]] = {}
    for time, rows in times:
        ordinal = time.toordinal()
        for words in (f"hour({column.name}) = {time.hour}", f"weekday({column.name}) = '{DAYS[time.weekday()]}'"):
            days.setdefault(words, set()).add(ordinal)
            rows_of.setdefault(words, []).extend(rows)
    for words, rows in rows_of.items():
        if len(days[words]) > 1:
            yield Condition(words, column.name, 5, column.bits(rows))


def distinct_share(values: Sequence[JsonValue]) -> float:
    """Returns how many different values a column has for each row, 0 to 1."""
    return len(group(values)) / max(1, len(values))
