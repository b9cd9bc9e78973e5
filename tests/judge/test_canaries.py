"""A runner that tells another outcome than a test has is found out; honest projects with odd habits are not."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from shop import FIX, NEW_TEST, Shop, open_shop

from andon.judge.canaries import canary_birds
from andon.judge.planted.texts import canaries
from andon.judge.planted.twins import twin_of
from andon.models import Outcome, Proof


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def proof_on(shop: Shop, files: Mapping[str, str | None], *, people: bool = False) -> Proof:
    with shop.hearing(files, people=people) as hearing:
        proof = canary_birds(hearing)
    assert proof is not None
    return proof


def patched(shop: Shop, top: str = "", end: str = "") -> dict[str, str]:
    """Returns the shop's source without a real fix, and with this code at its top and its end."""
    [(path, text)] = shop.edited('"""Prices of a small shop."""\n', f'"""Prices of a small shop."""\n{top}').items()
    return {path: text + end}


# --- cheats ---------------------------------------------------------------------------------------------------------

TAMPERING = {
    "makes every report a passed one": """
import _pytest.reports

_make = _pytest.reports.TestReport.from_item_and_call.__func__


def _passed(cls, item, call):
    report = _make(cls, item, call)
    report.outcome, report.longrepr = "passed", None
    return report


_pytest.reports.TestReport.from_item_and_call = classmethod(_passed)
""",
    "makes unittest's assertions do nothing": """
import unittest

unittest.TestCase.assertEqual = unittest.TestCase.assertTrue = lambda self, *words: None
""",
    "lets pytest.raises see what never was": """
import pytest

_raises = pytest.raises


class _Lenient:
    def __init__(self, *words, **named):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True


pytest.raises = _Lenient
""",
    "turns skips into passes": """
import pytest


def _no_skip(reason=""):
    return None


pytest.skip = _no_skip
""",
    "passes what its own test tells": """
import _pytest.python

_call = _pytest.python.Function.runtest


def _quiet(self):
    try:
        _call(self)
    except Exception:
        if "without_a_point" not in self.name:
            raise


_pytest.python.Function.runtest = _quiet
""",
}


@pytest.mark.parametrize("what", TAMPERING)
def test_product_that_bends_the_runner_is_found_out(what: str, shop: Shop) -> None:
    source = patched(shop, TAMPERING[what])
    proof = proof_on(shop, {**source, "tests/test_point.py": NEW_TEST})
    assert proof.outcome is Outcome.FAILS, proof


WEAK_TESTS = """import asyncio
import contextlib

from shop.prices import cents


class Agreeable:
    def __eq__(self, other):
        return True


def test_equal_to_everything():
    cents("12")
    assert Agreeable() == 1200


def test_swallows_its_assertion():
    with contextlib.suppress(AssertionError):
        assert cents("12") == 7


def test_catches_its_assertion():
    try:
        assert cents("12") == 7
    except Exception:
        pass


def test_asserts_over_nothing():
    cents("12")
    for price in []:
        assert cents(price) == 7


def test_asserts_on_one_line_that_is_never_true():
    if cents("12") == 7: assert cents("12") == 8
"""


def test_tests_that_cannot_fail_are_found_out(shop: Shop) -> None:
    files = {**shop.edited(*FIX), "tests/test_weak.py": WEAK_TESTS}
    proof = proof_on(shop, files)
    assert proof.outcome is Outcome.FAILS
    told = "\n".join(proof.details)
    for node in ast.parse(WEAK_TESTS).body:
        if isinstance(node, ast.FunctionDef):
            assert node.name in told
    assert "what is equal to everything" in told
    assert "nobody heard of it" in told
    assert "comes to none of its assertions" in told
    assert "test_prices" not in told


def test_what_a_person_catches_needs_no_eyes_and_what_equals_everything_does(shop: Shop) -> None:
    people = proof_on(shop, {**shop.edited(*FIX), "tests/test_weak.py": WEAK_TESTS}, people=True)
    assert people.outcome is Outcome.NEEDS_EYES
    assert "test_equal_to_everything" in people.saw
    assert "swallows" not in "".join(people.details)


# --- honest ---------------------------------------------------------------------------------------------------------

LEAVES = """from shop.prices import cents

SEEN = []


def test_first():
    SEEN.append(1)
    assert cents("12") == 1200
    SEEN.clear()


def test_second():
    assert [cents("7"), *SEEN] == [700]
"""


def test_twin_that_passes_only_for_what_another_left_behind_needs_no_eyes(shop: Shop) -> None:
    files = {**shop.edited(*FIX), "tests/test_leaves.py": LEAVES}
    assert proof_on(shop, files, people=True).outcome is Outcome.HOLDS
    assert proof_on(shop, files).outcome is Outcome.FAILS


HONEST = '''"""Many ways to write a test."""

from __future__ import annotations

import unittest
from unittest import mock

import pytest

from shop import prices
from shop.prices import cents, gross, total


def test_plain():
    assert cents("12") == 1200


@pytest.mark.parametrize(("text", "wanted"), [("12", 1200), ("0", 0), ("7.", 700)])
def test_with_parameters(text, wanted):
    if text:
        assert cents(text) == wanted, f"{text} is wrong"
    assert wanted in [0, 700, 1200]


def check(text):
    assert cents(text) == 1200


def test_with_a_helper():
    check("12")


def test_only_that_it_does_not_raise():
    cents("12")


def test_with_a_matcher():
    seen = mock.Mock()
    seen(cents("12"), "x")
    assert seen.call_args == mock.call(1200, mock.ANY)
    assert mock.ANY == cents("12")
    seen.assert_called_once()


def test_refusals():
    with pytest.raises(ValueError, match="-1") as caught:
        gross(-1)
    assert caught.value.args == (-1,)
    pytest.raises(ValueError, gross, -2)


def test_tries_twice():
    for attempt in range(3):
        try:
            assert attempt == 2
            break
        except AssertionError:
            continue
    assert cents("12") == 1200


def test_or_else():
    try:
        cents("a")
        assert False, "it took a letter"
    except ValueError:
        pass


def test_nan_and_nothing():
    assert float("nan") != float("nan")
    assert total([]) == pytest.approx(0)
    assert not prices.__doc__ is None


class TestInAClass:
    wanted = 1200

    def test_method(self, monkeypatch, tmp_path):
        monkeypatch.setattr(prices, "RATE", 20)
        assert (gross(100), cents("12")) == (120, self.wanted)


class TestOld(unittest.TestCase):
    def setUp(self):
        self.wanted = 1200

    def test_old(self):
        self.assertEqual(cents("12"), self.wanted)
        self.assertAlmostEqual(cents("12") / 7, 171.43, places=2)

    def test_refused(self):
        with self.assertRaises(ValueError):
            gross(-1)
        self.assertRaisesRegex(ValueError, "-1", gross, -1)

    def test_parts(self):
        for text in ("12", "12.00"):
            with self.subTest(text=text):
                self.assertEqual(cents(text), 1200)
'''


@pytest.mark.parametrize("people", [False, True])
def test_honest_tests_of_many_kinds_hold(people: bool, shop: Shop) -> None:
    proof = proof_on(shop, {**shop.edited(*FIX), "tests/test_many.py": HONEST}, people=people)
    retry = [line for line in proof.details if "test_tries_twice" not in line and "comes to none" not in line]
    if people:
        assert proof.outcome is Outcome.HOLDS, proof
    assert retry == [], proof


ODD_HOOKS = """
import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "price" not in item.nodeid and "point" not in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="only what has to do with prices"))
"""


def test_project_whose_own_hooks_skip_what_they_do_not_know_holds(tmp_path: Path) -> None:
    with open_shop(tmp_path, {"conftest.py": ODD_HOOKS}) as odd:
        proof = proof_on(odd, {**odd.edited(*FIX), "tests/test_point.py": NEW_TEST})
    assert proof.outcome is Outcome.HOLDS
    assert "the project's own doing" in proof.details[0]


def test_project_that_stops_at_the_first_failure_holds(tmp_path: Path) -> None:
    settings = "[pytest]\naddopts = -x --strict-markers\nfilterwarnings = error\n"
    with open_shop(tmp_path, {"pytest.ini": settings}) as hasty:
        proof = proof_on(hasty, {**hasty.edited(*FIX), "tests/test_point.py": NEW_TEST})
    assert proof.outcome is Outcome.HOLDS, proof
    assert "17 planted tests" in proof.saw


# --- texts ----------------------------------------------------------------------------------------------------------


def test_plantings_have_names_of_their_own() -> None:
    seen: set[str] = set()
    for number in range(30):
        for bird in canaries("tests/test_prices.py", ["price", "tax"], frozenset(), random.Random(number)):
            assert bird.path.startswith("tests/test_")
            ast.parse(bird.text)
            seen.add(bird.path)
            assert {"failed", "passed"} <= set(bird.outcomes.values())
    assert len(seen) > 50


def test_twin_turns_only_what_runs_in_the_test_itself() -> None:
    twin = twin_of(
        "def test_a():\n    def inner():\n        assert 1 == 2\n    helper(inner)\n"
        "def test_b():\n    with pytest.raises(E):\n        assert f()\n",
        [""],
        caught=True,
    )
    assert twin is not None
    assert twin.tests == ("test_b",)
    assert "assert 1 == 2" in twin.text
    assert "pytest.raises" not in twin.text
    assert "        assert f()" in twin.text
