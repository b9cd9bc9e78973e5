"""A data source in memory, with the gate and guards of the real one; and one that has gone away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from andon.data.sqlite import SqliteSource
from andon.errors import DataError
from andon.protocols import Answer, Power

Cell = str | int | float | bytes | None


class MemorySource(SqliteSource):
    """An SQLite database in memory, filled before the first question and read-only from then on."""

    def __init__(self, tables: Mapping[str, Iterable[Mapping[str, Cell]]] | None = None, *, script: str = "") -> None:
        """Takes rows a table (the columns are those of its first row), and SQL that runs before them."""
        super().__init__("sqlite:///memory")
        self.url = ""
        self._filled = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._filled.executescript(script)
        for table, rows in (tables or {}).items():
            self._fill(table, [dict(row) for row in rows])

    def close(self) -> None:
        """Forgets everything: a closed memory cannot be asked again."""
        super().close()
        self._filled.close()

    def _fill(self, table: str, rows: list[dict[str, Cell]]) -> None:
        if not rows:
            return
        columns = ", ".join(f'"{name}"' for name in rows[0])
        marks = ", ".join("?" for _ in rows[0])
        self._filled.execute(f'create table if not exists "{table}" ({columns})')
        self._filled.executemany(f'insert into "{table}" values ({marks})', [tuple(row.values()) for row in rows])

    def _open(self) -> sqlite3.Connection:
        return self._filled

    def _drop(self) -> None:
        self._connection = None


class GoneSource:
    """A database that cannot be reached: every question is a DataError."""

    def __init__(self, dialect: str = "postgres", message: str = "the database cannot be reached: it is gone") -> None:
        self.dialect = dialect
        self._message = message

    def ask(
        self,
        sql: str,  # noqa: ARG002  the face of a DataSource, here and below
        params: Mapping[str, datetime] | None = None,  # noqa: ARG002
        *,
        timeout: timedelta = timedelta(seconds=30),  # noqa: ARG002
        rows_kept: int = 100,  # noqa: ARG002
    ) -> Answer:
        """Raises DataError."""
        raise DataError(self._message)

    def powers(self) -> tuple[Power, ...]:
        """Raises DataError."""
        raise DataError(self._message)

    def close(self) -> None:
        """Changes nothing."""
