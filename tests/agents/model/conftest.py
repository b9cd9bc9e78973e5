"""One real case for all tests of the built-in agent, and sessions of it against a scripted endpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from talks import Stand

from andon.testing.cases import open_case


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Gives tinyfeed with the bug `unit`."""
    with open_case(tmp_path_factory.mktemp("case"), "unit") as (case, stage):
        yield Stand(case, stage)
