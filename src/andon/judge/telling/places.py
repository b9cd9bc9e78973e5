"""Finds the places that a proof speaks of, from its own words; a place counts only in a file of the judged diff."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from andon.judge.difftext import HEADER
from andon.models import Patch, Proof

AFTER = re.compile(r":(?P<colon>\d{1,7})\b|:? line (?P<word>\d{1,7})\b| -\d+(?:,\d+)? \+(?P<hunk>\d{1,7})(?:,\d+)?")
"""What may follow a path: `a.py:12`, `a.py: line 12`, `a.py -10,6 +12,8`."""


class Place(NamedTuple):
    """A file of the diff, the line in it where one is known, and what is said of it."""

    path: str
    line: int | None
    words: str


def paths_of(patch: Patch) -> tuple[str, ...]:
    """Returns the files of a diff, in its order."""
    found = (HEADER.fullmatch(line) for line in patch.diff.split("\n") if line.startswith("diff --git "))
    named = (one[2] for one in found if one and one[1] == one[2])
    return tuple(dict.fromkeys(path for path in named if not path.startswith("/") and ".." not in path.split("/")))


def places(proof: Proof, patch: Patch) -> tuple[Place, ...]:
    """Returns the places that a proof's details name, else those that its sentence names; each once."""
    paths = paths_of(patch)
    for lines in (proof.details, (proof.saw,)):
        found = [place for line in lines for place in places_in(line, paths)]
        if found:
            return tuple({(place.path, place.line): place for place in reversed(found)}.values())[::-1]
    return ()


def places_in(line: str, paths: tuple[str, ...]) -> Iterator[Place]:
    """Yields the place of a line's first path: the longest that stands there, and the number after it."""
    spots = [(line.find(path), -len(path), path) for path in paths if stands_alone(line, path)]
    if spots:
        start, _, path = min(spots)
        after = AFTER.match(line, start + len(path))
        number = int(after[after.lastgroup or 0]) if after else 0
        yield Place(path, number or None, line)


def stands_alone(line: str, path: str) -> bool:
    """Tells whether a path stands in a line as a whole, and not as a part of another."""
    start = line.find(path)
    before, after = line[max(0, start - 1) : start], line[start + len(path) : start + len(path) + 1]
    inside = before.isalnum() or before in set("/_-.") or after.isalnum() or after in set("/_")
    return start >= 0 and not inside
