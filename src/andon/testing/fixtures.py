"""pytest fixtures over the public doubles; name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from andon.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real Postgres server for the whole run, started with the first test that asks for it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """URL of a fresh, empty database, for its owner."""
    return postgres_server.fresh_database()
