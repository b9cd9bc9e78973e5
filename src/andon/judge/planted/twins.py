"""Turns the assertions of a test round, as text: a twin that passes shows a test that cannot fail. It runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from andon.judge.newtests import Function, functions

PLUGIN = "andon_twins"
"""The probe that twins call: it notes that an assertion was reached, and what it compares."""
RAISES = frozenset({"raises", "assertRaises", "assertRaisesRegex", "assertRaisesMessage", "RaisesGroup"})
EQUAL = frozenset(
    {
        "assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual",
        "assertSequenceEqual", "assertMultiLineEqual",
    }
)  # fmt: skip
OPPOSITE = {
    "assertTrue": "assertFalse",
    "assertIs": "assertIsNot",
    "assertIsNone": "assertIsNotNone",
    "assertIn": "assertNotIn",
    "assertIsInstance": "assertNotIsInstance",
    "assertGreater": "assertLessEqual",
    "assertLess": "assertGreaterEqual",
    "assertAlmostEqual": "assertNotAlmostEqual",
    "assertRegex": "assertNotRegex",
}
OPPOSITE |= {there: back for back, there in OPPOSITE.items()} | {"assertNotEqual": "assertEqual"}
WIDE = frozenset({"AssertionError", "Exception", "BaseException"})
"""What an `except` names that also catches a failed assertion."""


class Twin(NamedTuple):
    """A test file in which the assertions of some tests are turned round."""

    text: str
    tests: tuple[str, ...]
    """`function` or `Class::function`: those in which an assertion could be turned."""


def twin_of(text: str, names: Iterable[str], *, caught: bool) -> Twin | None:
    """Returns the twin of a file for some of its tests (the empty name: all of them); None when none can be turned.

    Only assertions in the test's own body are turned, as one in a helper may be meant to fail. `caught` turns those
    too that stand where a failure would be caught.
    """
    wanted = set(names)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    alias = f"{PLUGIN}_{len(text)}"
    turned = []
    done: dict[Function, bool] = {}
    for name, node in functions(tree):
        if not {"", name} & wanted and not any(name.startswith(f"{one}::") for one in wanted):
            continue
        if node not in done:  # several classes may inherit it
            turner = Turner(alias, caught=caught)
            node.body = turner.block(node.body)
            done[node] = bool(turner.count) and not guided(node)
        if done[node]:
            turned.append(name)
    if not turned:
        return None
    tree.body.insert(after_head(tree.body), ast.Import([ast.alias(PLUGIN, alias)]))
    return Twin(ast.unparse(ast.fix_missing_locations(tree)), tuple(turned))


class Turner:
    """Turns the assertions of one body round, and counts them."""

    def __init__(self, alias: str, *, caught: bool) -> None:
        self.alias = alias
        self.caught = caught
        self.count = 0

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Returns statements with the assertions turned that run in this very frame."""
        return [self.statement(node) for node in body]

    def statement(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Assert):
            return self.assertion(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            node.value = self.call(node.value)
        elif isinstance(node, ast.With | ast.AsyncWith):
            self.context(node)
        elif isinstance(node, ast.Try):
            if self.caught or not any(catches(handler) for handler in node.handlers):
                node.body = self.block(node.body)
            for handler in node.handlers:
                handler.body = self.block(handler.body)
            node.orelse, node.finalbody = self.block(node.orelse), self.block(node.finalbody)
        elif isinstance(node, ast.If | ast.For | ast.AsyncFor | ast.While):
            node.body, node.orelse = self.block(node.body), self.block(node.orelse)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                case.body = self.block(case.body)
        return node

    def assertion(self, node: ast.Assert) -> ast.Assert:
        """Returns `assert X` as `assert not X`, with what X compares shown to the probe."""
        test = node.test
        if isinstance(test, ast.Constant):
            return node
        self.count += 1
        shown = self.shown(test)
        turned = shown if shown is not None else self.probe("true", test)
        return ast.Assert(ast.UnaryOp(ast.Not(), turned), None)

    def shown(self, test: ast.expr) -> ast.expr | None:
        """Returns a comparison as a call of the probe; None when it is no plain `==` or `in`."""
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            kind = {ast.Eq: "same", ast.In: "within"}.get(type(test.ops[0]))
            return self.probe(kind, test.left, test.comparators[0]) if kind else None
        return None

    def call(self, node: ast.Call) -> ast.Call:
        """Returns a call of one of unittest's or pytest's assertions turned round; any other as it is."""
        name = last_name(node.func)
        own = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "self"
        if any(isinstance(word, ast.Starred) for word in node.args[:2]):
            return node
        if name in RAISES and len(node.args) > 1 + (name == "assertRaisesRegex"):
            self.count += 1
            words = node.args[1 + (name == "assertRaisesRegex") :]
            return ast.Call(self.name("called"), words, node.keywords)
        if own and name in EQUAL and len(node.args) >= 2:
            self.count += 1
            return ast.Call(self_method("assertFalse"), [self.probe("same", *node.args[:2])], [])
        if own and name in OPPOSITE and node.args:
            self.count += 1
            return ast.Call(
                self_method(OPPOSITE[name]), [self.probe("true", node.args[0]), *node.args[1:]], node.keywords
            )
        return node

    def context(self, node: ast.With | ast.AsyncWith) -> None:
        """Takes the net away that a block must fall into; turns what is in any other block."""
        nets = [item for item in node.items if last_call(item.context_expr) in RAISES]
        for item in nets:
            self.count += 1
            item.context_expr = ast.Call(self.name("bare"), [], [])
        quiet = any("suppress" in last_call(item.context_expr) for item in node.items)
        if not nets and (self.caught or not quiet):
            node.body = self.block(node.body)

    def probe(self, kind: str, *words: ast.expr) -> ast.Call:
        return ast.Call(self.name(kind), list(words), [])

    def name(self, attribute: str) -> ast.Attribute:
        return ast.Attribute(ast.Name(self.alias, ast.Load()), attribute, ast.Load())


def catches(handler: ast.ExceptHandler) -> bool:
    """Tells whether a handler would also catch a failed assertion."""
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(last_name(kind) in WIDE for kind in kinds)


def guided(node: Function) -> bool:
    """Tells whether a test is driven by a search for examples: one that fails is tried again and again, at length."""
    return any("given" in ast.unparse(decorator) for decorator in node.decorator_list)


def own_frame(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields the statements that run in this very frame, without those of inner functions and classes."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from own_frame(getattr(node, field, []))
        for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from own_frame(inner.body)


def after_head(body: Sequence[ast.stmt]) -> int:
    """Returns the place after a module's docstring and its imports from the future."""
    place = 0
    for number, node in enumerate(body):
        text = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if text or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            place = number + 1
    return place


def last_name(node: ast.expr) -> str:
    """Returns the last part of a dotted name; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def last_call(node: ast.expr) -> str:
    """Returns the last part of the name of what is called; empty when nothing is."""
    return last_name(node.func) if isinstance(node, ast.Call) else ""


def self_method(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())
