"""Turns any object into JSON text of plain data, reading what it really holds; it calls no method of its class.

Types are looked up with `type(x)` and read through the descriptors of `type` and `object`, so that a class cannot say
something else about its objects than what lies in them. Python 3.9 or newer.
"""

from __future__ import annotations

import base64
import collections
import datetime
import decimal
import enum
import fractions
import json.encoder
import pathlib
import re
import types
import uuid
import zoneinfo
from typing import Any

NODES = 20_000
"""Values inside one value, before the rest is only called big."""
DEPTH = 40
CHARS = 200_000
"""Characters or bytes of one string."""

quote = json.encoder.encode_basestring_ascii
mro_of = type.__dict__["__mro__"].__get__
name_of = type.__dict__["__qualname__"].__get__
module_of = type.__dict__["__module__"].__get__
names_in = type.__dict__["__dict__"].__get__
UNDERLYING = (str, int, float, bytes, tuple, list, dict, set, frozenset, bytearray, complex, datetime.datetime,
              datetime.date, datetime.timedelta, decimal.Decimal, fractions.Fraction, uuid.UUID)  # fmt: skip
KNOWN = ("builtins", "collections", "datetime", "decimal", "fractions", "uuid", "enum")
"""Modules whose own ways of being equal are what the plain data says."""


OWN = {
    "e": ("__eq__", "__ne__"),
    "c": ("__contains__",),
    "b": ("__bool__", "__len__"),
    "o": ("__lt__", "__gt__", "__le__", "__ge__"),
}
"""Letters for what a class may have its own way to: be equal, contain, be true, be put in order."""


class Hidden:
    """Stands where a test had a literal that only the judge knows."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"hidden{self.number}"


def class_name(kind: Any) -> str:
    """Returns `module.qualname` of a class."""
    words = []
    for read in (module_of, name_of):
        try:
            word = read(kind)
        except AttributeError:
            word = "?"
        words.append(word if type(word) is str else "?")
    return ".".join(words)


def class_names(kind: Any) -> list[str]:
    """Returns the names of a class and of all it inherits from."""
    return [class_name(one) for one in mro_of(kind)]


def found(kind: Any, name: str) -> Any:
    """Returns the class in the order of inheritance that defines a name, and what it is there; None for nobody."""
    for one in mro_of(kind):
        held = names_in(one)
        if name in held:
            return one, held[name]
    return None


def is_own(kind: Any, name: str) -> bool:
    """Tells whether a class that inherits from a plain one has its own way to do something."""
    held = found(kind, name)
    return held is not None and module_of(held[0]) not in KNOWN


def plains(values: Any, nodes: int = NODES) -> str:
    """Returns values as one JSON array; an object that stands in two of them is known again."""
    writer = _Writer()
    texts = []
    for value in values:
        writer.left = nodes
        text = writer.write(value, 0)
        texts.append(text if writer.left >= 0 else '["big"]')
    return "[" + ",".join(texts) + "]"


class _Writer:
    def __init__(self) -> None:
        self.left = NODES
        self.numbers: dict[int, int] = {}
        """id -> number, so that one object is known again in the same value, and cycles end."""
        self.kept: list[Any] = []
        self.open: set[int] = set()
        """Containers that are being written: one that holds itself ends there."""

    def write(self, value: Any, depth: int) -> str:
        self.left -= 1
        if self.left < 0 or depth > DEPTH:
            return '["big"]'
        kind = type(value)
        exact = EXACT.get(kind)
        if exact is not None:
            return str(exact(self, value, depth))
        if isinstance_of(kind, type):
            return f'["c",{quote(class_name(value))}]'
        if isinstance_of(kind, enum.Enum):
            return self.member(value, kind, depth)
        for under in UNDERLYING:
            if isinstance_of(kind, under):
                return self.inherited(value, kind, under, depth)
        if kind is Hidden:
            return f'["h",{value.number}]'
        return self.thing(value, kind, depth)

    def many(self, values: Any, depth: int) -> str:
        texts = []
        for value in values:
            texts.append(self.write(value, depth + 1))
            if self.left < 0:
                break
        return "[" + ",".join(texts) + "]"

    def pairs(self, items: Any, depth: int) -> str:
        return "[" + ",".join(self.many(pair, depth) for pair in items if self.left >= 0) + "]"

    def number(self, value: Any) -> tuple[int, bool]:
        """Returns the number of an object in this value, and whether it was met before."""
        key = id(value)
        if key in self.numbers:
            return self.numbers[key], True
        self.numbers[key] = number = len(self.numbers)
        self.kept.append(value)
        return number, False

    def member(self, value: Any, kind: Any, depth: int) -> str:
        held = fields_of(value)
        name, inner = held.get("_name_"), held.get("_value_")
        mixed = next((one for one in UNDERLYING if isinstance_of(kind, one)), None)
        return (
            f'["e",{quote(class_name(kind))},{self.write(name, depth + 1)},{self.write(inner, depth + 1)},'
            f"{'true' if mixed else 'false'}]"
        )

    def inherited(self, value: Any, kind: Any, under: Any, depth: int) -> str:
        """Writes an object of a class that inherits from a plain one: what lies in it, whatever it says."""
        number, again = self.number(value)
        if again:
            return f'["ref",{number}]'
        inner = EXACT[under](self, value, depth)
        own = "".join(letter for letter, names in OWN.items() if any(is_own(kind, name) for name in names))
        return f'["u",{quote(class_name(kind))},{inner},"{own}",{number}]'

    def thing(self, value: Any, kind: Any, depth: int) -> str:
        """Writes any other object by its fields."""
        number, again = self.number(value)
        if again:
            return f'["ref",{number}]'
        self.left -= 2  # objects lead to ever more objects
        if kind in NAMED:
            return f'["o",{quote(class_name(kind))},[],"{NAMED[kind]}",true,{number},{quote(called(value))}]'
        if kind is collections.deque:
            inner = self.pairs([["items", list(value)]], depth)
            return f'["o","collections.deque",{inner},"fields",false,{number},""]'
        fields = fields_of(value)
        equal, names = equality(kind)
        if names is not None:
            fields = {name: fields[name] for name in names if name in fields}
        shown = [[name, fields[name]] for name in sorted(fields)]
        told = self.pairs(shown, depth)
        truth = found(kind, "__bool__") or found(kind, "__len__")
        hint = text_of(value) if kind in SAID else ""
        return f'["o",{quote(class_name(kind))},{told},"{equal}",{"false" if truth else "true"},{number},{quote(hint)}]'


def isinstance_of(kind: Any, wanted: Any) -> bool:
    """Tells whether a class really inherits from another."""
    return wanted in mro_of(kind)


def fields_of(value: Any) -> dict[str, Any]:
    """Returns what lies in an object: its `__dict__` and its slots."""
    fields: dict[str, Any] = {}
    for one in mro_of(type(value)):
        for name, member in list(names_in(one).items()):
            if type(member) is types.MemberDescriptorType and type(name) is str:
                try:
                    fields.setdefault(name, member.__get__(value))
                except (AttributeError, TypeError):
                    continue
            elif name == "__dict__" and type(member) is types.GetSetDescriptorType:
                held = member.__get__(value)
                if isinstance_of(type(held), dict):
                    fields.update((key, item) for key, item in dict.items(held) if type(key) is str)
    return fields


def equality(kind: Any) -> tuple[str, Any]:
    """Returns how objects of a class are equal: `is`, `fields` (with their names) or `own`, by a method of its own."""
    own = found(kind, "__eq__")
    if own is None or own[0] is object:
        return "is", None
    code = getattr(own[1], "__code__", None) if type(own[1]) is types.FunctionType else None
    file = getattr(code, "co_filename", "")
    held = found(kind, "__dataclass_fields__")
    if held and held[0] is own[0] and file == "<string>" and type(held[1]) is dict:
        return "fields", [name for name, field in held[1].items() if field.compare]
    held = found(kind, "__attrs_attrs__")
    if held and held[0] is own[0] and type(file) is str and file.startswith("<attrs generated"):
        return "fields", [field.name for field in held[1] if field.eq]
    return "own", None


def called(value: Any) -> str:
    """Returns the name of a function or a module."""
    words = [getattr(value, name, "") for name in ("__module__", "__qualname__", "__name__")]
    return ".".join(str.__str__(word) for word in words if isinstance_of(type(word), str) and word)


def text_of(value: Any) -> str:
    """Returns what an object of the standard library says of itself."""
    text = repr(value)
    return text[:500] if type(text) is str else ""


def _text(_: _Writer, value: Any, _depth: int) -> str:
    text = str.__str__(value)
    if len(text) > CHARS:
        return '["big"]'
    return quote(text)


def _whole(_: _Writer, value: Any, _depth: int) -> str:
    number = int.__add__(value, 0)
    if -(2**53) < number < 2**53:
        return int.__repr__(number)
    return '["i","%x"]' % number if number.bit_length() < 4 * CHARS else '["big"]'  # noqa: UP031 (no length limit)


def _bytes(tag: str) -> Any:
    def write(_: _Writer, value: Any, _depth: int) -> str:
        raw = bytes.__add__(b"", value)
        return f'["{tag}","{base64.b64encode(raw).decode()}"]' if len(raw) <= CHARS else '["big"]'

    return write


def _list(tag: str, iterate: Any) -> Any:
    def write(writer: _Writer, value: Any, depth: int) -> str:
        if id(value) in writer.open:
            return '["ref",-1]'
        writer.open.add(id(value))
        told = writer.pairs(iterate(value), depth) if tag == "d" else writer.many(iterate(value), depth)
        writer.open.discard(id(value))
        return f'["{tag}",{told}]'

    return write


def _moment(_: _Writer, value: Any, _depth: int) -> str:
    zone = value.tzinfo
    if zone is not None and type(zone) not in (datetime.timezone, zoneinfo.ZoneInfo):
        bare = datetime.datetime.isoformat(datetime.datetime.replace(value, tzinfo=None))
        return f'["o","datetime.datetime",[],"own",true,-1,{quote(bare)}]'
    return f'["dt",{quote(datetime.datetime.isoformat(value))}]'


def _said(tag: str, words: Any) -> Any:
    return lambda _writer, value, _depth: f'["{tag}",{quote(words(value))}]'


def _pattern(writer: _Writer, value: Any, depth: int) -> str:
    return f'["re",{writer.write(value.pattern, depth)},{value.flags}]'


def _span(_: _Writer, value: Any, _depth: int) -> str:
    return f'["td",{value.days},{value.seconds},{value.microseconds}]'


def _constant(text: str) -> Any:
    return lambda _writer, _value, _depth: text


EXACT: dict[Any, Any] = {
    type(None): _constant("null"),
    bool: lambda _writer, value, _depth: "true" if value is True else "false",
    int: _whole,
    float: lambda _writer, value, _depth: f'["f","{float.__repr__(value)}"]',
    complex: lambda _writer, value, _depth: f'["j","{complex.__repr__(value)}"]',
    str: _text,
    bytes: _bytes("b"),
    bytearray: _bytes("y"),
    list: _list("l", list.__iter__),
    tuple: _list("t", tuple.__iter__),
    set: _list("s", set.__iter__),
    frozenset: _list("z", frozenset.__iter__),
    dict: _list("d", dict.items),
    range: lambda _writer, value, _depth: f'["r",{value.start},{value.stop},{value.step}]',
    datetime.datetime: _moment,
    datetime.date: _said("da", datetime.date.isoformat),
    datetime.time: _said("ti", datetime.time.isoformat),
    datetime.timedelta: _span,
    decimal.Decimal: _said("de", decimal.Decimal.__str__),
    fractions.Fraction: _said("fr", fractions.Fraction.__str__),
    uuid.UUID: _said("id", uuid.UUID.__str__),
    pathlib.PurePosixPath: _said("pa", pathlib.PurePath.__str__),
    pathlib.PosixPath: _said("pa", pathlib.PurePath.__str__),
    re.Pattern: _pattern,
    type(Ellipsis): _constant('["..."]'),
}
NAMED = {types.FunctionType: "is", types.ModuleType: "is", types.BuiltinFunctionType: "own", types.MethodType: "own"}
"""Classes whose objects are told by their names, and how they are equal."""
SAID = frozenset({datetime.timezone, zoneinfo.ZoneInfo, re.Match, slice})
"""Classes of the standard library whose own words are a hint."""
