"""Reads what stands in a folder that foreign code has written, to compare it with a commit; it follows no link."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from andon.errors import GitError

JUNK = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "node_modules", ".venv"})
"""Folders that tools leave behind: no part of a change unless the commit has files there."""
JUNK_ENDS = (".pyc", ".pyo")
MOST_FILES = 200_000
MOST_FILE_BYTES = 64 * 2**20
MOST_BYTES = 8 * 2**30
"""Of all files together."""
MOST_DEEP = 100
"""Folders below each other."""
FILE, PROGRAM, LINK = "100644", "100755", "120000"


class Found(NamedTuple):
    """A file or link of a folder."""

    path: str
    mode: str
    data: bytes

    def blob(self, algorithm: str) -> str:
        """Returns the hash that git gives these bytes."""
        return hashlib.new(algorithm, b"blob %d\0" % len(self.data) + self.data).hexdigest()


def read_folder(folder: Path, known: frozenset[str]) -> Iterator[Found]:
    """Yields the files and links below a folder. `.git` is never read; junk only where the commit knows it.

    Raises:
        GitError: there are too many files, they are too large, or folders lie too deep.
    """
    count = size = 0
    for top, folders, names, handle in os.fwalk(folder, follow_symlinks=False):
        prefix = os.path.relpath(top, folder) + "/" if top != str(folder) else ""
        if prefix.count("/") > MOST_DEEP:
            raise GitError(f"the tree has more than {MOST_DEEP:,} folders below each other", permanent=True)
        links = [name for name in folders if stat.S_ISLNK(os.lstat(name, dir_fd=handle).st_mode)]
        folders[:] = sorted(name for name in folders if name not in links and kept_folder(prefix + name, known))
        for name in sorted((*names, *links)):
            path = prefix + name
            if name.lower() == ".git" or (path.endswith(JUNK_ENDS) and path not in known):
                continue
            count += 1
            if count > MOST_FILES:
                raise GitError(f"the tree has more than {MOST_FILES:,} files", permanent=True)
            found = read_one(path, name, handle)
            if found is not None:
                size += len(found.data)
                if size > MOST_BYTES:
                    raise GitError(f"the tree has more than {MOST_BYTES:,} bytes", permanent=True)
                yield found


def kept_folder(path: str, known: frozenset[str]) -> bool:
    """Tells whether a folder can be part of a change."""
    name = path.rpartition("/")[2]
    if name.lower() == ".git":
        return False
    return name not in JUNK or any(file.startswith(f"{path}/") for file in known)


def read_one(path: str, name: str, handle: int) -> Found | None:
    """Returns a file or link of an open folder; None for anything else, or where it went away."""
    try:
        if stat.S_ISLNK(os.lstat(name, dir_fd=handle).st_mode):
            return Found(path, LINK, os.fsencode(os.readlink(name, dir_fd=handle)))
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    except OSError:  # it was there a moment ago: whoever writes the tree still writes
        return None
    with open(opened, "rb") as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode):
            return None
        data = file.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        raise GitError(f"{path!r} has more than {MOST_FILE_BYTES:,} bytes", permanent=True)
    return Found(path, PROGRAM if seen.st_mode & stat.S_IXUSR else FILE, data)
