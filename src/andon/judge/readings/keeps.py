"""Reads the added source for what it keeps from one call to the next: by that, code can be right for the first calls.

It decides nothing by itself. What an object keeps in itself is not looked at: that is what objects are for.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from andon.judge.syntax import parse

CHANGING = frozenset(
    {"append", "appendleft", "add", "update", "pop", "popleft", "popitem", "setdefault", "extend", "insert", "clear",
     "discard", "remove", "send", "__next__", "__setitem__", "acquire", "put", "get_nowait"}
)  # fmt: skip
KEPT = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def keeps(text: str, lines: Collection[int]) -> Iterator[tuple[int, str]]:
    """Yields line and words for each place of some lines, inside a function, that keeps something for the next call."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    top = frozenset(names_of(tree.body))
    seen: set[tuple[int, str]] = set()
    for function in ast.walk(tree):
        if not isinstance(function, Function):
            continue
        hidden = frozenset(bound(function))
        places = [node for line in function.body for node in ast.walk(line)]
        found = [(getattr(node, "lineno", 0), what) for node in places if (what := kept(node, top - hidden))]
        found += [
            (value.lineno, "has a default that lasts")
            for value in [*function.args.defaults, *function.args.kw_defaults]
            if isinstance(value, KEPT)
        ]
        for line, what in found:
            if line in lines and (line, what) not in seen:
                seen.add((line, what))
                yield line, f"keeps something from one call to the next: {what}"


def names_of(body: Collection[ast.stmt]) -> Iterator[str]:
    """Yields the names that a module binds, imports aside."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            yield from (
                one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
            )


def bound(function: Function) -> Iterator[str]:
    """Yields the names that are a function's own."""
    arguments = function.args
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if one is not None:
            yield one.arg
    shared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in shared:
            yield node.id


def kept(node: ast.AST, top: Collection[str]) -> str:
    """Returns what a node keeps beyond its call; empty when nothing. `top` are the names of the module."""
    match node:
        case ast.Global(names=names):
            return f"`global {', '.join(names)}`"
        case ast.Call(func=ast.Name(id="next"), args=[ast.Name(id=name), *_]) if name in top:
            return f"`next({name})`"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if name in top and attr in CHANGING:
            return f"`{name}.{attr}`"
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in top:
            return f"`{name}[...]` is set"
        case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store() | ast.Del(), attr=attr) if name in top:
            return f"`{name}.{attr}` is set"
    return ""
