"""Agent `search`: finds causes by replays and repairs by search; it asks no model and believes no text."""

from __future__ import annotations

from collections.abc import Sequence

from andon.agents.search import diagnosis as causes
from andon.models import Attempt, Diagnosis, Spend
from andon.protocols import Case, Fixed

__all__ = ["SearchAgent"]


class SearchAgent:
    """The embedded agent: deterministic, no key, no network."""

    @property
    def name(self) -> str:
        return "search"

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:
        """Returns the chain of whys as far as facts carry it.

        Raises:
            AgentError: there is no time left for a single replay.
        """
        return causes.diagnose(case)

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns a patch with its regression test, or abstains."""
        from andon.agents.search.repair import repair  # a diagnosis needs none of it

        return repair(case, diagnosis, earlier)
