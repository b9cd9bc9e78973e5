"""Looks whether a patch was shipped, proposed or taken back before, so that nothing is done twice; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from andon.models import Attempt, Patch, Ticket
from andon.ship.message import reverted, trailer

if TYPE_CHECKING:
    from andon.git import GitRepo

COMMITS_READ = 2000
"""How far back on a branch andon looks for its own commits."""


class Proposal(NamedTuple):
    branch: str
    commit: str


def find_shipped(repo: GitRepo, head: str, ticket: int, patch: Patch) -> str | None:
    """Returns the commit on a branch that carries a patch and has not been taken back since."""
    taken_back: set[str] = set()
    for entry in repo.log(head, limit=COMMITS_READ):
        taken_back |= set(reverted(entry.body))
        if trailer(entry.body, "Ticket") == [str(ticket)] and patch.fingerprint in trailer(entry.body, "Judged"):
            return None if entry.commit in taken_back else entry.commit
    return None


def find_revert(repo: GitRepo, head: str, commit: str) -> str | None:
    entries = repo.log(head, limit=COMMITS_READ)
    return next((entry.commit for entry in entries if commit in reverted(entry.body)), None)


def find_proposal(repo: GitRepo, ticket: Ticket, attempt: Attempt, patch: Patch) -> Proposal | None:
    """Returns where a patch was proposed before."""
    for branch in _branches(ticket, attempt):
        head = repo.remote_head(branch)
        if head is None:
            return None
        if commit := find_shipped(repo, head, ticket.id, patch):
            return Proposal(branch, commit)
    return None


def find_squashed(repo: GitRepo, head: str, commit: str) -> str | None:
    """Returns the commit of a branch that brought in a proposal under a message of its own, which lost the trailers.

    It is in when every file that the proposal touches stands on the branch as the proposal left it.
    """
    files = repo.log(commit, limit=1)[0].files
    if repo.diff(commit, head, paths=files):
        return None
    return max((repo.log(head, limit=1, path=path)[0] for path in files), key=lambda entry: entry.at).commit


def free_branch(repo: GitRepo, ticket: Ticket, attempt: Attempt) -> str:
    return next(branch for branch in _branches(ticket, attempt) if repo.remote_head(branch) is None)


def _branches(ticket: Ticket, attempt: Attempt) -> tuple[str, ...]:
    """Returns the names for a proposal: `andon/ticket-N`, with the attempt's number where that is taken."""
    name = f"andon/ticket-{ticket.id}"
    return (name, f"{name}-{attempt.number}", *(f"{name}-{attempt.number}-{again}" for again in range(2, 100)))
