"""Writes the files of a git tree into a folder, byte for byte; never follows a link and never leaves the folder."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from andon.errors import GitError

MOST_BYTES = 4 * 2**30
"""Bytes of a whole checkout; a bigger tree is refused."""
LINK, MODULE, PROGRAM = "120000", "160000", "100755"


class Entry(NamedTuple):
    """A line of `git ls-tree --long`."""

    mode: str
    path: str
    size: int


def write_tree(listing: bytes, blobs: IO[bytes], folder: Path) -> None:
    """Writes a tree: `listing` is of `ls-tree -r -z --long`, `blobs` the answer of `cat-file --batch` in that order.

    Raises:
        GitError: a path could leave the folder, the tree is too large, or the folder is not new.
    """
    entries = [_entry(line) for line in listing.split(b"\0") if line]
    _refuse(entries)
    try:
        folder.mkdir(parents=True)
        _write(entries, blobs, folder)
    except OSError as error:
        raise GitError(f"the checkout could not be written: {error}") from error


def _entry(line: bytes) -> Entry:
    head, _, name = line.partition(b"\t")
    mode, _, _, size = head.decode().split()
    return Entry(mode, os.fsdecode(name), 0 if size == "-" else int(size))


def _refuse(entries: list[Entry]) -> None:
    total = sum(entry.size for entry in entries)
    if total > MOST_BYTES:
        raise GitError(f"the tree has {total} bytes; a checkout may have {MOST_BYTES}", permanent=True)
    plain = {entry.path for entry in entries}
    for entry in entries:
        parts = entry.path.split("/")
        odd = any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
        above = any(str(parent) in plain for parent in PurePosixPath(entry.path).parents)
        if odd or above:
            raise GitError(f"the tree holds a path that could leave its folder: {entry.path!r}", permanent=True)


def _write(entries: list[Entry], blobs: IO[bytes], folder: Path) -> None:
    made = {""}
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        if parent not in made:
            (folder / parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        place = folder / entry.path
        if entry.mode == MODULE:
            place.mkdir()
            continue
        data = _blob(blobs, entry)
        if entry.mode == LINK:
            os.symlink(data, os.fsencode(place))
            continue
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(place, flags, 0o755 if entry.mode == PROGRAM else 0o644), "wb") as file:
            file.write(data)


def _blob(blobs: IO[bytes], entry: Entry) -> bytes:
    header = blobs.readline().split()
    if len(header) != 3 or header[1] != b"blob":
        raise GitError(f"git could not read {entry.path!r}: {header!r}")
    data = blobs.read(int(header[2]))
    blobs.read(1)
    return data
