"""Gives fresh scratch databases that one sandboxed command may fill and andon only reads; drops them afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from andon.data import open_source
from andon.errors import ConfigError, DataError
from andon.protocols import Change, DataSource, Scratch, ScratchDatabase
from andon.sandboxes.rounds import in_rounds

FILE = "scratch.db"
SECONDS = 20.0
"""Time for all statements that change a scratch database from outside."""
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
            yield ScratchDatabase(
                url=f"sqlite:///{file}",
                binds=(place,),
                source=lambda: open_plain(file),
                change=lambda changes: change(file, changes),
            )
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


def change(file: Path, changes: Sequence[Change]) -> tuple[str, ...]:
    """Makes changes in an SQLite file that foreign code has written; returns what was wrong with each.

    Its own triggers run, as whoever owns the tables would see them; nothing in it can reach another file.

    Raises:
        DataError: the file is missing or is no plain file, or it is no database.
    """
    open_plain(file).close()
    deadline = time.monotonic() + SECONDS
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("pragma trusted_schema = off")
            connection.execute("pragma foreign_keys = on")
            connection.execute("pragma synchronous = off")  # it is gone in a moment
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 1000)
            return in_rounds(changes, lambda statements: refusal(connection, statements))
    except sqlite3.Error as error:
        raise DataError(f"the scratch database cannot be changed: {error}") from error


def refusal(connection: sqlite3.Connection, statements: Sequence[str]) -> str:
    """Runs statements together; returns why they were refused, empty when they were not."""
    try:
        connection.execute("begin")
        for statement in statements:
            connection.execute(statement)
        connection.execute("commit")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("rollback")
        return str(error)
    return ""


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
