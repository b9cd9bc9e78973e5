"""Rewrites a test file so that it tells what it compares instead of comparing; it takes the test's literals out.

What is built from constants stays with the judge: a name that is bound to it once, too, and a parameter of
`parametrize` that is only ever compared. The rest of the test runs as it was written.
"""

from __future__ import annotations

import ast
from typing import cast

from andon.judge.newtests import lenient
from andon.judge.split.claims import (
    COMPARING,
    MOCKED,
    PAIRED,
    RAISING,
    SINGLE,
    Claim,
    Given,
    Kind,
    Rewritten,
    Side,
    Told,
)
from andon.judge.split.known import NotKnown
from andon.judge.split.scopes import Scopes, imports_of, read_scopes
from andon.judge.split.transform import PROBE, SHOWN, Claiming, Sheet, name_of, probe


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


class _Rewriter(Claiming):
    """Knows the ways of unittest, pytest.raises and mocks to assert, besides `assert` itself."""

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
