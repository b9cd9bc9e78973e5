"""Asks databases questions that provably change nothing; it never writes, and never asks without every guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from andon.data.mistakes import SqlError
from andon.data.values import integer, real, storable_row
from andon.errors import ConfigError

if TYPE_CHECKING:
    from andon.data.cluster import Cluster as Cluster
    from andon.data.postgres import PostgresSource as PostgresSource
    from andon.data.sqlite import SqliteSource as SqliteSource
    from andon.protocols import DataSource

__all__ = ["Cluster", "PostgresSource", "SqlError", "SqliteSource", "integer", "open_source", "real", "storable_row"]


def open_source(url: str) -> DataSource:
    """Returns the guarded source of a URL: `postgresql://user:password@host/name` or `sqlite:///path`.

    Nothing is connected yet: the first question does.

    Raises:
        ConfigError: the URL is of no kind that andon can ask.
    """
    scheme = url.partition("://")[0]
    if scheme in ("postgresql", "postgres"):
        from andon.data.postgres import PostgresSource

        return PostgresSource(url)
    if scheme == "sqlite":
        from andon.data.sqlite import SqliteSource

        return SqliteSource(url)
    raise ConfigError(f"data source {scheme!r} is unknown: write postgresql://user@host/name or sqlite:///path")


def newest_postgres(query: str) -> tuple[str, ...] | None:
    """Returns a question for the newest time of each column that a Postgres query bounds from below by `:since`.

    None when this quick reader cannot tell.
    """
    from andon.data.newest import newest_queries

    return newest_queries(query)


def __getattr__(name: str) -> object:
    # A driver costs up to half a second to import: whoever asks SQLite does not pay for psycopg.
    if name == "Cluster":
        from andon.data.cluster import Cluster

        return Cluster
    if name == "PostgresSource":
        from andon.data.postgres import PostgresSource

        return PostgresSource
    if name == "SqliteSource":
        from andon.data.sqlite import SqliteSource

        return SqliteSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
