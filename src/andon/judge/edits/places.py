"""Finds the places of a diff in the texts that it was made of, and takes them out again; it runs nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.judge.difftext import HUNK, NO_NEWLINE, FileDiff, Hunk


def lines_of(text: str) -> list[str]:
    """Returns a text's lines with their ends, as git counts them."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def both(hunk: Hunk) -> tuple[list[str], list[str]]:
    """Returns the lines of a hunk before and after, with their ends."""
    old: list[str] = []
    new: list[str] = []
    touched: list[list[str]] = []
    for line in hunk.lines:
        if line == NO_NEWLINE:
            for side in touched:
                side[-1] = side[-1].removesuffix("\n")
            continue
        sign = line[:1]
        touched = [old] if sign == "-" else [new] if sign == "+" else [old, new]
        for side in touched:
            side.append(line[1:] + "\n")
    return old, new


def place_of(hunk: Hunk, lines: Sequence[str], *, old: bool = False) -> int | None:
    """Returns the index of a hunk's first line in the lines of the patched (or old) file; None when it is not plain.

    A hunk may lie elsewhere than its header says when it was written for a slightly other text.
    """
    found, wanted = HUNK.fullmatch(hunk.header), both(hunk)[not old]
    assert found is not None  # parsed before
    at = int(found[1 if old else 3]) - (1 if wanted else 0)
    if list(lines[at : at + len(wanted)]) == wanted:
        return at
    starts = range(len(lines) - len(wanted) + 1)
    places = [start for start in starts if list(lines[start : start + len(wanted)]) == wanted]
    return places[0] if len(places) == 1 and wanted else None


def taken_out(item: FileDiff, numbers: Sequence[int], head: str | None) -> tuple[bool, str | None]:
    """Returns whether some hunks of a file can be taken out by themselves, and the file's text without them."""
    if item.kind == "new":
        return True, None
    if item.kind == "deleted":
        return True, "".join(line for hunk in item.hunks for line in both(hunk)[0])
    lines = lines_of(head or "")
    for number in sorted(numbers, reverse=True):
        at = place_of(item.hunks[number], lines)
        if at is None:
            return False, None
        old, new = both(item.hunks[number])
        lines[at : at + len(new)] = old
    return True, "".join(lines)


def changed_lines(item: FileDiff, head: str) -> frozenset[int]:
    """Returns the numbers of the lines that a diff adds to a file, counted from 1."""
    lines = lines_of(head)
    added: set[int] = set()
    for hunk in item.hunks:
        at = place_of(hunk, lines)
        for line in hunk.lines if at is not None else ():
            if line.startswith("-") or line == NO_NEWLINE:
                continue
            at = (at or 0) + 1
            if line.startswith("+"):
                added.add(at)
    return frozenset(added)
