"""Words a diagnosis for people, as Markdown; whatever stands in it, nothing becomes markup of its own."""

from __future__ import annotations

import re

from andon.diagnose.rules import is_unknown
from andon.models import (
    CommitFact,
    ContrastFact,
    Diagnosis,
    Fact,
    LinesFact,
    LogFact,
    QueryFact,
    ReplayFact,
    RowsFact,
    TestFact,
    Why,
)
from andon.quoting import fence, quote, visible

ANSWER = 1200
"""Characters of an answer that are shown."""
CODE = 800
SPECIAL = re.compile(r"([\\`*<>\[\]|~!&])")
MENTION = re.compile(r"(?<![\w`])[@#]\w[\w.-]*")


def render_diagnosis(diagnosis: Diagnosis) -> str:
    """Returns the chain of whys with its evidence, the cause and its lane, as Markdown."""
    parts = [f"## Why: {diagnosis.lane.value}", f"**{prose(diagnosis.root_cause)}**"]
    parts += [render_why(number, why) for number, why in enumerate(diagnosis.whys, 1)]
    if diagnosis.culprit:
        parts.append(f"Came with commit {quote(diagnosis.culprit[:12])}.")
    if diagnosis.locations:
        parts.append("### Where to look\n\n" + "\n".join(
            f"- {quote(place.path)} {place.start}-{place.end}"
            + (f" in {quote(place.function)}" if place.function else "")
            + f", suspicion {place.suspicion:.2f}"
            for place in diagnosis.locations[:5]
        ))  # fmt: skip
    if diagnosis.refused:
        told = "\n".join(f"- {quote(text)}" for text in diagnosis.refused)
        parts.append(f"### What did not hold when it was run again\n\n{told}")
    parts.append(f"*Found by {quote(diagnosis.agent, 40)}; every fact above was run again by andon itself.*")
    return "\n\n".join(parts)


def render_why(number: int, why: Why) -> str:
    """Returns one question and answer with its facts."""
    mark = "(the evidence ends here) " if is_unknown(why) else ""
    lines = [f"{number}. **{prose(why.question)}**", "", f"   {mark}{prose(why.answer)}", ""]
    for fact in why.facts:
        first, *rest = render_fact(fact).split("\n")
        lines += [f"   - {first}", *(f"     {line}" for line in rest)]
    return "\n".join(lines).rstrip()


def render_fact(fact: Fact) -> str:
    """Returns one fact in words."""
    if isinstance(fact, LinesFact):
        end = fact.start + fact.text.count("\n")
        language = "python" if fact.path.endswith(".py") else ""
        return f"{quote(fact.path)} {fact.start}-{end}:\n{fence(fact.text, CODE, language)}"
    if isinstance(fact, ReplayFact):
        with_diff = " with a change taken out" if fact.diff else ""
        return f"the replay at {quote(fact.commit[:10])}{with_diff} gives {fact.total} rows"
    if isinstance(fact, CommitFact):
        files = ", ".join(quote(name, 80) for name in fact.files[:6])
        return f"commit {quote(fact.commit[:10])} {quote(fact.subject, 100)}" + (f" touches {files}" if files else "")
    if isinstance(fact, ContrastFact):
        one = fact.contrast
        terms = " and ".join(quote(term, 120) for term in one.terms)
        return (
            f"{terms}: {one.offending} of {one.offending_total} offending rows, {one.healthy} of {one.healthy_total} "
            f"healthy ones (lift {one.lift:.2f}, p {one.p_value:.2g})"
        )
    if isinstance(fact, RowsFact):
        values = " and ".join(quote(f"{name} = {value}", 120) for name, value in fact.where.items())
        of = f"rows of {quote(fact.context)}" if fact.context else "recorded rows"
        return f"{fact.count} {of}" + (f" have {values}" if values else "")
    if isinstance(fact, QueryFact):
        return f"{quote(fact.sql, 300)} gives {fact.total} rows"
    if isinstance(fact, LogFact):
        return f"the log {quote(fact.path)} from byte {fact.offset:,} on:\n{fence(fact.text, CODE)}"
    if isinstance(fact, TestFact):
        return f"the test {quote(fact.test)} at {quote(fact.commit[:10])} ends {quote(fact.outcome, 20)}"
    shown = ", ".join(map(str, fact.lines[:12])) + (", ..." if len(fact.lines) > 12 else "")
    return f"the replay at {quote(fact.commit[:10])} runs {quote(fact.path)} lines {shown}"


def prose(text: str) -> str:
    """Returns a sentence with its special characters escaped; what would mention a person or an issue becomes code."""
    plain = visible(text, ANSWER)
    parts, place = [], 0
    for found in MENTION.finditer(plain):
        parts += [SPECIAL.sub(r"\\\1", plain[place : found.start()]), f"`{found[0]}`"]
        place = found.end()
    return "".join([*parts, SPECIAL.sub(r"\\\1", plain[place:])])
