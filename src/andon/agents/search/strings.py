"""Works out what string expressions of a tree spell, with named holes for what only a run would know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from andon.agents.search.source import Sources, parse

MOST = 8
"""Readings kept of one expression: a name that may stand for more is not worth following."""
LONGEST = 100_000
WRAPPERS = frozenset({"SQL", "text", "Identifier", "Literal", "dedent", "cleandoc", "sql", "str", "Composed"})
TABLE_FIELDS = frozenset({"__tablename__", "db_table", "table_name"})
TRIMS = frozenset({"strip", "lstrip", "rstrip", "lower", "upper"})


class Constants(NamedTuple):
    """What names of one module stand for."""

    texts: dict[str, tuple[str, ...]]
    """Name (or `Class.name`, or `module.name`) -> what it may spell."""
    tables: dict[str, str]
    """Variable -> table, for `images = Table("images", ...)`."""
    classes: dict[str, str]
    """Model class -> table, for `__tablename__ = "images"`."""


def constants_of(path: str, sources: Sources) -> Constants:
    """Returns what the names of a module stand for, with those it imports from other modules of the tree."""
    own = module_constants(sources[path])
    texts = dict(own.texts)
    tables, classes = dict(own.tables), dict(own.classes)
    tree = parse(sources[path])
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                there = module_constants(find_module(path, node, node.module or "", sources))
                local = alias.asname or alias.name
                for names, theirs in ((tables, there.tables), (classes, there.classes)):
                    if alias.name in theirs:
                        names[local] = theirs[alias.name]
                if alias.name in there.texts:
                    texts[local] = there.texts[alias.name]
                inner = module_constants(find_module(path, node, f"{node.module or ''}.{alias.name}", sources))
                absorb(local, inner, texts, tables, classes)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                inner = module_constants(find_module(path, None, alias.name, sources))
                absorb(alias.asname or alias.name.rpartition(".")[2], inner, texts, tables, classes)
    return Constants(texts, tables, classes)


def absorb(
    local: str, inner: Constants, texts: dict[str, tuple[str, ...]], tables: dict[str, str], classes: dict[str, str]
) -> None:
    texts.update({f"{local}.{name}": value for name, value in inner.texts.items()})
    for names, theirs in ((tables, inner.tables), (classes, inner.classes)):
        for name, table in theirs.items():
            names.setdefault(name, table)


def find_module(path: str, node: ast.ImportFrom | None, module: str, sources: Sources) -> str:
    """Returns the text of a module of the tree as one of its files imports it; empty when it lies elsewhere."""
    parts = [part for part in module.split(".") if part]
    if node is not None and node.level:
        folder = path.split("/")[: -node.level]
        ends = ["/".join([*folder, *parts])]
    else:
        ends = ["/".join(parts)]
    for end in ends:
        for file in (f"{end}.py", f"{end}/__init__.py"):
            match = next((known for known in sources if end and (known == file or known.endswith(f"/{file}"))), None)
            if match is not None:
                return sources[match]
    return ""


@lru_cache(maxsize=2048)
def module_constants(text: str) -> Constants:
    """Returns what one module's own names stand for: assignments at its top and in its classes."""
    tree = parse(text) if text else None
    found = Constants({}, {}, {})
    if tree is not None:
        read_body(tree.body, "", found)
    return found


def read_body(body: Sequence[ast.stmt], owner: str, found: Constants) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef):
            read_body(node.body, node.name, found)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                read_assignment(target, node.value, owner, found)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            read_assignment(node.target, node.value, owner, found)


def read_assignment(target: ast.expr, value: ast.expr, owner: str, found: Constants) -> None:
    if not isinstance(target, ast.Name):
        return
    if isinstance(value, ast.Call) and called(value) in ("Table", "table") and value.args:
        for table in render(value.args[0], found):
            found.tables[target.id] = table
    readings = render(value, found)
    if not readings:
        return
    found.texts[f"{owner}.{target.id}" if owner else target.id] = readings
    if owner:  # self.NAME, whichever class of the module it is
        mine = f"self.{target.id}"
        found.texts[mine] = tuple(dict.fromkeys((*found.texts.get(mine, ()), *readings)))[:MOST]
    if owner and target.id in TABLE_FIELDS:
        found.classes[owner] = readings[0]


def called(call: ast.Call) -> str:
    """Returns the last name of what a call calls."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def pieces(tree: ast.AST) -> Iterator[ast.expr]:
    """Yields the largest expressions that may spell a text: literals, f-strings, sums, formats, names of constants."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Call) and is_format(child):
            yield child
            for part in (*child.args, *(word.value for word in child.keywords)):
                yield from pieces(part)
        elif isinstance(child, ast.BinOp) and isinstance(child.op, ast.Add | ast.Mod):
            yield child
            yield from (node for node in pieces(child) if not isinstance(node, ast.Constant | ast.JoinedStr))
        elif isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        elif isinstance(child, ast.Name | ast.Attribute) and isinstance(child.ctx, ast.Load):
            yield child
            yield from pieces(child)
        else:
            yield from pieces(child)


def is_format(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "format"


@lru_cache(maxsize=2048)
def prose(text: str) -> frozenset[int]:
    """Returns the first lines of strings that stand as statements of their own: prose, never sent to a database."""
    tree = parse(text)
    return frozenset(
        node.lineno
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def render(node: ast.expr, constants: Constants) -> tuple[str, ...]:
    """Returns what an expression may spell; an unknown name becomes `{name}`; empty when it is no text."""
    if isinstance(node, ast.Constant):
        return (node.value,) if isinstance(node.value, str) else ()
    if isinstance(node, ast.Name | ast.Attribute):
        return named_text(node, constants)
    if isinstance(node, ast.JoinedStr):
        return joined([part_of(value, constants) for value in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = render(node.left, constants), render(node.right, constants)
        return joined([left or (hole(node.left),), right or (hole(node.right),)]) if left or right else ()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return tuple(filled_in(text, r"%s|%\(\w+\)s", given, {}, constants) for text in render(node.left, constants))
    if isinstance(node, ast.Call):
        return call_text(node, constants)
    if isinstance(node, ast.NamedExpr):
        return render(node.value, constants)
    return ()


def call_text(node: ast.Call, constants: Constants) -> tuple[str, ...]:
    if is_format(node) and isinstance(node.func, ast.Attribute):
        words = {word.arg: word.value for word in node.keywords if word.arg}
        texts = render(node.func.value, constants)
        return tuple(filled_in(text, r"\{(\w*)[^{}]*\}", node.args, words, constants) for text in texts)
    if called(node) in WRAPPERS and node.args:
        return render(node.args[-1], constants)
    if called(node) in TRIMS and isinstance(node.func, ast.Attribute):
        return render(node.func.value, constants)
    return ()


def named_text(node: ast.Name | ast.Attribute, constants: Constants) -> tuple[str, ...]:
    """Returns what a name stands for; `{name}` when nobody knows, so that a caller may fill it."""
    dotted = ast.unparse(node)
    dotted = f"self.{dotted[4:]}" if dotted.startswith("cls.") else dotted
    return constants.texts.get(dotted, ())


def part_of(value: ast.expr, constants: Constants) -> tuple[str, ...]:
    if isinstance(value, ast.FormattedValue):
        return render(value.value, constants) or (hole(value.value),)
    return render(value, constants)


def hole(node: ast.expr) -> str:
    """Returns the hole that an unknown part leaves: `{name}` for a name, `{}`-like for anything longer."""
    if isinstance(node, ast.Call) and called(node) in WRAPPERS and node.args:
        return hole(node.args[-1])
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else "_"
    return "{" + name + "}"


def joined(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    texts: tuple[str, ...] = ("",)
    for readings in parts:
        texts = tuple(text + reading for text in texts for reading in readings or ("{_}",))[:MOST]
    return tuple(text[:LONGEST] for text in texts)


def filled_in(
    text: str, marks: str, given: Sequence[ast.expr], words: Mapping[str, ast.expr], constants: Constants
) -> str:
    """Returns a text with its marks filled from the arguments of a format."""
    position = iter(given)

    def fill(match: re.Match[str]) -> str:
        name = match[1] if match.re.groups and match.lastindex else ""
        value = words.get(name)
        if value is None and name.isdigit() and int(name) < len(given):
            value = given[int(name)]
        if value is None and (not name or not words):
            value = next(position, None)
        if value is None:
            return match[0]
        return (render(value, constants) or (hole(value),))[0]

    return re.sub(marks, fill, text)[:LONGEST]
