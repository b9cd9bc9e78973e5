"""Asks databases questions that provably change nothing; it never writes, and never asks without every guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from andon.errors import ConfigError

if TYPE_CHECKING:
    from andon.data.postgres import PostgresSource as PostgresSource
    from andon.data.sqlite import SqliteSource as SqliteSource
    from andon.protocols import DataSource

__all__ = ["PostgresSource", "SqliteSource", "open_source"]


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


def __getattr__(name: str) -> object:
    # A driver costs up to half a second to import: whoever asks SQLite does not pay for psycopg.
    if name == "PostgresSource":
        from andon.data.postgres import PostgresSource

        return PostgresSource
    if name == "SqliteSource":
        from andon.data.sqlite import SqliteSource

        return SqliteSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
