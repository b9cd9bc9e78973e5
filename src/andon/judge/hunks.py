"""Takes each changed place out in turn: what nobody misses is not part of the fix."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from andon.errors import GitError
from andon.judge.difftext import FileDiff, without
from andon.judge.hearing import TEST_SECONDS, Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import is_code
from andon.judge.suites import green_proof
from andon.models import Outcome, Proof

MOST = 16
"""Places that are tried; the rest is told as not tried."""
SUITES = 2
"""Places for which the whole suite is run when neither replay nor new test misses them."""


class Place(NamedTuple):
    """One hunk of one source file."""

    item: FileDiff
    number: int

    @property
    def words(self) -> str:
        header = self.item.hunks[self.number].header
        return f"{self.item.path} {header.split('@@')[1].strip()}"


def every_hunk_needed(hearing: Hearing) -> Proof:
    """Holds when without any one place of the source the replay, a new test or the suite is red again."""
    name = "every hunk needed"
    places = [Place(item, number) for item in hearing.source for number in range(len(item.hunks)) if is_code(item.path)]
    tried = places[:MOST]
    hearing.progress(f"takes each of {len(tried)} changed places out in turn")
    with ThreadPoolExecutor(max_workers=max(1, hearing.workers)) as pool:
        found = list(pool.map(lambda place: missed_by(hearing, place), tried))
    idle = [place for place, who in zip(tried, found, strict=True) if not who]
    for place in idle[: 0 if hearing.people else SUITES]:
        found[tried.index(place)] = missed_by_suite(hearing, place)
    details = [f"{place.words}: {who or 'nobody misses it'}" for place, who in zip(tried, found, strict=True)]
    unneeded = [place for place, who in zip(tried, found, strict=True) if not who]
    needed = sum(1 for who in found if who and who != NO_CODE)
    if not needed:
        return fails(name, "no changed place is needed: the patch works without any one of them", details)
    if unneeded and hearing.people:  # more than a quarter of honest fixes hold a place that nobody misses
        return holds(name, f"{needed} of {len(tried)} places are missed when they are taken out", details)
    if unneeded:
        return needs_eyes(name, f"{len(unneeded)} of {len(tried)} places are not needed: {unneeded[0].words}", details)
    if len(places) > len(tried):
        return needs_eyes(name, f"only the first {MOST} of {len(places)} places were taken out", details)
    return holds(name, f"each of {len(tried)} places is missed when it is taken out", details)


NO_CODE = "changes no code"


def judged(hearing: Hearing) -> tuple[FileDiff, ...]:
    """Returns the files of the diff without those that were set aside."""
    return tuple(item for item in hearing.files if item.path not in hearing.aside)


def missed_by(hearing: Hearing, place: Place) -> str:
    """Returns who goes red without a place: the tree itself, the replay or a new test; empty for nobody."""
    diff = without(judged(hearing), place.item.path, place.number)
    try:
        with hearing.at(diff) as head:
            if changes_no_code(hearing, place, head.root):
                return NO_CODE
            if hearing.replayable and not head.replay(hearing.ticket_check, hearing.recorded).green:
                return "the replay is red without it"
            run = head.test(hearing.new_tests, seconds=TEST_SECONDS)
            green = green_proof("", run, hearing).outcome is not Outcome.FAILS
            return "" if green else "the new test is red without it"
    except GitError:
        return "the other places do not stand without it"


def missed_by_suite(hearing: Hearing, place: Place) -> str:
    """Returns whether the whole suite goes red without a place; empty when it does not."""
    with hearing.at(without(judged(hearing), place.item.path, place.number)) as head:
        run = head.test()
    red = [event for event in run.failed if event.id not in hearing.known_red]
    return "" if run.complete and not red else "the suite is red without it"


def changes_no_code(hearing: Hearing, place: Place, without_it: Path) -> bool:
    """Tells whether a place changes only comments, layout or documentation of a Python file."""
    if not place.item.path.endswith(".py") or place.item.kind != "changed":
        return False
    with hearing.at(hearing.source_diff) as head:
        texts = [
            (root / place.item.path).read_text(encoding="utf-8", errors="replace") for root in (head.root, without_it)
        ]
    try:
        one, other = (ast.dump(bare(ast.parse(text))) for text in texts)
    except SyntaxError:
        return False
    return one == other


def bare(tree: ast.Module) -> ast.Module:
    """Returns a tree without its docstrings."""
    for node in nodes_with_body(tree):
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            first.value.value = ""
    return tree


def nodes_with_body(tree: ast.Module) -> Iterator[ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.body:
            yield node
