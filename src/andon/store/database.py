"""Owns the connection to andon's own database: opens it, runs and repeats transactions; knows no table."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError

from andon.errors import ConfigError, ExternalError

T = TypeVar("T")

BUSY_SECONDS = 10.0
"""How long SQLite itself waits for a lock before it says that the database is locked."""
TRIES = 6
"""How often a transaction starts again after a lock, a deadlock or a lost race for the same rows."""
POSTGRES_RETRY = {"40001", "40P01", "55P03"}
"""Serialization failure, deadlock, lock not available: the transaction left nothing behind."""


class Database:
    """One engine; transactions are functions of a connection, so that they can start again from their first line."""

    def __init__(self, engine: Engine, shown: str) -> None:
        self.engine = engine
        self.shown = shown
        """The URL without its password, for messages."""

    @property
    def postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    def read(self, ask: Callable[[Connection], T]) -> T:
        """Returns what a function reads in one transaction."""
        return self._run(ask, {})

    def write(self, change: Callable[[Connection], T]) -> T:
        """Returns what a function gives once all it wrote is committed; all of it or nothing is written.

        The function may run more than once: it starts again when the database was locked.

        Raises:
            ExternalError: the database cannot be reached or written; nothing was changed.
        """
        return self._run(change, {"andon_write": True})

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    def _run(self, change: Callable[[Connection], T], options: dict[str, bool]) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                with self.engine.connect() as connection:
                    connection = connection.execution_options(**options)
                    with connection.begin():
                        return change(connection)
            except IntegrityError:
                raise  # a rule of the tables spoke; the caller knows what it means
            except DBAPIError as error:
                if attempt == TRIES or not _may_retry(error):
                    raise explain(error, self.shown) from error
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        raise AssertionError("unreachable")


def connect(url: str) -> Database:
    """Returns the database behind a URL; an SQLite file and its folder are made when they are not there.

    Raises:
        ConfigError: the URL is not one that andon can use.
        ExternalError: the folder cannot be made.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("is not a database URL: write sqlite:///path or postgresql://...", key="database") from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.drivername == "sqlite":
        return Database(_sqlite(parsed, shown), shown)
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return Database(_postgres(parsed), shown)
    raise ConfigError(f"{parsed.drivername} is not supported: write sqlite:///path or postgresql://...", key="database")


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=4,
            max_overflow=8,
            connect_args={"connect_timeout": 10, "application_name": "andon"},
        )
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigError("Postgres needs psycopg: pip install 'andon[postgres]'", key="database") from error


def _sqlite(url: URL, shown: str) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("write sqlite:///path: the state must survive the process", key="database")
    try:
        if not url.database.startswith("file:"):  # SQLite's own form of URL: what it names is there already
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExternalError(f"cannot make the folder of {shown}: {error.strerror}", permanent=True) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver's own transactions begin too late (after a read), so it is told to begin none; _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on"):
        cursor.execute(f"pragma {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that later turns writer could only fail, not wait.
    write = connection.get_execution_options().get("andon_write")
    connection.exec_driver_sql("begin immediate" if write else "begin")


def _may_retry(error: DBAPIError) -> bool:
    text = str(error.orig)
    if "database is locked" in text or "database table is locked" in text:
        return True
    return getattr(error.orig, "sqlstate", None) in POSTGRES_RETRY


def explain(error: DBAPIError, shown: str) -> ExternalError:
    """Returns a database error as a sentence that says what to do; nothing that was committed is lost."""
    text = str(error.orig).strip()
    words = text.splitlines()[0] if text else type(error.orig).__name__
    state = getattr(error.orig, "sqlstate", None)
    if "is full" in text or state in ("53100", "53200"):
        advice = "the disk is full; make room and andon goes on where it stopped"
    elif "readonly" in text or "read-only" in text or state == "25006":
        advice = "it can only be read; give this user the right to write it"
    elif "locked" in text:
        advice = "another process held it for too long; look what it does"
    elif "unable to open" in text:
        advice = "the file cannot be opened; look at its path and its rights"
    elif "malformed" in text or "not a database" in text:
        return ExternalError(f"{shown} is damaged or not a database: {words}", permanent=True)
    elif isinstance(error, OperationalError):
        advice = "it cannot be reached or refused the work; andon tries again"
    else:
        return ExternalError(f"{shown}: {words}", permanent=True)
    return ExternalError(f"{shown}: {words}: {advice}")
