"""A pytest plugin by which rewritten tests tell what they saw, as plain data; it judges nothing.

Loaded with `-p andon_split`, before any code of the product; runs inside the sandbox with the watched system's own
interpreter (Python 3.9 or newer). A test that andon rewrote calls `see` where it had an assertion. What was seen goes
to `note-split.json` in the folder ANDON_OUT, anew after each test: a run that dies leaves what it had.
"""

from __future__ import annotations

import contextlib
import operator
import os
import time
from collections.abc import Generator
from typing import Any
from unittest import mock

import pytest
from andon_split_plain import (  # type: ignore[import-not-found]
    Hidden,
    class_name,
    class_names,
    isinstance_of,
    plains,
    quote,
)

__all__ = ["Hidden"]

MOST = 2000
"""Of one place in one test, what is told; the rest is only counted."""
FEW = 2000
"""Values inside a side of a comparison that only decides a test's own course."""
BYTES = int(os.environ.get("ANDON_TOLD_BYTES", 14 * 2**20))
"""Of all together."""
TEXT = 20_000
EVERY = 0.5
"""Seconds between two writings at least, when there are many tests."""
SOON = 20
"""Tests after which every single one is written."""
COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda one, other: one in other,
    "not in": lambda one, other: one not in other,
    "is": operator.is_,
    "is not": operator.is_not,
}
FOLDER = os.environ.get("ANDON_OUT", "")


class Channel:
    """What was told so far."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.open: list[str] | None = None
        self.head = ""
        self.size = 0
        self.counts: dict[int, int] = {}
        self.next = 0.0

    def begin(self, name: str) -> None:
        self.open, self.head, self.counts = [], quote(name), {}
        self.flush(ended=False)

    def add(self, number: int, text: Any) -> None:
        """Adds an event, whose text is asked for only when there is room."""
        count = self.counts[number] = self.counts.get(number, 0) + 1
        if self.open is None or count > MOST or self.size > BYTES:
            return
        told = text()
        self.size += len(told)
        self.open.append(told)

    def end(self) -> None:
        if self.open is not None:
            self.done.append(self.test(ended=True))
            self.open = None
            self.flush(ended=False)

    def test(self, *, ended: bool) -> str:
        over = [number for number, count in self.counts.items() if count > MOST]
        over = [-1] if self.size > BYTES else over
        return f'{{"id":{self.head},"events":[{",".join(self.open or [])}],"over":{over},"ended":{str(ended).lower()}}}'

    def flush(self, *, ended: bool) -> None:
        now = clock()
        if not FOLDER or (not ended and len(self.done) > SOON and now < self.next):
            return
        tests = [*self.done, *([self.test(ended=False)] if self.open is not None else [])]
        text = f'{{"tests":[{",".join(tests)}],"ended":{str(ended).lower()}}}'
        fd = os_open(FOLDER + "/split.part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        raw = text.encode("ascii", "replace")
        while raw:
            raw = raw[os_write(fd, raw) :]
        os_close(fd)
        os_rename(FOLDER + "/split.part", FOLDER + "/note-split.json")
        # Writing it all again and again must not take longer than the tests.
        self.next = clock() + EVERY + 20 * (clock() - now)


clock, os_open, os_write, os_close, os_rename = time.monotonic, os.open, os.write, os.close, os.rename
CHANNEL = Channel()

# --- what rewritten tests call ----------------------------------------------------------------------------------------


def see(number: int, *values: Any) -> None:
    """Tells the values that an assertion compares."""
    CHANNEL.add(number, lambda: f'["a",{number},{plains(values)}]')


def see_class(number: int, value: Any, kinds: Any) -> None:
    """Tells the classes of a value and those that it should be of."""
    wanted, said = _kinds(kinds), "true" if isinstance(value, kinds) else "false"
    CHANNEL.add(number, lambda: f'["k",{number},{_names(class_names(type(value)))},{_names(wanted)},{said}]')


def see_pair(number: int, sign: str, left: Any, right: Any) -> None:
    """Tells both sides of a comparison, and what the sandbox makes of it: it is believed only when that is no."""
    hidden = type(left) is Hidden or type(right) is Hidden
    result = None if hidden else COMPARE[sign](left, right)
    said = "true" if result is True else "false" if result is False else "null"
    CHANNEL.add(number, lambda: f'["a",{number},{plains((left, right))},{said}]')


def compare(number: int, sign: str, left: Any, right: Any) -> Any:
    """Compares as the test does, for the test's own course, and tells what was compared."""
    result = COMPARE[sign](left, right)
    said = "true" if result is True else "false" if result is False else "null"
    CHANNEL.add(number, lambda: f'["i",{number},{said},{plains((left, right), FEW)}]')
    return result


class raises:
    """Tells what a block raised; lets the test go on when it raised nothing."""

    def __init__(self, number: int, factory: Any, kinds: Any, *values: Any, **more: Any) -> None:
        self.number, self.kinds, self.values = number, kinds, values
        self.inner = factory(kinds, **more)

    def __enter__(self) -> Any:
        return self.inner.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        number, raised, wanted = self.number, "null", _kinds(self.kinds)
        if kind is not None:
            raised = f"{{{_error(error)}}}"
        CHANNEL.add(number, lambda: f'["r",{number},{raised},{_names(wanted)},{plains(self.values)}]')
        if kind is not None:
            return self.inner.__exit__(kind, error, trace)
        with contextlib.suppress(AssertionError, pytest.fail.Exception):
            self.inner.__exit__(None, None, None)
        return False


def raises_in(number: int, factory: Any, kinds: Any, values: Any, call: Any, *args: Any, **more: Any) -> Any:
    """Tells what a call raised."""
    with raises(number, factory, kinds, *values) as held:
        call(*args, **more)
    return held


class warns:
    """Tells what a block warned of."""

    def __init__(self, number: int, factory: Any, kinds: Any, *values: Any, **more: Any) -> None:
        self.number, self.kinds, self.values = number, kinds, values
        self.inner = factory(kinds, **more)

    def __enter__(self) -> Any:
        return self.inner.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        number, wanted = self.number, _kinds(self.kinds)
        seen = ",".join(
            f"[{_names(class_names(one.category))},{quote(_said(one.message))}]" for one in list(self.inner.list)[:200]
        )
        CHANNEL.add(number, lambda: f'["w",{number},[{seen}],{_names(wanted)},{plains(self.values)}]')
        try:
            return self.inner.__exit__(kind, error, trace)
        except (AssertionError, pytest.fail.Exception):
            return False


def called(number: int, thing: Any, way: str, *args: Any, **more: Any) -> Any:
    """Tells the calls that a mock saw; anything that is no mock gets the call itself."""
    if not isinstance_of(type(thing), mock.NonCallableMock):
        return getattr(thing, way)(*args, **more)
    calls = [(tuple(call[0]), dict(call[1])) for call in list(thing.call_args_list)]
    CHANNEL.add(number, lambda: f'["m",{number},{plains((calls, (args, more)))}]')
    return None


def _names(names: Any) -> str:
    return "[" + ",".join(quote(name) for name in names) + "]"


def _kinds(kinds: Any) -> list[str]:
    if type(kinds) is tuple:
        return [name for kind in kinds for name in _kinds(kind)]
    if isinstance_of(type(kinds), type):
        return [class_name(kinds)]
    inner = getattr(kinds, "__args__", None)
    return _kinds(inner) if type(inner) is tuple else ["?"]


def _said(error: Any) -> str:
    try:
        text = str.__str__(str(error))
    except Exception:  # noqa: BLE001 (the text of an error is its own code, which may raise anything)
        return "?"
    return text[:TEXT]


def _error(error: Any) -> str:
    kind = type(error)
    return f'"names":{_names(class_names(kind))},"text":{quote(_said(error))}'


# --- hooks ------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: Any) -> Generator[None, Any, None]:
    CHANNEL.begin(item.nodeid)
    try:
        yield
    finally:
        CHANNEL.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    expected = "true" if hasattr(report, "wasxfail") or item.get_closest_marker("xfail") else "false"
    info = call.excinfo
    told = "null" if info is None else f'{{{_error(info.value)},"frames":{_frames(info.tb)}}}'
    CHANNEL.add(-2, lambda: f'["p",{quote(report.when)},{quote(report.outcome)},{expected},{told}]')


def pytest_sessionfinish() -> None:
    CHANNEL.flush(ended=True)


def _frames(trace: Any) -> str:
    """Returns the places of a traceback, the innermost last: at most the first and last 30."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"[{quote(str(code.co_filename))},{int(trace.tb_lineno or 0)}]")
        trace = trace.tb_next
    places = [place for place in places if "/_pytest/" not in place and "/pluggy/" not in place]
    return "[" + ",".join(places if len(places) <= 60 else places[:30] + places[-30:]) + "]"
