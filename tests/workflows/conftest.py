"""Prepared states on both databases, and processes that may be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stands import Stands, stands_of

from andon.testing.nursery import Nursery
from andon.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Gives processes that have everything imported."""
    with Nursery("andon.testing.loops:live", tmp_path_factory.mktemp("children")) as nursery:
        yield nursery


@pytest.fixture(scope="session")
def sqlite_stands(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Stands:
    """Gives the prepared states on SQLite; each is made when it is asked for."""
    return stands_of(tmp_path_factory.mktemp("sqlite"), nursery, None)


@pytest.fixture(scope="session")
def postgres_stands(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, postgres_server: PostgresServer
) -> Stands:
    """Gives the prepared states on Postgres."""
    return stands_of(tmp_path_factory.mktemp("postgres"), nursery, postgres_server)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def stands(request: pytest.FixtureRequest) -> Stands:
    """Gives the prepared states on each database."""
    found = request.getfixturevalue(f"{request.param}_stands")
    assert isinstance(found, Stands)
    return found
