"""Asks SQLite one read-only question at a time, behind every guard; it never creates, attaches or writes a file."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from andon.data.mistakes import SqlError, line_at, line_of
from andon.data.parameters import parameters
from andon.data.sqlite_gate import FUNCTIONS, check_sqlite
from andon.data.values import readable, sqlite_value
from andon.errors import ConfigError, DataError
from andon.models import Row
from andon.protocols import Answer, Power

BYTES_KEPT = 8 * 2**20
"""Bytes of values kept of one answer; later rows are counted and not kept."""
LONGEST_VALUE = 64 * 2**20
STEPS = 1000
"""Virtual machine steps between two looks at the clock."""
NAMED = re.compile(r"(?:no such \w+: |ambiguous column name: |near \")([^\s\"]+)")
"""What SQLite names when a statement is wrong, as it does not tell where."""
ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})


class SqliteSource:
    """An SQLite file that provably cannot be written through this face. Threads take turns."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        """Takes `sqlite:///relative/path` or `sqlite:////absolute/path`; opens with the first question.

        Raises:
            ConfigError: the URL names no file.
        """
        place = unquote(url.removeprefix("sqlite://").removeprefix("/").partition("?")[0])
        if not url.startswith("sqlite:///") or not place or place == ":memory:":
            raise ConfigError(f"{url!r} names no file: write sqlite:///path/to/file.db", key="data")
        self.url = url
        self._path = Path(place)
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._denied = ""

    def ask(
        self,
        sql: str,
        params: Mapping[str, datetime] | None = None,
        *,
        timeout: timedelta = timedelta(seconds=30),
        rows_kept: int = 100,
    ) -> Answer:
        """Returns the first rows of one read-only statement and the full count, in one pass.

        A parameter is bound as `datetime()` writes it: `2026-03-02 10:00:00.5`, UTC, so that text compares.

        Raises:
            DataError: it could not be asked: no such file, refused by a guard, too slow, or not SQL.
        """
        given = {name: _moment(value) for name, value in (params or {}).items()}
        for parameter in parameters(sql, nested=False):
            if parameter.name not in given:
                known = ", ".join(f":{name}" for name in sorted(given)) or "none"
                words = f"the query uses :{parameter.name}, which has no value here; there are: {known}"
                raise SqlError(words, line=line_at(sql, parameter.start))
        check_sqlite(sql)
        with self._lock:
            connection = self._connected()
            deadline = time.monotonic() + timeout.total_seconds()
            connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
            self._denied = ""
            try:
                return _answer(connection, sql, given, rows_kept)
            except sqlite3.Error as error:
                raise self._explain(error, sql, timeout.total_seconds()) from error

    def powers(self) -> tuple[Power, ...]:
        """Returns what could be written through this face: nothing, unless SQLite itself is broken.

        Raises:
            DataError: the file cannot be opened.
        """
        with self._lock:
            connection = self._connected()
            connection.set_authorizer(None)
            try:
                connection.execute("create table andon_may_not_write (x)")
            except sqlite3.Error:
                return ()
            finally:
                self._drop()
            return (Power("may create tables although it was opened read-only", "chmod a-w the file"),)

    def close(self) -> None:
        """Closes the file; the next question opens it again."""
        with self._lock:
            self._drop()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._open()
                self._connection.execute("pragma query_only = on")
                self._connection.execute("pragma trusted_schema = off")
                self._connection.execute("select count(*) from sqlite_master").fetchall()
            except sqlite3.Error as error:
                self._drop()
                raise DataError(f"{self._path} cannot be read: {error}") from error
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
            self._connection.set_authorizer(self._authorize)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(self._path.absolute()))}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=5.0,
            check_same_thread=False,  # the lock lets one thread in at a time
        )

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FUNCTIONS):
            return sqlite3.SQLITE_OK
        self._denied = second or first or "this"
        return sqlite3.SQLITE_DENY

    def _explain(self, error: sqlite3.Error, sql: str, seconds: float) -> DataError:
        if error.args and str(error) == "interrupted":
            return DataError(f"took longer than its timeout of {seconds:g} s")
        if self._denied:
            return SqlError(
                f"refused: {self._denied} is not among what only reads", line=line_of(sql, f"{self._denied}(")
            )
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR:
            named = NAMED.search(str(error))
            return SqlError(str(error), line=line_of(sql, named[1].rpartition(".")[2]) if named else None)
        return DataError(str(error), permanent=not isinstance(error, sqlite3.OperationalError))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _answer(connection: sqlite3.Connection, sql: str, given: Mapping[str, str], rows_kept: int) -> Answer:
    """Returns the answer; asks once more with a patient reader when a text in it is not UTF-8.

    Its bytes are part of what went wrong, and one such cell is no reason to judge none of the rows. The driver's own
    reader is twice as fast, so it goes first.
    """
    try:
        with closing(connection.execute(sql, given)) as cursor:
            return _read(cursor, rows_kept)
    except sqlite3.OperationalError as error:
        if not str(error).startswith("Could not decode to UTF-8"):
            raise
    connection.text_factory = readable
    try:
        with closing(connection.execute(sql, given)) as cursor:
            return _read(cursor, rows_kept)
    finally:
        connection.text_factory = str


def _read(cursor: sqlite3.Cursor, rows_kept: int) -> Answer:
    if cursor.description is None:
        raise SqlError("refused: it gives no rows: write one SELECT")
    columns = tuple(dict.fromkeys(str(entry[0]) for entry in cursor.description))
    if len(columns) != len(cursor.description):
        raise SqlError("two columns of the answer have the same name: rename one with AS")
    rows: list[Row] = []
    total = held = 0
    for values in cursor:
        total += 1
        if len(rows) >= rows_kept:
            continue
        held += sum(len(value) if isinstance(value, (str, bytes)) else 8 for value in values)
        if held > BYTES_KEPT:
            rows_kept = len(rows)  # later rows are only counted
            continue
        rows.append(dict(zip(columns, map(sqlite_value, values), strict=True)))
    return Answer(columns, tuple(rows), total)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
