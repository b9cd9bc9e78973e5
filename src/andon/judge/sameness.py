"""Writes the fix anew without changing what it does, and its words without the fix: the new tests must not mind.

It never says whether a fix is right: only whether the tests ask what it does, or how it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from andon.judge.difftext import FileDiff
from andon.judge.edits.rewrites import as_comment, lowered, near_lines, renamed, reshaped
from andon.judge.edits.trials import Sides, Texts, Witnesses, sides, try_out, witnesses
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.suites import function_of
from andon.models import Proof
from andon.protocols import Workspace

NAME = "behaviour not text"


class Rewrites(NamedTuple):
    """The same fix in other words."""

    light: Texts
    """Lines moved, local names others: what no test can mind that does not read the source."""
    form: Texts
    """Branches swapped, returned values named."""


def behaviour_not_text(hearing: Hearing) -> Proof | None:
    """Holds when the new tests pass for the same fix in other words, and fail for its words as comments.

    None where no Python source or no flipping test is there to ask.
    """
    items = [item for item in hearing.source if item.path.endswith(".py")]
    seen = witnesses(hearing)
    if not items or not seen.tests:
        return None
    hearing.progress("writes the same fix in other words")
    known = sides(hearing)
    again = rewrites(items, known)
    trials = [again.light, again.form] if again.form != known.head else [again.light]
    found = confirmed(hearing, seen, trials)
    told = content_with_words(hearing, seen, items, known)
    details = [
        *(f"{words}: {said or 'the new tests pass'}" for words, said in zip(WORDS, found, strict=False)),
        *(f"passes without the fix, with its lines as comments: {test}" for test in told),
    ]
    return weighed(hearing, seen, found, told, details)


WORDS = ("lines moved and local names changed", "branches swapped and returned values named")


def weighed(
    hearing: Hearing, seen: Witnesses, found: Sequence[str], told: Sequence[str], details: Sequence[str]
) -> Proof:
    """Returns the proof from what the new tests said of the rewrites and of the words alone."""
    unsure = needs_eyes if hearing.people else fails
    if told and len(told) == len(seen.tests):
        return unsure(NAME, f"{told[0]} passes without the fix, with its lines as comments: it reads the text", details)
    if found[0]:
        return unsure(NAME, f"{found[0]} when lines move and local names change: the test reads the source", details)
    if any(found) and not hearing.people:
        return fails(NAME, f"{found[1]} for the same fix in another form: the test wants this very text", details)
    if told and not hearing.people:
        return needs_eyes(NAME, f"{told[0]} passes without the fix, with its lines as comments", details)
    return holds(NAME, f"the new tests pass for {len(found) - sum(map(bool, found))} rewrites of the fix", details)


def rewrites(items: Sequence[FileDiff], known: Sides) -> Rewrites:
    """Returns the patched source files in other words."""
    light, form = dict(known.head), dict(known.head)
    for item in items:
        text = known.head[item.path]
        if text is not None:
            lines = near_lines(item, text)
            light[item.path] = lowered(renamed(text, lines))
            form[item.path] = reshaped(text, lines)
    return Rewrites(light, form)


def confirmed(hearing: Hearing, seen: Witnesses, trials: Sequence[Texts]) -> list[str]:
    """Returns what the new tests say of each rewrite; what is red must be red twice, as a test may be unsteady."""
    found = try_out(hearing, trials, seen.tests_say)
    red = [number for number, said in enumerate(found) if said]
    twice = try_out(hearing, [trials[number] for number in red], seen.tests_say)
    for number, said in zip(red, twice, strict=True):
        found[number] = said
    return found


def content_with_words(hearing: Hearing, seen: Witnesses, items: Sequence[FileDiff], known: Sides) -> tuple[str, ...]:
    """Returns the tests that pass twice without the fix when its lines stand in the source as comments."""
    if hearing.base_new.ran.timed_out or not all("::" in test for test in seen.tests):
        return ()
    words = {item.path: as_comment(item, known.base[item.path]) for item in items if item.kind != "deleted"}
    if not words:
        return ()

    def ask(tree: Workspace) -> set[str]:
        run = tree.test(seen.tests, seconds=seen.patience)
        red = {function_of(event) for event in run.failed}
        return {function_of(event) for event in run.events if event.outcome == "passed"} - red

    passing = try_out(hearing, [words], ask, diff=hearing.test_diff)[0] & set(seen.tests)
    if passing:
        passing &= try_out(hearing, [words], ask, diff=hearing.test_diff)[0]
    return tuple(sorted(passing))
