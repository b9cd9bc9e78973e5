"""A new test that comes to none of its assertions is found out; helpers and ways half gone are honest."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from shop import FIX, Shop, open_shop

from andon.judge.asserts import assertions, asserts_executed
from andon.models import Outcome, Proof

DEAD = """import asyncio
import unittest

from shop.prices import cents


async def later():
    assert cents("12") == 7


def test_calls_a_coroutine_and_never_awaits_it():
    coroutine = later()
    coroutine.close()
    if cents("12") != 1200:
        assert cents("12") == 1200


def test_makes_a_generator_and_never_consumes_it():
    def each():
        assert cents("12") == 7
        yield

    each()


def test_loops_over_nothing():
    for text in cents.__kwdefaults__ or ():
        assert cents(text) == 7


def test_returns_first():
    if cents("12"):
        return
    assert cents("12") == 7


def test_hands_it_to_nobody():
    asked = []
    asked.append(lambda: check(cents("12")))


def check(value):
    assert value == 7


def test_has_it_swallowed_on_the_way():
    try:
        cents("a")
        assert cents("12") == 7
    except ValueError:
        pass


class TestOld(unittest.TestCase):
    def test_never(self):
        while cents("12") < 0:
            self.assertEqual(cents("12"), 7)
"""
HONEST = """import asyncio
import unittest

import pytest

from shop.prices import cents, gross

from steps import expect_price


def test_plain():
    assert (
        cents("12")
        == 1200
    )


@pytest.mark.parametrize("text", ["12", "12.00", ""])
def test_one_way_of_two(text):
    if not text:
        with pytest.raises(ValueError):
            cents(text)
    else:
        assert cents(text) == 1200


def verify(text):
    assert cents(text) == 1200


def test_in_a_helper():
    verify("12")


def test_in_a_helper_of_another_file():
    expect_price("12", 1200)


async def later():
    assert cents("12") == 1200


def test_awaits():
    asyncio.run(later())


def test_that_nothing_is_raised():
    cents("12")


def test_or_else():
    try:
        cents("a")
        assert False
    except ValueError as error:
        assert "a" in str(error)


def test_with_an_inner_function():
    def each(text):
        assert cents(text) == 1200

    list(map(each, ["12", "12.0"]))


class TestOld(unittest.TestCase):
    def test_old(self):
        self.assertEqual(cents("12"), 1200)
        with self.assertRaises(ValueError):
            gross(-1)
"""
STEPS = """from shop.prices import cents


def expect_price(text, wanted):
    assert cents(text) == wanted
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def proof_on(shop: Shop, files: dict[str, str], *, people: bool = False) -> Proof:
    with shop.hearing({**shop.edited(*FIX), **files}, people=people) as hearing:
        proof = asserts_executed(hearing)
    assert proof is not None
    return proof


def test_tests_that_come_to_none_of_their_assertions_are_rejected(shop: Shop) -> None:
    proof = proof_on(shop, {"tests/test_dead.py": DEAD})
    assert proof.outcome is Outcome.FAILS
    told = "\n".join(proof.details)
    for node in ast.walk(ast.parse(DEAD)):
        if (
            isinstance(node, ast.FunctionDef)
            and node.name.startswith("test")
            and node.name != "test_hands_it_to_nobody"
        ):
            assert f"::{node.name}: none" in told, proof


def test_person_whose_test_comes_to_no_assertion_is_asked(shop: Shop) -> None:
    proof = proof_on(shop, {"tests/test_dead.py": DEAD.partition("def test_makes")[0]}, people=True)
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "comes to none of its 1 assertions" in proof.saw


def test_honest_ways_to_assert_hold(shop: Shop) -> None:
    proof = proof_on(shop, {"tests/test_honest.py": HONEST, "tests/steps.py": STEPS})
    assert proof.outcome is Outcome.HOLDS, proof
    assert proof.details == ("tests/test_honest.py::test_that_nothing_is_raised: asserts nothing by itself",)


TRACED = """import sys

from shop.prices import cents


def test_under_another_tracer():
    sys.settrace(None)
    assert cents("12") == 1200
"""


def test_what_cannot_be_traced_is_told_and_not_held_against_a_person(shop: Shop) -> None:
    proof = proof_on(shop, {"tests/test_traced.py": TRACED}, people=True)
    assert proof.outcome is Outcome.HOLDS, proof


def test_assertions_of_a_test_are_those_that_can_be_false() -> None:
    tree = ast.parse(
        "def test():\n  assert False\n  assert x\n  with raises(E) as e:\n    y\n  await check(z)\n  f(z)\n"
    )
    assert sorted(assertions(tree)) == [(3, 3), (4, 4), (6, 6)]
