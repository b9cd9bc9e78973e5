"""Brings what was judged and approved to the branch, once, and takes it back; judges nothing and approves nothing.

Every push looks first: a commit carries the fingerprint of the patch that was judged, so a step that runs again finds
what it did, and a proposal that a person merged is found however it was merged.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import textwrap
import time
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from andon.config import SystemSettings
from andon.errors import ConflictError, ExternalError, GitError
from andon.models import (
    Approval,
    Attempt,
    Autonomy,
    Diagnosis,
    Patch,
    Ran,
    Release,
    Ticket,
    Verdict,
    VerdictOutcome,
)
from andon.quoting import visible

if TYPE_CHECKING:
    from andon.git import GitRepo

AUTHOR = ("andon", "andon@localhost")
COMMITS_READ = 2000
"""How far back on a branch andon looks for its own commits."""
PUSH_TRIES = 3
DEPLOY_SECONDS = 900.0
OUTPUT_KEPT = 20_000
"""Characters kept of a deploy's output: its end."""
TRAILERS = ("Ticket", "Check", "Root-cause", "Judged", "Approved-by", "Reverts")


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
    if done := _find_shipped(repo, head, ticket.id, patch):
        return Shipped("shipped", _release(ticket, attempt, done, repo, settings, now), message="it is on the branch")
    proposes = ticket.autonomy is Autonomy.PROPOSE
    if proposes and (proposal := _find_proposal(repo, ticket, attempt, patch)):
        if done := _find_squashed(repo, head, proposal.commit):
            return Shipped("shipped", _release(ticket, attempt, done, repo, settings, now), message="it was merged")
        return Shipped("waits", message=f"proposed on {proposal.branch}; merge it into {settings.branch}")
    if head != patch.base:
        return _carried(patch, repo, head)
    message = commit_message(ticket, diagnosis, patch, verdict, approval)
    commit = repo.commit_tree(repo.apply(head, patch.diff), [head], message, author=AUTHOR, at=approval.at)
    if proposes:
        branch = _free_branch(repo, ticket, attempt)
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
        if done := _find_revert(repo, head, release.commit):
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
        message = _revert_message(release, ticket)
        commit = repo.commit_tree(repo.apply(head, carried), [head], message, author=AUTHOR, at=now)
        try:
            repo.push(commit, settings.branch, expect=head)
        except ConflictError:
            if attempt == PUSH_TRIES:
                raise
            continue
        return commit
    raise AssertionError("unreachable")


def deploy(settings: SystemSettings, *, home: Path, seconds: float = DEPLOY_SECONDS) -> Ran:
    """Runs a system's deploy command beside andon.toml, outside the sandbox, and returns how it ended.

    What it leaves running in the background stays running; on a timeout everything it started in its session dies.

    Raises:
        ExternalError: the folder is gone.
    """
    if not settings.deploy.strip():
        return Ran(code=0, stdout="no deploy command is set: the push is the release", stderr="", seconds=0.0)
    argv = settings.argv("deploy")
    began = time.monotonic()
    # Files, not pipes: a server that the command starts keeps them open, and must not hold us.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            started = subprocess.Popen(
                argv, cwd=home, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except FileNotFoundError as error:
            if not home.is_dir():
                raise ExternalError(f"the folder {home} is gone", permanent=True) from error
            return Ran(code=127, stdout="", stderr=f"{argv[0]}: no such program", seconds=0.0)
        except PermissionError:
            return Ran(code=126, stdout="", stderr=f"{argv[0]}: may not be run", seconds=0.0)
        timed_out = _ended(started, seconds)
        code = started.returncode if started.returncode >= 0 else 128 - started.returncode
        took = time.monotonic() - began
        return Ran(code=code, stdout=_tail(out), stderr=_tail(err), seconds=took, timed_out=timed_out)


def commit_message(ticket: Ticket, diagnosis: Diagnosis, patch: Patch, verdict: Verdict, approval: Approval) -> str:
    """Returns what was wrong, why, and what was proven, as a commit message with trailers.

    Nothing in the texts of others can pass for a trailer, a second paragraph of trailers or a control sequence.
    """
    check = ticket.check or "a check"
    subject = visible(" ".join(patch.summary.split()), 72) or f"Fix what turned {check} red"
    whys = [f"{number}. {why.question} {why.answer}" for number, why in enumerate(diagnosis.whys, 1)]
    proofs = [f"- {proof.name}: {proof.outcome.value}. {proof.saw}" for proof in verdict.proofs]
    parts = [
        subject,
        _wrapped([f"{ticket.title}. {diagnosis.root_cause}"]),
        _wrapped(["Why:", *whys]) if whys else "",
        _wrapped([f"Judged {verdict.outcome.value}, approved by {approval.who}:", *proofs]),
        "\n".join(
            (
                f"Ticket: {ticket.id}",
                f"Check: {visible(check, 200)}",
                f"Root-cause: {visible(' '.join(diagnosis.root_cause.split()), 300)}",
                f"Judged: {patch.fingerprint}",
                f"Approved-by: {visible(approval.who, 100)}",
            )
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


class _Proposal(NamedTuple):
    branch: str
    commit: str


# --- looking first --------------------------------------------------------------------------------------------------


def _find_shipped(repo: GitRepo, head: str, ticket: int, patch: Patch) -> str | None:
    """Returns the commit on a branch that carries a patch and has not been taken back since."""
    taken_back: set[str] = set()
    for entry in repo.log(head, limit=COMMITS_READ):
        taken_back |= set(_reverted(entry.body))
        if _trailer(entry.body, "Ticket") == [str(ticket)] and patch.fingerprint in _trailer(entry.body, "Judged"):
            return None if entry.commit in taken_back else entry.commit
    return None


def _find_revert(repo: GitRepo, head: str, commit: str) -> str | None:
    entries = repo.log(head, limit=COMMITS_READ)
    return next((entry.commit for entry in entries if commit in _reverted(entry.body)), None)


def _find_proposal(repo: GitRepo, ticket: Ticket, attempt: Attempt, patch: Patch) -> _Proposal | None:
    """Returns where a patch was proposed before."""
    for branch in _branches(ticket, attempt):
        head = repo.remote_head(branch)
        if head is None:
            return None
        if commit := _find_shipped(repo, head, ticket.id, patch):
            return _Proposal(branch, commit)
    return None


def _find_squashed(repo: GitRepo, head: str, commit: str) -> str | None:
    """Returns the commit of a branch that brought in a proposal under a message of its own, which lost the trailers.

    It is in when every file that the proposal touches stands on the branch as the proposal left it.
    """
    files = repo.log(commit, limit=1)[0].files
    if repo.diff(commit, head, paths=files):
        return None
    return max((repo.log(head, limit=1, path=path)[0] for path in files), key=lambda entry: entry.at).commit


def _free_branch(repo: GitRepo, ticket: Ticket, attempt: Attempt) -> str:
    return next(branch for branch in _branches(ticket, attempt) if repo.remote_head(branch) is None)


def _branches(ticket: Ticket, attempt: Attempt) -> tuple[str, ...]:
    """Returns the names for a proposal: `andon/ticket-N`, with the attempt's number where that is taken."""
    name = f"andon/ticket-{ticket.id}"
    return (name, f"{name}-{attempt.number}", *(f"{name}-{attempt.number}-{again}" for again in range(2, 100)))


def _trailer(body: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.+?)\s*$", body, flags=re.MULTILINE)


def _reverted(body: str) -> list[str]:
    """Returns the commits that a message says it takes back, in andon's words or git's."""
    return [*_trailer(body, "Reverts"), *re.findall(r"^This reverts commit ([0-9a-f]{40,64})", body, re.MULTILINE)]


# --- making ---------------------------------------------------------------------------------------------------------


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


def _revert_message(release: Release, ticket: Ticket) -> str:
    check = visible(ticket.check or "its check", 200)
    return (
        f"Take back {release.commit[:10]}: {check} fired again\n\n"
        + _wrapped([f"New offending rows appeared after the release of ticket {ticket.id}, so its cause was not this."])
        + f"\n\nTicket: {ticket.id}\nCheck: {check}\nReverts: {release.commit}\n"
    )


def _wrapped(texts: list[str]) -> str:
    """Returns texts as lines of a commit message, each safe to show and none like a trailer of ours."""
    lines = [line for text in texts for line in textwrap.wrap(visible(" ".join(text.split()), 1000), 76) or [""]]
    ours = tuple(f"{name}:" for name in TRAILERS)
    return "\n".join(f"  {line}" if line.startswith((*ours, "This reverts commit")) else line for line in lines)


def without_secret(url: str) -> str:
    """Returns an address without the user and password in it; a path stays as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _ended(started: subprocess.Popen[bytes], seconds: float) -> bool:
    """Waits for a command and tells whether it had to be killed."""
    try:
        started.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        return True
    except BaseException:
        # Ctrl-C: the command must not live on unseen.
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        raise
    return False


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - OUTPUT_KEPT))
    return file.read().decode("utf-8", "replace")
