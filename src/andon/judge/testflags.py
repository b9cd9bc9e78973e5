"""Reads the new tests for what regression tests do that prove nothing; it runs none of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from andon.judge.difftext import added_lines
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import imports
from andon.judge.readings.foreign import flags_of_tests, is_foreign
from andon.judge.readings.testnames import asks_for_names, defined
from andon.judge.syntax import parse
from andon.models import Proof

SOURCE_NAME = re.compile(r"\w\.(py|js|ts|go|rs|sql|toml|cfg)$|__version__|CHANGELOG")
"""Texts by which a test would look at the source instead of at what it does."""
HARD_CALLS = frozenset(
    {"os._exit", "os.abort", "os.kill", "sys.exit", "exit", "quit", "pytest.exit", "atexit.register"}
)
SOFT_CALLS = {
    "monkeypatch.setattr": "replaces a part of the product",
    "mocker.patch": "replaces a part of the product",
    "patch": "replaces a part of the product",
    "patch.object": "replaces a part of the product",
    "Mock": "asks a mock",
    "MagicMock": "asks a mock",
    "mock.patch": "replaces a part of the product",
    "pytest.skip": "can be skipped",
    "pytest.importorskip": "can be skipped",
    "pytest.mark.skip": "can be skipped",
    "pytest.mark.skipif": "can be skipped",
    "pytest.mark.xfail": "may fail",
    "time.sleep": "waits",
    "time.time": "depends on the clock",
    "datetime.now": "depends on the clock",
    "random.random": "depends on chance",
    "os.getenv": "depends on the environment",
    "os.environ.get": "depends on the environment",
}


def reads_straight(hearing: Hearing) -> Proof:
    """Holds when the new tests assert on what the product does, and on nothing that can be there without a fix."""
    name = "test reads straight"
    hard: list[str] = []
    soft: list[str] = []
    pinned = hearing.check.path if hearing.check else ""
    seen = naming(hearing)
    base = hearing.reading(hearing.test_diff)
    added = {item.path: added_lines(item) for item in hearing.tests} if hearing.people else {}
    paths = list(added) if hearing.people else list(hearing.patch.tests)
    for path in paths:
        text = hearing.text_of(base / path)
        if is_foreign(path):
            for is_hard, what in flags_of_tests(path, added_to(hearing, path)):
                (hard if is_hard else soft).append(f"{path} {what}")
        if not path.endswith(".py") or text is None or is_no_code(text, path, hearing):
            continue
        only = fresh_names(hearing, path)
        for is_hard, what in flags_of_test(text, pinned=pinned, only=only, lines=added.get(path)):
            (hard if is_hard else soft).append(f"{path} {what}")
    if hard and not hearing.people:
        return fails(name, hard[0], [*hard, *seen, *soft])
    if hard or seen:
        return needs_eyes(name, [*hard, *seen][0], [*hard, *seen, *soft])
    if soft and hearing.people:
        return holds(name, "the new tests end no run and rewire no runner; some lines deserve a look", soft)
    if soft:
        return needs_eyes(name, soft[0] + (f" (and {len(soft) - 1} more)" if soft[1:] else ""), soft)
    return holds(name, f"{len(paths)} test files assert on what the product does")


def is_no_code(text: str, path: str, hearing: Hearing) -> bool:
    """Tells whether a person's file is called like Python and is data of tests: many a project tests wrong code."""
    if not hearing.people or path not in hearing.material:
        return False
    if not is_imported(path, hearing):
        return True
    try:
        parse(text)
    except (SyntaxError, ValueError):
        return True
    return False


def is_imported(path: str, hearing: Hearing) -> bool:
    """Tells whether any Python beside the tests may import a file by its name, or the runner loads it unasked."""
    pure = PurePosixPath(path)
    if pure.name in ("conftest.py", "__init__.py"):
        return True
    head = hearing.reading(hearing.judged_diff)
    return any(
        imports(hearing.text_of(found) or "", pure.stem)
        for found in (head / pure.parts[0]).rglob("*.py")
        if found.is_file() and found != head / path
    )


def naming(hearing: Hearing) -> list[str]:
    """Returns where the diff's tests ask which names are there, or replace what the patch changes."""
    changed: set[str] = set()
    found: list[str] = []
    head = hearing.reading(hearing.judged_diff)
    for item in hearing.source:
        if item.path.endswith(".py") and item.kind != "deleted":
            changed |= set(defined(hearing.text_of(head / item.path) or "", added_lines(item)))
    for item in hearing.tests:
        if item.path.endswith(".py") and item.kind != "deleted":
            text = hearing.text_of(head / item.path) or ""
            if is_no_code(text, item.path, hearing):
                continue
            found += [f"{item.path} {what}" for what in asks_for_names(text, added_lines(item), changed)]
    return found


def added_to(hearing: Hearing, path: str) -> list[str]:
    """Returns the lines that the diff adds to a test file."""
    return [line for item in hearing.tests if item.path == path for line in item.added]


def fresh_names(hearing: Hearing, path: str) -> frozenset[str]:
    """Returns the test functions of a person's file that the diff adds or changes; empty for all there is in it."""
    if not hearing.people or path not in hearing.test_changes:
        return frozenset()
    return frozenset(name.split("::")[-1] for name in hearing.test_changes[path].new if name)


def flags_of_test(
    text: str, *, pinned: str = "", only: frozenset[str] = frozenset(), lines: frozenset[int] | None = None
) -> Iterator[tuple[bool, str]]:
    """Yields (is it hard, what) for each thing in a test file that lets it pass or fail without the product.

    `only` names the functions to look at; empty: the whole file. `lines` are the only ones that count where a person's
    file was there before, and may be in the words of a newer Python than this one; None: all.

    `pinned` is the path of the check, which no patch may touch: a test that reads it reads no source.
    """
    try:
        tree = chosen(text, only)
    except SyntaxError as error:
        yield lines is None, f"is no valid Python: {error.msg} in line {error.lineno}"
        return
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for is_hard, what in node_flags(node, pinned) if lines is None or line in lines else ():
            yield is_hard, f"line {line}: {what}"
    yield from asserts_nothing(tree)
    modules = frozenset(imported(parse(text)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and (lines is None or node.lineno in lines) and is_always_so(node, modules):
            # A name may stand for something else in a test: a person looks, and nobody is turned away.
            words = f"line {node.lineno}: `{ast.unparse(node)[:80]}` is so whatever the product does"
            yield lines is not None, words


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the names by which a file has modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def is_always_so(node: ast.Compare, modules: frozenset[str]) -> bool:
    """Tells whether a comparison is of a module with itself, or says of something that it is no module."""
    left, right = node.left, node.comparators[0]
    sides = {side.id for side in (left, right) if isinstance(side, ast.Name)} & modules
    same = ast.dump(left) == ast.dump(right)
    return bool(sides) and len(node.ops) == 1 and (same or isinstance(node.ops[0], ast.IsNot | ast.NotEq))


def chosen(text: str, only: frozenset[str]) -> ast.Module:
    """Returns the tree of a test file, of some functions alone where these are named.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = parse(text)
    if only:
        tree.body = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in only
        ]
    return tree


def node_flags(node: ast.AST, pinned: str = "") -> Iterator[tuple[bool, str]]:
    """Yields what one node does that regression tests should not."""
    if isinstance(node, ast.Attribute | ast.Name):
        name = ast.unparse(node)
        if name in SOFT_CALLS and name != "monkeypatch.setattr":
            yield False, f"`{name}` {SOFT_CALLS[name]}"
        if name in ("sys.modules", "sys.settrace", "sys._getframe", "sys.meta_path"):
            yield True, f"`{name}` rewires the interpreter"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "monkeypatch.setattr":
        replaced = [ast.unparse(word) for word in node.args[:2]]
        if replaced != ["sys", "'argv'"]:  # a command's words are its input, not a part of the product
            yield False, f"`monkeypatch.setattr` {SOFT_CALLS['monkeypatch.setattr']}"
    if isinstance(node, ast.Call) and ast.unparse(node.func) in HARD_CALLS:
        yield True, f"`{ast.unparse(node.func)}` ends the run"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        yield from (
            (True, f"imports `{name}`") for name in names if name.split(".")[0] in ("_pytest", "pluggy", "andon")
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SOURCE_NAME.search(node.value):
        if node.value and node.value == pinned:
            return
        yield False, f"names {node.value[-60:]!r}: it may read the source instead of what it does"
    elif isinstance(node, ast.FunctionDef) and node.name.startswith("pytest_"):
        yield True, f"defines the runner's hook `{node.name}`"
    elif isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytest_plugins" for target in node.targets):
        yield True, "loads plugins into the runner"
    elif isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass | ast.Continue) for line in node.body):
        yield False, "swallows an exception"


def asserts_nothing(tree: ast.Module) -> Iterator[tuple[bool, str]]:
    """Yields each test function in which nothing is asserted, or only constants are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            told = [one for one in ast.walk(node) if isinstance(one, ast.Assert) and not constant(one.test)]
            calls = [ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)]
            if not told and not any(
                "raises" in call or ".assert" in call or call.startswith("assert") for call in calls
            ):
                yield False, f"line {node.lineno}: `{node.name}` asserts nothing"


def constant(test: ast.expr) -> bool:
    """Tells whether an assertion names nothing that could change."""
    return not any(isinstance(node, ast.Name | ast.Call | ast.Attribute) for node in ast.walk(test))
