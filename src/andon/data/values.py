"""Turns what databases give into JSON values: nothing is rounded, cut or guessed; what has no JSON form stays text."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import JsonValue

from andon.models import Row

EXACT = 2**53
"""Integers beyond this lose digits in JSON readers that know only doubles: they become text."""
UNREADABLE = "(not UTF-8) "
"""Marks a text that could not be read as it was meant."""


def integer(number: int) -> JsonValue:
    """Returns an integer, as text when JSON readers would round it."""
    return number if -EXACT <= number <= EXACT else str(number)


def real(number: float) -> JsonValue:
    """Returns a float, or `NaN`, `Infinity`, `-Infinity` as text."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def moment(text: str) -> JsonValue:
    """Returns Postgres's ISO timestamp in UTC as ISO 8601 with offset; `infinity` and years BC stay as they are.

    A timestamp without a zone is taken as UTC, as the session's own zone is.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def blob(data: bytes) -> JsonValue:
    """Returns bytes as base64 text."""
    return base64.b64encode(data).decode()


def document(text: str) -> JsonValue:
    """Returns a JSON document's value. Raises ValueError for one that cannot be kept: half a surrogate, 1e999."""
    value: JsonValue = json.loads(text)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def readable(data: bytes) -> str:
    """Returns the text of bytes; what is not UTF-8 is marked as such, with its bytes as escapes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return UNREADABLE + data.decode("utf-8", "backslashreplace")


def storable_row(row: Row) -> Row:
    """Returns a row that can be stored: texts with half a surrogate are marked and escaped, floats are finite.

    Databases never give such values; a program's own JSON lines and a Python check's rows may.
    """
    return {str(_storable(name)): _storable(value) for name, value in row.items()}


def _storable(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value if value.isascii() else readable(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, float):
        return real(value)
    if isinstance(value, dict):
        return storable_row(value)
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


Loader = Callable[[str], JsonValue]

POSTGRES: dict[int, Loader] = {
    16: lambda text: text == "t",
    17: lambda text: blob(bytes.fromhex(text[2:])),
    20: lambda text: integer(int(text)),
    21: int,
    23: int,
    26: int,
    114: document,
    3802: document,
    700: lambda text: real(float(text)),
    701: lambda text: real(float(text)),
    1114: moment,
    1184: moment,
}
"""How the text form of a Postgres type (by oid) is read; any other type stays text."""

ARRAYS: dict[int, int] = {
    1000: 16, 1001: 17, 1016: 20, 1005: 21, 1007: 23, 1028: 26, 199: 114, 3807: 3802, 1021: 700, 1022: 701,
    1115: 1114, 1185: 1184, 1009: 25, 1015: 1043, 1231: 1700, 1182: 1082, 2951: 2950, 1014: 1042, 1003: 19,
}  # fmt: skip
"""Array types and the types of their elements."""


def postgres_value(text: str, oid: int) -> JsonValue:
    """Returns the JSON value of a Postgres value in text form; text where it cannot be read."""
    try:
        if oid in ARRAYS:
            return _array(text, POSTGRES.get(ARRAYS[oid], str))
        return POSTGRES.get(oid, str)(text)
    except (ValueError, IndexError, RecursionError):  # the row is evidence: better its text than no row
        return text


def sqlite_value(value: object) -> JsonValue:
    """Returns the JSON value of what sqlite3 gives."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return real(value)
    return blob(bytes(value)) if isinstance(value, (bytes, memoryview)) else str(value)


def _array(text: str, load: Loader) -> JsonValue:
    """Reads `{1,NULL,"a b",{2}}`; explicit bounds (`[0:1]={..}`) are dropped."""
    place = text.index("{")
    value, end = _items(text, place, load)
    if end != len(text):
        raise ValueError(text)
    return value


def _items(text: str, place: int, load: Loader) -> tuple[list[JsonValue], int]:
    items: list[JsonValue] = []
    place += 1
    while text[place] != "}":
        if text[place] == "{":
            inner, place = _items(text, place, load)
            items.append(inner)
        elif text[place] == '"':
            word, place = _quoted(text, place)
            items.append(load(word))
        else:
            end = min(found for mark in ",}" if (found := text.find(mark, place)) >= 0)
            word = text[place:end]
            items.append(None if word == "NULL" else load(word))
            place = end
        if text[place] == ",":
            place += 1
    return items, place + 1


def _quoted(text: str, place: int) -> tuple[str, int]:
    letters: list[str] = []
    place += 1
    while text[place] != '"':
        if text[place] == "\\":
            place += 1
        letters.append(text[place])
        place += 1
    return "".join(letters), place + 1
