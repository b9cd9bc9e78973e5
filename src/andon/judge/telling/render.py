"""Writes a verdict as Markdown in the order in which a person decides; it only words what the proofs saw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from andon.judge.difftext import FileDiff, Unreadable, parse
from andon.models import Outcome, Patch, Proof, Verdict, VerdictOutcome
from andon.quoting import quote

MARKS = {Outcome.HOLDS: "ok", Outcome.NEEDS_EYES: "LOOK", Outcome.FAILS: "FAILS"}
ORDER = (Outcome.FAILS, Outcome.NEEDS_EYES, Outcome.HOLDS)
FLAGS = 5
DIFFERENCES_SHOWN = 3
CONTESTED_SHOWN = 3
LINES_SHOWN = 12
DETAILS_SHOWN = 6

SYMPTOM = ("symptom on base", "symptom on head", "not vacuous")
TEST = ("new test on base", "new test on head", "flip seen from outside")
HUNKS = "every hunk needed"
CONTESTED = "suite on head"
DIFFERENCES = ("differential", "perturbed replay", "plausible values")
"""Proofs whose details say what the patch does differently on the same inputs."""
WHYS = ("diagnosis replayed", "same lines")
"""Proofs of what was said of the cause."""

DETAIL = re.compile(
    r"(?P<path>.+?) (?P<at>-\d+(?:,\d+)? \+\d+(?:,\d+)?)(?: and (?P<more>\d+) more)?: (?P<who>.+)", re.DOTALL
)
FOR = {
    "nobody misses it": "not needed",
    "changes no code": "changes nothing that runs",
    "changes only what is said": "changes nothing that runs",
    "of the suite": "supports",
    "the file is no Python": "supports",
    "it does not stand apart": "not taken out alone",
}
"""How a detail of that proof begins -> what the hunk is for; any other says who is red without it."""


class Tag(NamedTuple):
    """What was found of one hunk when it was taken out."""

    path: str
    at: str
    """Its place as its header says it: `-10,6 +10,8`."""
    word: str
    who: str


def render_verdict(verdict: Verdict, patch: Patch | None = None) -> str:
    """Returns a verdict as Markdown: the claim first, then what a person should look at, then every proof.

    `patch` is the judged one: with it hunks are tagged and contested tests stand side by side.
    """
    parts = [
        headline(verdict),
        symptom_part(verdict),
        test_part(verdict),
        hunks_part(verdict),
        flags_part(verdict),
        contested_part(verdict, patch),
        differences_part(verdict),
        whys_part(verdict),
        unchecked_part(verdict),
        proofs_part(verdict),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(verdict: Verdict) -> str:
    """Returns the verdict with the class of its reason."""
    words = f": {quote(verdict.reason, 300)}" if verdict.reason else ""
    return f"## Verdict: {verdict.outcome.value}{words}"


def symptom_part(verdict: Verdict) -> str:
    """Returns the symptom without and with the patch."""
    told = of(verdict, SYMPTOM)
    return titled("The symptom, before and after", [line(proof) for proof in told])


def test_part(verdict: Verdict) -> str:
    """Returns how the regression test ends without the patch, with its failure, and with it."""
    lines = []
    for proof in of(verdict, TEST):
        lines.append(line(proof))
        lines += [f"  - {quote(detail, 300)}" for detail in proof.details[:DIFFERENCES_SHOWN]]
    return titled("The regression test", lines)


def hunks_part(verdict: Verdict) -> str:
    """Returns each hunk of the source with what it is for."""
    lines = [f"- {quote(tag.path)} `{tag.at}` **{tag.word}**: {quote(tag.who, 160)}" for tag in tags(verdict)]
    return titled("The change, hunk by hunk", lines)


def flags_part(verdict: Verdict) -> str:
    """Returns at most five things to look at, red first."""
    flagged = [proof for outcome in ORDER[:2] for proof in verdict.proofs if proof.outcome is outcome]
    lines = []
    for proof in flagged[:FLAGS]:
        lines.append(line(proof))
        lines += [f"  - {quote(detail, 240)}" for detail in proof.details[:DETAILS_SHOWN]]
        if proof.details[DETAILS_SHOWN:]:
            lines.append(f"  - and {len(proof.details) - DETAILS_SHOWN} more")
    if flagged[FLAGS:]:
        lines.append(f"- and {len(flagged) - FLAGS} more, below")
    return titled("Look at", lines)


def contested_part(verdict: Verdict, patch: Patch | None) -> str:
    """Returns tests that held before and that the patch itself changes: as they were, and as they are now."""
    proof = next((one for one in of(verdict, (CONTESTED,)) if one.outcome is Outcome.NEEDS_EYES), None)
    if proof is None:
        return ""
    lines = [f"- as it was: {quote(detail, 300)}" for detail in proof.details[:CONTESTED_SHOWN]]
    files = {detail.split("::")[0] for detail in proof.details}
    for item in test_files(patch, files)[:CONTESTED_SHOWN]:
        lines += ["", *side_by_side(item)]
    return titled("Contested tests", lines)


def differences_part(verdict: Verdict) -> str:
    """Returns the largest differences that were seen between base and head on the same inputs."""
    lines = [
        f"- {proof.name}: {quote(detail, 300)}"
        for proof in of(verdict, DIFFERENCES)
        for detail in proof.details[:DIFFERENCES_SHOWN]
    ]
    return titled("What it does differently", lines[: 2 * DIFFERENCES_SHOWN])


def whys_part(verdict: Verdict) -> str:
    """Returns what of the diagnosis could be seen again."""
    lines = []
    for proof in of(verdict, WHYS):
        lines += [line(proof), *(f"  - {quote(detail, 240)}" for detail in proof.details[:DETAILS_SHOWN])]
    return titled("The whys, replayed", lines)


def unchecked_part(verdict: Verdict) -> str:
    """Returns what this verdict does not speak of, as a part of the page."""
    always = "- inputs that nobody recorded or tests, and rows that the bug already wrote"
    return titled("Not checked", [always, *unchecked(verdict)])


def unchecked(verdict: Verdict) -> list[str]:
    """Returns which proofs were not heard, and what the sandbox does not keep apart, as items of a list."""
    from andon.judge import PROOFS

    names = [rule.name for rule in PROOFS]
    heard = [proof.name for proof in verdict.proofs]
    last = max((names.index(name) for name in heard if name in names), default=-1)
    stopped = verdict.outcome not in (VerdictOutcome.PROVEN, VerdictOutcome.NEEDS_EYES)
    after = [name for name in names[last + 1 :] if name not in heard] if stopped else []
    idle = [name for name in names if name not in heard and name not in after]
    lines = [f"- the judge stopped before: {', '.join(after)}"] if after else []
    lines += [f"- does not apply to this change: {', '.join(idle)}"] if idle else []
    if "(" in verdict.isolation:
        lines.append(f"- the sandbox is the weaker one: {quote(verdict.isolation, 300)}")
    return lines


def proofs_part(verdict: Verdict) -> str:
    """Returns every proof in the order in which they were heard, with what it cost."""
    lines = [f"{line(proof)} ({proof.seconds:.1f} s)" for proof in verdict.proofs]
    where = f" in {quote(verdict.isolation, 120)}" if verdict.isolation else ""
    lines += ["", f"{len(verdict.proofs)} proofs in {verdict.seconds:.1f} s{where}, on base `{verdict.base[:12]}`."]
    if verdict.record:
        lines.append(f"Record `{verdict.record}`.")
    return titled("All proofs", lines)


# --- pieces -----------------------------------------------------------------------------------------------------------


def titled(title: str, lines: list[str]) -> str:
    """Returns a part of the page; empty when there is nothing to say."""
    return "\n".join([f"### {title}", "", *lines]) if lines else ""


def of(verdict: Verdict, names: tuple[str, ...]) -> list[Proof]:
    """Returns the proofs of some names, in the order of the names."""
    return [proof for name in names for proof in verdict.proofs if proof.name == name]


def line(proof: Proof) -> str:
    """Returns a proof as one item of a list."""
    return f"- {MARKS[proof.outcome]} **{proof.name}**: {quote(proof.saw, 400)}"


def tags(verdict: Verdict) -> tuple[Tag, ...]:
    """Returns what each hunk is for, as the judge saw when it took them out."""
    found = []
    for proof in of(verdict, (HUNKS,)):
        for detail in proof.details:
            if parts := DETAIL.fullmatch(detail):
                at = parts["at"] + (f" and {parts['more']} more" if parts["more"] else "")
                found.append(Tag(parts["path"], at, word_for(parts["who"]), parts["who"]))
    return tuple(found)


def word_for(who: str) -> str:
    """Returns what a hunk is for, by who missed it."""
    return next((word for start, word in FOR.items() if who.startswith(start)), "causes the flip")


def tagged(diff: str, verdict: Verdict | None) -> str:
    """Returns a diff with the tag of each hunk behind its header, where it changes nothing of what applies."""
    if verdict is None:
        return diff
    known = {(tag.path, tag.at.split(" and ")[0]): tag.word for tag in tags(verdict)}
    path, lines = "", []
    for text in diff.split("\n"):
        if text.startswith("diff --git "):
            path = text.rpartition(" b/")[2]
        pieces = text.split("@@", 2)
        word = known.get((path, pieces[1].strip())) if len(pieces) == 3 and not pieces[0] else None
        lines.append(f"{text}  [{word}]" if word else text)
    return "\n".join(lines)


def test_files(patch: Patch | None, paths: set[str]) -> list[FileDiff]:
    """Returns the parts of a diff that change these files; a path may be told from the system's own folder."""
    if patch is None:
        return []
    try:
        files = parse(patch.diff)
    except Unreadable:
        return []
    return [item for item in files if any(item.path == path or item.path.endswith(f"/{path}") for path in paths)]


def side_by_side(item: FileDiff) -> Iterator[str]:
    """Yields a table of what a file's tests said and say."""
    yield f"| {bar(item.path)} as it was | as it is now |"
    yield "|---|---|"
    count = 0
    for hunk in item.hunks:
        old, new = hunk.removed, hunk.added
        if not old:
            continue  # only added: nothing that held before is touched here
        for number in range(max(len(old), len(new))):
            count += 1
            if count > LINES_SHOWN:
                return
            yield f"| {' | '.join(bar(side[number]) if number < len(side) else '' for side in (old, new))} |"


def bar(text: str) -> str:
    """Returns text for a cell of a table."""
    return quote(text, 120).replace("|", "\\|") if text.strip() else ""
