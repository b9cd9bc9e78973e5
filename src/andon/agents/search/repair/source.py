"""Reads the Python sources of a checkout and answers where things stand in them; it never changes a file."""

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef

SKIPPED = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages", "venv", "env"})
TEST_FOLDERS = frozenset({"test", "tests", "testing"})
MAX_FILES = 2000
MAX_CHARACTERS = 400_000


class Edit(NamedTuple):
    """Replaces the characters `start` to `end` of a file by a text."""

    path: str
    start: int
    end: int
    text: str


class SourceFile:
    """One Python file: its text, its tree, and the places of nodes as character offsets."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends, split at line feeds only, as ast and git count them."""
        return split_lines(self.text)

    @cached_property
    def starts(self) -> list[int]:
        """Offset of the first character of each line, and of the end."""
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line))
        return starts

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node that each node hangs on."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """All functions and methods, outer ones first."""
        return tuple(node for node in ast.walk(self.tree) if isinstance(node, Function))

    @cached_property
    def kinds(self) -> dict[ast.AST, Literal["text", "number", "truth", "moment", "other", "unknown"]]:
        """What kind of value expressions have, as far as somebody has guessed."""
        return {}

    @cached_property
    def module(self) -> str:
        """Dotted name to import it by, as far as the path tells (a leading src/ is dropped)."""
        parts = list(PurePosixPath(self.path).with_suffix("").parts)
        parts = parts[parts.index("src") + 1 :] if "src" in parts else parts
        return ".".join(parts[:-1] if parts[-1:] == ["__init__"] else parts)

    def offset(self, line: int, column: int) -> int:
        """Returns the character offset of an ast position: line from 1, column in UTF-8 bytes."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if not text.isascii():
            column = len(text.encode("utf-8")[:column].decode("utf-8", "ignore"))
        return self.starts[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Returns the start and end offsets of an expression or statement."""
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.arg | ast.excepthandler | ast.alias)
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def code(self, node: ast.AST) -> str:
        """Returns the text of an expression or statement as it stands."""
        start, end = self.span(node)
        return self.text[start:end]

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Returns the edit that puts a text in the place of a node."""
        start, end = self.span(node)
        return Edit(self.path, start, end, text)

    def indent(self, line: int) -> str:
        """Returns the white space that a line begins with."""
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip(" \t"))]

    def insert_line(self, before: int, text: str) -> Edit:
        """Returns the edit that puts whole lines before a line (from 1)."""
        start = self.starts[min(before - 1, len(self.lines))]
        return Edit(self.path, start, start, text if text.endswith("\n") else text + "\n")

    def enclosing(self, node: ast.AST) -> Function | None:
        """Returns the innermost function around a node."""
        while (found := self.parents.get(node)) is not None:
            if isinstance(found, Function):
                return found
            node = found
        return None

    def statement(self, node: ast.AST) -> ast.stmt:
        """Returns the statement that a node stands in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def function_at(self, line: int) -> Function | None:
        """Returns the innermost function around a line."""
        around = [f for f in self.functions if first_line(f) <= line <= (f.end_lineno or f.lineno)]
        return max(around, key=lambda f: f.lineno, default=None)


def first_line(node: Function | ast.ClassDef) -> int:
    """Returns the line where a definition begins, its decorators included."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def split_lines(text: str) -> list[str]:
    """Returns the lines with their ends; only a line feed ends a line."""
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def is_test(path: str) -> bool:
    """Tells whether a path belongs to a test suite."""
    pure = PurePosixPath(path)
    name = pure.name
    in_folder = any(part in TEST_FOLDERS for part in pure.parts[:-1])
    return in_folder or name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


class Sources(Mapping[str, SourceFile]):
    """The product's own Python files of a checkout by path, tests left out."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._texts = dict(files)
        self._files: dict[str, SourceFile | None] = {}

    def __getitem__(self, path: str) -> SourceFile:
        if path not in self._files:
            self._files[path] = parsed(path, self._texts[path])
        found = self._files[path]
        if found is None:
            raise KeyError(path)
        return found

    def __iter__(self) -> Iterator[str]:
        return (path for path in sorted(self._texts) if self.find(path) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, path: str) -> SourceFile | None:
        """Returns a file, or None when it is not there or does not parse."""
        try:
            return self[path]
        except KeyError:
            return None


def parsed(path: str, text: str) -> SourceFile | None:
    """Returns the parsed file, or None when the text is not Python of this version."""
    try:
        return SourceFile(path, text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def read_sources(root: Path, folder: Path) -> Sources:
    """Returns the product's Python files under a folder of a checkout; paths are relative to its root."""
    texts: dict[str, str] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(names):
            path = (Path(place) / name).relative_to(root).as_posix()
            if not name.endswith(".py") or is_test(path) or len(texts) >= MAX_FILES:
                continue
            text = read_text(Path(place) / name)
            if text is not None and len(text) <= MAX_CHARACTERS:
                texts[path] = text
    return Sources(texts)


def read_text(path: Path) -> str | None:
    """Returns a file's text with its line ends as they are, or None when it is no UTF-8 text or a link."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def apply_edits(text: str, edits: tuple[Edit, ...]) -> str | None:
    """Returns a text with edits of one file applied, or None when two of them overlap."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for one, two in itertools.pairwise(ordered):
        if two.start < one.end:
            return None
    for edit in reversed(ordered):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
