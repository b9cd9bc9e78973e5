"""Chooses where a Python text is made wrong: one place at a time, at most one fault a line; it runs nothing."""

from __future__ import annotations

import ast
import random
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from andon.judge.edits.edits import Edit, Function, Source, compiled, find_source, same_code
from andon.judge.edits.faults import OPERATORS, is_log


class Mutant(NamedTuple):
    """A text that is wrong in one place."""

    path: str
    edit: Edit
    text: str

    @property
    def words(self) -> str:
        return f"{self.path}:{self.edit.line}: {self.edit.words}"


def mutants(texts: Mapping[str, str], lines: Mapping[str, Collection[int]], most: int, seed: int) -> list[Mutant]:
    """Returns at most so many mutants of some lines of some texts, at most one a line, chosen by a seed.

    A fault that tells (a comparison, a condition, a value) comes before one that hardly does (a text, a name's value).
    A mutant compiles, to other code than its text. A text that is no Python gives none.
    """
    chance = random.Random(seed)
    places: list[tuple[str, int]] = []
    found: dict[str, tuple[Source, dict[int, list[tuple[bool, Edit]]]]] = {}
    for path in sorted(texts):
        source = find_source(texts[path])
        if source is not None:
            found[path] = (source, faults(source, lines.get(path, ())))
            places += [(path, line) for line in sorted(found[path][1])]
    chosen: list[Mutant] = []
    for path, line in chance.sample(places, len(places)):
        source, by_line = found[path]
        mutant = find_mutant(path, texts[path], source, chance.sample(by_line[line], len(by_line[line])))
        chosen += [mutant] if mutant else []
        if len(chosen) == most:
            break
    return sorted(chosen, key=lambda one: (one.path, one.edit))


def find_mutant(path: str, text: str, source: Source, edits: list[tuple[bool, Edit]]) -> Mutant | None:
    """Returns the first of some faults that gives other code, those that tell before the others."""
    original = compiled(text)
    for _, edit in sorted(edits, key=lambda one: not one[0]):
        changed = source.written(edit)
        code = compiled(changed)
        if code is not None and original is not None and not same_code(original, code):
            return Mutant(path, edit, changed)
    return None


def faults(source: Source, lines: Collection[int]) -> dict[int, list[tuple[bool, Edit]]]:
    """Returns line -> every single fault that begins on it, and whether it tells; only for some lines."""
    found: dict[int, list[tuple[bool, Edit]]] = {}
    left_out = set(quiet(source))
    for node in ast.walk(source.tree):
        if node in left_out or not touches(node, lines):
            continue
        for operator, telling in OPERATORS:
            for edit in operator(source, node):
                if edit.line in lines:
                    found.setdefault(edit.line, []).append((telling, edit))
    return found


def touches(node: ast.AST, lines: Collection[int]) -> bool:
    """Tells whether any of some lines may lie in a node; decorators lie above what they decorate."""
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    if isinstance(node, Function | ast.ClassDef) or first is None or last is None:
        return True
    return any(first <= line <= last for line in lines)


def merged(source: Source, edits: list[Edit]) -> str:
    """Returns a text with as many of some faults at once as do not overlap."""
    kept: list[Edit] = []
    for edit in sorted(edits):
        if not kept or kept[-1].end <= edit.start:
            kept.append(edit)
    text = source.written(*kept)
    return text if compiled(text) is not None else source.written(kept[0])


def quiet(source: Source) -> Iterator[ast.AST]:
    """Yields what is no behaviour: documentation, annotations, words of errors and logs, parts of f-strings."""
    for node in ast.walk(source.tree):
        silent: list[ast.AST | None] = []
        match node:
            case ast.Expr(value=ast.Constant()):
                silent = [node.value]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                silent = [node.returns]
            case ast.arg() | ast.AnnAssign():
                silent = [node.annotation]
            case ast.JoinedStr():
                silent = list(node.values)
            case ast.Raise():
                silent = [node.exc.func, *node.exc.args, *node.exc.keywords] if isinstance(node.exc, ast.Call) else []
            case ast.Call() if is_log(node):
                silent = [node.func, *node.args, *node.keywords]
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                silent = [node]
        for top in silent:
            if top is not None:
                yield from ast.walk(top)
