"""Reads a text diff strictly and writes parts of it again; what it cannot read in full it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

PLAIN_MODE = "100644"
PROGRAM_MODE = "100755"
HEADER = re.compile(r"diff --git a/(\S.*) b/(\S.*)")
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*")
NO_NEWLINE = "\\ No newline at end of file"


class Unreadable(Exception):
    """A diff holds something other than text hunks; the message says what and where."""


class Hunk(NamedTuple):
    """One changed place: its header and its lines with their signs."""

    header: str
    lines: tuple[str, ...]

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(line[1:] for line in self.lines if line.startswith("+"))

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(line[1:] for line in self.lines if line.startswith("-"))


class FileDiff(NamedTuple):
    """All changes of one file."""

    path: str
    kind: Literal["new", "deleted", "changed"]
    head: tuple[str, ...]
    """The header lines as they stood."""
    hunks: tuple[Hunk, ...]

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(line for hunk in self.hunks for line in hunk.added)

    @property
    def size(self) -> int:
        return sum(len(hunk.added) + len(hunk.removed) for hunk in self.hunks)


def parse(diff: str) -> tuple[FileDiff, ...]:
    """Returns the files of a diff.

    Raises:
        Unreadable: it is anything but text hunks on plain files: modes, links, submodules, binaries, renames, garbage.
    """
    if "\r" in diff.replace("\r\n", "\n"):
        raise Unreadable("a bare carriage return hides what a line says")
    lines = diff.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    starts = [number for number, line in enumerate(lines) if line.startswith("diff --git ")]
    if not starts or starts[0] != 0:
        raise Unreadable("it does not begin with `diff --git`")
    files = [parse_file(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    if len({item.path for item in files}) < len(files):
        raise Unreadable("it names a file twice")
    return tuple(files)


def legible(diff: str) -> tuple[str, dict[str, str]]:
    """Returns the files of a diff that are plain text changes, as diff text, and why each of the others is not.

    That a file may be executed, or may no more, is left out: the judge executes none.
    """
    kept, others = "", {}
    for part in filter(None, map(without_modes, re.split(r"(?m)^(?=diff --git )", diff))):
        try:
            parse(part)
            kept += part
        except Unreadable as error:
            found = HEADER.fullmatch(part.split("\n", 1)[0])
            others[found[2] if found else part.split("\n", 1)[0][:120]] = str(error)
    return kept, others


def without_modes(part: str) -> str:
    """Returns the diff of one file without what it says of executing it; empty when it says nothing else."""
    head, mark, rest = part.partition("\n@@ ")
    modes = rf"(?:{PLAIN_MODE}|{PROGRAM_MODE})"
    head, changed = re.subn(rf"\nold mode {modes}\nnew mode {modes}(?=\n|$)", "", head)
    if changed and not head.partition("\n")[2].strip():
        return ""
    return re.sub(rf"\n(new|deleted) file mode {PROGRAM_MODE}\n", rf"\n\1 file mode {PLAIN_MODE}\n", head) + mark + rest


def parse_file(lines: list[str]) -> FileDiff:
    """Returns one file of a diff from its lines."""
    found = HEADER.fullmatch(lines[0])
    if not found or found[1] != found[2]:
        raise Unreadable(f"two names or a quoted one in `{lines[0][:120]}`")
    path = found[1]
    head, rest = [lines[0]], lines[1:]
    kind: Literal["new", "deleted", "changed"] = "changed"
    while rest and not rest[0].startswith("@@ "):
        line = rest.pop(0)
        head.append(line)
        if line == f"new file mode {PLAIN_MODE}":
            kind = "new"
        elif line == f"deleted file mode {PLAIN_MODE}":
            kind = "deleted"
        elif not is_plain_header(line, path):
            raise Unreadable(f"{path}: `{line[:120]}` is not a text change of a plain file")
    return FileDiff(path, kind, tuple(head), tuple(parse_hunks(path, rest)))


def is_plain_header(line: str, path: str) -> bool:
    """Tells whether a header line says nothing but the file's name, its content's hashes and the mode that it keeps."""
    if line in (f"--- a/{path}", f"+++ b/{path}", "--- /dev/null", "+++ /dev/null"):
        return True
    return re.fullmatch(rf"index [0-9a-f]+\.\.[0-9a-f]+( {PLAIN_MODE}| {PROGRAM_MODE})?", line) is not None


def parse_hunks(path: str, lines: list[str]) -> Iterator[Hunk]:
    """Yields the hunks of a file; their line counts must be what their headers say."""
    place = 0
    while place < len(lines):
        found = HUNK.fullmatch(lines[place])
        if not found:
            raise Unreadable(f"{path}: `{lines[place][:120]}` is not a hunk")
        header = lines[place]
        old, new = int(found[2] or 1), int(found[4] or 1)
        place += 1
        begin = place
        while place < len(lines) and (old > 0 or new > 0 or lines[place] == NO_NEWLINE):
            sign = lines[place][:1]
            if sign not in ("+", "-", " ", "\\", "") or (sign == "\\" and lines[place] != NO_NEWLINE):
                raise Unreadable(f"{path}: a hunk holds `{lines[place][:80]}`")
            old -= sign in ("-", " ", "")
            new -= sign in ("+", " ", "")
            place += 1
        if old or new:
            raise Unreadable(f"{path}: a hunk has other line counts than its header says")
        yield Hunk(header, tuple(lines[begin:place]))


def write(files: Iterable[FileDiff]) -> str:
    """Returns files as diff text; empty for none."""
    lines = [line for item in files for line in (*item.head, *hunk_lines(item.hunks))]
    return "\n".join(lines) + "\n" if lines else ""


def hunk_lines(hunks: Iterable[Hunk]) -> Iterator[str]:
    for hunk in hunks:
        yield hunk.header
        yield from hunk.lines


def without(files: tuple[FileDiff, ...], path: str, hunk: int) -> str:
    """Returns the diff text without one hunk of one file; a file whose only hunk it was is left out."""
    kept = []
    for item in files:
        if item.path == path:
            hunks = tuple(one for number, one in enumerate(item.hunks) if number != hunk)
            if not hunks:
                continue
            kept.append(item._replace(hunks=renumbered(item.hunks, hunk)))
        else:
            kept.append(item)
    return write(kept)


def renumbered(hunks: tuple[Hunk, ...], gone: int) -> tuple[Hunk, ...]:
    """Returns the hunks without one, with the new line numbers of those after it moved back."""
    shift = len(hunks[gone].added) - len(hunks[gone].removed)
    kept: list[Hunk] = []
    for number, hunk in enumerate(hunks):
        if number > gone:
            found = HUNK.fullmatch(hunk.header)
            assert found is not None  # parsed before
            old = f"-{found[1]}" + (f",{found[2]}" if found[2] else "")
            new = f"+{int(found[3]) - shift}" + (f",{found[4]}" if found[4] else "")
            kept.append(hunk._replace(header=f"@@ {old} {new} @@"))
        elif number < gone:
            kept.append(hunk)
    return tuple(kept)


def added_lines(item: FileDiff) -> frozenset[int]:
    """Returns the numbers of the added lines in the file as it is after the patch."""
    return numbered(item, "+", 3)


def removed_lines(item: FileDiff) -> frozenset[int]:
    """Returns the numbers of the removed lines in the file as it was before the patch."""
    return numbered(item, "-", 1)


def numbered(item: FileDiff, mark: str, group: int) -> frozenset[int]:
    """Returns the numbers of the lines with a mark, on the side that a group of the hunks' heads begins."""
    other = "-" if mark == "+" else "+"
    numbers = set()
    for hunk in item.hunks:
        found = HUNK.fullmatch(hunk.header)
        place = int(found[group]) if found else 0
        for line in hunk.lines:
            if line.startswith(mark):
                numbers.add(place)
            place += not line.startswith((other, "\\"))
    return frozenset(numbers)
