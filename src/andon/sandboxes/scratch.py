"""Gives fresh scratch databases that one sandboxed command may fill and andon only reads; drops them afterwards."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from andon.data import open_source
from andon.errors import ConfigError, DataError
from andon.protocols import DataSource, Scratch, ScratchDatabase

FILE = "scratch.db"
COMPANIONS = ("", "-journal", "-wal", "-shm")


class SqliteScratch:
    """Scratch databases that are files, each alone in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def fresh(self) -> Iterator[ScratchDatabase]:
        """Gives an empty database; it is gone at the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.folder)).resolve()
        file = place / FILE
        try:
            yield ScratchDatabase(f"sqlite:///{file}", (place,), lambda: open_plain(file))
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        """There is nothing to stop."""


def open_plain(file: Path) -> DataSource:
    """Returns a source on an SQLite file that foreign code has written.

    Raises:
        DataError: the file is missing, or it or a companion is a link: it could lead to somebody else's data.
    """
    for suffix in COMPANIONS:
        place = file.with_name(file.name + suffix)
        try:
            seen = os.lstat(place)
        except FileNotFoundError:
            if not suffix:
                raise DataError("the replay wrote no database to ANDON_SCRATCH_URL", permanent=True) from None
            continue
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1:
            raise DataError(f"the replay put something else in the place of {place.name}", permanent=True)
    return open_source(f"sqlite:///{file}")


def open_scratch(kind: str, folder: Path) -> Scratch:
    """Returns a source of scratch databases of a kind: `sqlite` or `postgres`, kept below a folder.

    Raises:
        ConfigError: no such kind.
    """
    if kind == "sqlite":
        return SqliteScratch(folder)
    if kind == "postgres":
        from andon.sandboxes.postgres import PostgresScratch

        return PostgresScratch(folder)
    raise ConfigError(f"scratch databases of kind {kind!r} are unknown: write sqlite or postgres", key="scratch")
