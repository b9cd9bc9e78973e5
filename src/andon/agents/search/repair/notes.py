"""Keeps what a search tried, with counts, as Markdown for people; it decides nothing."""

from __future__ import annotations

from andon.agents.search.repair.candidates import Candidate
from andon.quoting import quote


class Notes:
    """Grows one line at a time while a search goes on."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.outcome = "Nothing was handed in."

    def say(self, sentence: str) -> None:
        """Adds a sentence."""
        self._lines.append(f"- {sentence}")

    def drop(self, candidate: Candidate, reason: str) -> None:
        """Adds why a candidate that turned the replay green was not handed in."""
        self._lines.append(f"- {quote(candidate.says)} turns the replay green but was dropped: {reason}")

    def markdown(self) -> str:
        """Returns everything, the outcome first."""
        return "\n".join([self.outcome, "", *self._lines]).strip() + "\n"
