"""A handler that takes what is still raised is for a person's eyes; one that takes nothing of the kind is not."""

from __future__ import annotations

import textwrap

import pytest
from lab import Lab

from andon.judge.errors import errors_accounted
from andon.models import Outcome, Proof

BASE = """def price(text):
    return int(text)


def total(texts):
    count = 0
    for text in texts:
        count += price(text)
    return count
"""
TEST = "from shop import total\n\n\ndef test_total():\n    assert total(['3', {}, '4']) == 7\n"


def loop(body: str, top: str = "") -> str:
    """Returns the source with another body of the loop."""
    inner = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
    return top + BASE.replace("        count += price(text)\n", inner + "\n")


HIDING = {
    "default": loop("try:\n    count += price(text)\nexcept ValueError:\n    count += 0\n"),
    "word and go on": loop("try:\n    count += price(text)\nexcept Exception as error:\n    print(error)\n"),
    "second handler": loop(
        "try:\n    count += price(text)\nexcept KeyError:\n    raise\nexcept ValueError:\n    continue\n"
    ),
    "suppress": loop("with suppress(ValueError):\n    count += price(text)\n", "from contextlib import suppress\n\n\n"),
    "one line": loop("try: count += price(text)\nexcept ValueError: pass\n"),
}
HONEST = {
    "asks first": loop("if text.strip().isdigit():\n    count += price(text)\n"),
    "passes it on": loop(
        "try:\n    count += price(text)\nexcept ValueError as error:\n    raise TypeError(text) from error\n"
    ),
    "takes another error": BASE.replace(
        "    return int(text)",
        "    try:\n        return int({}[text])\n    except KeyError:\n        return int(text or '0')",
    ),
}


def asked(lab: Lab, source: str, test: str, *, people: bool = False) -> Proof | None:
    with lab.hearing(
        {"src/shop.py": BASE}, {"src/shop.py": source, "tests/test_new.py": test}, people=people
    ) as hearing:
        return errors_accounted(hearing)


@pytest.mark.parametrize("how", list(HIDING))
def test_error_that_is_still_raised_and_only_taken_needs_eyes(how: str, lab: Lab) -> None:
    proof = asked(lab, HIDING[how], TEST.format("'x'"))
    assert proof is not None
    assert proof.outcome is Outcome.NEEDS_EYES, proof
    assert "ValueError from src/shop.py:price is raised as before" in proof.saw
    assert "on the base it was raised 1 times" in proof.details[0]


@pytest.mark.parametrize("how", list(HONEST))
def test_fix_that_takes_no_error_of_the_base_holds(how: str, lab: Lab) -> None:
    proof = asked(lab, HONEST[how], TEST.format("''"))
    assert proof is None or proof.outcome is Outcome.HOLDS


def test_of_a_person_it_is_told_and_no_more(lab: Lab) -> None:
    proof = asked(lab, HIDING["default"], TEST.format("'x'"), people=True)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS
    assert "mended, or hidden" in proof.saw


def test_handler_that_nothing_comes_to_holds(lab: Lab) -> None:
    proof = asked(lab, HIDING["default"], TEST.format("'5'").replace("== 7", "== 12"))
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS
    assert "neither tests nor replay raise" in proof.saw
