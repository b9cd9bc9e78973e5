"""What one session of an agent with the ticket's tools knows: the case, facts that tools found, what was handed in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from andon.errors import GitError, SandboxError
from andon.models import Attempt, Diagnosis, Fact, Patch, digest
from andon.protocols import Case, Workspace

MOST_REFUSALS = 8
"""Submissions that are sent back; then the session is over."""


MOST_GROWN = 2 * 2**30
"""Bytes by which an agent's tree may grow."""
LOOKING = 10.0
"""Seconds between two looks at how large it is."""


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
        self._size = workspace.size() if phase is Phase.FIX else 0
        self._looked = time.monotonic()
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

    def outgrown(self, *, now: bool = False) -> str:
        """Returns that the agent's tree takes too much of the disk; empty while it does not. Looks now and then."""
        if self.phase is not Phase.FIX or not (now or time.monotonic() - self._looked > LOOKING):
            return ""
        try:
            grown = self.workspace.size() - self._size
        except SandboxError as error:
            return str(error)
        self._looked = time.monotonic()
        most = f"{MOST_GROWN:,} bytes"
        return f"the tree has grown by {grown:,} bytes; it may grow by {most}" if grown > MOST_GROWN else ""

    def changes(self) -> str:
        """Returns the diff of what the agent changed in its tree, computed here from the bytes.

        Raises:
            Refused: it cannot be computed; says why.
        """
        if self.phase is not Phase.FIX:
            raise Refused("the tree is read-only until a diagnosis is accepted, so it has no changes")
        if grown := self.outgrown(now=True):
            raise Refused(grown)
        try:
            return self.workspace.changed()
        except GitError as error:
            raise Refused(f"your changes cannot be read: {error}") from error
