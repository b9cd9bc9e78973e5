"""Turns the assertions of a test's tree into calls that tell their sides, and puts what they claim on a sheet."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from andon.judge.split.claims import BROAD, SIGNS, TEXTUAL, Claim, Given, Kind, Side, Told
from andon.judge.split.known import NotKnown, known
from andon.judge.split.scopes import Scopes
from andon.judge.split.values import Known

PROBE = "__andon__"
Function = ast.FunctionDef | ast.AsyncFunctionDef
SHOWN = 160


@dataclass
class Sheet:
    """What the judge keeps to itself of all the test files of one run."""

    claims: list[Claim] = field(default_factory=list)
    hidden: list[Known] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.SystemRandom)


def probe(name: str, *args: ast.expr, more: Sequence[ast.keyword] = ()) -> ast.Call:
    """Returns a call of the probe."""
    return ast.Call(ast.Attribute(ast.Name(PROBE, ast.Load()), name, ast.Load()), list(args), list(more))


class Claiming(ast.NodeTransformer):
    """Goes through one file. State: which function it is in, and what is claimed so far."""

    def __init__(self, path: str, sheet: Sheet, scopes: Scopes) -> None:
        self.path = path
        self.sheet = sheet
        self.scopes = scopes
        self.depth = 0
        self.raw = 0
        """Inside of something that expects an assertion to fail."""
        self.inner: list[set[int]] = []
        self.operands: set[tuple[int, int]] = set()
        """Where names stand that are a side of a comparison and nothing else."""
        self.consumed: dict[int, int] = {}
        self.caught: set[str] = set()
        self.own: frozenset[str] = frozenset()
        self.guard = -1

    # --- where --------------------------------------------------------------------------------------------------------

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.own = frozenset(one.name for one in ast.walk(node) if isinstance(one, Function))
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Function) -> ast.AST:
        self.depth += 1
        self.scopes.enter(node)
        outer, before = self.guard, len(self.sheet.claims)
        self.guard = self._number()
        node.body = self._body(node.body)
        if len(self.sheet.claims) > before + 1:
            node.body = [*node.body[: has_text(node)], self._canary(node), *node.body[has_text(node) :]]
        self.guard = outer
        self.scopes.leave()
        self.depth -= 1
        return node

    def _canary(self, node: Function) -> ast.stmt:
        """Returns a comparison of two values that only the judge made: who forges what is told hits it too."""
        left, right = (self.sheet.chance.randrange(10**6) for _ in range(2))
        self.sheet.claims[self.guard] = Claim(
            self.guard, self.path, node.lineno, node.name, "canary", sides=(Given(left), Given(right))
        )
        words = [ast.Constant(one) for one in (self.guard, "==", left, right)]
        return ast.copy_location(ast.Expr(probe("see_pair", *words)), node.body[0])

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in body:
            result = self.visit(statement)
            made += result if isinstance(result, list) else [result]
        return made

    def visit_Try(self, node: ast.Try) -> ast.AST:
        catches = any(handler.type is None or mentions(handler.type, BROAD) for handler in node.handlers)
        self.raw += catches
        node.body = self._body(node.body)
        self.raw -= catches
        for handler in node.handlers:
            handler.body = self._body(handler.body)
        node.orelse, node.finalbody = self._body(node.orelse), self._body(node.finalbody)
        return node

    # --- claims -------------------------------------------------------------------------------------------------------

    def claim(
        self,
        at: ast.stmt,
        kind: Kind,
        sides: Sequence[ast.expr] = (),
        *,
        signs: tuple[str, ...] = (),
        negated: bool = False,
        given: Sequence[Side] = (),
        way: str = "",
        see: str = "see",
    ) -> ast.stmt:
        """Returns the statement that tells the sides of a claim, which goes onto the sheet."""
        text = ast.unparse(at)[:SHOWN]
        number = self._number()
        self.inner.append(set())
        shown: list[ast.expr] = []
        kept = [self._side(side, shown, told=see == "see_class") for side in sides]
        inner = frozenset(self.inner.pop())
        self.sheet.claims[number] = Claim(
            number,
            self.path,
            at.lineno,
            text,
            kind,
            signs,
            tuple(kept),
            negated,
            inner,
            tuple(given),
            way,
            self.guard,
        )
        if kind == "compare" and len(shown) == len(signs) + 1 == 2:
            shown, see = [ast.Constant(signs[0]), *shown], "see_pair"
        return ast.copy_location(ast.Expr(probe(see, ast.Constant(number), *shown)), at)

    def _number(self) -> int:
        self.sheet.claims.append(Claim(len(self.sheet.claims), self.path, 0, "", "truth"))
        return len(self.sheet.claims) - 1

    def _side(self, node: ast.expr, shown: list[ast.expr], *, told: bool = False) -> Side:
        """Returns what the judge keeps of a side; what the sandbox must tell is added to `shown`; all if `told`."""
        if isinstance(node, ast.Name):
            self.operands.add((node.lineno, node.col_offset))
        try:
            if told:
                raise NotKnown("only the sandbox knows its class")
            return Given(self.known(node))
        except NotKnown:
            fixed = self.scopes.fixed(node)
            shown.append(cast(ast.expr, self.visit(node)))
            return Told(len(shown) - 1, fixed)

    def known(self, node: ast.expr) -> Known:
        """Returns the value of an expression built from constants.

        Raises:
            NotKnown: it is something else.
        """
        value = known(node, self.scopes.names(), self.scopes.imports)
        for one in ast.walk(node):
            if isinstance(one, ast.Name):
                self.scopes.consume(one.id, self.consumed)
        return value

    def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.stmt]:
        if not self.depth or self.raw:
            return self.generic_visit(node)
        return self._told(node.test, node, negated=False)

    def _told(self, test: ast.expr, at: ast.Assert, *, negated: bool) -> list[ast.stmt]:
        match test:
            case ast.UnaryOp(op=ast.Not()):
                return self._told(test.operand, at, negated=not negated)
            case ast.BoolOp() if isinstance(test.op, ast.Or if negated else ast.And):
                return [one for value in test.values for one in self._told(value, at, negated=negated)]
            case ast.Compare():
                signs = tuple(SIGNS[type(sign).__name__] for sign in test.ops)
                return [self.claim(at, "compare", [test.left, *test.comparators], signs=signs, negated=negated)]
            case ast.Call(func=ast.Name(id="isinstance"), args=[value, kinds], keywords=[]):
                return [self.claim(at, "class", [value, kinds], negated=negated, see="see_class")]
            case ast.Call(func=ast.Attribute(attr=attr, value=value), args=[_], keywords=[]) if attr in TEXTUAL:
                return [self.claim(at, "text", [value, test.args[0]], negated=negated, way=attr)]
        return [self.claim(at, "truth", [test], negated=negated)]

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Tells a comparison that decides the test's own course."""
        if not self.depth or len(node.ops) > 1 or isinstance(node.ops[0], ast.Is | ast.IsNot) or about_machine(node):
            return self.generic_visit(node)
        number = self._number()
        sign = SIGNS[type(node.ops[0]).__name__]
        text = ast.unparse(node)[:SHOWN]
        self.sheet.claims[number] = Claim(number, self.path, node.lineno, text, "inner", (sign,), (Told(0), Told(1)))
        for one in self.inner:
            one.add(number)
        sides = [cast(ast.expr, self.visit(side)) for side in (node.left, node.comparators[0])]
        return ast.copy_location(probe("compare", ast.Constant(number), ast.Constant(sign), *sides), node)


def has_text(node: Function) -> int:
    """Returns 1 when a function has a docstring."""
    return int(ast.get_docstring(node, clean=False) is not None)


def mentions(node: ast.AST, names: Iterable[str]) -> bool:
    """Tells whether an expression names one of these."""
    wanted = frozenset(names)
    return any(name_of(one) in wanted for one in ast.walk(node))


def name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def about_machine(node: ast.Compare) -> bool:
    """Tells whether a comparison asks for the interpreter or the machine, or is of constants."""
    if isinstance(node.left, ast.Constant) and isinstance(node.comparators[0], ast.Constant):
        return True
    return mentions(node, ("version_info", "platform", "hexversion", "PYPY"))
