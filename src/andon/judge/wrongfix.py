"""Makes the fix wrong in one place at a time: a test that notices nothing of it does not test the fix."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from andon.judge.asserts import lines_of, parsed
from andon.judge.covered import turning
from andon.judge.edits.edits import find_source
from andon.judge.edits.mutants import Mutant, merged, mutants
from andon.judge.edits.places import changed_lines
from andon.judge.edits.trials import affordable, sides, suite_says, try_out, witnesses
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.models import Proof

NAME = "wrong fix noticed"
MOST = 10
ENOUGH = 3
"""So many wrong fixes that nobody notices say something about the test."""
SINGLE = 3
"""Wrong fixes that the suite is asked of one by one, besides all of them at once."""


class Noticed(NamedTuple):
    """Who noticed a wrong fix; both empty for nobody."""

    test: str
    symptom: str


def wrong_fix_noticed(hearing: Hearing) -> Proof | None:
    """Holds when at least half of the wrong fixes are noticed by the new tests or the symptom; None without Python."""
    items = [item for item in hearing.source if item.path.endswith(".py") and item.kind != "deleted"]
    if not items:
        return None
    if hearing.base_new.ran.timed_out:
        return holds(NAME, "the fault is one of time, which no wrong value shows: not tried")
    head = sides(hearing).head
    texts = {item.path: head[item.path] or "" for item in items}
    lines = {item.path: changed_lines(item, texts[item.path]) for item in items}
    if hearing.people:
        lines = {path: reached(hearing, path, texts[path], numbers) for path, numbers in lines.items()}
    tried = mutants(texts, lines, affordable(hearing, MOST), hearing.seed)
    if not tried:
        return holds(NAME, "no added line holds anything that could be made wrong")
    hearing.progress(f"makes the fix wrong in {len(tried)} places in turn")
    seen = witnesses(hearing)
    found = try_out(
        hearing,
        [{one.path: one.text} for one in tried],
        lambda tree: Noticed(said, "") if (said := seen.tests_say(tree)) else Noticed("", seen.symptom_says(tree)),
    )
    return weighed(hearing, tried, found)


def reached(hearing: Hearing, path: str, text: str, lines: frozenset[int]) -> frozenset[int]:
    """Returns the changed lines that a person's turning tests ran; what they did not run is told of elsewhere.

    All of them where lines could not be noted.
    """
    ran = {number for test in turning(hearing) for number in lines_of(hearing.head_new, test).get(path, ())}
    if not ran:
        return lines
    return frozenset(number for one in statements_of(text) if ran & one for number in one & lines)


def statements_of(text: str) -> Iterator[frozenset[int]]:
    """Yields the lines of each simple statement, and those of each compound one's head."""
    tree = parsed(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            yield frozenset(range(node.lineno, last + 1))


def weighed(hearing: Hearing, tried: Sequence[Mutant], found: Sequence[Noticed]) -> Proof:
    """Returns the proof from who noticed which wrong fix."""
    details = [
        f"{one.words}: {who.test or who.symptom or 'nobody notices'}" for one, who in zip(tried, found, strict=True)
    ]
    by_test, by_symptom = sum(bool(one.test) for one in found), sum(bool(one.symptom) for one in found)
    count = by_test + by_symptom
    more = f", {by_symptom} more by the symptom itself" if by_symptom else ""
    saw = f"{by_test} of {len(tried)} wrong fixes are noticed by the new tests{more}"
    if 2 * count >= len(tried):
        return holds(NAME, saw, details)
    if not count and len(tried) >= ENOUGH:
        single = [{one.path: one.text} for one in tried[:SINGLE]]  # one fault may hide another
        who = suite_says(hearing, [all_at_once(hearing, tried), *single])
        if not who:
            unsure = needs_eyes if hearing.people else fails
            return unsure(NAME, f"{saw}, nor any by the suite: the test does not notice when the fix is wrong", details)
        details = [*details, f"in the suite: {who}"]
        saw = f"{saw}, though some by the suite"
    return holds(NAME, saw, details) if hearing.people else needs_eyes(NAME, saw, details)


def all_at_once(hearing: Hearing, tried: Sequence[Mutant]) -> dict[str, str]:
    """Returns the texts that are wrong in all the places at once: one run then tells whether the suite sees any."""
    head = sides(hearing).head
    texts: dict[str, str] = {}
    for path in {one.path for one in tried}:
        source = find_source(head[path] or "")
        assert source is not None  # it gave mutants
        texts[path] = merged(source, [one.edit for one in tried if one.path == path])
    return texts
