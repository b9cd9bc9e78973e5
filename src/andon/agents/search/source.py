"""Reads a tree's source text into functions, statements and diff lines; it never imports or runs what it reads."""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

Sources = Mapping[str, str]
"""Path in the repository -> text."""
Lines = Mapping[str, Collection[int]]
"""Path in the repository -> line numbers, from 1."""

LARGEST = 1_000_000
"""Characters of a file that is still read; larger ones are data, not code."""
TEST_FOLDERS = frozenset({"test", "tests", "testing"})
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Function(NamedTuple):
    """A function of the tree. `start` is the `def` line, `top` the first decorator's, `body` the first body line."""

    path: str
    name: str
    top: int
    start: int
    body: int
    end: int
    node: FunctionNode

    @property
    def place(self) -> str:
        """`path:function`, as a trace names it."""
        return f"{self.path}:{self.name}"


class Statement(NamedTuple):
    """A simple statement, or the header of a compound one."""

    start: int
    end: int


def is_test(path: str) -> bool:
    """Tells whether a path belongs to the suite and not to production code."""
    pure = PurePosixPath(path)
    if TEST_FOLDERS & set(pure.parts[:-1]):
        return True
    return pure.name == "conftest.py" or pure.name.startswith("test_") or pure.stem.endswith("_test")


def replay_paths(argv: Sequence[str], paths: Iterable[str]) -> frozenset[str]:
    """Returns the files of the replay command itself: it only feeds the pipeline, so it is no place for a cause."""
    wanted: set[str] = set()
    for index, word in enumerate(argv):
        if word == "-m" and index + 1 < len(argv):
            module = argv[index + 1].replace(".", "/")
            wanted |= {f"{module}.py", f"{module}/__main__.py"}
        elif word.endswith(".py"):
            wanted.add(word.removeprefix("./"))
    return frozenset(path for path in paths if any(path == end or path.endswith(f"/{end}") for end in wanted))


def read_sources(root: Path, paths: Iterable[str], suffixes: tuple[str, ...] = (".py", ".sql")) -> dict[str, str]:
    """Returns the text of production files of a checkout; links, huge and undecodable files are left out."""
    sources: dict[str, str] = {}
    for path in paths:
        place = root / path
        if not path.endswith(suffixes) or is_test(path) or place.is_symlink() or not place.is_file():
            continue
        if not place.resolve().is_relative_to(root.resolve()) or place.stat().st_size > LARGEST:
            continue
        try:
            sources[path] = place.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return sources


@lru_cache(maxsize=2048)
def parse(text: str) -> ast.Module | None:
    """Returns the syntax tree of a Python text; None when it does not parse. Callers must not change it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a watched system's invalid escapes are not ours to report
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def functions(sources: Sources) -> tuple[Function, ...]:
    """Returns all functions of the Python files, with names such as `Class.method` and `outer.inner`."""
    return tuple(function for path, text in sources.items() for function in functions_of(path, text))


@lru_cache(maxsize=2048)
def functions_of(path: str, text: str) -> tuple[Function, ...]:
    """Returns the functions of one file, outer before inner; none for a file that is not Python."""
    tree = parse(text) if path.endswith(".py") else None
    return tuple(walk_functions(path, tree.body, "")) if tree else ()


def walk_functions(path: str, body: Sequence[ast.AST], prefix: str) -> Iterator[Function]:
    for node in body:
        if isinstance(node, FunctionNode):
            name = prefix + node.name
            top = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield Function(path, name, top, node.lineno, node.body[0].lineno, node.end_lineno or node.lineno, node)
            yield from walk_functions(path, node.body, f"{name}.")
        elif isinstance(node, ast.ClassDef):
            yield from walk_functions(path, node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.stmt):
            yield from walk_functions(path, list(ast.iter_child_nodes(node)), prefix)
        elif isinstance(node, (ast.ExceptHandler, ast.match_case)):
            yield from walk_functions(path, node.body, prefix)


def function_at(known: Iterable[Function], path: str, line: int) -> Function | None:
    """Returns the innermost function that holds a line, decorators included."""
    holding = [function for function in known if function.path == path and function.top <= line <= function.end]
    return max(holding, key=lambda function: function.start, default=None)


def named(known: Iterable[Function], place: str) -> Function | None:
    """Returns the function that a trace calls `path:function`; a trace may drop the outer names."""
    path, _, name = place.rpartition(":")
    plain = name.replace("<locals>.", "")
    candidates = [function for function in known if function.path == path]
    exact = [function for function in candidates if function.name == plain]
    loose = [function for function in candidates if function.name.rpartition(".")[2] == plain.rpartition(".")[2]]
    return next(iter(exact or loose), None)


def ran(function: Function, lines: Collection[int]) -> bool:
    """Tells whether a function's body was entered: its `def` line alone runs at import."""
    inner = {
        line
        for nested in ast.walk(function.node)
        if isinstance(nested, FunctionNode | ast.Lambda) and nested is not function.node
        for line in range(nested.lineno, (nested.end_lineno or nested.lineno) + 1)
    }
    first = {function.start} if function.body > function.start else set()
    return any(function.body <= line <= function.end and line not in inner | first for line in lines)


@lru_cache(maxsize=2048)
def statements(text: str) -> tuple[Statement, ...]:
    """Returns the simple statements and the headers of compound ones of a Python text, in order."""
    tree = parse(text)
    found = []
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            start = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
            end = node.end_lineno or node.lineno
            if isinstance(body, list) and body:
                first = body[0]
                top = min([first.lineno, *(part.lineno for part in getattr(first, "decorator_list", []))])
                end = max(start, min(end, top - 1))
            found.append(Statement(start, end))
    return tuple(sorted(set(found)))


@lru_cache(maxsize=2048)
def statement_lines(text: str) -> dict[int, Statement]:
    """Returns the innermost statement of each line. Callers must not change it."""
    return {line: one for one in statements(text) for line in range(one.start, one.end + 1)}


def statement_at(text: str, line: int) -> Statement:
    """Returns the statement that holds a line; the line itself when none does."""
    return statement_lines(text).get(line, Statement(line, line))


def whole_statements(path: str, text: str, lines: Collection[int]) -> set[int]:
    """Returns all lines of the statements that the lines belong to: a trace shows a statement by its first alone."""
    if not path.endswith(".py"):
        return set(lines)
    return {line for part in lines for one in [statement_at(text, part)] for line in range(one.start, one.end + 1)}


def excerpt(text: str, start: int, end: int) -> str:
    """Returns the lines from `start` to `end`, both counted, as one text without the last line break."""
    return "\n".join(text.split("\n")[start - 1 : end])


class Block(NamedTuple):
    """Neighbouring lines that a diff takes away and puts in their place."""

    path: str
    """Of the new file."""
    start: int
    """Line of the new file where `new` stands, or would."""
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def lines(self) -> range:
        """The lines of the new file that it stands for; with both neighbours when it put no code there."""
        return self.added if code_lines(self.new) else range(max(1, self.start - 1), self.added.stop + 1)

    @property
    def added(self) -> range:
        """The lines of `new` in the new file."""
        return range(self.start, self.start + len(self.new))


def code_lines(lines: Sequence[str]) -> list[str]:
    """Returns lines without their margins, and without those that are a comment or a text alone."""
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith(("#", '"""', "'" * 3))]


class Hunk(NamedTuple):
    """One hunk of a unified diff; `lines` keep their marks."""

    new_path: str
    new: int
    lines: list[str]


def hunks(diff: str) -> Iterator[Hunk]:
    """Yields the hunks of a unified diff (git's form)."""
    new_path = ""
    rest = iter(diff.split("\n"))
    for text in rest:
        if match := re.match(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", text):
            hunk = Hunk(new_path, int(match[3]), [])
            left_old, left_new = int(match[2] or 1), int(match[4] or 1)
            while left_old > 0 or left_new > 0:
                line = next(rest, None)
                if line is None:
                    break
                left_old -= line[:1] not in ("+", "\\")
                left_new -= line[:1] not in ("-", "\\")
                hunk.lines.append(line)
            yield hunk
        elif text.startswith("+++ "):
            new_path = diff_path(text[4:])


def diff_blocks(diff: str) -> tuple[Block, ...]:
    """Returns what a unified diff puts in place of what."""
    found: list[Block] = []
    for hunk in hunks(diff):
        new = hunk.new
        block: Block | None = None
        for line in (*hunk.lines, " "):
            mark, text = line[:1], line[1:]
            if mark == "\\":
                continue
            if mark not in ("+", "-"):
                found += [block] if block else []
                block, new = None, new + 1
                continue
            block = block or Block(hunk.new_path, new, (), ())
            if mark == "+":
                block, new = block._replace(new=(*block.new, text)), new + 1
            else:
                block = block._replace(old=(*block.old, text))
    return tuple(found)


def diff_path(text: str) -> str:
    path = text.split("\t")[0].strip().strip('"')
    return path[2:] if path[:2] in ("a/", "b/") else path


def map_lines(old: str, new: str, lines: Collection[int]) -> set[int]:
    """Returns where lines of an old text stand in the new one; changed lines have no place and are left out."""
    if old == new:
        return {line for line in lines if line <= new.count("\n") + 1}
    matcher = difflib.SequenceMatcher(None, old.split("\n"), new.split("\n"), autojunk=False)
    moved: set[int] = set()
    for block in matcher.get_matching_blocks():
        moved |= {line - block.a + block.b for line in lines if block.a < line <= block.a + block.size}
    return moved
