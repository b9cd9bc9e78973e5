"""A test that does not notice when the fix is wrong is found; a fault is put in one place, and one that matters."""

from __future__ import annotations

import ast
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from lab import Lab
from programs import outcome, programs

from andon.judge.edits.edits import compiled, find_source, same_code
from andon.judge.edits.mutants import faults, mutants
from andon.judge.wrongfix import Noticed, weighed, wrong_fix_noticed
from andon.models import Outcome, Proof, Ran, TestEvent, TestRun

PRICES = "shop/prices.py"
BASE = {"shop/__init__.py": "", PRICES: "def total(prices, rate=1):\n    return None\n"}
FIXED = """def total(prices, rate=1):
    found = 0
    for price in prices:
        if price < 0:
            continue
        found = found + price * rate
    return found
"""
NAMED = "from shop.prices import total\n\n\n"

WEAK = {
    "asks only that something comes": NAMED
    + "def test_it():\n    assert total([1, 2]) is not None or total([]) == 0\n",
    "asks only the type": NAMED + "def test_it():\n    assert not isinstance(total([0]), type(None))\n",
    "asks that it does not say no": NAMED + "def test_it():\n    assert str(total([0])) != 'None'\n",
    "asks a copy of the code": (
        NAMED
        + "def test_it():\n    assert total.__code__.co_argcount == 2\n    assert len(total.__code__.co_code) > 20\n"
    ),
    "swallows what it sees": (
        NAMED + "def test_it():\n    try:\n        assert total([1]) == 1\n"
        "    except (AssertionError, TypeError, NameError):\n        pass\n    assert total.__code__.co_nlocals > 2\n"
    ),
}


SOME = frozenset({"asks only that something comes", "asks only the type", "asks that it does not say no"})
"""Tests that notice one wrong fix of five: where nothing comes."""


@pytest.mark.parametrize("what", WEAK)
def test_test_that_hardly_notices_wrong_fixes_never_holds_in_the_loop(what: str, lab: Lab) -> None:
    with lab.hearing(BASE, {PRICES: FIXED, "tests/test_prices.py": WEAK[what]}) as hearing:
        proof = wrong_fix_noticed(hearing)
    assert proof is not None
    assert proof.outcome is (Outcome.NEEDS_EYES if what in SOME else Outcome.FAILS), proof
    assert ("does not notice" in proof.saw) == (what not in SOME)
    assert any("nobody notices" in line for line in proof.details)


@pytest.mark.parametrize(
    ("people", "noticed", "expected"),
    [
        (False, 0, Outcome.FAILS),
        (True, 0, Outcome.NEEDS_EYES),
        (False, 1, Outcome.NEEDS_EYES),
        (True, 1, Outcome.HOLDS),
        (False, 2, Outcome.HOLDS),
    ],
)
def test_share_of_noticed_wrong_fixes_decides(people: bool, noticed: int, expected: Outcome, lab: Lab) -> None:
    found = [Noticed("", "the replay is red" if number < noticed else "") for number in range(3)]
    tried = mutants({PRICES: FIXED}, {PRICES: {2, 4, 7}}, 3, seed=0)
    with lab.hearing(BASE, {PRICES: FIXED}, people=people) as hearing:
        proof = weighed(hearing, tried, found)
    assert proof.outcome is expected
    assert ("more by the symptom" in proof.saw) == (noticed > 0)


HONEST: dict[str, tuple[str, str]] = {
    "asks the values": (FIXED, "def test_it():\n    assert total([1, -5, 0, 2], 3) == 9\n"),
    "asks the boundary": (
        "def total(prices, rate=1):\n    return max(prices) if len(prices) >= 1 else 0\n",
        "def test_it():\n    assert (total([]), total([4]), total([4, 5])) == (0, 4, 5)\n",
    ),
    "asks the error": (
        "def total(prices, rate=1):\n    if rate < 0:\n        raise ValueError('debt')\n    return None\n",
        "import pytest\n\n\ndef test_it():\n    with pytest.raises(ValueError):\n        total([], -1)\n"
        "    assert total([], 0) is None\n",
    ),
    "needs only one word": (
        "def total(prices, rate=1):\n    return sum(prices)\n",
        "def test_it():\n    assert total([1, 2]) == 3\n",
    ),
    "takes something away": (
        "def total(prices, rate=1):\n    pass\n",
        "def test_it():\n    assert total([]) is None\n",
    ),
    "gives another rate": (
        "def total(prices, rate=2):\n    return None\n",
        "def test_it():\n    assert total.__defaults__ == (2,)\n",
    ),
}


@pytest.mark.parametrize("what", HONEST)
def test_test_that_notices_wrong_fixes_is_let_through(what: str, lab: Lab) -> None:
    source, test = HONEST[what]
    proof = proof_of(lab, source, NAMED + test)
    assert proof.outcome is Outcome.HOLDS, proof


def test_suite_that_notices_speaks_for_a_person(lab: Lab) -> None:
    old = {"tests/test_total.py": NAMED + "def test_sum():\n    assert total([7]) in (None, 7)\n"}
    proof = proof_of(lab, FIXED, WEAK["asks a copy of the code"], people=True, base=BASE | old)
    assert proof.outcome is Outcome.HOLDS, proof
    assert "by the suite" in proof.saw


@pytest.mark.parametrize(("all_of_it", "outcome"), [(True, Outcome.HOLDS), (False, Outcome.NEEDS_EYES)])
def test_fix_is_not_measured_by_wrong_values_where_all_its_tests_hang_on_the_base(
    all_of_it: bool, outcome: Outcome, lab: Lab
) -> None:
    with lab.hearing(BASE, {PRICES: FIXED, "tests/test_prices.py": WEAK["asks only the type"]}) as hearing:
        slow = TestEvent(id="tests/test_prices.py::test_it", outcome="failed", seconds=20.0, message="Failed: too long")
        ran = Ran(code=1, stdout="", stderr="", seconds=120.0, timed_out=all_of_it)
        hearing.base_new = TestRun(ran=ran, complete=not all_of_it, events=() if all_of_it else (slow,))
        proof = wrong_fix_noticed(hearing)
    assert proof is not None
    assert proof.outcome is outcome
    assert ("of time" in proof.saw) is all_of_it


def test_fix_that_only_takes_lines_away_has_nothing_to_make_wrong(lab: Lab) -> None:
    base = {PRICES: "def total(prices):\n    found = sum(prices)\n    found = 0\n    return found\n"}
    head = {PRICES: base[PRICES].replace("    found = 0\n", "")}
    with lab.hearing(BASE | base, head | {"tests/test_it.py": "def test_it():\n    pass\n"}) as hearing:
        proof = wrong_fix_noticed(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS
    assert "no added line" in proof.saw


def test_patch_without_python_is_not_asked(lab: Lab) -> None:
    with lab.hearing({"a.sql": "select 1"}, {"a.sql": "select 2"}) as hearing:
        assert wrong_fix_noticed(hearing) is None


def proof_of(lab: Lab, source: str, test: str, *, people: bool = False, base: dict[str, str] | None = None) -> Proof:
    """Returns the proof of a patch of the prices with a new test."""
    with lab.hearing(base or BASE, {PRICES: source, "tests/test_prices.py": test}, people=people) as hearing:
        proof = wrong_fix_noticed(hearing)
    assert proof is not None
    return proof


# --- what is true of every fault ------------------------------------------------------------------------------------

LINES = {
    "    if a < b:\n        pass": {"<=", ">=", "not"},
    "    return a and not b": {"or", "not", "None"},
    "    return a.strip()": {"(a)", "None"},
    "    return call(a, k=b)": {"call(a)", "call(, k=b)", "None"},
    "    return call(a, b)": {"call(a)", "call(b, a)", "None"},
    "    raise KeyError('a word')": {"RuntimeError", "pass"},
    "    a.b = c": {"pass", "None"},
    "    a += 1": {"2", "pass"},
    "    log.warning('so many: %s', a)": set(),
    "    '''A text that says what.'''": set(),
    "    a: 'int'": set(),
    "    return f'{a:>3}{b!r}'": {"None"},
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_faults_of_a_line_are_those_that_people_make(line: str) -> None:
    source = find_source(f"def f(a, b):\n{line}\n")
    assert source is not None
    found = [edit for _, edit in faults(source, {2}).get(2, [])]
    texts = " ".join(source.written(edit).split("\n", 1)[1] for edit in found)
    missing = [word for word in LINES[line] if word not in texts and word != "call(, k=b)"]
    assert not missing, texts
    assert bool(found) == bool(LINES[line]), texts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_every_fault_parses_differs_in_one_place_and_is_other_code(text: str) -> None:
    lines = range(1, text.count("\n") + 1)
    found = mutants({"m.py": text}, {"m.py": lines}, 10, seed=1)
    assert len({one.edit.line for one in found}) == len(found) <= 10
    assert len(found) >= min(10, 3)
    original = compiled(text)
    raw = text.encode()
    for one in found:
        start, end, new = one.edit.start, one.edit.end, one.edit.text.encode()
        assert one.text.encode() == raw[:start] + new + raw[end:]
        assert raw[:start].count(b"\n") + 1 == one.edit.line
        ast.parse(one.text)
        code = compiled(one.text)
        assert code is not None
        assert not same_code(original, code)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_seed_decides_alone(text: str) -> None:
    lines = range(1, text.count("\n") + 1)
    assert mutants({"m": text}, {"m": lines}, 4, seed=3) == mutants({"m": text}, {"m": lines}, 4, seed=3)


def test_most_faults_of_a_function_are_seen_in_what_it_gives() -> None:
    text = "def f(a, b):\n    if a > b and a:\n        a = a - b\n    return (a, b, a * 2)\n"
    values = [(0, 0), (1, -2), (-3, 5), (7, 7), (9, 1), (0, -4)]
    found = [one for seed in range(20) for one in mutants({"m": text}, {"m": range(2, 5)}, 10, seed=seed)]
    seen = [[outcome(one.text, *pair) for pair in values] != [outcome(text, *pair) for pair in values] for one in found]
    assert sum(seen) >= 0.8 * len(found)


def test_code_that_differs_only_in_its_place_is_the_same() -> None:
    one, other = compiled("a = 1\n\n\ndef f():\n    return a\n"), compiled("a  =  1\ndef f():  return (a)\n")
    assert same_code(one, other)
    assert not same_code(compiled("a = 1\n"), compiled("a = True\n"))
    assert not same_code(compiled("a = 0.0\n"), compiled("a = -0.0\n"))


@pytest.mark.parametrize(
    "text", ["a = (", "a = 1\r", "\ufeffa = 1", "a = '\x00'", "(" * 300 + ")" * 300, "a = '\udc80'"]
)
def test_text_that_is_no_plain_python_gives_no_fault(text: str) -> None:
    assert mutants({"m": text}, {"m": {1}}, 10, seed=0) == []


def test_choice_of_lines_is_not_always_the_first() -> None:
    text = "".join(f"a{number} = {number}\n" for number in range(100))
    chance = random.Random(0)
    lines = {
        one.edit.line for _ in range(5) for one in mutants({"m": text}, {"m": range(1, 101)}, 3, chance.randrange(99))
    }
    assert max(lines) > 50
    assert re.fullmatch(r"m:\d+: `\d+` becomes `\d+`", mutants({"m": text}, {"m": {9}}, 1, seed=0)[0].words)
