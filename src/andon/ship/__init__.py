"""Brings what was judged and approved to the branch, once, and takes it back; judges nothing and approves nothing.

Every push looks first: a commit carries the fingerprint of the patch that was judged, so a step that runs again finds
what it did, and a proposal that a person merged is found however it was merged.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from andon.config import SystemSettings
from andon.errors import ConflictError, GitError
from andon.models import Approval, Attempt, Autonomy, Diagnosis, Patch, Release, Ticket, Verdict, VerdictOutcome
from andon.ship.deploying import deploy, own_variables
from andon.ship.looking import find_proposal, find_revert, find_shipped, find_squashed, free_branch
from andon.ship.message import commit_message, revert_message

if TYPE_CHECKING:
    from andon.git import GitRepo

__all__ = ["Shipped", "commit_message", "deploy", "own_variables", "rebase", "revert", "ship", "without_secret"]

AUTHOR = ("andon", "andon@localhost")
PUSH_TRIES = 3


class Shipped(NamedTuple):
    """How far a patch came."""

    outcome: Literal["shipped", "moved", "conflict", "waits"]
    """`moved`: the branch stands elsewhere; judge `patch` and ship again. `conflict`: it does not apply there any more.
    `waits`: it was proposed on a branch, for a person to merge."""
    release: Release | None = None
    patch: Patch | None = None
    message: str = ""


def ship(
    ticket: Ticket,
    diagnosis: Diagnosis,
    attempt: Attempt,
    *,
    repo: GitRepo,
    settings: SystemSettings,
    approval: Approval,
    now: datetime,
) -> Shipped:
    """Returns how far an approved attempt came: one commit on the branch, or a branch for a person to merge.

    Raises:
        ConflictError: the attempt is not what was judged and approved.
        GitError: the push was refused; holds the remote's words.
    """
    patch, verdict = _signed(ticket, attempt, approval)
    repo.fetch()
    head = repo.head(settings.branch)
    if done := find_shipped(repo, head, ticket.id, patch):
        return Shipped("shipped", _release(ticket, attempt, done, repo, settings, now), message="it is on the branch")
    proposes = ticket.autonomy is Autonomy.PROPOSE
    if proposes and (proposal := find_proposal(repo, ticket, attempt, patch)):
        if done := find_squashed(repo, head, proposal.commit):
            return Shipped("shipped", _release(ticket, attempt, done, repo, settings, now), message="it was merged")
        return Shipped("waits", message=f"proposed on {proposal.branch}; merge it into {settings.branch}")
    if head != patch.base:
        return _carried(patch, repo, head)
    message = commit_message(ticket, diagnosis, patch, verdict, approval)
    commit = repo.commit_tree(repo.apply(head, patch.diff), [head], message, author=AUTHOR, at=approval.at)
    if proposes:
        branch = free_branch(repo, ticket, attempt)
        repo.push(commit, branch, expect=None)
        return Shipped("waits", message=f"proposed on {branch}; merge it into {settings.branch}")
    try:
        repo.push(commit, settings.branch, expect=head)
    except ConflictError:
        repo.fetch()
        return _carried(patch, repo, repo.head(settings.branch))
    return Shipped("shipped", _release(ticket, attempt, commit, repo, settings, now), message="pushed")


def rebase(patch: Patch, *, repo: GitRepo, branch: str) -> Patch | None:
    """Returns a patch carried over to where a branch stands now; None when it does not apply there."""
    repo.fetch()
    return _carried(patch, repo, repo.head(branch)).patch


def revert(release: Release, ticket: Ticket, *, repo: GitRepo, settings: SystemSettings, now: datetime) -> str:
    """Returns the commit that took a release back: made and pushed now, or found where it was done before.

    Raises:
        GitError: later commits changed the same lines, or the push was refused; a person must take it back.
    """
    for attempt in range(1, PUSH_TRIES + 1):
        repo.fetch()
        head = repo.head(settings.branch)
        if done := find_revert(repo, head, release.commit):
            return done
        undo = repo.diff(release.commit, repo.resolve(f"{release.commit}^"))
        carried = undo if head == release.commit else repo.rebase_diff(undo, release.commit, head)
        if carried is None:
            raise GitError(
                f"{release.commit[:10]} cannot be taken back by itself: later commits on {settings.branch} changed the "
                "same lines; revert it by hand",
                permanent=True,
            )
        if not carried.strip():
            return head  # somebody took it back already, in their own words
        message = revert_message(release, ticket)
        commit = repo.commit_tree(repo.apply(head, carried), [head], message, author=AUTHOR, at=now)
        try:
            repo.push(commit, settings.branch, expect=head)
        except ConflictError:
            if attempt == PUSH_TRIES:
                raise
            continue
        return commit
    raise AssertionError("unreachable")


# --- making -----------------------------------------------------------------------------------------------------------


def _signed(ticket: Ticket, attempt: Attempt, approval: Approval) -> tuple[Patch, Verdict]:
    """Returns the patch and the verdict of an attempt whose every part was judged and approved."""
    patch, verdict = attempt.patch, attempt.verdict
    what = f"attempt {attempt.number} of ticket {ticket.id}"
    if patch is None or verdict is None or verdict.patch != patch.fingerprint or attempt.ticket != ticket.id:
        raise ConflictError(f"{what} is not what was judged")
    if verdict.outcome not in (VerdictOutcome.PROVEN, VerdictOutcome.NEEDS_EYES):
        raise ConflictError(f"{what} was judged {verdict.outcome.value}: it cannot ship")
    if (approval.ticket, approval.attempt, approval.decision) != (ticket.id, attempt.number, "approve"):
        raise ConflictError(f"{what} was not approved")
    if approval.record != verdict.record:
        raise ConflictError(f"{what} was judged again since it was approved")
    return patch, verdict


def _carried(patch: Patch, repo: GitRepo, head: str) -> Shipped:
    """Returns a patch carried over to a new head, to be judged there; or a conflict."""
    diff = repo.rebase_diff(patch.diff, patch.base, head)
    if diff is None:
        return Shipped("conflict", message=f"the branch moved to {head[:10]}, and the patch does not apply there")
    if not diff.strip():
        return Shipped("conflict", message=f"the branch moved to {head[:10]}, which holds all of the patch already")
    carried = patch.model_copy(update={"base": head, "diff": diff})
    return Shipped("moved", patch=carried, message=f"the branch moved to {head[:10]}; judge the patch there")


def _release(
    ticket: Ticket, attempt: Attempt, commit: str, repo: GitRepo, settings: SystemSettings, now: datetime
) -> Release:
    return Release(
        ticket=ticket.id,
        attempt=attempt.number,
        commit=commit,
        branch=settings.branch,
        remote=without_secret(repo.url),
        shipped_at=now,
    )


def without_secret(url: str) -> str:
    """Returns an address without the user and password in it; a path stays as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
