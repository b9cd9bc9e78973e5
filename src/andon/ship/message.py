"""Words the commits of andon, and reads its trailers out of others' messages; it makes no commit."""

from __future__ import annotations

import re
import textwrap

from andon.models import Approval, Diagnosis, Patch, Release, Ticket, Verdict
from andon.quoting import visible

TRAILERS = ("Ticket", "Check", "Root-cause", "Judged", "Approved-by", "Reverts")


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


def revert_message(release: Release, ticket: Ticket) -> str:
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


def trailer(body: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.+?)\s*$", body, flags=re.MULTILINE)


def reverted(body: str) -> list[str]:
    """Returns the commits that a message says it takes back, in andon's words or git's."""
    return [*trailer(body, "Reverts"), *re.findall(r"^This reverts commit ([0-9a-f]{40,64})", body, re.MULTILINE)]
