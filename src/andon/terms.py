"""Tells whether a row meets a contrast's term; it knows the brief's wording and asks no database."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from andon.models import Row

NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
COMPARISON = re.compile(rf"(?P<column>.+?) (?P<sign>>=|<=|<|>) (?P<number>{NUMBER})")
EQUALITY = re.compile(r"(?P<column>.+?) = (?P<value>.+)", re.DOTALL)
SHAPE = re.compile(r"(?P<column>.+?) (?P<shape>is null|is not null|is blank|has spaces around it|"
                   r"has characters outside ASCII|starts with (?P<prefix>'.*'))", re.DOTALL)  # fmt: skip
CALLED = re.compile(r"(?P<call>length|hour|weekday)\((?P<column>.+)\)")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def meets_all(row: Row, terms: Sequence[str]) -> bool | None:
    """Tells whether a row meets every term; None when a term speaks of a column it lacks or cannot be read."""
    answers = [meets(row, term) for term in terms]
    return False if False in answers else None if None in answers else True


def meets(row: Row, term: str) -> bool | None:
    """Tells whether a row meets one term, such as `fetcher = 'gallery'` or `price >= 10 and price < 20`."""
    for whole in (meets_shape, meets_comparison, meets_equality):
        answer = whole(row, term)
        if answer is not None:
            return answer
    parts = term.split(" and ")
    if len(parts) > 1 and all(COMPARISON.fullmatch(part) for part in parts):
        return meets_all(row, parts)
    return None


def meets_shape(row: Row, term: str) -> bool | None:
    found = SHAPE.fullmatch(term)
    if not found or found["column"] not in row:
        return None
    value = row[found["column"]]
    if found["shape"] in ("is null", "is not null"):
        return (value is None) == (found["shape"] == "is null")
    if not isinstance(value, str):
        return False
    if found["prefix"]:
        return value.startswith(unquoted(found["prefix"]))
    return {
        "is blank": not value.strip(),
        "has spaces around it": bool(value.strip()) and value != value.strip(),
        "has characters outside ASCII": not value.isascii(),
    }[found["shape"]]


def meets_comparison(row: Row, term: str) -> bool | None:
    found = COMPARISON.fullmatch(term)
    if not found:
        return None
    known, value = value_of(row, found["column"])
    if not known:
        return None
    try:
        number = float(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return False
    if number is None:
        return False
    limit = float(found["number"])
    return {">=": number >= limit, "<": number < limit, "<=": number <= limit, ">": number > limit}[found["sign"]]


def meets_equality(row: Row, term: str) -> bool | None:
    found = EQUALITY.fullmatch(term)
    if not found:
        return None
    known, value = value_of(row, found["column"])
    return literal(value) == literal(unquoted(found["value"])) if known else None


def value_of(row: Row, column: str) -> tuple[bool, JsonValue]:
    """Returns whether a row has a column (or what `length(column)` and the like need), and its value."""
    if column in row:
        return True, row[column]
    found = CALLED.fullmatch(column)
    if not found or found["column"] not in row:
        return False, None
    value = row[found["column"]]
    if not isinstance(value, str):
        return True, None
    if found["call"] == "length":
        return True, len(value)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return True, None
    return True, time.hour if found["call"] == "hour" else DAYS[time.weekday()]


def unquoted(text: str) -> str:
    """Returns what an SQL literal stands for, as text."""
    quoted = len(text) > 1 and text[0] == text[-1] == "'"
    return text[1:-1].replace("''", "'") if quoted else text


def literal(value: JsonValue) -> str:
    """Returns a value as the brief would name it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else str(value)


def equal_value(term: str) -> tuple[str, str] | None:
    """Returns (column, value) of a term that is an equality; None for any other."""
    found = EQUALITY.fullmatch(term)
    return (found["column"], unquoted(found["value"])) if found and not COMPARISON.fullmatch(term) else None
