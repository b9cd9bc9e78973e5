"""Prepared states on both databases, and processes that may be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stands import Stands, stands_of

from andon.testing.nursery import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Gives processes that have everything imported."""
    with Nursery("andon.testing.loops:live", tmp_path_factory.mktemp("children")) as nursery:
        yield nursery


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def stands(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Stands:
    """Gives the prepared states on a database; each is made when it is asked for."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    return stands_of(tmp_path_factory.mktemp(request.param), nursery, server)
