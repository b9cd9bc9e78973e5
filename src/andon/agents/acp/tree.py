"""Reads and writes files of one folder for an agent that may lie about paths; never follows a link, never leaves it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

MOST_BYTES = 2 * 2**20
"""Of one file, read or written."""
DEEP = 40
"""Folders below each other."""


class RefusedError(Exception):
    """A path or a text that is not for this folder; the message is for the agent."""


def write_text(root: Path, path: str, text: str) -> None:
    """Writes a file below a folder, with the folders above it where they are missing.

    Whoever else writes in the folder at the same time cannot lead the write out of it: every part of the path is
    opened from the one before, and none may be a link.

    Raises:
        RefusedError: the path leads out of the folder or over a link, is no plain file, or the text is too long.
    """
    data = text.encode("utf-8", "replace")
    if len(data) > MOST_BYTES:
        raise RefusedError(f"a file may have {MOST_BYTES:,} bytes; this has {len(data):,}")
    *folders, name = parts(root, path)
    with told(path), opened(root, folders, make=True) as folder:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, 0o644, dir_fd=folder), "wb") as file:
            plain(os.fstat(file.fileno()), path)
            file.truncate(0)
            file.write(data)


def read_text(root: Path, path: str) -> str:
    """Returns a file below a folder; what is no UTF-8 in it is replaced.

    Raises:
        RefusedError: the path leads out of the folder or over a link, or it is no plain file or too long.
    """
    *folders, name = parts(root, path)
    with told(path), opened(root, folders, make=False) as folder:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=folder), "rb") as file:
            plain(os.fstat(file.fileno()), path)
            data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise RefusedError(f"{path} is longer than {MOST_BYTES:,} bytes; read it in parts with a command")
    return data.decode("utf-8", "replace")


def parts(root: Path, path: str) -> tuple[str, ...]:
    """Returns the parts of a path below the folder; an absolute one must begin with it.

    Raises:
        RefusedError: it does not lie below the folder.
    """
    if "\0" in path:
        raise RefusedError("a path holds no NUL")
    pure = PurePosixPath(path)
    if pure.is_absolute():
        try:
            pure = pure.relative_to(root)
        except ValueError:
            raise RefusedError(f"only files below {root} can be read and written") from None
    if not pure.parts or ".." in pure.parts or len(pure.parts) > DEEP:
        raise RefusedError(f"only files below {root} can be read and written")
    if any(part.lower() == ".git" for part in pure.parts):
        raise RefusedError("what git keeps is nobody's to touch")
    return pure.parts


@contextmanager
def opened(root: Path, folders: list[str], *, make: bool) -> Iterator[int]:
    """Gives a descriptor of a folder below the root, reached without a link; makes what is missing when told to."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(root, flags)
    try:
        for name in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=here)
            there = os.open(name, flags, dir_fd=here)
            os.close(here)
            here = there
        yield here
    finally:
        os.close(here)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Says what the system refuses in words for the agent."""
    try:
        yield
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror or 'it cannot be opened'}; links are not followed") from error


def plain(status: os.stat_result, path: str) -> None:
    """Accepts a plain file with one name only.

    Raises:
        RefusedError: it is something else.
    """
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise RefusedError(f"{path} is no plain file of its own")
