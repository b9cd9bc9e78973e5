"""Compares values that a sandboxed test told, in three values; it calls no method of what it compares.

True and False are certain. Unknown is a reason in words: an object whose class has its own way to be equal, a value
too big to be told. Whatever was told may be a lie; what is compared here cannot lie about being equal.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from andon.judge.split.values import DEEP, Answer, Approx, Bag, Known, Thing, Unknown, is_plain


def is_true(value: Known) -> Answer:
    """Returns what `bool(value)` is."""
    if isinstance(value, Bag):
        return bool(value.items)
    if isinstance(value, Thing):
        if value.kind in ("inherited", "member") and value.equal != "is" and "b" not in value.own:
            return is_true(value.inner)
        return True if value.truth else Unknown(f"whether an object of {value.name} is true is said by its own method")
    return bool(value)


def every(answers: Iterable[Answer]) -> Answer:
    """Returns whether all hold: false as soon as one is, unknown when one of the others is."""
    doubt: Answer = True
    for answer in answers:
        if answer is False:
            return False
        if isinstance(answer, Unknown) and doubt is True:
            doubt = answer
    return doubt


def some(answers: Iterable[Answer]) -> Answer:
    """Returns whether one holds."""
    return negated(every(negated(answer) for answer in answers))


def negated(answer: Answer) -> Answer:
    return answer if isinstance(answer, Unknown) else not answer


Pairs = dict[tuple[int, int], Answer]
"""What is known of two objects: those that hold each other are looked at once, and not once for each way to them."""


def same(left: Known, right: Known, depth: int = 0, seen: Pairs | None = None) -> Answer:
    """Returns what `left == right` is on what the two hold; `seen` is what is known from a comparison around it."""
    if depth > DEEP:
        return Unknown("it is too deep")
    seen = {} if seen is None else seen
    if isinstance(left, Approx) or isinstance(right, Approx):
        return near(right, left) if isinstance(left, Approx) else near(left, cast(Approx, right))
    if isinstance(left, Thing) or isinstance(right, Thing):
        return same_things(left, right, depth, seen)
    if isinstance(left, Bag) or isinstance(right, Bag):
        return same_bags(left, right, depth, seen)
    if isinstance(left, list) and isinstance(right, list):
        return same_rows(left, right, depth, seen)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return same_rows(left, right, depth, seen)
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return False
        return every(same(left[key], right[key], depth + 1, seen) for key in left)
    if isinstance(left, float) and isinstance(right, float) and left != left and right != right:
        return Unknown("nan is compared inside a container") if depth else False
    return bool(left == right)


def same_rows(left: Sequence[Known], right: Sequence[Known], depth: int, seen: Pairs) -> Answer:
    if len(left) != len(right):
        return False
    return every(same(one, other, depth + 1, seen) for one, other in zip(left, right, strict=True))


def same_things(left: Known, right: Known, depth: int, seen: Pairs) -> Answer:
    """Returns whether two values are equal of which one at least is a thing."""
    one, other = (left, right) if isinstance(left, Thing) else (right, left)
    assert isinstance(one, Thing)
    if one is other and one.kind not in ("big",):
        return True
    if isinstance(other, Thing):
        if one.kind == "big" or other.kind == "big":
            return Unknown((one if one.kind == "big" else other).name)
        if one.kind == other.kind == "class":
            return one.name == other.name
        if one.kind == other.kind == "member" and one.equal == other.equal == "is":
            return one.name == other.name
        if one.kind == other.kind == "pattern":
            return same(one.inner, other.inner, depth + 1, seen)
        if one.kind == other.kind == "object":
            pair = id(one), id(other)
            if pair not in seen:
                seen[pair] = Unknown(f"an object of {one.name} that holds itself is compared")
                seen[pair] = same_objects(one, other, depth, seen)
            return seen[pair]
        if one.kind == "object" or other.kind == "object":
            return mixed(one if one.kind == "object" else other)
    if one.kind in ("inherited", "member") and one.equal != "is":
        inner = same(one.inner, underlying(other), depth + 1, seen)
        if inner is True or (one.equal != "own" and not (isinstance(other, Thing) and other.equal == "own")):
            return inner
        return Unknown(f"an object of {one.name} has its own way to be equal")
    if one.kind == "big":
        return Unknown(one.name)
    return mixed(one)


def underlying(value: Known) -> Known:
    """Returns the plain value that lies in one of a class that inherits from it."""
    if isinstance(value, Thing) and value.kind in ("inherited", "member") and value.equal != "is":
        return value.inner
    return value


def mixed(one: Thing) -> Answer:
    """Returns what a thing is against something that is not of its kind."""
    if one.kind == "object" and one.equal == "own":
        return Unknown(f"an object of {one.name} has its own way to be equal, and is no plain data")
    return False


def same_objects(one: Thing, other: Thing, depth: int, seen: Pairs) -> Answer:
    """Returns whether two objects are equal: by their fields when they are of one class."""
    if one.equal == "is" and other.equal == "is":
        return False if one.number != other.number else Unknown(f"two objects of {one.name} are told apart by nothing")
    if one.name != other.name:
        return Unknown(f"objects of {one.name} and of {other.name} are compared")
    if not one.fields and one.inner == other.inner and not one.inner:
        return Unknown(f"the assertion compares objects of {one.name} that hold no plain data")
    if one.inner != other.inner or len(one.fields) != len(other.fields):
        return Unknown(f"objects of {one.name} have their own way to be equal")
    pairs = zip(one.fields, other.fields, strict=True)
    fields = ((value, fellow) if key == name else None for (key, value), (name, fellow) in pairs)
    answer = every(same(*field, depth + 1, seen) if field else False for field in fields)
    if answer is False and one.equal != "fields":
        return Unknown(f"the fields of two objects of {one.name} differ, but they have their own way to be equal")
    return answer


def same_bags(left: Known, right: Known, depth: int, seen: Pairs) -> Answer:
    """Returns whether two sets or dicts are equal of which one at least holds things."""
    one, other = members(left), members(right)
    if one is None or other is None or one[0] != other[0]:
        return False
    if len(one[1]) != len(other[1]):
        return False
    return every(some(same(item, fellow, depth + 1, seen) for fellow in other[1]) for item in one[1][:300])


def members(value: Known) -> tuple[str, list[Known]] | None:
    if isinstance(value, Bag):
        return value.kind, value.items
    if isinstance(value, dict):
        return "dict", list(value.items())
    if isinstance(value, set | frozenset):
        return "set", list(value)
    return None


def near(value: Known, approx: Approx, expected: Known = ...) -> Answer:
    """Returns whether a value is what pytest.approx takes for equal."""
    wanted = approx.expected if expected is ... else expected
    value = underlying(value)
    if isinstance(wanted, dict) and isinstance(value, dict):
        return value.keys() == wanted.keys() and every(near(value[key], approx, wanted[key]) for key in wanted)
    if isinstance(wanted, list | tuple) and isinstance(value, list | tuple):
        if type(wanted) is not type(value) or len(wanted) != len(value):
            return False
        return every(near(one, approx, other) for one, other in zip(value, wanted, strict=True))
    if isinstance(value, Thing):
        return Unknown(f"an object of {value.name} is compared with an approximate number")
    numbers = (int, float, complex)
    if isinstance(wanted, decimal.Decimal) or not (isinstance(value, numbers) and isinstance(wanted, numbers)):
        return same(value, wanted)
    if value == wanted:
        return True
    if wanted != wanted or value != value:
        return approx.nan_ok and wanted != wanted and value != value
    if math.isinf(abs(wanted)) or math.isinf(abs(value)):
        return False
    absolute = 1e-12 if approx.absolute is None else approx.absolute
    relative = 1e-6 if approx.relative is None else approx.relative
    if approx.relative is None and approx.absolute is not None:
        return abs(value - wanted) <= absolute
    return abs(value - wanted) <= max(relative * abs(wanted), absolute)


def within(item: Known, container: Known) -> Answer:
    """Returns what `item in container` is."""
    if isinstance(container, Thing):
        if container.kind == "inherited" and "c" not in container.own:
            return within(item, container.inner)
        return Unknown(f"what lies in an object of {container.name} is said by its own method")
    if isinstance(container, str):
        item = underlying(item)
        return item in container if isinstance(item, str) else without(item)
    if isinstance(container, bytes | bytearray):
        item = underlying(item)
        return item in container if isinstance(item, bytes | bytearray | int) else without(item)
    if isinstance(container, range):
        item = underlying(item)
        return item in container if isinstance(item, int) else without(item)
    held = members(container)
    if held is not None:
        inside = [cast(tuple[Known, Known], one)[0] for one in held[1]] if held[0] == "dict" else held[1]
    elif isinstance(container, list | tuple):
        inside = list(container)
    else:
        return False
    return some(same(item, one, 1) for one in inside)


def without(item: Known) -> Answer:
    """Returns what is said of an item that a plain container cannot hold."""
    return Unknown(f"an object of {item.name} is looked for") if isinstance(item, Thing) else False


def less(left: Known, right: Known, sign: str) -> Answer:
    """Returns what an ordering of two values is."""
    if not any(isinstance(one, Thing) and "o" in one.own for one in (left, right)):
        left, right = underlying(left), underlying(right)
    if not is_plain(left) or not is_plain(right):
        named = next((one.name for one in (left, right) if isinstance(one, Thing)), "something that is no plain data")
        return Unknown(f"an object of {named} is put in order")
    try:
        return bool(ORDER[sign](left, right))
    except TypeError:
        return False


ORDER: dict[str, Callable[[object, object], object]] = {
    "<": lambda one, other: one < other,  # type: ignore[operator]
    "<=": lambda one, other: one <= other,  # type: ignore[operator]
    ">": lambda one, other: one > other,  # type: ignore[operator]
    ">=": lambda one, other: one >= other,  # type: ignore[operator]
}
SINGLE = (type(None), bool, type(Ellipsis))


def hold_otherwise(left: Known, right: Known) -> bool:
    """Tells whether two values are surely other ones, of which one at least is an object with its own way to be equal.

    They are of other classes, or of the same with plain fields that differ: their own word that they are unequal, which
    let the test go on, then says no more than what they hold.
    """
    if not (isinstance(left, Thing) and left.kind == "object"):
        left, right = right, left
    if not (isinstance(left, Thing) and left.kind == "object"):
        return False
    if not isinstance(right, Thing):
        return True
    if right.kind != "object" or left.name != right.name or len(left.fields) != len(right.fields):
        return False
    pairs = zip(left.fields, right.fields, strict=True)
    return any(key == name and same(value, other, 1) is False for (key, value), (name, other) in pairs)


def identical(left: Known, right: Known) -> Answer:
    """Returns what `left is right` is, as far as values can tell."""
    if isinstance(left, SINGLE) or isinstance(right, SINGLE):
        return left is right
    if isinstance(left, Thing) and isinstance(right, Thing):
        if left is right:
            return True
        if left.kind == right.kind and left.kind in ("class", "member"):
            return left.name == right.name
        if left.kind == right.kind == "object" and left.number != right.number:
            return False
    if isinstance(left, Thing) != isinstance(right, Thing):
        return False
    return Unknown("two values are the same object or not, which plain data does not say")


def compared(sign: str, left: Known, right: Known) -> Answer:
    """Returns what a comparison is on what the two sides hold."""
    if sign in ("==", "!="):
        answer = same(left, right)
        if sign == "!=" and isinstance(answer, Unknown) and hold_otherwise(left, right):
            return True
        return negated(answer) if sign == "!=" else answer
    if sign in ("in", "not in"):
        answer = within(left, right)
        return negated(answer) if sign == "not in" else answer
    if sign in ("is", "is not"):
        answer = identical(left, right)
        return negated(answer) if sign == "is not" else answer
    return less(left, right, sign)
