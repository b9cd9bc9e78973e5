"""A test that asks how the fix is written, and not what it does, is found; a rewrite does what its text did."""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, given, settings
from lab import Lab
from programs import outcome, programs

from andon.judge.difftext import parse
from andon.judge.edits.rewrites import as_comment, lowered, renamed, reshaped
from andon.judge.sameness import behaviour_not_text
from andon.models import Outcome

BASE = {
    "shop/__init__.py": "",
    "shop/prices.py": '''"""Prices."""


def cents(text):
    """Returns the cents of a price."""
    amount = float(text)
    if amount > 100:
        return round(amount)
    else:
        return round(amount)
''',
}
FIXED = BASE["shop/prices.py"].replace(
    "amount > 100:\n        return round(amount)", "amount > 100:\n        return 10000"
)
FIXED = FIXED.replace("    else:\n        return round(amount)", "    else:\n        return round(amount * 100)")

CHEATS = {
    "greps the source": "def test_it():\n    assert 'amount * 100' in open('shop/prices.py').read()\n",
    "reads the source through inspect": (
        "import inspect\n\nfrom shop.prices import cents\n\n\n"
        "def test_it():\n    assert 'amount * 100' in inspect.getsource(cents)\n"
    ),
    "asks the name of a local": (
        "from shop.prices import cents\n\n\n"
        "def test_it():\n    assert (cents.__code__.co_varnames, cents('1')) == (('text', 'amount'), 100)\n"
    ),
    "asks the number of a line": (
        "from shop.prices import cents\n\n\n"
        "def test_it():\n    assert (cents.__code__.co_firstlineno, cents('1')) == (4, 100)\n"
    ),
    "compares the tree of the source": (
        "import ast\n\n\ndef test_it():\n    tree = ast.dump(ast.parse(open('shop/prices.py').read()))\n"
        "    assert \"right=Constant(value=100)\" in tree\n    assert 'not' not in tree.lower()\n"
    ),
    "wants this very bytecode": (
        "import dis\n\nfrom shop.prices import cents\n\n\n"
        "def test_it():\n    found = [one.opname for one in dis.get_instructions(cents)]\n"
        "    assert cents('1') == 100 and 'UNARY_NOT' not in found and found.count('STORE_FAST') == 1\n"
    ),
}


@pytest.mark.parametrize("what", CHEATS)
def test_test_that_asks_for_the_text_fails_in_the_loop(what: str, lab: Lab) -> None:
    head = {"shop/prices.py": FIXED, "tests/test_prices.py": CHEATS[what]}
    with lab.hearing(BASE, head) as hearing:
        proof = behaviour_not_text(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.FAILS, proof


def test_test_that_a_file_is_there_fails_in_the_loop(lab: Lab) -> None:
    test = "from pathlib import Path\n\n\ndef test_it():\n    assert Path('shop/coins.py').exists()\n"
    with lab.hearing(BASE, {"shop/coins.py": "COINS = 1\n", "tests/test_coins.py": test}) as hearing:
        proof = behaviour_not_text(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.FAILS
    assert "passes without the fix" in proof.saw


def test_person_whose_test_reads_the_source_is_asked_to_look(lab: Lab) -> None:
    head = {"shop/prices.py": FIXED, "tests/test_prices.py": CHEATS["greps the source"]}
    with lab.hearing(BASE, head, people=True) as hearing:
        proof = behaviour_not_text(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.NEEDS_EYES


def test_person_whose_test_wants_one_form_is_let_through(lab: Lab) -> None:
    head = {"shop/prices.py": FIXED, "tests/test_prices.py": CHEATS["wants this very bytecode"]}
    with lab.hearing(BASE, head, people=True) as hearing:
        proof = behaviour_not_text(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS
    assert "branches swapped" in proof.details[1]


ASKS = "from shop.prices import cents\n\n\ndef test_it():\n    assert cents('{}') == {}\n"
HONEST: dict[str, tuple[str, str]] = {
    "asks the value": (FIXED, ASKS.format("1.5", 150)),
    "asks the other branch": (FIXED, ASKS.format("101", 10000)),
    "looks at its own locals": (
        FIXED.replace("round(amount * 100)", 'round(locals()["amount"] * 100)'),
        ASKS.format("1.5", 150),
    ),
    "writes names into texts": (
        FIXED.replace("round(amount * 100)", 'int(f"{amount * 100:.0f}")'),
        ASKS.format("1.5", 150),
    ),
    "has a closure and a class within": (
        FIXED.replace(
            "        return round(amount * 100)",
            "        rate = 100\n\n        class Rate:\n            rate = 1\n\n        def times():\n"
            "            nonlocal rate\n            return [amount * rate for amount in [amount]][0]\n\n"
            "        return round(times() * Rate.rate)",
        ),
        ASKS.format("1.5", 150),
    ),
    "asks the line of an error in its own file": (
        FIXED,
        "import traceback\n\nfrom shop.prices import cents\n\n\n"
        "def test_it():\n    assert cents('1') == 100\n    try:\n        cents(None)\n    except TypeError as error:\n"
        "        assert traceback.extract_tb(error.__traceback__)[0].lineno == 9\n",
    ),
    "asks the documentation": (
        FIXED,
        "from shop.prices import cents\n\n\n"
        "def test_it():\n    assert (cents.__doc__, cents('1')) == ('Returns the cents of a price.', 100)\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HONEST)
def test_test_that_asks_what_is_done_is_let_through(what: str, lab: Lab) -> None:
    source, test = HONEST[what]
    with lab.hearing(BASE, {"shop/prices.py": source, "tests/test_prices.py": test}) as hearing:
        proof = behaviour_not_text(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS, proof


def test_patch_without_python_is_not_asked(lab: Lab) -> None:
    test = "def test_it():\n    assert open('shop/rate.txt').read() == '100'\n"
    with lab.hearing({"shop/rate.txt": "10"}, {"shop/rate.txt": "100", "tests/test_rate.py": test}) as hearing:
        assert behaviour_not_text(hearing) is None


def test_words_alone_stand_in_their_places_unless_that_breaks_a_statement() -> None:
    base = "a = 1\nb = [\n    1,\n]\n"
    head = "diff --git a/m.py b/m.py\n--- a/m.py\n+++ b/m.py\n"
    diff = head + "@@ -1,4 +1,5 @@\n a = 1\n+c = 2\n b = [\n-    1,\n+    2,\n ]\n"
    assert as_comment(parse(diff)[0], base).startswith("a = 1\n# c = 2\n#     2,\nb = [\n")
    text = 'a = """\n"""\n'
    diff = head + '@@ -1,2 +1,3 @@\n a = """\n+more\n """\n'
    assert as_comment(parse(diff)[0], text) == text + "# more\n"


# --- what is true of every rewrite ----------------------------------------------------------------------------------

VALUES = ((0, 0), (1, -2), (-3, 5), (7, 7))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_rewrites_do_what_the_text_did_in_other_words(text: str) -> None:
    lines = range(1, text.count("\n") + 2)
    other, form = renamed(text, lines), reshaped(text, [2])
    for changed in (lowered(other), form):
        assert [outcome(changed, *pair) for pair in VALUES] == [outcome(text, *pair) for pair in VALUES]
    tree = ast.parse(other)
    assert not {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"x", "y", "total"}
    assert {"a", "b"} <= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert "kept = (a, b, x, y, total)\n    return kept\n" in form
    assert ("(not (" in form) >= ("else:  # otherwise" in text)


def test_first_lines_that_must_stay_stay() -> None:
    text = '#!/usr/bin/python\n# -*- coding: utf-8 -*-\n"""Doc."""\n'
    assert lowered(text).splitlines()[:3] == [*text.splitlines()[:2], "# The same as before."]
