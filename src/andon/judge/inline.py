"""Tells tests that lie in a Rust source file from the source above them, so that each can be put on the base alone."""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

from andon.judge.difftext import NO_NEWLINE, FileDiff, parse
from andon.judge.edits.places import lines_of

TESTS = re.compile(r"(?m)^#\[cfg\(test\)\]\s*\n(?:\s*(?:#\[.*\]|//.*)\n)*(?:pub(?:\([a-z]+\))? )?mod \w+ \{")
"""How the tests at the end of a source file begin."""


class Parts(NamedTuple):
    """A file's diff in two; None where there is no change."""

    source: FileDiff | None
    tests: FileDiff | None


def parted(item: FileDiff, before: str | None, after: str | None) -> Parts:
    """Returns what a file's diff changes above its tests, and what in them."""
    if item.kind != "changed" or before is None or after is None or "\r" in before + after:
        return Parts(item, None)
    (old, old_tests), (new, new_tests) = apart(before), apart(after)
    if old_tests == new_tests:
        return Parts(item, None)
    return Parts(difference(item.path, before, new + old_tests), difference(item.path, before, old + new_tests))


def apart(text: str) -> tuple[str, str]:
    """Returns a file's source and its tests, which are its last block at the margin."""
    found = list(TESTS.finditer(text))
    if not found:
        return text, ""
    start = found[-1].start()
    rest = text[start:]
    closing = re.search(r"(?m)^\}\s*$", rest)
    if closing is None or rest[closing.end() :].strip():
        return text, ""  # there is source behind them
    return text[:start].rstrip("\n") + "\n", "\n" + rest


def difference(path: str, old: str, new: str) -> FileDiff | None:
    """Returns the diff of one file; None when the texts are the same."""
    if old == new:
        return None
    lines = difflib.unified_diff(lines_of(old), lines_of(new), f"a/{path}", f"b/{path}")
    body = "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}\n" for line in lines)
    return parse(f"diff --git a/{path} b/{path}\n{body}")[0]
