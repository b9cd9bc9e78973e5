"""Looks how much of the change the new tests ran at all, line by line; a change that no test comes to is not tested."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from andon.judge.asserts import lines_of, parsed
from andon.judge.difftext import HUNK, FileDiff, Hunk
from andon.judge.hearing import TEST_SECONDS, Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.suites import function_of, of_tests
from andon.models import Proof, TestRun
from andon.protocols import Workspace

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

    Where a patch only takes lines away, the lines are looked for on the base.
    """
    name = "changed lines run"
    if not any(item.path.endswith(".py") for item in hearing.source):
        return None
    with hearing.at(hearing.judged_diff) as head:
        changed = statements(hearing, head, added=True)
    if changed:
        return told(name, hearing, changed, hearing.head_new)
    with hearing.at(hearing.test_diff) as base:
        removed = statements(hearing, base, added=False)
        if not removed:
            return None
        run = base.test(hearing.new_tests, coverage=True, seconds=TEST_SECONDS)
    return told(name, hearing, removed, run)


def told(name: str, hearing: Hearing, changed: Sequence[Statement], run: TestRun) -> Proof:
    """Returns the proof for the changed statements and a run with coverage."""
    tests = turning(hearing)
    lines = [files for test in tests for files in [lines_of(run, test)]]
    if not any(lines):
        words = "the lines that the new tests ran could not be noted: something else traces them"
        return (holds if hearing.people else needs_eyes)(name, words)
    ran: dict[str, set[int]] = {}
    for files in lines:
        for path, numbers in files.items():
            ran.setdefault(path, set()).update(numbers)
    imported = set(ran) | {path for files in run.covered.values() for path in files}
    missed = [one for one in changed if not came_to(one, ran, imported)]
    share = 1 - len(missed) / len(changed)
    words = f"{len(changed) - len(missed)} of {len(changed)} changed statements are run by the new tests"
    details = [f"{one.words} is not run" for one in missed]
    if len(missed) == len(changed):
        return nothing_run(name, hearing, details)
    if share < HALF and not hearing.people:
        return needs_eyes(name, words, details)
    return holds(name, words, details)


def nothing_run(name: str, hearing: Hearing, details: list[str]) -> Proof:
    """Returns what it means that no changed statement was seen to run."""
    words = f"the new tests run none of the {len(details)} changed statements"
    elsewhere = in_other_processes(hearing)
    if elsewhere:
        return needs_eyes(name, f"{words} in their own process; they use {elsewhere}", details)
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


def statements(hearing: Hearing, tree: Workspace, *, added: bool) -> list[Statement]:
    """Returns the statements of a checkout that the diff touches: those it adds, or on the base those it removes."""
    found: dict[Statement, None] = {}
    for item in hearing.source:
        parsed_file = parsed(hearing.text_of(tree.root / item.path) or "") if item.path.endswith(".py") else None
        if parsed_file is None:
            continue
        spans = list(spans_of(parsed_file.body, imported=True))
        for line in numbers(item, added=added):
            around = [span for span in spans if span[0] <= line <= span[1]]
            if around:
                first, last, imported = min(around, key=lambda span: span[1] - span[0])
                found[Statement(item.path, first, last, imported)] = None
    return list(found)


def numbers(item: FileDiff, *, added: bool) -> Iterator[int]:
    """Yields the line numbers that a file's diff adds, in the new text, or removes, in the old one."""
    for hunk in item.hunks:
        yield from hunk_numbers(hunk, added=added)


def hunk_numbers(hunk: Hunk, *, added: bool) -> Iterator[int]:
    header = HUNK.fullmatch(hunk.header)
    if header is None:
        return
    number = int(header[3] if added else header[1])
    sign, other = ("+", "-") if added else ("-", "+")
    for line in hunk.lines:
        if line.startswith(sign):
            yield number
        if not line.startswith((other, "\\")):
            number += 1


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
