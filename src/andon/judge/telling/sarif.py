"""Writes a verdict as SARIF 2.1.0, for the tools that show findings at their lines; finds nothing by itself."""

from __future__ import annotations

import urllib.parse

from pydantic import JsonValue

from andon import __version__
from andon.judge.telling.places import Place, paths_of, places
from andon.models import Outcome, Patch, Proof, Verdict, VerdictOutcome, digest
from andon.quoting import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Outcome.FAILS: "error", Outcome.NEEDS_EYES: "warning"}
SHOWN = 10
"""Places of one proof that become findings."""
TEXT = 1000
BROKEN = (VerdictOutcome.JUDGE_BROKEN, VerdictOutcome.NOT_REPRODUCED)

Json = dict[str, JsonValue]


def render_sarif(verdict: Verdict, patch: Patch) -> Json:
    """Returns a verdict as a SARIF log: one finding for each place where a proof fails or needs eyes.

    A proof that knows no place is shown at the first file of the diff, without a line.
    """
    told = [proof for proof in verdict.proofs if proof.outcome in LEVELS]
    results = [found for number, proof in enumerate(told) for found in findings(number, proof, patch)]
    invocation: Json = {"executionSuccessful": verdict.outcome not in BROKEN}
    if verdict.outcome in BROKEN:
        words: Json = {"text": plain(f"{verdict.outcome.value}: {verdict.reason}")}
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": words}]
    run: Json = {
        "tool": {"driver": {"name": "andon", "semanticVersion": __version__, "rules": [rule(one) for one in told]}},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": list(results),
        "properties": {
            "verdict": verdict.outcome.value,
            "reason": visible(verdict.reason, TEXT),
            "base": verdict.base,
            "patch": verdict.patch,
            "record": verdict.record,
            "sandbox": visible(verdict.isolation),
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def rule(proof: Proof) -> Json:
    """Returns a proof as a rule."""
    return {
        "id": rule_id(proof),
        "name": "".join(word.capitalize() for word in proof.name.split()),
        "shortDescription": {"text": f"{proof.name}: a proof of andon's judge"},
        "help": {"text": f"What `{proof.name}` means stands in docs/judge.md of andon."},
    }


def rule_id(proof: Proof) -> str:
    return "judge/" + proof.name.replace(" ", "-")


def findings(number: int, proof: Proof, patch: Patch) -> list[Json]:
    """Returns a proof as findings, one a place."""
    paths = paths_of(patch)
    known = places(proof, patch)[:SHOWN] or tuple(Place(path, None, "") for path in paths[:1])
    return [finding(number, proof, place) for place in known] or [finding(number, proof, None)]


def finding(number: int, proof: Proof, place: Place | None) -> Json:
    words = f"{proof.name} {proof.outcome.value}: {proof.saw}"
    if place is not None and place.words and place.words not in proof.saw:
        words += f" | {place.words}"
    found: Json = {
        "ruleId": rule_id(proof),
        "ruleIndex": number,
        "level": LEVELS[proof.outcome],
        "message": {"text": plain(words)},
    }
    if place is not None:
        physical: Json = {"artifactLocation": {"uri": urllib.parse.quote(place.path, errors="surrogatepass")}}
        if place.line is not None:
            physical["region"] = {"startLine": place.line}
        found["locations"] = [{"physicalLocation": physical}]
        found["partialFingerprints"] = {"andonFinding/v1": digest([proof.name, place.path, place.words])}
    return found


def plain(text: str) -> str:
    """Returns text for a SARIF message, in which brackets would make a link and braces a placeholder."""
    shown = visible(text, TEXT)
    for mark in ("\\", "[", "]"):
        shown = shown.replace(mark, "\\" + mark)
    return shown.replace("{", "{{").replace("}", "}}")
