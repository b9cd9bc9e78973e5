"""Writes changes of files as one text diff that `git apply` takes; it never touches a file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from andon.agents.search.repair.source import split_lines

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
NO_END = "\\ No newline at end of file\n"


def make_diff(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Returns the unified diff from old to new texts by path; a path that is only in `new` is a new file."""
    parts = [file_diff(path, old.get(path), new[path]) for path in sorted(new) if old.get(path) != new[path]]
    return "".join(parts)


def file_diff(path: str, old: str | None, new: str) -> str:
    """Returns the diff of one file; `old` None makes a new file with mode 100644."""
    head = f"diff --git a/{path} b/{path}\n"
    if old is None:
        head += "new file mode 100644\n"
    before, after = "/dev/null" if old is None else f"a/{path}", f"b/{path}"
    if " " in path:  # git ends such a name with a tab
        before, after = (name if name == "/dev/null" else name + "\t" for name in (before, after))
    hunks = difflib.unified_diff(split_lines(old or ""), split_lines(new), n=3)
    body = [line if line.endswith("\n") else line + "\n" + NO_END for line in list(hunks)[2:]]
    return head + f"--- {before}\n+++ {after}\n" + "".join(body)


def changed_lines(diff: str) -> tuple[list[str], list[str]]:
    """Returns the removed and the added lines of a diff, without their marks."""
    removed: list[str] = []
    added: list[str] = []
    inside = False
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            inside = False
        elif line.startswith("@@"):
            inside = True
        elif inside and line.startswith("-"):
            removed.append(line[1:])
        elif inside and line.startswith("+"):
            added.append(line[1:])
    return removed, added


def paths_of(diff: str) -> tuple[str, ...]:
    """Returns the paths that a diff touches, in its order."""
    return tuple(dict.fromkeys(path for path, _ in files_of(diff)))


def files_of(diff: str) -> Iterator[tuple[str, str]]:
    """Yields (path, its part of the diff) for each file of a git diff."""
    lines = diff.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("diff --git ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        names = lines[start].removeprefix("diff --git ")
        path = names[len(names) // 2 + 1 :].removeprefix("b/")
        yield path, "\n".join(lines[start:end])


def size_of(diff: str) -> int:
    """Returns how many lines a diff changes: the larger of removed and added, blank ones not counted."""
    removed, added = changed_lines(diff)
    return max(sum(1 for line in removed if line.strip()), sum(1 for line in added if line.strip()))


def apply_file_diff(text: str, part: str) -> str:
    """Returns a file's text with its part of one of our own diffs applied; the hunks fit exactly."""
    old, lines = split_lines(text), part.split("\n")
    new: list[str] = []
    place = 0
    first = next((number for number, line in enumerate(lines) if HUNK.match(line)), len(lines))
    for number, line in enumerate(lines[first:], start=first):
        header = HUNK.match(line)
        if header:
            start = int(header[1]) - (1 if header[2] != "0" else 0)
            new.extend(old[place:start])
            place = start
        elif line.startswith("+"):
            new.append(line[1:] + ("" if lines[number + 1 : number + 2] == [NO_END.rstrip("\n")] else "\n"))
        elif line.startswith("-"):
            place += 1
        elif line.startswith(" "):
            new.append(old[place])
            place += 1
    return "".join(new + old[place:])
