"""Runs a real, private Postgres for tests and gives fresh databases; nothing of it outlives the test run."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from andon.data.cluster import Cluster
from andon.data.grants import grants_sql

READER_PASSWORD = "reader"


class PostgresServer:
    """A real server without durability, in a private folder; use it as a context, once a test run."""

    def __init__(self, *, port: int | None = None) -> None:
        """Takes a loopback TCP port for programs that cannot use a socket; none is opened when None."""
        self._home = tempfile.TemporaryDirectory(prefix="andon-pg-", dir="/tmp")  # a socket's path must be short
        Path(self._home.name).chmod(0o711)
        self._cluster = Cluster(Path(self._home.name) / "pg", port=port, settings={"max_connections": "100"})
        self._numbers = itertools.count(1)

    @property
    def admin_url(self) -> str:
        """URL of the database `postgres` for the superuser."""
        return self._cluster.admin_url

    def fresh_database(self) -> str:
        """Returns the URL of a new, empty database, for the superuser that owns it."""
        name = f"fresh_{next(self._numbers)}"
        self.run(f'create database "{name}"')
        return self._cluster.url(name)

    def run(self, *statements: str, url: str | None = None) -> None:
        """Runs statements in a database (`postgres` when None), each in its own transaction."""
        import psycopg

        with psycopg.connect(url or self.admin_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def reader_url(self, url: str, *, schemas: tuple[str, ...] = ("public",)) -> str:
        """Returns the URL of a login that can only read the database of `url`, made as `andon grants` says."""
        name = urlsplit(url).path.removeprefix("/")
        role = f"reader_{next(self._numbers)}"
        self.run(grants_sql(name, role=role, schemas=schemas), url=url)
        self.run(f"alter role \"{role}\" password '{READER_PASSWORD}'", url=url)
        return self._cluster.url(name, user=role, password=READER_PASSWORD)

    def __enter__(self) -> PostgresServer:
        self._cluster.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.stop()
        self._home.cleanup()
