"""Decides where andon keeps what it can make again for one person, and throws out what is old or too much."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from andon.config import environment
from andon.errors import ConfigError

OLDEST = timedelta(days=30)
"""What nobody used for so long goes."""
LARGEST = 4 * 2**30
"""Bytes that stay at most, the latest used first."""
IN_USE = timedelta(hours=6)
"""What was used so lately may be in use by another process, and stays in any case."""
SHELVES = ("environments", "repos", "judge", "work", "scratch")
"""Folders in which each entry can be thrown out by itself."""
PASSING = frozenset({"work", "scratch"})
"""Those of them that nobody comes back to."""


class Item(NamedTuple):
    """One thing in the cache."""

    path: Path
    used: float
    """Seconds since the epoch."""
    size: int


def find_cache() -> Path:
    """Returns the folder for what can be made again: in XDG_CACHE_HOME, else in ~/.cache.

    It is there then.

    Raises:
        ConfigError: there is no home to put it into, or it cannot be written.
    """
    env = environment()
    top = env.get("XDG_CACHE_HOME", "")
    if not Path(top).is_absolute():  # the specification says to ignore a relative one
        home = env.get("HOME", "")
        if not Path(home).is_absolute():
            raise ConfigError(
                "is not set: set it, or XDG_CACHE_HOME, to a folder for what can be made again", key="HOME"
            )
        top = str(Path(home, ".cache"))
    found = Path(top, "andon")
    try:
        found.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=found):
            return found
    except OSError as error:
        words = f"leads to {found}, which cannot be written ({error.strerror}): set it to a folder for what can be"
        raise ConfigError(f"{words} made again", key="XDG_CACHE_HOME") from error


def touch(cache: Path, used: Iterable[Path]) -> None:
    """Notes that entries of the cache which hold these paths are in use now."""
    for path in used:
        for shelf in SHELVES:
            if path.is_relative_to(cache / shelf) and path != cache / shelf:
                entry = cache / shelf / path.relative_to(cache / shelf).parts[0]
                if entry.exists():
                    os.utime(entry)


def trim(cache: Path, *, now: datetime, oldest: timedelta = OLDEST, largest: int = LARGEST) -> int:
    """Throws out entries that are too old, then the longest unused ones beyond the size; returns how many went."""
    items = sorted(entries(cache), key=lambda item: item.used, reverse=True)
    held, gone = 0, 0
    for item in items:
        age = now.timestamp() - item.used
        held += item.size
        unneeded = held > largest or item.path.parent.name in PASSING  # a process that was killed left it
        if age > oldest.total_seconds() or (unneeded and age > IN_USE.total_seconds()):
            held -= item.size
            gone += throw_out(item.path)
    return gone


def entries(cache: Path) -> Iterator[Item]:
    """Yields what lies in the cache."""
    for shelf in SHELVES:
        folder = cache / shelf
        if folder.is_dir():
            for path in folder.iterdir():
                try:
                    yield Item(path, path.lstat().st_mtime, size_of(path))
                except FileNotFoundError:  # another process was quicker
                    continue


def size_of(path: Path) -> int:
    """Returns the bytes of a file, or of all files in a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += Path(folder, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def throw_out(path: Path) -> bool:
    """Removes an entry; tells whether it went. What cannot be removed stays for the next time."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return not path.exists()
