"""Writes a verdict for GitHub's runner: annotations at lines, in commands that no hostile text can break out of."""

from __future__ import annotations

from andon.judge.telling.places import places
from andon.models import Outcome, Patch, Proof, Verdict, VerdictOutcome
from andon.quoting import visible

LEVELS = {Outcome.FAILS: "error", Outcome.NEEDS_EYES: "warning"}
MOST = 10
"""Annotations of a kind that the runner shows for one step; it drops the rest."""
SUMMARY = 900_000
"""Bytes of a summary; the runner refuses one of more than a mebibyte."""


def annotate(verdict: Verdict, patch: Patch) -> tuple[str, ...]:
    """Returns the commands that annotate the lines which proofs speak of, and one for the verdict itself."""
    lines = [verdict_line(verdict)]
    for outcome, level in LEVELS.items():
        told = [line for proof in verdict.proofs if proof.outcome is outcome for line in of_proof(level, proof, patch)]
        lines += told[: MOST - 1]
    return tuple(lines)


def verdict_line(verdict: Verdict) -> str:
    """Returns the command that says the verdict."""
    level = {
        VerdictOutcome.PROVEN: "notice",
        VerdictOutcome.NEEDS_EYES: "warning",
        VerdictOutcome.REJECTED: "error",
    }.get(verdict.outcome, "error")
    return command(level, f"{verdict.outcome.value}: {verdict.reason}" if verdict.reason else "proven", title="andon")


def of_proof(level: str, proof: Proof, patch: Patch) -> list[str]:
    """Returns a proof's annotations: at each place it names, or one without a place."""
    title = f"{proof.name} {proof.outcome.value}"
    found = places(proof, patch)
    if not found:
        return [command(level, proof.saw, title=title)]
    return [
        command(level, place.words, title=title, file=place.path, **({"line": str(place.line)} if place.line else {}))
        for place in found[:3]
    ]


def command(name: str, message: str, **properties: str) -> str:
    """Returns one workflow command on one line; whatever stands in the texts ends neither it nor its properties."""
    said = ",".join(f"{key}={escaped_property(text)}" for key, text in properties.items())
    return f"::{name}{' ' + said if said else ''}::{escaped(visible(message, 1000))}"


def escaped(text: str) -> str:
    """Returns a message as the runner reads it back unchanged."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """Returns a property as the runner reads it back unchanged."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")


def calm(line: str) -> str:
    """Returns a line of output in which the runner finds no command, old style or new."""
    shown = visible(line, 2000).replace("##[", "## [")
    return f" {shown}" if not shown.lstrip().startswith("::") else f" | {shown}"


def shortened(markdown: str) -> str:
    """Returns a summary that the runner takes."""
    data = markdown.encode("utf-8", "replace")
    if len(data) <= SUMMARY:
        return markdown
    return data[:SUMMARY].decode("utf-8", "ignore").rpartition("\n")[0] + "\n\nThe rest is too long for a summary.\n"
