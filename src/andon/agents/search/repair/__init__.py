"""Repairs by search, cheapest and most trustworthy first: reverts, siblings, templates; it abstains rather than guess.

Nothing is believed that did not run: a repair turns the replay green, keeps the suite, and comes with a regression
test that was red without it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from andon.agents.search.repair.search import Search
from andon.models import Attempt, Diagnosis, Spend
from andon.protocols import Case, Fixed

__all__ = ["repair"]


def repair(case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
    """Returns the most trustworthy repair that holds, with its regression test; no patch when none does.

    What `earlier` attempts handed in is not tried again. The notes say what was tried, with counts.

    Raises:
        SandboxError: commands cannot be started in isolation.
        GitError: the repository cannot be read.
    """
    started = time.monotonic()
    search = Search(case, diagnosis, earlier)
    try:
        patch = search.patch()
    finally:
        search.close()
    return Fixed(patch, search.notes.markdown(), Spend(seconds=time.monotonic() - started))
