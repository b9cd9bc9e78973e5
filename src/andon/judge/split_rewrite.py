"""Rewrites a test file so that it tells what it compares instead of comparing; it takes the test's literals out.

What is built from constants stays with the judge: a name that is bound to it once, too, and a parameter of
`parametrize` that is only ever compared. The rest of the test runs as it was written.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from andon.judge.newtests import lenient
from andon.judge.split_claims import (
    BROAD,
    COMPARING,
    MOCKED,
    PAIRED,
    RAISING,
    SIGNS,
    SINGLE,
    TEXTUAL,
    Claim,
    Given,
    Kind,
    Rewritten,
    Side,
    Told,
)
from andon.judge.split_known import NotKnown, known
from andon.judge.split_scopes import Scopes, imports_of, read_scopes
from andon.judge.split_values import Known

PROBE = "__andon__"
Function = ast.FunctionDef | ast.AsyncFunctionDef
SHOWN = 160


@dataclass
class Sheet:
    """What the judge keeps to itself of all the test files of one run."""

    claims: list[Claim] = field(default_factory=list)
    hidden: list[Known] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.SystemRandom)


class NotRewritten(Exception):
    """A test file cannot be read, or not written again."""


def rewrite(path: str, source: bytes | str, sheet: Sheet) -> Rewritten:
    """Returns a test file that tells what it sees, and puts what it claims on the sheet.

    Raises:
        NotRewritten: it is no Python that this interpreter reads.
    """
    try:
        first = ast.parse(source)
        # Once without any knowledge, to see which names stand for nothing but sides of comparisons.
        trial = _Rewriter(path, Sheet(), Scopes(imports=imports_of(first)))
        trial.visit(ast.parse(source))
        scopes = read_scopes(first, trial.operands)
        rewriter = _Rewriter(path, sheet, scopes)
        tree = cast(ast.Module, rewriter.visit(first))
        scopes.take_out(rewriter.consumed, sheet.hidden)
        _with_probe(tree)
        text = ast.unparse(ast.fix_missing_locations(tree))
        text.encode()
        return Rewritten(path, text + "\n", _lines(tree, ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotRewritten(f"{path} cannot be rewritten: {error}") from error


def _with_probe(tree: ast.Module) -> None:
    """Puts the import of the probe behind the docstring and what must stand first, and makes imports lenient."""
    place = 0
    for node in tree.body:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not text and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        place += 1
    rest: list[ast.stmt] = []
    for node in tree.body[place:]:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__" and node.names[0].name != "*":
            rest += [lenient(ast.ImportFrom(node.module, [alias], node.level), node) for alias in node.names]
        elif isinstance(node, ast.Import):
            rest += [lenient(ast.Import([alias]), node) for alias in node.names]
        else:
            rest.append(node)
    tree.body = [*tree.body[:place], ast.Import([ast.alias("andon_split", PROBE)]), *rest]


def _lines(tree: ast.Module, written: ast.Module) -> dict[int, int]:
    """Returns for each line of the written text which line it was."""
    pairs = zip(ast.walk(tree), ast.walk(written), strict=False)
    return {
        new.lineno: old.lineno
        for old, new in pairs
        if isinstance(new, ast.stmt) and isinstance(old, ast.stmt) and hasattr(old, "lineno")
    }


def probe(name: str, *args: ast.expr, more: Sequence[ast.keyword] = ()) -> ast.Call:
    """Returns a call of the probe."""
    return ast.Call(ast.Attribute(ast.Name(PROBE, ast.Load()), name, ast.Load()), list(args), list(more))


class _Rewriter(ast.NodeTransformer):
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
        kept: list[Side] = []
        for side in sides:
            kept.append(self._side(side, shown))  # noqa: PERF401 (fills two lists)
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

    def _side(self, node: ast.expr, shown: list[ast.expr]) -> Side:
        """Returns what the judge keeps of a side; what the sandbox must tell is added to `shown`."""
        if isinstance(node, ast.Name):
            self.operands.add((node.lineno, node.col_offset))
        try:
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

    # --- unittest, pytest.raises, mocks -------------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        call = node.value
        if not self.depth or self.raw or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            return self.generic_visit(node)
        if any(isinstance(one, ast.Starred) for one in call.args) or any(word.arg is None for word in call.keywords):
            return self.generic_visit(node)
        attr = call.func.attr
        made = None if attr in self.own else self._unittest(node, call, attr)
        if made is None and attr in MOCKED and attr not in self.own:
            made = self._mock(node, call, attr)
        if made is None and attr == "match" and len(call.args) == 1 and name_of(call.func.value) in self.caught:
            value = ast.Call(ast.Name("str", ast.Load()), [ast.Attribute(call.func.value, "value", ast.Load())], [])
            made = self.claim(node, "regex", [ast.copy_location(value, call), call.args[0]])
        return self.generic_visit(node) if made is None else ast.fix_missing_locations(made)

    def _unittest(self, node: ast.Expr, call: ast.Call, attr: str) -> ast.stmt | None:
        args, words = call.args, {word.arg: word.value for word in call.keywords}
        words.pop("msg", None)
        if attr in COMPARING and len(args) in (2, 3) and not words:
            return self.claim(node, "compare", args[:2], signs=(COMPARING[attr],))
        if attr in SINGLE and len(args) in (1, 2) and not words:
            kind, negated = SINGLE[attr]
            if kind == "compare":
                none = ast.copy_location(ast.Constant(None), call)
                return self.claim(node, "compare", [args[0], none], signs=("is not" if negated else "is",))
            return self._truth(node, args[0], negated=negated)
        if attr not in PAIRED or len(args) < 2:
            return None
        kind, negated = PAIRED[attr]
        if kind == "almost":
            return self._almost(node, args, words, negated=negated)
        if words or len(args) > 3:
            return None
        see = "see_class" if kind == "class" else "see"
        return self.claim(node, kind, args[:2], negated=negated, way=attr, see=see)

    def _truth(self, node: ast.Expr, test: ast.expr, *, negated: bool) -> ast.stmt:
        """Returns the claim of assertTrue, which may stand around a comparison."""
        at = cast(ast.Assert, node)
        told = self._told(test, at, negated=negated)
        if len(told) == 1:
            return told[0]
        return ast.copy_location(ast.If(ast.Constant(True), told, []), node)

    def _almost(
        self, node: ast.Expr, args: list[ast.expr], words: dict[str | None, ast.expr], *, negated: bool
    ) -> ast.stmt | None:
        places = words.pop("places", args[2] if len(args) > 2 else ast.Constant(None))
        delta = words.pop("delta", ast.Constant(None))
        try:
            given = (Given(self.known(places)), Given(self.known(delta)))
        except NotKnown:
            return None
        return None if words else self.claim(node, "almost", args[:2], negated=negated, given=given)

    def _mock(self, node: ast.Expr, call: ast.Call, attr: str) -> ast.stmt:
        number = self._number()
        self.sheet.claims[number] = Claim(
            number, self.path, node.lineno, ast.unparse(node)[:SHOWN], "mock", sides=(Told(0), Told(1)), way=attr
        )
        thing = cast(ast.expr, self.visit(cast(ast.Attribute, call.func).value))
        args = [cast(ast.expr, self.visit(one)) for one in call.args]
        words = [cast(ast.keyword, self.visit(word)) for word in call.keywords]
        made = probe("called", ast.Constant(number), thing, ast.Constant(attr), *args, more=words)
        return ast.copy_location(ast.Expr(made), node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self._with(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self._with(node)

    def _with(self, node: ast.With | ast.AsyncWith) -> ast.AST:
        expecting = 0
        for item in node.items:
            call = item.context_expr
            if self.depth and isinstance(call, ast.Call) and self._raising(call) and len(call.args) <= 2:
                if isinstance(item.optional_vars, ast.Name):
                    self.caught.add(item.optional_vars.id)
                expecting = 1
                item.context_expr = self._expecting(call) or cast(ast.expr, self.generic_visit(call))
            else:
                item.context_expr = cast(ast.expr, self.visit(call))
        # Inside, the comparison itself may be what raises: it stays as it is.
        self.raw += expecting
        node.body = self._body(node.body)
        self.raw -= expecting
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Rewrites `pytest.raises(Error, function, ...)`."""
        way = self._raising(node) if self.depth else ""
        least = 3 if way in RAISING and way != "assertRaises" else 2
        if (
            not way
            or way == "pytest.warns"
            or len(node.args) < least
            or any(isinstance(one, ast.Starred) for one in node.args[:least])
        ):
            return self.generic_visit(node)
        factory, given, shown = self._factory(node, way, node.args[1] if least == 3 else None)
        number = self._raises(node, "raises", given)
        rest = [cast(ast.expr, self.visit(one)) for one in node.args[least - 1 :]]
        words = [cast(ast.keyword, self.visit(word)) for word in node.keywords]
        seen = ast.Tuple(shown, ast.Load())
        kinds = cast(ast.expr, self.visit(node.args[0]))
        made = probe("raises_in", ast.Constant(number), factory, kinds, seen, *rest, more=words)
        return ast.copy_location(made, node)

    def _raising(self, call: ast.Call) -> str:
        """Returns by which name a call expects an error; empty when it does not."""
        if isinstance(call.func, ast.Attribute) and call.func.attr in RAISING and call.func.attr not in self.own:
            return call.func.attr
        name = self.scopes.dotted(call.func)
        return name if name in ("pytest.raises", "pytest.warns") else ""

    def _expecting(self, call: ast.Call) -> ast.expr | None:
        """Returns what stands for `pytest.raises(Error, match=...)` in a with statement."""
        way = self._raising(call)
        words = {word.arg: word.value for word in call.keywords}
        kinds = call.args[0] if call.args else words.pop("expected_exception", None)
        pattern = words.pop("match", None) or words.pop("expected_regex", None)
        if way in RAISING and way != "assertRaises":
            pattern = call.args[1] if len(call.args) > 1 else pattern
        elif len(call.args) > 1:
            return None
        words.pop("msg", None)
        if kinds is None or None in words or (isinstance(pattern, ast.Constant) and pattern.value is None):
            return None
        factory, given, shown = self._factory(call, way, pattern)
        number = self._raises(call, "warns" if way == "pytest.warns" else "raises", given)
        more = [ast.keyword(name, cast(ast.expr, self.visit(value))) for name, value in words.items()]
        kinds = cast(ast.expr, self.visit(kinds))
        see = "warns" if way == "pytest.warns" else "raises"
        return ast.copy_location(probe(see, ast.Constant(number), factory, kinds, *shown, more=more), call)

    def _factory(
        self, call: ast.Call, way: str, pattern: ast.expr | None
    ) -> tuple[ast.expr, tuple[Side, ...], list[ast.expr]]:
        shown: list[ast.expr] = []
        given = () if pattern is None else (self._side(pattern, shown),)
        factory = call.func
        if way in RAISING:
            owner = cast(ast.Attribute, call.func).value
            factory = ast.copy_location(ast.Attribute(owner, "assertRaises", ast.Load()), call.func)
        return factory, given, shown

    def _raises(self, at: ast.Call, kind: Kind, given: tuple[Side, ...]) -> int:
        number = self._number()
        text = ast.unparse(at)[:SHOWN]
        self.sheet.claims[number] = Claim(number, self.path, at.lineno, text, kind, more=given)
        return number


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
