"""Gives scratch databases from a private Postgres server: each with a login of its own that can reach nothing else."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urlsplit, urlunsplit

from andon.data import Cluster, open_source
from andon.errors import DataError
from andon.protocols import Change, DataSource, ScratchDatabase
from andon.sandboxes.rounds import in_rounds

if TYPE_CHECKING:
    import psycopg

BLANK = "andon_blank"
"""Template of every scratch database: nothing in it, and nothing allowed but to members of WRITERS."""
WRITERS = "andon_writers"
CONNECTIONS = 20
TEMP_FILES = "1GB"
ROUNDS = 1
CHANGE = timedelta(seconds=5)
"""For one statement that changes a scratch database from outside."""
PATIENCE = 60.0
"""Seconds to wait for another process that is starting the server."""
SETTINGS = {"client_connection_check_interval": "1s", "max_wal_size": "256MB", "autovacuum": "off"}


LARGE_OBJECTS = """
do $$ declare f regprocedure; begin
  for f in select p.oid::regprocedure from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
    and (p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_truncate', 'lo_truncate64', 'lo_unlink',
      'lowrite', 'pg_logical_emit_message'))
  loop execute format('revoke execute on function %s from public', f); end loop;
end $$
"""
"""Takes away what writes without a table: a scratch database is tables, and its reader only reads."""


class PostgresScratch:
    """A server below a folder, started with the first database that is asked for and shared by all processes there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._own: tuple[Cluster, BinaryIO] | None = None
        self._admin: psycopg.Connection[tuple[object, ...]] | None = None
        self._url = ""

    @contextmanager
    def fresh(self) -> Iterator[ScratchDatabase]:
        """Gives an empty database and a login for it; both are gone at the end.

        Raises:
            DataError: the server does not start or cannot be reached.
        """
        name, word, reading = (secrets.token_hex(8) for _ in range(3))
        writer, reader = f"w_{name}", f"r_{name}"
        self._run(
            f"create role {writer} login password '{verifier(word)}' connection limit {CONNECTIONS} in role {WRITERS}",
            f"alter role {writer} set temp_file_limit = '{TEMP_FILES}'",
            f"create role {reader} login password '{verifier(reading)}' connection limit {CONNECTIONS}",
            f"alter role {reader} set default_transaction_read_only = on",
            f"alter role {reader} set temp_file_limit = '{TEMP_FILES}'",
            f"create database s_{name} template {BLANK} strategy file_copy",
            f"revoke all on database s_{name} from public",
            f"grant connect on database s_{name} to {writer}, {reader}",
        )
        try:
            yield ScratchDatabase(
                url=self._login(writer, word, f"s_{name}"),
                binds=(self._socket(),),
                source=lambda: self._source(name, reading),
                change=lambda changes: self._change(name, changes),
            )
        finally:
            # A server that is gone has taken the database with it.
            with suppress(DataError):
                self._run(f"drop database if exists s_{name} with (force)", f"drop role if exists {writer}, {reader}")

    def close(self) -> None:
        """Stops the server if this process started it."""
        with self._lock:
            self._disconnect()
            if self._own is not None:
                cluster, lock = self._own
                self._own = None
                (self.folder / "server.json").unlink(missing_ok=True)
                cluster.stop()
                lock.close()

    def _source(self, name: str, word: str) -> DataSource:
        """Shuts the writer out, lets the reader read its tables, and opens them."""
        self._run(
            f"alter role w_{name} nologin",
            f"select pg_terminate_backend(pid) from pg_stat_activity where usename = 'w_{name}'",
        )
        import psycopg

        try:
            with psycopg.connect(self._admin_url(f"s_{name}"), autocommit=True) as connection:
                connection.execute(f"grant usage on schema public to r_{name}".encode())
                connection.execute(f"grant select on all tables in schema public to r_{name}".encode())
        except psycopg.Error as error:
            raise DataError(f"the scratch database cannot be read: {error}") from error
        return open_source(self._login(f"r_{name}", word, f"s_{name}"))

    def _change(self, name: str, changes: Sequence[Change]) -> tuple[str, ...]:
        """Makes changes as the login that owns the tables, with a new password that no command ever saw.

        Not as administrator: a trigger that foreign code left behind would be one, too.
        """
        import psycopg

        word = secrets.token_hex(8)
        options = f"-c statement_timeout={int(CHANGE.total_seconds() * 1000)}"
        self._run(f"alter role w_{name} login password '{verifier(word)}'")
        try:
            url = f"{self._login(f'w_{name}', word, f's_{name}')}&options={quote(options)}"
            with psycopg.connect(url, autocommit=True) as connection:
                return in_rounds(changes, lambda statements: refusal(connection, statements))
        except psycopg.Error as error:
            raise DataError(f"the scratch database cannot be changed: {error}") from error
        finally:
            self._run(f"alter role w_{name} nologin")

    def _run(self, *statements: str) -> None:
        """Runs statements as administrator, on a server that is started when there is none."""
        import psycopg

        with self._lock:
            for final in (False, True):
                try:
                    connection = self._connected()
                    for statement in statements:
                        connection.execute(statement.encode())
                    return
                except psycopg.OperationalError as error:
                    self._disconnect()
                    if final:
                        raise DataError(f"the server for scratch databases cannot be reached: {error}") from error
                except psycopg.Error as error:
                    raise DataError(f"no scratch database could be made: {error}") from error

    # --- the server -------------------------------------------------------------------------------------------------

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        import psycopg

        if self._admin is None:
            self._url = self._own[0].admin_url if self._own else self._found_or_started()
            self._admin = psycopg.connect(self._url, autocommit=True)
            self._harden(self._admin)
        return self._admin

    def _disconnect(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _found_or_started(self) -> str:
        """Returns the administrator's URL of the server that runs for this folder: another process's, or a new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + PATIENCE
        lock = (self.folder / "server.lock").open("ab")
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                # Held as long as this process lives: whoever holds it owns the server.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._start(lock)
            with suppress(OSError, ValueError):
                url = str(json.loads((self.folder / "server.json").read_text())["url"])
                lock.close()
                return url
            time.sleep(0.05)
        raise DataError(f"another process holds {self.folder} and has started no server in {PATIENCE:.0f} s")

    def _start(self, lock: BinaryIO) -> str:
        told = self.folder / "server.json"
        told.unlink(missing_ok=True)
        cluster = Cluster(self.folder / "cluster", settings=SETTINGS)
        try:
            cluster.start()
        except DataError:
            # The server of a process that died a moment ago may still be on its way out.
            time.sleep(1.0)
            cluster.start()
        self._own = (cluster, lock)
        with open(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"url": cluster.admin_url}, file)
        return cluster.admin_url

    def _harden(self, admin: psycopg.Connection[tuple[object, ...]]) -> None:
        """Makes the blank template once, and shuts every database to logins that were not let in by name."""
        import psycopg

        if admin.execute("select 1 from pg_database where datname = %s", (BLANK,)).fetchone():
            return
        with suppress(psycopg.errors.DuplicateObject):
            admin.execute(f"create role {WRITERS} nologin".encode())
        for name in ("postgres", "template1"):
            admin.execute(f"revoke all on database {name} from public".encode())
        admin.execute(f"create database {BLANK}_new template template0".encode())
        with psycopg.connect(self._admin_url(f"{BLANK}_new"), autocommit=True) as blank:
            blank.execute("revoke all on schema public from public")
            blank.execute(LARGE_OBJECTS.encode())
            blank.execute(f"grant usage, create on schema public to {WRITERS}".encode())
        admin.execute(f"alter database {BLANK}_new rename to {BLANK}".encode())
        admin.execute(f"alter database {BLANK} with allow_connections false is_template true".encode())

    def _admin_url(self, database: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    def _login(self, role: str, word: str, database: str) -> str:
        parts = urlsplit(self._url)
        return f"postgresql://{quote(role)}:{quote(word)}@/{database}?{parts.query}"

    def _socket(self) -> Path:
        """Returns the socket itself: with its folder, the sandbox could put another one in its place."""
        query = dict(pair.split("=", 1) for pair in urlsplit(self._url).query.split("&"))
        return Path(query["host"]) / f".s.PGSQL.{query.get('port', '5432')}"


def refusal(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str]) -> str:
    """Runs statements together; returns why they were refused, empty when they were not.

    Raises:
        psycopg.OperationalError: the connection is gone.
    """
    import psycopg

    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.Error as error:
        if connection.closed:
            raise
        return str(error).partition("\n")[0]
    return ""


def verifier(word: str) -> str:
    """Returns what Postgres keeps of a password (RFC 5803).

    One round instead of thousands, which cost 20 ms a login: stretching protects words that people choose, and these
    are 64 random bits that live for seconds.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", word.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${ROUNDS}:{salt64}${stored64}:{server64}"
