"""Reads the plain data that a sandboxed test told; strictly, and it never runs what it reads."""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import cast

DEEP = 60
Known = object
"""Any value of plain Python, or a Thing."""


class Unreadable(ValueError):
    """What was told is no plain data."""


@dataclass(frozen=True)
class Unknown:
    """Neither true nor false, and why."""

    why: str


Answer = bool | Unknown


@dataclass(eq=False)
class Thing:
    """A value that is no plain data: an object by its fields, a class by its name, an enum's member."""

    kind: str
    """`object`, `class`, `member`, `inherited`, `big`, `pattern`."""
    name: str
    """Module and name of its class."""
    inner: Known = None
    """The plain value that lies in it."""
    fields: list[tuple[Known, Known]] = field(default_factory=list)
    equal: str = "own"
    """`is`, `fields` or `own`, as it was told."""
    truth: bool = False
    """No method of its own says whether it is true."""
    number: int = -1
    own: str = ""
    """Letters for what the class of an inherited value has its own way to."""


@dataclass(eq=False)
class Bag:
    """A set or a dict that holds things."""

    kind: str
    items: list[Known]
    """Members, or (key, value)."""


@dataclass(frozen=True)
class Approx:
    """What pytest.approx compares with."""

    expected: Known
    relative: float | None = None
    absolute: float | None = None
    nan_ok: bool = False


def decode(told: object, hidden: Sequence[Known] = (), things: dict[int, Thing] | None = None, depth: int = 0) -> Known:
    """Returns the value that was told as JSON; `hidden` holds what stands for the test's own literals.

    Raises:
        Unreadable: it is not what the probe writes.
    """
    things = {} if things is None else things
    if depth > DEEP:
        raise Unreadable("too deep")
    if told is None or isinstance(told, bool | int | str):
        return told
    if not isinstance(told, list) or not told or not isinstance(told[0], str):
        raise Unreadable(f"no plain data: {str(told)[:80]}")
    try:
        tag, rest = told[0], told[1:]
        if tag in SIMPLE:
            return SIMPLE[tag](*rest)
        if tag == "d":
            return mapped(
                [
                    (decode(key, hidden, things, depth + 1), decode(value, hidden, things, depth + 1))
                    for key, value in rest[0]
                ]
            )
        if tag in MANY:
            return collected(tag, [decode(one, hidden, things, depth + 1) for one in rest[0]])
        if tag == "h":
            number = rest[0]
            if not isinstance(number, int) or not 0 <= number < len(hidden):
                raise Unreadable("an unknown hidden value")
            return hidden[number]
        return thing(tag, rest, hidden, things, depth)
    except Unreadable:
        raise
    except (ValueError, TypeError, IndexError, ArithmeticError) as error:
        raise Unreadable(f"no plain data: {error}") from error


def thing(tag: str, rest: list[object], hidden: Sequence[Known], things: dict[int, Thing], depth: int) -> Known:
    def read(told: object) -> Known:
        return decode(told, hidden, things, depth + 1)

    if tag == "big":
        return Thing("big", "a value too big to be told")
    if tag == "ref":
        return things.get(cast(int, rest[0])) or Thing("big", "a value that holds itself")
    if tag == "c":
        return Thing("class", str(rest[0]), equal="is", truth=True)
    if tag == "re":
        return Thing("pattern", "re.Pattern", inner=(read(rest[0]), rest[1]), truth=True)
    if tag == "e":
        name, inner, mixed = read(rest[1]), read(rest[2]), rest[3] is True
        return Thing("member", f"{rest[0]}.{name}", inner=inner, equal="mixed" if mixed else "is", truth=not mixed)
    if tag == "u":
        own = str(rest[2])
        held = Thing("inherited", str(rest[0]), equal="own" if "e" in own else "plain", own=own, number=whole(rest[3]))
        things[held.number] = held
        held.inner = read(rest[1])
        return held
    if tag == "o":
        name, told, equal, truth, number, hint = rest
        made = Thing("object", str(name), equal=str(equal), truth=truth is True, number=whole(number), inner=hint)
        things[made.number] = made
        made.fields = [(read(key), read(value)) for key, value in cast(list[list[object]], told)]
        return made
    raise Unreadable(f"an unknown tag {tag[:20]!r}")


def whole(number: object) -> int:
    if type(number) is not int:
        raise Unreadable("not a number")
    return number


def collected(tag: str, values: list[Known]) -> Known:
    """Returns a container; one of sets and dicts that holds things, or lists that hold them, is a Bag."""
    if tag == "l":
        return values
    if tag == "t":
        return tuple(values)
    if all(is_plain(one) for one in values):
        return set(values) if tag == "s" else frozenset(values)
    return Bag("set", values)


def mapped(pairs: list[tuple[Known, Known]]) -> Known:
    """Returns a dict; one whose keys are things is a Bag."""
    return dict(pairs) if all(is_plain(key) for key, _ in pairs) else Bag("dict", list(pairs))


SIMPLE: dict[str, Callable[..., Known]] = {
    "f": float,
    "i": lambda text: int(text, 16),
    "j": complex,
    "b": lambda text: base64.b64decode(text, validate=True),
    "y": lambda text: bytearray(base64.b64decode(text, validate=True)),
    "r": range,
    "dt": datetime.datetime.fromisoformat,
    "da": datetime.date.fromisoformat,
    "ti": datetime.time.fromisoformat,
    "td": datetime.timedelta,
    "de": decimal.Decimal,
    "fr": lambda text: fractions.Fraction(*map(int, text.split("/"))),
    "id": uuid.UUID,
    "pa": PurePosixPath,
    "...": lambda: Ellipsis,
}
MANY = frozenset({"l", "t", "s", "z"})


def is_plain(value: Known) -> bool:
    """Tells whether a value holds nothing but plain data, all the way down."""
    if isinstance(value, Thing | Bag | Approx):
        return False
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_plain(one) for one in value)
    if isinstance(value, dict):
        return all(is_plain(one) for pair in value.items() for one in pair)
    return not (isinstance(value, float) and math.isnan(value))
