"""What twins call in place of their comparisons: notes which test reached one; a pytest plugin that touches no outcome.

Loaded with `-p andon_twins`; runs inside the sandbox with the watched system's own interpreter (Python 3.9 or newer).
Writes note-twins*.json into ANDON_OUT: test id -> how many turned assertions it reached, and whether one compared
something that is equal to everything.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Generator
from typing import Any

import pytest

CURRENT = ""
REACHED: dict[str, dict[str, Any]] = {}
MATCHERS = ("unittest.mock", "mock", "dirty_equals", "hamcrest")
"""Modules whose objects are meant to equal many things."""


class Stranger:
    """Equal to nothing but itself, and known to nobody."""

    __slots__ = ()


def same(left: Any, right: Any) -> Any:
    """Returns `left == right`; False when one of them equals everything."""
    reached()
    if equals_all(left) or equals_all(right):
        REACHED[CURRENT]["odd"] = "it compares with `==` what is equal to everything"
        return False
    return left == right


def within(member: Any, whole: Any) -> Any:
    """Returns `member in whole`; False when the whole holds everything."""
    reached()
    found = member in whole
    with contextlib.suppress(Exception):  # a container that cannot be asked about strangers holds none
        if hasattr(type(whole), "__contains__") and not matches(whole) and Stranger() in whole and not_listed(whole):
            REACHED[CURRENT]["odd"] = "it asks with `in` what holds everything"
            return False
    return found


def true(value: Any) -> Any:
    """Returns the value."""
    reached()
    return value


def called(function: Callable[..., Any], *words: Any, **named: Any) -> Any:
    """Returns what a call gives that should have raised."""
    reached()
    return function(*words, **named)


@contextlib.contextmanager
def bare() -> Generator[None, None, None]:
    """Catches nothing."""
    reached()
    yield


def reached() -> None:
    """Notes that the running test came to a turned assertion."""
    REACHED.setdefault(CURRENT, {"count": 0, "odd": ""})["count"] += 1


def equals_all(value: Any) -> bool:
    """Tells whether a value equals something that it has never seen."""
    if matches(value):
        return False
    try:
        return bool(value == Stranger()) and bool(Stranger() == value)
    except Exception:  # noqa: BLE001 (whatever a comparison with a stranger raises, it is no yes)
        return False


def matches(value: Any) -> bool:
    return type(value).__module__.split(".")[0] in MATCHERS or type(value).__module__ in MATCHERS


def not_listed(whole: Any) -> bool:
    """Tells that no single member, such as a matcher, makes a plain container seem to hold everything."""
    return not isinstance(whole, (list, tuple, set, frozenset, dict))


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: Any) -> Generator[None, Any, None]:
    global CURRENT
    CURRENT = item.nodeid
    yield
    CURRENT = ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any) -> None:
    worker = getattr(session.config, "workerinput", {}).get("workerid", "")
    out = os.environ.get("ANDON_OUT", "")
    if out:
        draft = os.path.join(out, f"twins{worker}.draft")
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(REACHED, file)
        os.replace(draft, os.path.join(out, f"note-twins{worker}.json"))
