"""Takes single pieces of a change back out of head, as diffs; it runs nothing and judges nothing."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.source import Block, Sources, map_lines, parse

MOST = 8
"""Pieces of one change that are tried alone."""


class Revert(NamedTuple):
    """One piece of a change, as it stands in head, and the diff on head that takes it out."""

    block: Block
    diff: str


def reverts(blocks: Sequence[Block], then: Mapping[str, str], sources: Sources) -> tuple[Revert, ...]:
    """Returns the pieces of a change that can be taken out of head alone and that change what the code does.

    `then` holds the files as they were right after the change.
    """
    found = []
    for block in blocks:
        if block.path not in sources or block.path not in then:
            continue
        moved = at_head(block, then[block.path], sources[block.path])
        text = without(moved, sources[block.path]) if moved else None
        if moved is None or text is None or same_code(block.path, text, sources[block.path]):
            continue
        if not leaves_gap(block.path, sources[block.path], text):
            found.append(Revert(moved, diff_of(block.path, sources[block.path], text)))
    return tuple(found[:MOST])


def at_head(block: Block, then: str, head: str) -> Block | None:
    """Returns a piece with its line of head; None when later commits changed those lines."""
    if then == head:
        return block
    if not block.new:
        after = map_lines(then, head, {block.start})
        return block._replace(start=min(after)) if after else None
    lines = sorted(map_lines(then, head, range(block.start, block.start + len(block.new))))
    whole = len(lines) == len(block.new) and lines[-1] - lines[0] + 1 == len(lines)
    return block._replace(start=lines[0]) if whole else None


def without(block: Block, text: str) -> str | None:
    """Returns a text with a piece put back to what it was; None when other lines stand there."""
    lines = text.split("\n")
    first, last = block.start - 1, block.start - 1 + len(block.new)
    if tuple(lines[first:last]) != block.new or first > len(lines):
        return None
    return "\n".join([*lines[:first], *block.old, *lines[last:]])


def diff_of(path: str, old: str, new: str) -> str:
    """Returns the unified diff between two texts of a file, in git's form."""
    lines = difflib.unified_diff(lines_of(old), lines_of(new), f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def lines_of(text: str) -> list[str]:
    """Returns lines with their ends, split at line feeds alone, as git does."""
    *whole, last = text.split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def same_code(path: str, old: str, new: str) -> bool:
    """Tells whether two texts of a file do the same as far as their syntax shows: comments and docstrings aside."""
    if not path.endswith(".py"):
        return old == new
    left, right = code_of(old), code_of(new)
    return left is not None and left == right


def leaves_gap(path: str, old: str, new: str) -> bool:
    """Tells whether the new text still uses a name of the module that only the old one binds: it cannot run."""
    before, after = (parse(text) if path.endswith(".py") else None for text in (old, new))
    if before is None or after is None:
        return False
    used = {node.id for node in ast.walk(after) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return bool((bound(before) - bound(after)) & used)


def bound(tree: ast.Module) -> set[str]:
    """Returns the names that a module binds at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        else:
            names |= {
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
    return names


def code_of(text: str) -> str | None:
    """Returns the syntax of a Python text without positions and docstrings; None when it does not parse."""
    tree = parse(text)
    if tree is None:
        return None
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    return "\n".join(
        f"{type(node).__name__} {[(name, value) for name, value in ast.iter_fields(node) if is_plain(value)]}"
        for node in ast.walk(tree)
        if id(node) not in prose
    )


def is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | complex | bytes | bool) or value is None
