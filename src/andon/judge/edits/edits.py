"""Reads a Python text with the exact place of each node, so that one place can be written anew; it runs nothing."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

from andon.judge.syntax import parse

MOST_BYTES = 1_000_000
"""A longer file is made by a program, and not read."""

Node = ast.expr | ast.stmt | ast.arg | ast.ExceptHandler | ast.keyword
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Edit(NamedTuple):
    """One place of a text, in bytes, and what is to stand there."""

    start: int
    end: int
    text: str
    line: int
    """The line that it begins on, counted from 1."""
    words: str
    """What it does, for people."""


class Source:
    """A Python text as bytes, its tree, and where its lines begin."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self.bytes = text.encode("utf-8")
        self.tree = tree
        self.starts = [0]
        for line in self.bytes.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def start(self, node: Node) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: Node) -> int:
        assert node.end_lineno is not None  # a parsed tree always has it
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def segment(self, node: Node) -> str:
        """Returns the text of a node, without parentheses around it."""
        return self.between(self.start(node), self.end(node))

    def between(self, start: int, end: int) -> str:
        return self.bytes[start:end].decode("utf-8")

    def line(self, number: int) -> str:
        """Returns a line without its end."""
        end = self.starts[number] if number < len(self.starts) else len(self.bytes)
        return self.between(self.starts[number - 1], end).rstrip("\r\n")

    def begins_line(self, node: Node) -> bool:
        """Tells whether nothing but space stands before a node on its line."""
        return not self.between(self.starts[node.lineno - 1], self.start(node)).strip()

    def ends_line(self, node: Node) -> bool:
        """Tells whether nothing but a comment stands behind a node on its last line."""
        assert node.end_lineno is not None
        rest = self.line(node.end_lineno).encode()[(node.end_col_offset or 0) :].decode().strip()
        return not rest or rest.startswith("#")

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yields the nodes that a node stands in, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def written(self, *edits: Edit) -> str:
        """Returns the text with some places written anew; they must not overlap."""
        out = self.bytes
        for edit in sorted(edits, reverse=True):
            out = out[: edit.start] + edit.text.encode("utf-8") + out[edit.end :]
        return out.decode("utf-8")


def find_source(text: str) -> Source | None:
    """Returns a text as Python; None when this interpreter cannot read it, or it is no plain text."""
    if "\r" in text.replace("\r\n", "\n") or len(text) > MOST_BYTES or text.startswith("\ufeff"):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the watched system's text is warned of is its own affair
        try:
            return Source(text, parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def compiled(text: str) -> CodeType | None:
    """Returns the code of a text, never run; None when it does not compile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(parse(text), "text", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def same_code(one: object, other: object) -> bool:
    """Tells whether two codes (or constants of them) do the same for sure: equal but for where they stand."""
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return (
            one.co_code == other.co_code
            and _shape(one) == _shape(other)
            and len(one.co_consts) == len(other.co_consts)
            and all(same_code(a, b) for a, b in zip(one.co_consts, other.co_consts, strict=True))
        )
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(same_code(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and repr(one) == repr(other)  # by text: 0.0 is not -0.0


def _shape(code: CodeType) -> tuple[object, ...]:
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_exceptiontable)
    return (*names, *counts)
