"""Turns ideas for a repair into candidates: pure data, checked for syntax, without doubles, in the order to try."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.repair.diffs import changed_lines, files_of, make_diff, paths_of, size_of
from andon.agents.search.repair.source import Edit, Sources, apply_edits, is_test
from andon.models import Attempt

CLASSES = ("revert", "sibling", "template")


class Idea(NamedTuple):
    """Edits that might repair, before anybody looked whether they parse."""

    edits: tuple[Edit, ...]
    strategy: str
    """`revert`, `sibling:<what>` or `template:<what>`."""
    suspicion: float
    """0 to 1: how suspicious the place is, times how often this kind of repair is right."""
    says: str
    """What the repair does, in a sentence for people."""


class Candidate(NamedTuple):
    """One possible repair as a diff on the base; nothing has run yet."""

    diff: str
    strategy: str
    size: int
    """Changed lines."""
    suspicion: float
    says: str

    @property
    def rank(self) -> int:
        """0 for a revert, 1 for a sibling's, 2 for a template."""
        return rank_of(self.strategy)


def rank_of(strategy: str) -> int:
    """Returns how trustworthy a class of repairs is: the lower the better."""
    return CLASSES.index(strategy.partition(":")[0])


def build(sources: Sources, ideas: Iterable[Idea], *, cap: int = 400) -> list[Candidate]:
    """Returns at most `cap` candidates of ideas that parse and change something, no diff twice, best first.

    Of two ideas with the same outcome the more suspicious one stays; it gives the candidate its words.
    """
    found: dict[str, Candidate] = {}
    for idea in sorted(ideas, key=lambda idea: (rank_of(idea.strategy), -idea.suspicion)):
        candidate = build_one(sources, idea)
        if candidate is not None:
            found.setdefault(candidate.diff, candidate)
        if len(found) >= cap:
            break
    return ordered(found.values())


def build_one(sources: Sources, idea: Idea) -> Candidate | None:
    """Returns the candidate of an idea, or None when it does not parse or changes nothing."""
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    for path in {edit.path for edit in idea.edits}:
        file = sources.find(path)
        if file is None or is_test(path):
            return None
        text = apply_edits(file.text, tuple(edit for edit in idea.edits if edit.path == path))
        if text is None or not is_python(text):
            return None
        old[path], new[path] = file.text, text
    if all(same_code(old[path], new[path]) for path in new):
        return None
    return from_texts(old, new, strategy=idea.strategy, suspicion=idea.suspicion, says=idea.says)


def from_texts(
    old: Mapping[str, str], new: Mapping[str, str], *, strategy: str, suspicion: float, says: str
) -> Candidate:
    """Returns the candidate that changes old texts into new ones."""
    diff = make_diff(old, new)
    return Candidate(diff, strategy, size_of(diff), suspicion, says)


def is_python(text: str) -> bool:
    """Tells whether a text compiles; nothing is run."""
    try:
        compile(text, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def same_code(old: str, new: str) -> bool:
    """Tells whether two texts are the same program."""
    return ast.dump(ast.parse(old)) == ast.dump(ast.parse(new))


def ordered(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Returns candidates in the order to try: reverts, siblings, templates; then suspicion, then size."""
    return sorted(candidates, key=lambda c: (c.rank, -round(c.suspicion, 3), c.size, c.diff))


def without_refuted(candidates: Iterable[Candidate], earlier: Sequence[Attempt]) -> list[Candidate]:
    """Returns the candidates that no earlier attempt handed in and lost with."""
    refuted = {source_change(attempt.patch.diff) for attempt in earlier if attempt.patch is not None}
    return [candidate for candidate in candidates if source_change(candidate.diff) not in refuted]


def source_change(diff: str) -> tuple[tuple[str, ...], ...]:
    """Returns what a diff does to the sources, apart from layout: paths, removed and added lines."""
    parts: list[tuple[str, ...]] = []
    for path, part in files_of(diff):
        if is_test(path) or "\nnew file mode" in part:
            continue
        removed, added = changed_lines(part)
        parts.append((path, *(f"-{squeezed(line)}" for line in removed), *(f"+{squeezed(line)}" for line in added)))
    return tuple(sorted(parts))


def squeezed(line: str) -> str:
    """Returns a line with runs of white space as one blank."""
    return re.sub(r"\s+", " ", line).strip()


def touched(candidate: Candidate) -> tuple[str, ...]:
    """Returns the paths that a candidate changes."""
    return paths_of(candidate.diff)
