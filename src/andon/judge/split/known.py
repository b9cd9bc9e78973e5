"""Works out literals of a test as the judge reads them, so that they need not be in the sandbox; it runs no code.

Only what is built from constants by plain means is known: everything else is left to the test itself.
"""

from __future__ import annotations

import ast
import base64
import binascii
import datetime
import decimal
import fractions
import textwrap
import uuid
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import cast

from andon.judge.split.values import Approx, Known

BIGGEST = 200_000
"""Characters, items or bits of one value."""


class NotKnown(Exception):
    """An expression is no literal."""


def known(node: ast.expr, names: Mapping[str, Known], imports: Mapping[str, str]) -> Known:
    """Returns the value of an expression.

    `names` are those that have a known value, `imports` says what the module's imported names stand for.

    Raises:
        NotKnown: it is not built from constants, or it cannot be worked out.
    """
    try:
        value = _Reader(names, imports).read(node)
        hash_all(value)
    except NotKnown:
        raise
    except Exception as error:  # whatever a literal does wrong, it does in the test as well
        raise NotKnown(str(error)) from error
    return value


def hash_all(value: Known, depth: int = 0) -> None:
    """Refuses a value that is too big or too deep."""
    if depth > 30 or size_of(value) > BIGGEST:
        raise NotKnown("too big")
    if isinstance(value, list | tuple | set | frozenset):
        for one in value:
            hash_all(one, depth + 1)
    if isinstance(value, dict):
        for pair in value.items():
            hash_all(pair, depth + 1)


def size_of(value: Known) -> int:
    if isinstance(value, str | bytes | bytearray | list | tuple | set | frozenset | dict):
        return len(value)
    return value.bit_length() if isinstance(value, int) else 0


def approx(expected: Known, rel: Known = None, abs: Known = None, nan_ok: Known = False) -> Approx:
    def number(value: Known) -> float | None:
        return None if value is None else float(cast(float, value))

    return Approx(expected, number(rel), number(abs), bool(nan_ok))


def product(one: Known, other: Known) -> Known:
    if isinstance(one, int | float | complex) and isinstance(other, int | float | complex):
        return one * other
    times = other if isinstance(other, int) else one
    many = one if times is other else other
    if not isinstance(times, int) or times * size_of(many) > BIGGEST:
        raise NotKnown("too big")
    return cast(str, many) * times


def power(one: Known, other: Known) -> Known:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        raise NotKnown("a power of something else")
    if isinstance(one, int) and isinstance(other, int) and one.bit_length() * abs(other) > BIGGEST:
        raise NotKnown("too big")
    return cast(float, one**other)


def shifted(one: Known, other: Known) -> Known:
    if not isinstance(one, int) or not isinstance(other, int) or other > 10_000:
        raise NotKnown("too big")
    return one << other


def formatted(one: Known, other: Known) -> Known:
    if isinstance(one, str | bytes):
        raise NotKnown("formats a text")
    return cast(int, one) % cast(int, other)


OPERATORS: dict[type[ast.operator], Callable[[Known, Known], Known]] = {
    ast.Add: lambda one, other: cast(int, one) + cast(int, other),
    ast.Sub: lambda one, other: cast(int, one) - cast(int, other),
    ast.Div: lambda one, other: cast(int, one) / cast(int, other),
    ast.FloorDiv: lambda one, other: cast(int, one) // cast(int, other),
    ast.BitOr: lambda one, other: cast(int, one) | cast(int, other),
    ast.BitAnd: lambda one, other: cast(int, one) & cast(int, other),
    ast.Mult: product,
    ast.Pow: power,
    ast.LShift: shifted,
    ast.Mod: formatted,
}
BUILTINS: dict[str, Callable[..., Known]] = {
    "set": set, "frozenset": frozenset, "tuple": tuple, "list": list, "dict": dict, "float": float, "int": int,
    "complex": complex, "bytes": lambda value: raw(value),
    "bytearray": lambda value: bytearray(raw(value)), "len": len, "sorted": sorted,
    "str": lambda value: plain_text(value), "chr": chr, "ord": ord,
}  # fmt: skip
IMPORTED: dict[str, Callable[..., Known]] = {
    "datetime.datetime": datetime.datetime,
    "datetime.date": datetime.date,
    "datetime.time": datetime.time,
    "datetime.timedelta": datetime.timedelta,
    "datetime.timezone": datetime.timezone,
    "decimal.Decimal": decimal.Decimal,
    "fractions.Fraction": lambda *values: fractions.Fraction(*(exact(value) for value in values)),
    "uuid.UUID": uuid.UUID,
    "pathlib.Path": PurePosixPath,
    "pathlib.PurePosixPath": PurePosixPath,
    "textwrap.dedent": textwrap.dedent,
    "pytest.approx": approx,
    "base64.b64decode": base64.b64decode,
    "binascii.unhexlify": binascii.unhexlify,
}
CONSTANTS: dict[str, Known] = {
    "datetime.timezone.utc": datetime.UTC,
    "datetime.UTC": datetime.UTC,
    "math.inf": float("inf"),
    "math.nan": float("nan"),
    "math.pi": 3.141592653589793,
    "math.e": 2.718281828459045,
}
METHODS = frozenset(
    {"strip", "lstrip", "rstrip", "encode", "decode", "lower", "upper", "title", "split", "splitlines", "join",
     "replace", "fromhex", "removeprefix", "removesuffix"}
)  # fmt: skip


def exact(value: Known) -> int:
    if not isinstance(value, int):
        raise NotKnown("a fraction of something else")
    return value


def raw(value: Known) -> bytes:
    if isinstance(value, int):
        raise NotKnown("bytes by their number")
    return bytes(cast(bytes, value))


def plain_text(value: Known = "") -> str:
    if not isinstance(value, str | int | float | bool | None):
        raise NotKnown("the text of something else")
    return str(value)


class _Reader:
    def __init__(self, names: Mapping[str, Known], imports: Mapping[str, str]) -> None:
        self.names = names
        self.imports = imports

    def read(self, node: ast.expr) -> Known:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                if node.id in self.names:
                    return self.names[node.id]
                return self.constant(node)
            case ast.Attribute():
                return self.constant(node)
            case ast.Tuple():
                return tuple(self.many(node.elts))
            case ast.List():
                return self.many(node.elts)
            case ast.Set():
                return set(self.many(node.elts))
            case ast.Dict():
                return self.mapping(node)
            case ast.UnaryOp():
                return self.unary(node)
            case ast.BinOp() if type(node.op) in OPERATORS:
                value = OPERATORS[type(node.op)](self.read(node.left), self.read(node.right))
                if size_of(value) > BIGGEST:
                    raise NotKnown("too big")
                return value
            case ast.Call():
                return self.call(node)
            case _:
                raise NotKnown(type(node).__name__)

    def many(self, nodes: list[ast.expr]) -> list[Known]:
        values: list[Known] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values += cast(list[Known], list(cast(list[Known], self.read(node.value))))
            else:
                values.append(self.read(node))
        return values

    def mapping(self, node: ast.Dict) -> dict[Known, Known]:
        made: dict[Known, Known] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                made.update(cast(dict[Known, Known], self.read(value)))
            else:
                made[self.read(key)] = self.read(value)
        return made

    def unary(self, node: ast.UnaryOp) -> Known:
        value = self.read(node.operand)
        if isinstance(value, int | float | complex | decimal.Decimal):
            if isinstance(node.op, ast.USub):
                return -value
            if isinstance(node.op, ast.UAdd):
                return +value
        raise NotKnown("an operator")

    def constant(self, node: ast.expr) -> Known:
        name = self.dotted(node)
        if name in CONSTANTS:
            return CONSTANTS[name]
        raise NotKnown(name)

    def dotted(self, node: ast.expr) -> str:
        """Returns what a name stands for, in full: `dt.date` is `datetime.date` after `import datetime as dt`."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, f"?{node.id}")
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        raise NotKnown("no name")

    def call(self, node: ast.Call) -> Known:
        args = self.many(node.args)
        more = {word.arg: self.read(word.value) for word in node.keywords if word.arg is not None}
        if len(more) < len(node.keywords):
            raise NotKnown("**")
        function = node.func
        if isinstance(function, ast.Name) and function.id in BUILTINS and function.id not in self.imports:
            return BUILTINS[function.id](*args, **more)
        try:
            name = self.dotted(function)
        except NotKnown:
            name = ""
        if name in IMPORTED:
            return IMPORTED[name](*args, **more)
        if isinstance(function, ast.Attribute) and function.attr in METHODS:
            return self.method(function, args, more)
        raise NotKnown("a call")

    def method(self, function: ast.Attribute, args: list[Known], more: dict[str, Known]) -> Known:
        if function.attr == "fromhex" and getattr(function.value, "id", "") == "bytes":
            return bytes.fromhex(*cast(list[str], args))
        value = self.read(function.value)
        if not isinstance(value, str | bytes):
            raise NotKnown("a method")
        if function.attr in ("replace", "join") and (len(value) + 1) * max(map(size_of, args), default=0) > 10**7:
            raise NotKnown("too big")
        return cast(Callable[..., Known], getattr(value, function.attr))(*args, **more)
