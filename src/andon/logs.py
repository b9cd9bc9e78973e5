"""Reads log files of a watched system, only those that the settings name and never through a link; bounded."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from andon.errors import NotFoundError

MOST_FILES = 200
MOST_READ = 64 * 2**20
"""Bytes of one file that a search reads: its newest."""
MOST_LINE = 16 * 2**10
"""Bytes of one line that are kept."""
MAGIC = frozenset("*?[")


class LogFile(NamedTuple):
    """A log file that may be read."""

    path: str
    size: int
    changed: datetime


class LogLine(NamedTuple):
    """A line of a log, and the byte at which it begins."""

    offset: int
    text: str


def list_logs(patterns: Sequence[str]) -> tuple[LogFile, ...]:
    """Returns the log files of these patterns, those that changed last first."""
    found = []
    for path in dict.fromkeys(path for pattern in patterns for path in _matching(pattern)):
        try:
            with open_log(patterns, path) as file:
                seen = os.fstat(file.fileno())
        except NotFoundError:  # a link, a pipe, or gone: no log
            continue
        found.append(LogFile(path, seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC)))
    return tuple(sorted(found, key=lambda one: (-one.changed.timestamp(), one.path))[:MOST_FILES])


def find_lines(patterns: Sequence[str], path: str, words: str, *, before: int | None = None) -> Iterator[LogLine]:
    """Yields the lines of a log that hold these words, the newest first; all lines when there are no words.

    Only lines that begin before this byte; of a large file only its newest part is read.

    Raises:
        NotFoundError: it is no log file of these patterns.
    """
    wanted = words.encode("utf-8", "replace")
    with open_log(patterns, path) as file:
        end = os.fstat(file.fileno()).st_size if before is None else before
        start = max(0, end - MOST_READ)
        file.seek(start)
        data = file.read(end - start)
    if start:
        cut = data.find(b"\n") + 1
        start, data = start + cut, data[cut:]
    stop = len(data)
    while stop > 0:
        begin = data.rfind(b"\n", 0, stop - 1) + 1
        line = data[begin:stop].rstrip(b"\r\n")
        if wanted in line:
            yield LogLine(start + begin, line[:MOST_LINE].decode("utf-8", "replace"))
        stop = begin


def read_lines(patterns: Sequence[str], path: str, offset: int, count: int) -> tuple[LogLine, ...]:
    """Returns the lines of a log from a byte on.

    Raises:
        NotFoundError: it is no log file of these patterns.
    """
    lines: list[LogLine] = []
    with open_log(patterns, path) as file:
        file.seek(max(0, offset))
        for _ in range(count):
            place = file.tell()
            line = file.readline(MOST_LINE)
            if not line:
                break
            lines.append(LogLine(place, line.rstrip(b"\r\n").decode("utf-8", "replace")))
            while line and not line.endswith(b"\n"):
                line = file.readline(MOST_LINE)
    return tuple(lines)


def differs(patterns: Sequence[str], path: str, offset: int, text: str) -> str:
    """Returns what differs when lines of a log are read again; empty when they stand there, or in a rotated file."""
    wanted = text.split("\n")
    try:
        there = read_lines(patterns, path, offset, len(wanted))
    except NotFoundError:
        there = ()
    if [line.text for line in there] == wanted:
        return ""
    for file in list_logs(patterns):
        if any(_stands(patterns, file.path, line.offset, wanted) for line in _first(patterns, file.path, wanted[0])):
            return ""
    return "these lines stand in no log"


def _first(patterns: Sequence[str], path: str, words: str) -> Iterator[LogLine]:
    try:
        yield from (line for line in find_lines(patterns, path, words) if line.text == words)
    except NotFoundError:  # rotated away meanwhile
        return


def _stands(patterns: Sequence[str], path: str, offset: int, wanted: list[str]) -> bool:
    try:
        return [line.text for line in read_lines(patterns, path, offset, len(wanted))] == wanted
    except NotFoundError:
        return False


@contextmanager
def open_log(patterns: Sequence[str], path: str) -> Iterator[IO[bytes]]:
    """Gives a log file, open to be read. The watched system writes these folders: nothing in them is followed.

    Raises:
        NotFoundError: it is none of these patterns, no plain file, or reached through a link.
    """
    tops = [_top(pattern) for pattern in patterns if path in _matching(pattern)]
    if not tops:
        raise NotFoundError("there is no such log file")
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotFoundError(f"the log file cannot be read: {error.strerror}") from error
    try:
        seen = os.fstat(opened)
        # What was opened tells its true place: a link on the way would show, also one made a moment ago.
        place = Path(os.readlink(f"/proc/self/fd/{opened}"))
        straight = any(place == top.resolve() / Path(path).relative_to(top) for top in tops)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1 or not straight:
            raise NotFoundError("it is no plain log file: links and pipes are not read")
        with open(opened, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(opened)


def _matching(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, recursive=True))[: 4 * MOST_FILES]


def _top(pattern: str) -> Path:
    """Returns the folder of a pattern that a person named: all that comes before its first wildcard."""
    parts = Path(pattern).parts
    plain = next((number for number, part in enumerate(parts) if MAGIC & set(part)), len(parts) - 1)
    return Path(*parts[:plain])
