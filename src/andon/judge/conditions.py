"""Lets each condition of the fix always hold, or never: one that nobody misses may leave a part of the fault behind."""

from __future__ import annotations

import ast
import random
from collections.abc import Collection, Iterator
from typing import NamedTuple

from andon.judge.asserts import lines_of
from andon.judge.covered import turning
from andon.judge.edits.edits import Edit, Source, find_source
from andon.judge.edits.mutants import find_mutant, quiet
from andon.judge.edits.places import changed_lines
from andon.judge.edits.trials import Texts, Witnesses, affordable, sides, suite_says, try_out, witnesses
from andon.judge.hearing import Hearing
from andon.judge.outcome import holds, needs_eyes
from andon.models import Proof
from andon.protocols import Workspace

NAME = "every condition needed"
MOST = 8
"""Trials of one hearing, a condition twice."""


class Forced(NamedTuple):
    """A text in which one condition is settled."""

    path: str
    edit: Edit
    text: str
    named: bool
    """Whether it names a value."""

    @property
    def words(self) -> str:
        return f"{self.path}:{self.edit.line}: {self.edit.words}"

    @property
    def texts(self) -> Texts:
        return {self.path: self.text}


def every_condition_needed(hearing: Hearing) -> Proof | None:
    """Holds when a test or the symptom misses each condition that the fix adds and the new tests come to.

    None where it adds none. A fix that is right only under a condition is no fix elsewhere; where no test tells the two
    apart, a person has to. Of a person's fix only those are looked at that name a value: people's tests often show one
    side of a condition, and who means to answer the tests alone has to know a case by something.
    """
    tried = settled(hearing)
    if not tried:
        return None
    if hearing.base_new.ran.timed_out:
        return holds(NAME, "the fault is one of time, which no condition shows: not tried")
    hearing.progress(f"settles {len(tried)} conditions of the fix in turn")
    seen = witnesses(hearing)
    said = try_out(hearing, [one.texts for one in tried], lambda tree: asked(seen, tree))
    details = []
    missed = []
    for one, who in zip(tried, said, strict=True):
        who = who or suite_says(hearing, [one.texts])
        details.append(f"{one.words}: {who or 'nobody notices'}")
        if not who:
            missed.append(one)
    telling = [one for one in missed if not hearing.people or one.named]
    if telling:
        return needs_eyes(NAME, f"no test tells when {telling[0].words}", details)
    if missed:
        return holds(NAME, f"no test tells when {missed[0].words}, which names no value", details)
    return holds(NAME, f"all {len(tried)} ways to settle a condition of the fix are noticed", details)


def asked(seen: Witnesses, tree: Workspace) -> str:
    return seen.tests_say(tree) or seen.symptom_says(tree)


def settled(hearing: Hearing) -> list[Forced]:
    """Returns texts with a condition of the fix settled, at most so many, chosen by the seed."""
    items = [item for item in hearing.source if item.path.endswith(".py") and item.kind != "deleted"]
    base, head = sides(hearing) if items else ({}, {})
    ran: dict[str, set[int]] = {}
    for test in turning(hearing):
        for path, numbers in lines_of(hearing.head_new, test).items():
            ran.setdefault(path, set()).update(numbers)
    found: list[Forced] = []
    for item in items:
        text = head[item.path] or ""
        source, before = find_source(text), find_source(base[item.path] or "")
        if source is None:
            continue
        known = {words(before, one) for one in asked_in(before)} if before is not None else set()
        for edit in conditions(source, changed_lines(item, text), known):
            made = find_mutant(item.path, text, source, [(True, edit)])
            if made is not None and reached(source, edit, ran.get(item.path, set())):
                found.append(Forced(item.path, edit, made.text, names_a_value(source, condition_at(source, edit))))
    chance = random.Random(hearing.seed)
    return sorted(chance.sample(found, min(len(found), affordable(hearing, MOST))))


def condition_at(source: Source, edit: Edit) -> ast.expr:
    """Returns the condition that an edit settles."""
    return next(test for test in tests_in(source) if (source.start(test), source.end(test)) == edit[:2])


def names_a_value(source: Source, condition: ast.expr) -> bool:
    """Tells whether a condition holds a text that is not empty, or a number beyond -1, 0 and 1.

    Keys are names, and so is what the branch takes out of where the condition found it.
    """
    if takes_out(source, condition):
        return False
    nodes = list(ast.walk(condition))
    keys = {id(node.slice) for node in nodes if isinstance(node, ast.Subscript) and is_text(node.slice)}
    constants = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in keys]
    return any(
        value not in (0, 1, "", b"") for value in constants if isinstance(value, (str, bytes, int, float, complex))
    )


def takes_out(source: Source, condition: ast.expr) -> bool:
    """Tells whether a branch works on the very part that its condition found: `if "a" in x: x.replace("a", "b")`."""
    match condition:
        case ast.Compare(left=ast.Constant(value=str() as part), ops=[ast.In()], comparators=[whole]):
            holder = words(source, whole)
        case _:
            return False
    branches = [node for node in ast.walk(source.tree) if isinstance(node, ast.If | ast.IfExp)]
    bodies = [node.body if isinstance(node, ast.If) else [node.body] for node in branches if node.test is condition]
    for node in (node for body in bodies for inner in body for node in ast.walk(inner)):
        match node:
            case (
                ast.Subscript(value=taken, slice=ast.Constant(value=asked))
                | ast.Call(func=ast.Attribute(value=taken), args=[ast.Constant(value=asked), *_])
            ) if asked == part and words(source, taken) == holder:
                return True
    return False


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def reached(source: Source, edit: Edit, ran: Collection[int]) -> bool:
    """Tells whether the statement around a place was run."""
    around = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.stmt) and source.start(node) <= edit.start and edit.end <= source.end(node)
    ]
    inner = min(around, key=lambda node: source.end(node) - source.start(node), default=None)
    return inner is None or bool(set(range(inner.lineno, edit.line + 1)) & set(ran))


def conditions(source: Source, lines: Collection[int], known: Collection[str]) -> Iterator[Edit]:
    """Yields the edits that settle a condition which begins on one of some lines, and was not asked before."""
    left_out = set(quiet(source))
    done: set[tuple[int, int]] = set()
    for test in tests_in(source):
        place = (source.start(test), source.end(test))
        fresh = test.lineno in lines and place not in done and test not in left_out
        if not fresh or isinstance(test, ast.Constant) or words(source, test) in known:
            continue
        if isinstance(test, ast.BoolOp) and any(words(source, value) in known for value in test.values):
            continue  # it was asked before, and is only asked more closely
        done.add(place)
        for value, when in (("True", "always"), ("False", "never")):
            yield Edit(*place, value, test.lineno, f"`{words(source, test)[:60]}` {when} holds")


def asked_in(source: Source) -> Iterator[ast.expr]:
    """Yields the conditions of a text, and what they are made of."""
    for test in tests_in(source):
        yield from (test, *(test.values if isinstance(test, ast.BoolOp) else ()))


def words(source: Source, test: ast.expr) -> str:
    return " ".join(source.segment(test).split())


def tests_in(source: Source) -> Iterator[ast.expr]:
    """Yields the conditions by which a text chooses what to do: whole ones."""
    for node in ast.walk(source.tree):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.Subscript(slice=ast.Compare() as test):
                yield test
            case ast.comprehension(ifs=ifs):
                yield from ifs
            case ast.match_case(guard=guard) if guard is not None:
                yield guard
            case ast.Expr(value=ast.BoolOp(values=values)):
                yield from values[:-1]
            case (
                ast.Return(value=ast.BoolOp(op=ast.Or(), values=values))
                | ast.Assign(value=ast.BoolOp(op=ast.Or(), values=values))
            ):
                for one in values:
                    yield from one.values[:-1] if isinstance(one, ast.BoolOp) else ()
