"""Looks which assertions of the new tests were really come to, by the lines that each test ran; it runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from andon.judge.hearing import Hearing
from andon.judge.newtests import functions
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import is_test
from andon.judge.planted.twins import last_call, last_name
from andon.judge.suites import ends_with_path, function_of, of_tests
from andon.judge.syntax import parse
from andon.models import Proof, TestEvent, TestRun

ASSERTING = ("assert", "check", "verify", "expect", "raises", "warns", "fail", "deprecated_call", "match", "should")
"""How calls begin that assert: unittest's, pytest's, and what projects call their own."""
Lines = dict[str, set[int]]


class Asserted(NamedTuple):
    """What one test asserts, and what of it was come to."""

    test: str
    ran: int
    unreached: tuple[int, ...]
    """Lines of assertions in the test itself that were not come to."""
    elsewhere: bool
    """An assertion of a helper among the tests was come to."""
    seen: bool
    """The lines of the test itself were noted."""

    @property
    def dead(self) -> bool:
        return self.seen and bool(self.unreached) and not self.ran and not self.elsewhere


def asserts_executed(hearing: Hearing) -> Proof | None:
    """Holds when each new test that passes came to at least one of its assertions.

    An assertion in a coroutine that nobody awaits, a generator that nobody consumes or a loop over nothing is none.
    """
    name = "asserts executed"
    passed = {function_of(event) for event in of_tests(hearing.head_new.events, hearing.new_tests) if passes(event)}
    if hearing.people:
        # What passed without the patch was like that before, most often.
        kept = {function_of(event) for event in hearing.base_new.events if passes(event)}
        passed = passed - kept or passed
    trees = test_trees(hearing)
    asserted = [asserted_by(test, hearing.head_new, trees) for test in sorted(passed)]
    found = [one for one in asserted if one is not None]
    if not found:
        return None
    dead = [one for one in found if one.dead]
    partly = [
        f"{one.test}: the assertions of lines {', '.join(map(str, one.unreached))} are not come to"
        for one in found
        if one.unreached and not one.dead
    ]
    if dead:
        words = f"{dead[0].test} passes and comes to none of its {len(dead[0].unreached)} assertions"
        told = [f"{one.test}: none of lines {', '.join(map(str, one.unreached))}" for one in dead]
        return (needs_eyes if hearing.people else fails)(name, words, [*told, *partly])
    unseen = [one.test for one in found if not one.seen]
    if len(unseen) == len(found):
        words = "the lines that the new tests ran could not be noted: something else traces them"
        return (holds if hearing.people else needs_eyes)(name, words, unseen)
    silent = [one.test for one in found if one.seen and not one.ran and not one.elsewhere]
    details = [*partly, *(f"{test}: asserts nothing by itself" for test in silent)]
    ran = sum(one.ran for one in found)
    return holds(name, f"{ran} assertions of {len(found)} new tests were come to", details)


def passes(event: TestEvent) -> bool:
    return event.outcome == "passed"


def asserted_by(test: str, run: TestRun, trees: dict[str, ast.Module]) -> Asserted | None:
    """Returns what a test asserts and what of it ran; None when its text is not at hand."""
    path, _, name = test.partition("::")
    known = next((one for one in trees if ends_with_path(one, path)), "")
    node = dict(functions(trees[known])).get(name) if known else None
    if node is None:
        return None
    lines = lines_of(run, test)
    here = lines.get(known, set())
    spans = sorted(set(assertions(node)))
    hit = [span for span in spans if here & set(range(span[0], span[1] + 1))]
    inside = set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
    unreached = tuple(first for first, last in spans if (first, last) not in hit)
    seen = bool(here & inside) and not traces_itself(trees[known])
    return Asserted(test, len(hit), unreached, helped(lines, trees, known, inside), seen)


def traces_itself(tree: ast.Module) -> bool:
    """Tells whether a test file takes the tracer's place."""
    return any(isinstance(node, ast.Attribute | ast.Name) and last_name(node) == "settrace" for node in ast.walk(tree))


def assertions(node: ast.AST) -> Iterator[tuple[int, int]]:
    """Yields the first and last line of each assertion below a node; of a block only its head."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            if not isinstance(inner.test, ast.Constant):
                yield inner.lineno, inner.end_lineno or inner.lineno
        elif isinstance(inner, ast.With | ast.AsyncWith):
            for item in inner.items:
                if asserting(last_call(item.context_expr)):
                    yield inner.lineno, item.context_expr.end_lineno or inner.lineno
        elif isinstance(inner, ast.Expr | ast.Assign | ast.Return):
            value = inner.value.value if isinstance(inner.value, ast.Await) else inner.value
            if value is not None and asserting(last_call(value)):
                yield inner.lineno, inner.end_lineno or inner.lineno


def asserting(name: str) -> bool:
    return name.lstrip("_").lower().startswith(ASSERTING)


def helped(lines: Lines, trees: dict[str, ast.Module], own: str, inside: set[int]) -> bool:
    """Tells whether an assertion of a helper ran: in the test's own file or in another one among the tests."""
    for path, tree in trees.items():
        ran = lines.get(path, set()) - (inside if path == own else set())
        if any(ran & set(range(first, last + 1)) for first, last in assertions(tree)):
            return True
    return False


def lines_of(run: TestRun, test: str) -> Lines:
    """Returns file -> lines that a test ran, over all its parameters."""
    found: Lines = {}
    for one, files in run.covered.items():
        if one.split("[")[0] == test:
            for path, lines in files.items():
                found.setdefault(path, set()).update(lines)
    return found


def test_trees(hearing: Hearing) -> dict[str, ast.Module]:
    """Returns the syntax trees on head of the new tests' files, and of those among the tests that they ran through."""
    wanted = {path for files in hearing.head_new.covered.values() for path in files if is_test(path)}
    wanted |= {test.partition("::")[0] for test in hearing.new_tests}
    trees = {}
    head = hearing.reading(hearing.judged_diff)
    for path in sorted(wanted):
        tree = parsed(hearing.text_of(head / path) or "")
        if tree is not None and path.endswith(".py"):
            trees[path] = tree
    return trees


def parsed(text: str) -> ast.Module | None:
    """Returns a file's tree; None when it is no Python."""
    try:
        return parse(text)
    except (SyntaxError, ValueError):
        return None
