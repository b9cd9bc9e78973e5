"""Reads the new tests for what asks which names are there, or replaces what the patch changes; it runs none of them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from andon.judge.syntax import parse

NAMING = frozenset({"vars", "dir", "hasattr", "getattr", "globals", "locals", "ast.parse", "compile"})
WRITTEN = frozenset({"__code__", "__dict__", "__file__", "__doc__", "__version__", "__closure__", "__annotations__"})
"""What a thing says of how it is written; a test of its own `__file__` looks for what lies beside it."""
STARTING = frozenset({"-m", "coverage", "run", "--parallel-mode", "-u", "-B", "-I"})
"""Words between an interpreter and the file that it runs."""
CAUGHT = frozenset({"AttributeError", "NameError", "ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
"""Errors by which a test notices that a name is not there."""


def asks_for_names(text: str, lines: frozenset[int], changed: Collection[str]) -> Iterator[str]:
    """Yields where some lines of a test ask which names are there or how they are written, or replace a changed one."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    used = {id(one) for node in ast.walk(tree) for one in (*filled(node), *started(node))}
    honest = {id(handler) for node in ast.walk(tree) if isinstance(node, ast.Try) for handler in plain(node)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if id(node) in honest or id(node) in used:
            continue
        what = (asked(node) or replaced(node, changed)) if line in lines else ""
        if what:
            yield f"line {line}: {what}"


def filled(node: ast.AST) -> Iterator[ast.expr]:
    """Yields the `__dict__` that a node writes into: that asks nothing."""
    match node:
        case (
            ast.Call(func=ast.Attribute(value=ast.Attribute(attr="__dict__") as held, attr="update"))
            | ast.Subscript(value=ast.Attribute(attr="__dict__") as held, ctx=ast.Store())
        ):
            yield held


def started(node: ast.AST) -> Iterator[ast.expr]:
    """Yields the `__file__` of what a node runs with an interpreter of its own: that runs it, and reads nothing."""
    match node:
        case ast.List(elts=[ast.Attribute(value=ast.Name(id="sys"), attr="executable"), *words]):
            for word in words:
                if isinstance(word, ast.Attribute) and word.attr == "__file__":
                    yield word
                elif not (isinstance(word, ast.Constant) and word.value in STARTING):
                    return


def plain(node: ast.Try) -> Iterator[ast.ExceptHandler]:
    """Yields the handlers of a test that take what the test itself raises, or that skip it."""
    own = any(isinstance(one, ast.Raise) for one in node.body)
    for handler in node.handlers:
        if own or skips(handler.body[0]):
            yield handler


def skips(node: ast.stmt) -> bool:
    """Tells whether a statement skips a test: it is neither red nor green then."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name))):
            return name in ("skip", "skipTest")
    return False


def asked(node: ast.AST) -> str:
    """Returns how a node asks for names; empty when it does not."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name in NAMING or name.startswith("inspect."):
            return f"`{name}` asks which names are there, or how they are written"
    elif isinstance(node, ast.Attribute) and node.attr in WRITTEN:
        return f"`{ast.unparse(node)[:80]}` asks how a thing is written, not what it does"
    elif isinstance(node, ast.ExceptHandler):
        kinds = {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)} if node.type else CAUGHT
        if kinds & CAUGHT:
            return "it catches what it would be told of a name that is not there"
    return ""


def replaced(node: ast.AST, changed: Collection[str]) -> str:
    """Returns which of the changed names a node replaces by something else; empty when none."""
    if not isinstance(node, ast.Call):
        return ""
    name = ast.unparse(node.func)
    if not ("patch" in name or name.endswith("setattr")):
        return ""
    words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    words += [word.arg for word in node.keywords if word.arg]
    found = next((word for word in words if word.rpartition(".")[2] in changed), "")
    return f"`{name}` replaces `{found}`, which the patch changes" if found else ""


def defined(text: str, lines: frozenset[int]) -> Iterator[str]:
    """Yields the names that some lines of a module bind for others to see, and the functions and classes around."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    own = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if not any(isinstance(node, ast.Global) for node in ast.walk(function))
        for statement in function.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)):
                yield node.name
        elif isinstance(node, ast.Name) and node.lineno in lines and id(node) not in own:
            yield from [node.id] if isinstance(node.ctx, ast.Store) else []
