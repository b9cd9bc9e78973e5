"""Asks of each handler that a patch adds what it takes, and whether the base raised that too: mended, or hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic import JsonValue

from andon.judge.handlers import Handler, added_handlers
from andon.judge.hearing import Hearing
from andon.judge.outcome import holds, needs_eyes
from andon.models import Proof, TestRun

NAME = "errors accounted"
Origin = tuple[str, str]
"""Function below the root that raised an error, as `path:function`, and the error's kind."""


class Told(NamedTuple):
    """What runs tell of errors."""

    raised: dict[Origin, int]
    taken: list[tuple[Origin, str, tuple[int, ...], int]]
    """Origin, file and next lines of the function that an error came to, and how often."""


def errors_accounted(hearing: Hearing) -> Proof | None:
    """Holds when no handler that the patch adds takes an error that the base raised in the same place.

    None where it adds none. What is still raised and only taken may be mended or hidden: a person sees which.
    """
    handlers = added_handlers(hearing)
    if not handlers:
        return None
    head = told_by(hearing, hearing.source_diff, hearing.head_new)
    taken: dict[tuple[Origin, Handler], int] = {}
    for origin, path, lines, count in head.taken:
        for handler in handlers:
            if handler.took(path, lines):
                taken[origin, handler] = taken.get((origin, handler), 0) + count
    where = ", ".join(handler.words for handler in handlers)
    if not taken:
        return holds(NAME, f"neither tests nor replay raise what the patch now takes at {where}")
    before = told_by(hearing, "", traced_on_base(hearing)).raised
    still = {key: count for key, count in taken.items() if before.get(key[0])}
    details = [
        f"{kind} from {place} is raised {count} times and taken at {handler.words};"
        f" on the base it was raised {before.get((place, kind), 0)} times"
        for ((place, kind), handler), count in taken.items()
    ]
    if not still:
        return holds(NAME, f"what the patch takes at {where} was no error on the base", details)
    (origin, handler), _ = next(iter(still.items()))
    words = f"{origin[1]} from {origin[0]} is raised as before, and now taken at {handler.words}: mended, or hidden"
    return (holds if hearing.people else needs_eyes)(NAME, words, details)


def traced_on_base(hearing: Hearing) -> TestRun:
    """Returns the new tests on the base, with what they raise."""
    with hearing.at(hearing.test_diff) as base:
        return base.test(hearing.asked, coverage=True, seconds=hearing.patience)


def told_by(hearing: Hearing, diff: str, run: TestRun) -> Told:
    """Returns what the new tests and, where there is one, the replay tell of errors."""
    values = [value for name, value in run.notes.items() if name.startswith("errors")]
    if hearing.replayable:
        with hearing.at(diff) as tree:
            values.append(tree.replay(hearing.ticket_check, hearing.recorded, trace=True).errors)
    return read(values)


def read(values: Iterable[JsonValue]) -> Told:
    """Returns what tracers wrote; whatever is not of their form is left out, as the traced code could write it too."""
    raised: dict[Origin, int] = {}
    taken = []
    for value in values:
        for place, kind, count in items(value, "raised", 3):
            if isinstance(count, int):
                raised[str(place), str(kind)] = raised.get((str(place), str(kind)), 0) + count
        for place, kind, path, lines, count in items(value, "taken", 5):
            if isinstance(lines, list) and isinstance(count, int):
                numbers = tuple(line for line in lines if isinstance(line, int))
                taken.append(((str(place), str(kind)), str(path), numbers, count))
    return Told(raised, taken)


def items(value: JsonValue, name: str, length: int) -> Iterator[list[JsonValue]]:
    """Yields the lists of a length under a name."""
    found = value.get(name) if isinstance(value, dict) else None
    for one in found if isinstance(found, list) else ():
        if isinstance(one, list) and len(one) == length:
            yield one
