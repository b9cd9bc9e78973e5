"""Writes a verdict as Markdown for a person; whatever the patch or its runs said is quoted."""

from __future__ import annotations

from andon.models import Outcome, Proof, Verdict
from andon.quoting import quote

MARKS = {Outcome.HOLDS: "✔", Outcome.FAILS: "✘", Outcome.NEEDS_EYES: "👁"}
ORDER = (Outcome.FAILS, Outcome.NEEDS_EYES, Outcome.HOLDS)
DETAILS_SHOWN = 6


def render_verdict(verdict: Verdict) -> str:
    """Returns a verdict as Markdown: what failed first, then what needs eyes, then what holds."""
    words = f": {quote(verdict.reason, 300)}" if verdict.reason else ""
    lines = [f"## Verdict: {verdict.outcome.value}{words}", ""]
    for outcome in ORDER:
        lines += [line for proof in verdict.proofs if proof.outcome is outcome for line in proof_lines(proof)]
    where = f" in {quote(verdict.isolation, 120)}" if verdict.isolation else ""
    lines += ["", f"{len(verdict.proofs)} proofs in {verdict.seconds:.1f} s{where}, on base `{verdict.base[:12]}`."]
    return "\n".join(lines) + "\n"


def proof_lines(proof: Proof) -> list[str]:
    """Returns a proof as a list item, with details where somebody has to look."""
    lines = [f"- {MARKS[proof.outcome]} **{proof.name}** {proof.outcome.value}: {quote(proof.saw, 400)}"]
    if proof.outcome is not Outcome.HOLDS:
        lines += [f"  - {quote(detail, 240)}" for detail in proof.details[:DETAILS_SHOWN]]
        if len(proof.details) > DETAILS_SHOWN:
            lines.append(f"  - and {len(proof.details) - DETAILS_SHOWN} more")
    return lines
