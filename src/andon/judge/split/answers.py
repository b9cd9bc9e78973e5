"""Says whether an assertion holds on the values of its sides; patterns that could take long run in a process apart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import cast

from andon.judge.split.claims import Claim, Given, Side
from andon.judge.split.compare import compared, every, is_true, members, negated, same, some, underlying
from andon.judge.split.values import Answer, Known, Thing, Unknown, Unreadable, is_plain

SEARCH = """
import json, re, sys
pattern, text, binary = json.load(sys.stdin)
print(int(re.search(pattern, text) is not None))
"""
SEARCH_SECONDS = 5.0


def value_of(side: Side, values: list[Known]) -> Known:
    return side.value if isinstance(side, Given) else values[side.slot]


def weigh(claim: Claim, values: list[Known]) -> Answer:
    """Returns whether an assertion holds on its values."""
    sides = [value_of(side, values) for side in claim.sides]
    match claim.kind:
        case "truth":
            answer = is_true(sides[0])
        case "compare":
            pairs = zip(claim.signs, sides, sides[1:], strict=False)
            answer = every(compared(sign, left, right) for sign, left, right in pairs)
        case "almost":
            answer = almost(sides, claim)
        case "count":
            answer = counted(claim.way, *sides)
        case "regex":
            answer = searched(sides[1], sides[0])
        case "text":
            answer = textual(claim.way, *sides)
        case _:
            raise Unreadable(f"a claim of kind {claim.kind} tells something else")
    answer = negated(answer) if claim.negated else answer
    if answer is False and (claim.negated or "!=" in claim.signs) and not all(map(is_plain, sides)):
        return Unknown("a class has its own way to be unequal")
    return answer


def textual(way: str, value: Known, start: Known) -> Answer:
    value, start = underlying(value), underlying(start)
    if isinstance(value, Thing):
        return Unknown(f"an object of {value.name} says itself how it begins or ends")
    if isinstance(value, str) and (isinstance(start, str) or is_tuple_of(start, str)):
        words = cast(str | tuple[str, ...], start)
        return value.startswith(words) if way == "startswith" else value.endswith(words)
    if isinstance(value, bytes | bytearray) and (isinstance(start, bytes) or is_tuple_of(start, bytes)):
        raw = cast(bytes | tuple[bytes, ...], start)
        return value.startswith(raw) if way == "startswith" else value.endswith(raw)
    return False


def is_tuple_of(value: Known, kind: type) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, kind) for one in value)


def almost(sides: list[Known], claim: Claim) -> Answer:
    """Returns what assertAlmostEqual finds."""
    places, delta = (cast(Given, side).value for side in claim.more)
    left, right = underlying(sides[0]), underlying(sides[1])
    equal = same(left, right)
    if equal is True:
        return True
    if not isinstance(left, int | float | complex) or not isinstance(right, int | float | complex):
        return equal if isinstance(equal, Unknown) else Unknown("something other than numbers is nearly equal")
    apart = abs(left - right)
    if isinstance(delta, int | float):
        return apart <= delta
    return round(apart, places if isinstance(places, int) else 7) == 0


def counted(way: str, left: Known, right: Known) -> Answer:
    """Returns whether two sequences hold the same, in the same order when that is asked."""
    one, other = (listed(underlying(side)) for side in (left, right))
    if one is None or other is None:
        return Unknown("something other than plain sequences is compared")
    if way == "assertSequenceEqual":
        return same(one, other)
    rest = list(other)
    for item in one:
        place = next((number for number, fellow in enumerate(rest) if same(item, fellow) is True), None)
        if place is None:
            doubts = [same(item, fellow) for fellow in rest]
            return next((doubt for doubt in doubts if isinstance(doubt, Unknown)), False)
        rest.pop(place)
    return not rest


def listed(value: Known) -> list[Known] | None:
    if isinstance(value, list | tuple | str | bytes | range | dict):
        return list(value) if not isinstance(value, range) or len(value) < 10**5 else None
    held = members(value)
    return held[1] if held is not None and held[0] == "set" else None


def called(way: str, calls: Known, wanted: Known) -> Answer:
    """Returns what a mock's own assertion finds in its calls."""
    if not isinstance(calls, list):
        return Unknown("the calls of a mock are no plain data")
    if way == "assert_not_called":
        return not calls
    if way == "assert_called":
        return bool(calls)
    if way == "assert_called_once":
        return len(calls) == 1
    if not calls or (way == "assert_called_once_with" and len(calls) != 1):
        return False
    if way == "assert_any_call":
        return some(same(call, wanted) for call in calls)
    return same(calls[-1], wanted)


def searched(pattern: Known, text: Known) -> Answer:
    """Returns whether a pattern is found in a text; in a process of its own when it could take long."""
    flags = 0
    if isinstance(pattern, Thing) and pattern.kind == "pattern" and isinstance(pattern.inner, tuple):
        pattern, told = pattern.inner
        flags = int(told) if isinstance(told, int) else 0
    text = underlying(text)
    if not isinstance(pattern, str) or not isinstance(text, str):
        return Unknown("a pattern or its text is no plain text")
    try:
        if len(re.findall(r"[*+{?]", pattern)) <= 2 and len(text) <= 5000:
            return re.search(pattern, text, flags) is not None
        re.compile(pattern, flags)
        letters = "".join(
            letter for flag, letter in ((re.I, "i"), (re.S, "s"), (re.M, "m"), (re.X, "x")) if flags & flag
        )
        whole = f"(?{letters}:{pattern})" if letters else pattern
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", SEARCH],
            input=json.dumps([whole, text, False]),
            capture_output=True,
            text=True,
            timeout=SEARCH_SECONDS,
            check=False,
        )
    except (re.error, ValueError, OverflowError, RecursionError, subprocess.TimeoutExpired):
        return Unknown("a pattern cannot be searched for")
    return ran.stdout.strip() == "1" if ran.returncode == 0 else Unknown("a pattern cannot be searched for")
