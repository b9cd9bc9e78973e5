"""Looks how much of the change the new tests ran at all, line by line; a change that no test comes to is not tested."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from andon.judge.asserts import lines_of, parsed
from andon.judge.difftext import added_lines, removed_lines
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.suites import function_of, of_tests
from andon.models import Proof, TestRun

HALF = 0.5
OTHER_PROCESSES = ("subprocess", "multiprocessing", "os.system", "os.spawn", "Popen", "runpy", "pexpect", "CliRunner")
"""What tests use that start the product where its lines cannot be noted."""


class Statement(NamedTuple):
    """One changed statement."""

    path: str
    first: int
    last: int
    imported: bool
    """It runs when its module is imported."""

    @property
    def words(self) -> str:
        return f"{self.path}:{self.first}"


def changed_lines_run(hearing: Hearing) -> Proof | None:
    """Holds when the tests that turn green ran at least half of the changed statements.

    Where they run none of what a patch adds, what it takes away is looked for on the base.
    """
    name = "changed lines run"
    if not any(item.path.endswith(".py") for item in hearing.source):
        return None
    changed = statements(hearing, hearing.reading(hearing.judged_diff), added=True)
    added = seen_of(hearing, changed, hearing.head_new)
    if added is not None and len(added.missed) < added.total:
        return weighed(name, hearing, added)
    with hearing.at(hearing.test_diff) as base:
        taken = statements(hearing, hearing.reading(hearing.test_diff), added=False)
        run = base.test(hearing.new_tests, coverage=True, seconds=hearing.patience) if taken else None
    removed = seen_of(hearing, taken, run) if run else None
    if removed is None or (added is not None and len(removed.missed) == removed.total):
        return None if added is None else weighed(name, hearing, added)  # a line in other words is one statement
    found = [one for one in (added, removed) if one is not None]
    return weighed(name, hearing, Seen(sum(one.total for one in found), [line for one in found for line in one.missed]))


class Seen(NamedTuple):
    """How much of some changed statements was seen to run."""

    total: int
    missed: list[str]


def seen_of(hearing: Hearing, changed: Sequence[Statement], run: TestRun) -> Seen | None:
    """Returns what of some statements a run came to; None when there is none of them."""
    if not changed:
        return None
    ran: dict[str, set[int]] = {}
    for test in turning(hearing):
        for path, lines in lines_of(run, test).items():
            ran.setdefault(path, set()).update(lines)
    if hearing.people:  # a decorator that makes what the test calls has run before the test began
        for path, before in run.covered.get("", {}).items():
            ran.setdefault(path, set()).update(before)
    imported = {path for files in run.covered.values() for path in files}
    return Seen(len(changed), [one.words for one in changed if not came_to(one, ran, imported)])


def weighed(name: str, hearing: Hearing, seen: Seen) -> Proof:
    """Returns the proof for what was seen of the changed statements."""
    if not any(lines_of(hearing.head_new, test) for test in turning(hearing)):
        words = "the lines that the new tests ran could not be noted: something else traces them"
        return (holds if hearing.people else needs_eyes)(name, words)
    count = seen.total - len(seen.missed)
    words = f"{count} of {seen.total} changed statements are run by the new tests"
    details = [f"{one} is not run" for one in seen.missed]
    if not count:
        return nothing_run(name, hearing, details)
    if count < HALF * seen.total and not hearing.people:
        return needs_eyes(name, words, details)
    return holds(name, words, details)


def nothing_run(name: str, hearing: Hearing, details: list[str]) -> Proof:
    """Returns what it means that no changed statement was seen to run."""
    words = f"the new tests run none of the {len(details)} changed statements"
    elsewhere = in_other_processes(hearing)
    if elsewhere:  # of a person's, the proof `every hunk needed` tells whether they come to the change there
        unsure = holds if hearing.people else needs_eyes
        return unsure(name, f"{words} in their own process; they use {elsewhere}", details)
    return (needs_eyes if hearing.people else fails)(name, words, details)


def in_other_processes(hearing: Hearing) -> str:
    """Returns by what the new tests start other processes; empty when they do not."""
    text = "\n".join(line for item in hearing.tests for line in item.added)
    return next((word for word in OTHER_PROCESSES if word in text), "")


def turning(hearing: Hearing) -> list[str]:
    """Returns the tests that fail without the patch and pass with it; all new ones when the base tells of none."""
    passed = {
        function_of(one) for one in of_tests(hearing.head_new.events, hearing.new_tests) if one.outcome == "passed"
    }
    kept = {function_of(one) for one in hearing.base_new.events if one.outcome == "passed"}
    return sorted(passed - kept) or sorted(passed)


def came_to(one: Statement, ran: dict[str, set[int]], imported: set[str]) -> bool:
    """Tells whether a statement was run; what an import runs counts when anything of its module ran."""
    if one.imported:
        return one.path in imported
    return bool(ran.get(one.path, set()) & set(range(one.first, one.last + 1)))


# --- statements -----------------------------------------------------------------------------------------------------


def statements(hearing: Hearing, root: Path, *, added: bool) -> list[Statement]:
    """Returns the statements of a checkout that the diff touches: those it adds, or on the base those it removes."""
    found: dict[Statement, None] = {}
    for item in hearing.source:
        parsed_file = parsed(hearing.text_of(root / item.path) or "") if item.path.endswith(".py") else None
        if parsed_file is None:
            continue
        spans = list(spans_of(parsed_file.body, imported=True))
        for line in sorted(added_lines(item) if added else removed_lines(item)):
            around = [span for span in spans if span[0] <= line <= span[1]]
            if around:
                first, last, imported = min(around, key=lambda span: span[1] - span[0])
                found[Statement(item.path, first, last, imported)] = None
    return list(found)


def spans_of(body: Sequence[ast.stmt], *, imported: bool) -> Iterator[tuple[int, int, bool]]:
    """Yields first line, last line, and whether an import runs it, of each statement; of a block only its head."""
    for node in body:
        if is_silent(node):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield first, max(first, node.body[0].lineno - 1), imported
            yield from spans_of(node.body, imported=imported and isinstance(node, ast.ClassDef))
            continue
        inner = inner_blocks(node)
        if not inner:
            yield node.lineno, node.end_lineno or node.lineno, imported
            continue
        if not isinstance(node, ast.Try):
            yield node.lineno, max(node.lineno, inner[0][0].lineno - 1), imported
        for block in inner:
            yield from spans_of(block, imported=imported)


def inner_blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    """Returns the blocks of a compound statement; none of a simple one."""
    blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    blocks += [inner.body for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))]
    return [block for block in blocks if block]


def is_silent(node: ast.stmt) -> bool:
    """Tells whether a statement leaves no trace when it runs: a text, a declaration."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    bare = isinstance(node, ast.AnnAssign) and node.value is None
    return text or bare or isinstance(node, ast.Global | ast.Nonlocal | ast.Pass)
