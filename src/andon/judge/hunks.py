"""Takes each changed place out in turn: what nobody misses is not part of the fix."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from andon.judge.difftext import FileDiff
from andon.judge.edits.places import taken_out
from andon.judge.edits.trials import Sides, Texts, Witnesses, affordable, sides, suite_says, try_out, witnesses
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import is_code
from andon.judge.syntax import parse
from andon.models import Proof
from andon.protocols import Workspace

NAME = "every hunk needed"
MOST = 8
"""Trials; more places than these are taken out in groups of neighbours."""
MARKS = frozenset({"__version__", "__version_info__", "__author__", "__date__", "__copyright__", "version", "VERSION"})
"""Module names that say which text this is, and nothing of what it does."""
NOBODY = "nobody misses it"
LAYOUT = "changes no code"
WORDS = "changes only what is said, and nobody misses it"
ENTANGLED = "it does not stand apart from the other places"
BROKEN = "the file is no Python without it"

Kind = Literal["code", "words", "layout"]


class Place(NamedTuple):
    """One hunk of one source file."""

    item: FileDiff
    number: int

    @property
    def words(self) -> str:
        header = self.item.hunks[self.number].header
        return f"{self.item.path} {header.split('@@')[1].strip()}"


class Trial(NamedTuple):
    """Places that are taken out together."""

    places: tuple[Place, ...]
    texts: Texts
    kind: Kind
    """`words` change only documentation or a mark of the version, `layout` not even that."""
    known: str = ""
    """What is known without a run."""

    @property
    def words(self) -> str:
        more = f" and {len(self.places) - 1} more" if self.places[1:] else ""
        return self.places[0].words + more


def every_hunk_needed(hearing: Hearing) -> Proof:
    """Holds when without any one place of the source the symptom, a new test or the suite is red again."""
    seen = witnesses(hearing)
    known = sides(hearing)
    places = [Place(item, number) for item in hearing.source for number in range(len(item.hunks)) if is_code(item.path)]
    trials = [trial(group, known) for group in groups(places, affordable(hearing, MOST))]
    running = [one for one in trials if not one.known]
    hearing.progress(f"takes {len(running)} changed places out in turn")
    answers = dict(
        zip(map(id, running), try_out(hearing, [one.texts for one in running], lambda t: missed(seen, t)), strict=True)
    )
    found = [(one, one.known or answers[id(one)] or (WORDS if one.kind == "words" else "")) for one in trials]
    idle = [one for one, who in found if not who]
    needed = [one for one, who in found if who and one.kind == "code"]
    if idle and needed and not hearing.people and (who := suite_says(hearing, [merged(idle, known)])):
        found = [(one, said or f"of the suite, {who} without this and other such places") for one, said in found]
        idle = []
    details = [f"{one.words}: {who or NOBODY}" for one, who in found]
    if not needed:
        return none_needed(hearing, seen, [one for one in trials if one.kind == "code"], known, details)
    count = f"{len(trials) - len(idle)} of {len(trials)}"
    if idle and not hearing.people:  # more than a quarter of honest people's fixes hold a place that nobody misses
        return needs_eyes(NAME, f"{len(idle)} of {len(trials)} places are not needed: {idle[0].words}", details)
    if idle:
        return holds(NAME, f"{count} places are missed when they are taken out", details)
    return holds(NAME, f"each of {len(trials)} places is missed when it is taken out", details)


def none_needed(
    hearing: Hearing, seen: Witnesses, code: Sequence[Trial], known: Sides, details: Sequence[str]
) -> Proof:
    """Returns the proof where no single place of code is missed.

    A person may have mended a thing twice, so that either would do; then all the places together are missed. Who is
    green on the source of the base, where it was red before, tells nothing of any place.
    """

    def says(texts: Texts) -> str:
        return try_out(hearing, [texts], lambda tree: missed(seen, tree))[0]

    words = "no changed place is needed: the patch works without any one of them"
    if not hearing.people:
        return fails(NAME, words, details)
    if code and says(merged(code, known)):
        return needs_eyes(NAME, "no changed place is needed by itself, though all of them together are", details)
    if any(not detail.endswith((NOBODY, LAYOUT)) for detail in details):
        return needs_eyes(NAME, "only places that change documentation or a version are needed", details)
    if code and not says(known.base):
        return needs_eyes(NAME, "the new tests were red on the source of the base, and are green on it now", details)
    return fails(NAME, words, details)


def missed(seen: Witnesses, tree: Workspace) -> str:
    """Returns who goes red in a tree without a place: first what is asked from outside; empty for nobody."""
    said = seen.symptom_says(tree) or seen.tests_say(tree)
    return f"{said} without it" if said else ""


def groups(places: Sequence[Place], most: int) -> Iterator[tuple[Place, ...]]:
    """Yields the places one by one, or so many groups of neighbours of about the same number."""
    count = min(most, len(places))
    for number in range(count):
        yield tuple(places[number * len(places) // count : (number + 1) * len(places) // count])


def trial(places: tuple[Place, ...], known: Sides) -> Trial:
    """Returns the tree without some places, and what is known of it without a run."""
    texts: dict[str, str | None] = {}
    for path in dict.fromkeys(place.item.path for place in places):
        here = [place for place in places if place.item.path == path]
        apart, texts[path] = taken_out(here[0].item, [place.number for place in here], known.head[path])
        if not apart:
            return Trial(places, {}, "code", ENTANGLED)
    kinds = {kind_of(path, known.head[path], text) for path, text in texts.items()}
    kind: Kind = "code" if "code" in kinds else "words" if "words" in kinds else "layout"
    broken = any(is_broken(path, known.head[path], text) for path, text in texts.items())
    return Trial(places, texts, kind, LAYOUT if kind == "layout" else BROKEN if broken else "")


def merged(trials: Sequence[Trial], known: Sides) -> Texts:
    """Returns the tree without the places of several trials."""
    return trial(tuple(place for one in trials for place in one.places), known).texts


def kind_of(path: str, head: str | None, text: str | None) -> Kind:
    """Tells whether two texts of a file differ in what they do, only in what they say, or only in how they look."""
    if not path.endswith((".py", ".pyi")) or head is None or text is None:
        return "code"
    one, other = parsed(head), parsed(text)
    if one is None or other is None:
        return "code"
    if ast.dump(one) == ast.dump(other):
        return "layout"
    return "words" if ast.dump(bare(one)) == ast.dump(bare(other)) else "code"


def is_broken(path: str, head: str | None, text: str | None) -> bool:
    """Tells whether a file is Python with the patch and no more without a place."""
    if not path.endswith(".py") or head is None or text is None:
        return False
    return parsed(head) is not None and parsed(text) is None


def parsed(text: str) -> ast.Module | None:
    """Returns the tree of a text; None when it is no Python that this interpreter reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def bare(tree: ast.Module) -> ast.Module:
    """Returns a tree without its docstrings and without what a module says of its own version."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.body:
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str()) as words):
                    words.value = ""
    tree.body = [node for node in tree.body if not is_mark(node)]
    return tree


def is_mark(node: ast.stmt) -> bool:
    """Tells whether a statement of a module only says which version this is."""
    if not isinstance(node, ast.Assign):
        return False
    return all(isinstance(target, ast.Name) and target.id in MARKS for target in node.targets)
