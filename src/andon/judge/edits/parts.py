"""Finds the parts of a change that can be taken back by themselves: blocks of lines, and what wraps an expression."""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from andon.judge.edits.edits import Edit, Source, compiled, find_source, same_code
from andon.judge.edits.faults import short
from andon.judge.edits.places import lines_of


class Part(NamedTuple):
    """A file of the patch without one part of the change."""

    path: str
    line: int
    words: str
    """What is taken back, for people."""
    text: str


def parts(path: str, base: str, head: str, lines: Collection[int]) -> list[Part]:
    """Returns a file's parts, blocks first; nothing for a file that is no Python, or that has one block and no more.

    `lines` are the changed ones. A part compiles, to other code than the patched file and than the base's.
    """
    source = find_source(head)
    if source is None:
        return []
    whole, before = compiled(head), compiled(base)
    found: list[Part] = []
    for one in (*blocks(path, base, head), *wrappings(path, base, source, lines)):
        code = compiled(one.text)
        others = [other for other in (whole, before) if other is not None]
        if code is not None and not any(same_code(code, other) for other in others):
            found.append(one)
    return found


def blocks(path: str, base: str, head: str) -> Iterator[Part]:
    """Yields the file without each run of changed lines, and without each line of those that are only replaced."""
    old, new = lines_of(base), lines_of(head)
    found = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    single = [
        ("replace", first + at, first + at + 1, start + at, start + at + 1)
        for tag, first, last, start, end in found
        if tag == "replace" and last - first == end - start > 1
        for at in range(end - start)
    ]
    for tag, first, last, start, end in (*found, *single):
        if tag != "equal":
            shown = next((line for line in (new[start:end] or old[first:last]) if line.strip()), "")
            text = "".join([*new[:start], *old[first:last], *new[end:]])
            yield Part(path, start + 1, f"`{short(shown.strip())}`", text)


def wrappings(path: str, base: str, source: Source, lines: Collection[int]) -> Iterator[Part]:
    """Yields the file with each new expression of some lines replaced by what it is made of.

    What stood in the base in the same words is not new.
    """
    known = find_source(base)
    old = {ast.unparse(node) for node in ast.walk(known.tree) if isinstance(node, ast.expr)} if known else set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.expr) and node.lineno in lines and ast.unparse(node) not in old:
            for inner in inside(node):
                text = source.written(
                    Edit(source.start(node), source.end(node), f"({source.segment(inner)})", node.lineno, "")
                )
                yield Part(path, node.lineno, f"`{short(source.segment(node))}`", text)


def inside(node: ast.expr) -> Iterator[ast.expr]:
    """Yields what an expression would be without what it adds."""
    match node:
        case ast.Subscript(value=value, slice=ast.Slice()):
            yield value
        case ast.Call(func=ast.Name(id=name), args=[*args]) if hasattr(builtins, name):
            yield from (one for one in args if not isinstance(one, ast.Constant | ast.Starred))
        case ast.Call(func=ast.Attribute(value=value), args=args) if not isinstance(value, ast.Name) or not args:
            yield value
        case ast.BinOp(left=left, op=ast.Mod() | ast.FloorDiv() | ast.Add() | ast.Sub()) if not isinstance(
            left, ast.Constant
        ):
            yield left
