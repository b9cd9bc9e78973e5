"""Source in the words of a newer Python is read by an older one, place for place."""

from __future__ import annotations

import ast
import sys

import pytest
from lab import Lab

from andon.judge import PROOFS, hear
from andon.judge.edits.edits import find_source
from andon.judge.flags import is_read
from andon.judge.syntax import as_older, parse
from andon.models import Outcome

NEWER = {
    "parameters of a function": ("def go[T: (int, str)](x: T) -> T:\n    return x\n", "x"),
    "parameters of a class": ("class Box[T, *Ts, **P](list[T]):\n    size = 1\n", "1"),
    "parameters with a default": ("async def go[T = int](x):\n    return x\n", "x"),
    "parameters after a form feed": ("\x0c\ndef go[T](x):\n    return x\n", "x"),
    "parameters over lines": ("class Box[\n    T,  # one\n    P: 'é',\n](dict):\n    size = 1\n", "1"),
    "an alias": ("type Number = int | float\nsize = 1\n", "1"),
    "an alias with parameters": ("if True:\n    type Pair[T] = tuple[T, T]\nsize = 1\n", "1"),
    "exceptions without brackets": ("try:\n    size = 1\nexcept KeyError, ValueError:\n    pass\n", "1"),
}


@pytest.mark.parametrize("what", NEWER)
def test_newer_syntax_is_read_with_everything_in_its_place(what: str) -> None:
    text, shown = NEWER[what]
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Return | ast.Assign) and (value := node.value) and not isinstance(value, ast.BinOp):
            assert ast.get_source_segment(text, value) in (shown, "tuple[T, T]")
    assert [len(line.encode()) for line in as_older(text).split("\n")] == [
        len(line.encode()) for line in text.split("\n")
    ]
    assert find_source(text) is not None


@pytest.mark.parametrize(
    "text", ["type = 1\ntype[0] = 2\n", "x = [1][0]\n", "try:\n    pass\nexcept (A, B):\n    pass\n", "def f(:\n", "('"]
)
def test_what_is_no_newer_syntax_stays_as_it_is(text: str) -> None:
    assert as_older(text) == text


def test_what_is_no_python_is_an_error_of_its_own_words() -> None:
    with pytest.raises(SyntaxError, match="invalid syntax"):
        parse("def f[T](x):\n    return return x\n")


FSTRING = 'def total(prices):\n    return sum(prices{}) if f"{{prices["a"]}}" else 0\n'


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it")
def test_source_that_no_older_python_can_read_is_for_a_person(lab: Lab) -> None:
    assert not is_read(FSTRING)
    for people in (True, False):
        with lab.hearing(
            {"src/shop.py": FSTRING.format("[1:]")}, {"src/shop.py": FSTRING.format("")}, people=people
        ) as hearing:
            verdict = hear(hearing, [rule for rule in PROOFS if rule.name == "special case"])
        proof = verdict.proofs[0]
        assert (proof.outcome, proof.saw) == (
            Outcome.NEEDS_EYES,
            "src/shop.py is not read: Python 3.11, which andon runs on, knows less than it is written in",
        )
