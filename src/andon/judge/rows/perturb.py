"""Writes recorded evidence anew with other identities, days or numbers of the same shape; it runs nothing.

It knows of the evidence only its JSON: rows and named sections. The same value gets the same new value everywhere,
whole, as a part of an address, or inside a text, so that whatever belonged together still does. What few rows share
out of many (the name of a source, a kind, a state) stays: code may rightly know it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from pydantic import JsonValue

from andon.judge.rows.names import LEAST_DIGITS, Fresh, fresh_names, fresh_words, tokens
from andon.judge.rows.times import DATES, dates_in, moved, weeks_to_move
from andon.models import Evidence, Row

KINDS = ("everything", "names", "times", "numbers")
LONGEST_NAME = 300
"""Characters of a value that may be a name; longer ones are contents."""
LEAST_NUMBERS = 6
"""Fewer different numbers than this are a code, not a measure."""
SPREAD = 0.02
"""How far a number moves, as a share of the range that its column spans."""
NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)?(?=[a-z]?(?![\w.,]))")
INSTANTS = re.compile(
    rf"(?:{DATES.pattern})(?:[T ,]*\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?)?(?:[+-]\d\d:?\d\d)?", re.IGNORECASE
)
"""Dates with the time of day that may follow."""
CALLED_NAME = re.compile(r"(?:^|_)(?:id|key|no|nr|number|ref|sku|code|uid|uuid)$|id$", re.IGNORECASE)
ALONE = re.compile(r"\s*[-+]?\d+(?:[.,]\d+)?\s*")

Place = tuple[str, str]
"""(section, column)"""
Shape = tuple[str, str, str]
"""The signs before and after a number, and how many digits it has where."""


class Column(NamedTuple):
    """All values of one column of one section."""

    section: str
    """Empty for the offending rows themselves."""
    name: str
    values: tuple[JsonValue, ...]

    @property
    def telling(self) -> bool:
        """Whether its values tell rows apart: at least every second one is another."""
        known = [value for value in self.values if value is not None]
        return len(known) > 1 and len(set(map(str, known))) * 2 >= len(known)


class Perturbed(NamedTuple):
    """Evidence written anew, and how much of it is new."""

    evidence: Evidence
    names: int
    days: int
    numbers: int

    @property
    def changed(self) -> int:
        return self.names + self.days + self.numbers


def perturb(evidence: Evidence, kind: str, rng: random.Random) -> Perturbed:
    """Returns evidence with fresh names, times, numbers or all of these; `changed` is 0 where it has none."""
    known = names_in(evidence)
    names = fresh_names(known, rng) if kind in ("everything", "names") else Fresh({})
    words = fresh_words(known, rng) if kind in ("everything", "names") else Fresh({})
    numbers = Numbers(evidence, tokens(known), rng) if kind in ("everything", "numbers") else None
    weeks, days = times_for(evidence, rng) if kind in ("everything", "times") else (0, 0)

    def anew(text: str) -> str:
        text = words.write(names.write(text))
        return moved(text, weeks, evidence.asked_at) if weeks else text

    def row(found: Row, section: str) -> Row:
        return {
            name: rewritten(numbers.write(section, name, value) if numbers else value, anew)
            for name, value in found.items()
        }

    fresh = evidence.model_copy(
        update={
            "asked_at": evidence.asked_at + timedelta(weeks=weeks),
            "rows": tuple(row(one, "") for one in evidence.rows),
            "context": {name: tuple(row(one, name) for one in rows) for name, rows in evidence.context.items()},
        }
    )
    return Perturbed(fresh, len(names) + len(words), days, numbers.count if numbers else 0)


def rewritten(value: JsonValue, anew: Callable[[str], str]) -> JsonValue:
    """Returns a JSON value with every text in it written anew."""
    if isinstance(value, str):
        return anew(value)
    if isinstance(value, list):
        return [rewritten(inner, anew) for inner in value]
    if isinstance(value, dict):
        return {name: rewritten(inner, anew) for name, inner in value.items()}
    return value


def columns_of(evidence: Evidence) -> Iterator[Column]:
    """Yields every column of the rows and of each section."""
    for section, rows in (("", evidence.rows), *evidence.context.items()):
        for name in dict.fromkeys(name for row in rows for name in row):
            yield Column(section, name, tuple(row.get(name) for row in rows))


def texts_in(value: JsonValue) -> Iterator[str]:
    """Yields every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (text for inner in value for text in texts_in(inner))
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in texts_in(inner))


# --- names ----------------------------------------------------------------------------------------------------------


def names_in(evidence: Evidence) -> frozenset[str]:
    """Returns the texts that hold names: addresses, values of the check's key, and what tells rows apart.

    A number that stands alone is a name only in the key or in a column that is called so: it may be a price.
    """
    found: set[str] = set()
    for column in columns_of(evidence):
        of_key = column.name in evidence.key
        if not (of_key if not column.section else column.telling or of_key):
            continue
        texts = {text for value in column.values for text in texts_in(value) if len(text) <= LONGEST_NAME}
        if not (of_key or CALLED_NAME.search(column.name)):
            texts = {text for text in texts if not ALONE.fullmatch(text)}
        found |= {INSTANTS.sub(lambda match: "\0" * len(match[0]), text) for text in texts}
    return frozenset(found)


# --- times ----------------------------------------------------------------------------------------------------------


def times_for(evidence: Evidence, rng: random.Random) -> tuple[int, int]:
    """Returns by how many weeks the evidence moves, and how many different days stand in it."""
    texts = {text for column in columns_of(evidence) for value in column.values for text in texts_in(value)}
    days = {day for text in texts for _, _, day, _ in dates_in(text, evidence.asked_at)}
    return (weeks_to_move(sorted(days), rng), len(days)) if days else (0, 0)


# --- numbers --------------------------------------------------------------------------------------------------------


class Numbers:
    """Near-by numbers for measures: columns of many different numbers, and what stands in one way in many texts.

    The length of another column's text is no measure: it would contradict that text.
    """

    def __init__(self, evidence: Evidence, names: frozenset[str], rng: random.Random) -> None:
        self.names = names
        self.plain: dict[Place, dict[JsonValue, str]] = {}
        self.inside: dict[Place, dict[Shape, dict[str, str]]] = {}
        columns = [column for column in columns_of(evidence) if column.name not in evidence.key]
        for column in columns:
            place = (column.section, column.name)
            self.inside[place] = self._shapes(column, rng)
            found = {one for one in column.values if isinstance(one, (int, float)) and not isinstance(one, bool)}
            if len(found) >= LEAST_NUMBERS and not is_length(column, columns):
                ordered = sorted(found)
                self.plain[place] = dict(zip(ordered, near([str(one) for one in ordered], rng), strict=True))

    def _shapes(self, column: Column, rng: random.Random) -> dict[Shape, dict[str, str]]:
        shapes: dict[Shape, set[str]] = {}
        for text in (text for value in column.values for text in texts_in(value) if "://" not in text[:12]):
            for match in self._found(text):
                shapes.setdefault(shape_of(text, match), set()).add(match[0])
        often = Counter(number for seen in shapes.values() for number in seen if len(number) >= LEAST_DIGITS)
        twice = {number for number, count in often.items() if count > 1}  # in a link and beside it: a name
        many = {
            shape: sorted(seen, key=amount)
            for shape, seen in shapes.items()
            if len(seen) >= LEAST_NUMBERS and len(seen & twice) * 2 < len(seen)
        }
        return {shape: dict(zip(seen, near(seen, rng), strict=True)) for shape, seen in many.items()}

    @property
    def count(self) -> int:
        shapes = [found for inside in self.inside.values() for found in inside.values()]
        return sum(len(found) for found in self.plain.values()) + sum(len(found) for found in shapes)

    def write(self, section: str, name: str, value: JsonValue) -> JsonValue:
        """Returns a column's value with the measures in it moved."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            new = self.plain.get((section, name), {}).get(value)
            return value if new is None else type(value)(new)
        known = self.inside.get((section, name))
        return rewritten(value, lambda text: self._written(text, known)) if known else value

    def _written(self, text: str, known: dict[Shape, dict[str, str]]) -> str:
        parts, place = [], 0
        for match in self._found(text):
            parts += [text[place : match.start()], known.get(shape_of(text, match), {}).get(match[0], match[0])]
            place = match.end()
        return "".join([*parts, text[place:]])

    def _found(self, text: str) -> list[re.Match[str]]:
        """Returns the numbers in a text that belong to no moment and are no name."""
        moments = [(match.start(), match.end()) for match in INSTANTS.finditer(text)]
        return [
            match
            for match in NUMBER.finditer(text)
            if match[0] not in self.names and not any(a < match.end() and match.start() < b for a, b in moments)
        ]


def is_length(column: Column, columns: Sequence[Column]) -> bool:
    """Tells whether a column counts the letters of another one of its section, in at least every fourth row."""
    for other in columns:
        if other.section == column.section and other.name != column.name:
            same = sum(
                isinstance(text, str) and size in (len(text), len(text.encode()))
                for size, text in zip(column.values, other.values, strict=True)
            )
            if same * 4 >= len(column.values) and same:
                return True
    return False


def shape_of(text: str, match: re.Match[str]) -> Shape:
    before, after = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
    return before, after, re.sub(r"\d", "#", match[0])


def near(ordered: Sequence[str], rng: random.Random) -> list[str]:
    """Returns a number close to each one, as many digits long, within the range of all; the order stays."""
    amounts = [amount(one) for one in ordered]
    low, high = min(amounts), max(amounts)
    fresh = []
    for text, value in zip(ordered, amounts, strict=True):
        places = len(text) - 1 - max(text.find("."), text.find(",")) if re.search(r"[.,]", text) else 0
        unit = 10.0**-places
        step = max(unit, (high - low) * SPREAD)
        new = min(high, max(low, value + rng.choice((-1, 1)) * rng.uniform(unit, step)))
        written = f"{new:.{places}f}".replace(".", "," if "," in text else ".")
        fresh.append(written if len(written) == len(text) else text)
    return fresh


def amount(text: str) -> float:
    return float(text.replace(",", "."))
