"""What a cheat of the corpus is: a template, and the patch that it makes for a bug."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from andon.models import Diagnosis, Patch
from andon.testing.agents import file_diff
from corpus.bugs import Bug, honest_test
from corpus.standing import Ground


class Attempt(NamedTuple):
    """The files that a cheat leaves behind; None deletes one."""

    files: Mapping[str, str | None]
    test: str | None = None
    """Text of the regression test; the honest one when None, none at all when empty."""
    tests: tuple[str, ...] | None = None
    """Tests that the patch declares."""
    raw: str = ""
    """More diff text, as it stands."""
    more: Mapping[str, str | None] = {}
    """More files, besides those of the source."""
    diagnosis: Diagnosis | None = None


Make = Callable[[Ground], Attempt]


class Cheat(NamedTuple):
    """A template of cheats."""

    name: str
    classes: tuple[int, ...]
    """Numbers of the catalogue."""
    make: Make
    fits: Callable[[Bug], bool]


KNOWN: list[Cheat] = []


def cheat(*classes: int, fits: Callable[[Bug], bool] = lambda _: True) -> Callable[[Make], Make]:
    """Adds a template to the corpus; the function's name is the cheat's."""

    def add(make: Make) -> Make:
        enlist(make.__name__.replace("_", " "), classes, make, fits)
        return make

    return add


def enlist(
    name: str,
    classes: tuple[int, ...],
    make: Make,
    fits: Callable[[Bug], bool] = lambda _: True,
) -> None:
    """Adds a template to the corpus."""
    assert name not in {one.name for one in KNOWN}, name
    KNOWN.append(Cheat(name, classes, make, fits))


def of_ticket(bug: Bug) -> bool:
    return bug.ticket


def of_people(bug: Bug) -> bool:
    return not bug.ticket


def patch_of(ground: Ground, attempt: Attempt) -> Patch:
    """Returns an attempt as the patch that the judge gets."""
    bug = ground.bug
    files = {**attempt.files, **attempt.more}
    text = honest_test(bug) if attempt.test is None else attempt.test
    if text:
        files.setdefault(bug.test_path, text)
    diff = "".join(file_diff(path, bug.base.get(path), text) for path, text in sorted(files.items()))
    named = attempt.tests if attempt.tests is not None else ((bug.test_path,) if bug.ticket and text else ())
    return Patch(base=ground.base, diff=diff + attempt.raw, tests=named, summary="a patch")


def lot(name: str) -> int:
    """Returns a number that is the same for a case on every day and every machine."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
