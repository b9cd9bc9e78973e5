"""What one session of an agent with the ticket's tools knows: the case, facts that tools found, what was handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from andon.errors import GitError
from andon.models import Attempt, Diagnosis, Fact, Patch, digest
from andon.protocols import Case, Workspace

MOST_REFUSALS = 8
"""Submissions that are sent back; then the session is over."""


class Phase(StrEnum):
    """What an agent is there for; each phase has its tools and no others."""

    DIAGNOSE = "diagnose"
    FIX = "fix"


class Refused(Exception):
    """A call that is not answered; the words say what to mend."""


class Bench:
    """The state of one session."""

    def __init__(
        self,
        case: Case,
        phase: Phase,
        workspace: Workspace,
        *,
        agent: str,
        diagnosis: Diagnosis | None,
        earlier: Sequence[Attempt],
    ) -> None:
        self.case = case
        self.phase = phase
        self.workspace = workspace
        """The agent's tree: in the fix phase, what it changed there is the patch."""
        self.agent = agent
        self.given = diagnosis
        """The accepted diagnosis, in the fix phase."""
        self.earlier = tuple(earlier)
        self.facts: dict[str, Fact] = {}
        """Name -> what a tool found, so that it can be cited."""
        self.calls: Counter[str] = Counter()
        self.refusals = 0
        self.diagnosis: Diagnosis | None = None
        self.patch: Patch | None = None
        self.stands: Diagnosis | None = None
        """What held of the last diagnosis that was sent back."""
        self.over = ""
        """Why nothing more is taken; empty while the session goes on."""
        self._kinds: Counter[str] = Counter()
        self._names: dict[str, str] = {}

    @property
    def head(self) -> str:
        """The commit of the branch."""
        return self.case.workspace.commit

    def keep(self, fact: Fact) -> str:
        """Returns the name under which a fact can be cited."""
        key = digest(fact.model_dump(mode="json"))
        if key not in self._names:
            self._kinds[fact.kind] += 1
            self._names[key] = f"{fact.kind}-{self._kinds[fact.kind]}"
            self.facts[self._names[key]] = fact
        return self._names[key]

    def commit(self, given: str) -> str:
        """Returns the full hash of a commit, the branch's when none is given.

        Raises:
            Refused: there is none.
        """
        if not given:
            return self.head
        try:
            return self.case.history.log(given, limit=1)[0].commit
        except (GitError, IndexError):
            raise Refused(f"there is no commit {given!r}: `history` lists those there are") from None

    def in_time(self) -> None:
        """Refuses what costs time once there is none left.

        Raises:
            Refused: the ticket's time is used up.
        """
        if datetime.now(UTC) > self.case.deadline:
            raise Refused("the ticket's time is used up: nothing more is run. Submit what you have")

    def changes(self) -> str:
        """Returns the diff of what the agent changed in its tree, computed here from the bytes.

        Raises:
            Refused: it cannot be computed; says why.
        """
        if self.phase is not Phase.FIX:
            raise Refused("the tree is read-only until a diagnosis is accepted, so it has no changes")
        try:
            return self.workspace.changed()
        except GitError as error:
            raise Refused(f"your changes cannot be read: {error}") from error
