"""A pytest plugin that changes what tests find around them: their order, the clock, the runner's own variables.

Loaded with `-p andon_around`; runs inside the sandbox with the watched system's own interpreter (Python 3.9 or newer).
Environment: ANDON_ORDER (seed of the order), ANDON_HIDE (`1`: tests do not see the runner's variables), ANDON_CLOCK
(seconds that the clock is ahead, where no library does it from outside). Writes note-around.json: the time it sees.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import select
import time
from collections.abc import Generator
from typing import Any

import pytest

ORDER = os.environ.pop("ANDON_ORDER", "")
HIDE = os.environ.pop("ANDON_HIDE", "")
AHEAD = float(os.environ.pop("ANDON_CLOCK", "0"))
RUNNERS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION")


def shift(ahead: float) -> None:
    """Sets this process's clock ahead, as far as Python code asks it: `time` and `datetime`."""
    real = {name: getattr(time, name) for name in ("time", "time_ns", "localtime", "gmtime", "ctime")}
    time.time = lambda: real["time"]() + ahead
    time.time_ns = lambda: real["time_ns"]() + int(ahead * 10**9)
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, shifted(real[name]))
    delta = datetime.timedelta(seconds=ahead)
    day, moment = datetime.date, datetime.datetime

    class AnyDate(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, day)

        def __subclasscheck__(cls, kind: type) -> bool:
            return issubclass(kind, day)

    class AnyMoment(AnyDate):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, moment)

        def __subclasscheck__(cls, kind: type) -> bool:
            return issubclass(kind, moment)

    class date(datetime.date, metaclass=AnyDate):
        @classmethod
        def today(cls) -> Any:
            found = moment.now() + delta
            return day(found.year, found.month, found.day)

    class datetime_(datetime.datetime, metaclass=AnyMoment):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return moment.now(tz) + delta

        @classmethod
        def today(cls) -> Any:
            return moment.now() + delta

        @classmethod
        def utcnow(cls) -> Any:
            return moment.now(datetime.timezone.utc).replace(tzinfo=None) + delta  # noqa: UP017 (Python 3.9)

    for kind, name in ((date, "date"), (datetime_, "datetime")):
        kind.__name__ = kind.__qualname__ = name
        kind.__module__ = "datetime"
        setattr(datetime, name, kind)


def shifted(real: Any) -> Any:
    """Returns a function of `time` that takes the shifted time when it is given none."""
    return lambda seconds=None: real(time.time() if seconds is None else seconds)


def sleep(seconds: Any) -> None:
    """Waits, by other means than `time.sleep`."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        select.select([], [], [], left)


if "faketime" in os.environ.get("LD_PRELOAD", ""):
    # From Python 3.11 on it waits until a moment, which libfaketime 0.9.10 refuses.
    time.sleep = sleep
if AHEAD:
    # Before any module of the product can have taken a name of these.
    shift(AHEAD)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    if ORDER:
        seed = random.Random(ORDER)
        groups: dict[str, list[Any]] = {}
        for item in items:
            groups.setdefault(item.nodeid.split("::")[0], []).append(item)
        for group in groups.values():
            seed.shuffle(group)
        files = list(groups)
        seed.shuffle(files)
        items[:] = [item for name in files for item in groups[name]]


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_pyfunc_call() -> Generator[None, Any, None]:
    """Takes the runner's variables away while a test function runs: the runner itself wants them back."""
    kept = {name: os.environ.pop(name) for name in RUNNERS if HIDE and name in os.environ}
    yield
    os.environ.update(kept)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any) -> None:
    out = os.environ.get("ANDON_OUT", "")
    if out and not hasattr(session.config, "workerinput"):
        draft = os.path.join(out, "around.draft")
        with open(draft, "w", encoding="utf-8") as file:
            json.dump({"time": time.time()}, file)
        os.replace(draft, os.path.join(out, "note-around.json"))
