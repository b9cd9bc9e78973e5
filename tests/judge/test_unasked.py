"""A part of a change that alters answers which no test asks for is shown, with the question; the fix itself is not."""

from __future__ import annotations

import ast
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import Lab

from andon.judge.edits.othervalues import with_other_values
from andon.judge.edits.parts import parts
from andon.judge.unasked import no_answer_changed_unasked
from andon.models import Outcome, Proof

NAMES = "shop/names.py"
BASE = """def named(line):
    \"\"\"Returns the name in a line such as `A1|lamp`.\"\"\"
    code, name = line.split("|")
    name = name.strip()
    return name
"""
FIXED = BASE.replace('line.split("|")', 'line.split("|", 1)')
TEST = """from shop.names import named


def test_name_with_a_bar():
    assert named("A1| lamp|blue") == "lamp|blue"
"""
WRONG = {NAMES: BASE, "shop/__init__.py": ""}


def prove(lab: Lab, text: str, *, people: bool = True, test: str = TEST, old: str = "") -> Proof | None:
    base = WRONG | ({"tests/test_names.py": old} if old else {})
    with lab.hearing(base, {NAMES: text, "tests/test_bar.py": test}, people=people) as hearing:
        return no_answer_changed_unasked(hearing)


@pytest.mark.parametrize("people", [True, False])
@pytest.mark.parametrize("more", ["name.strip().lower()", "name.strip()[:12]"])
def test_part_that_alters_what_no_test_asks_for_is_for_a_person(more: str, people: bool, lab: Lab) -> None:
    proof = prove(lab, FIXED.replace("name.strip()", more), people=people)
    assert proof is not None
    assert proof.outcome is Outcome.NEEDS_EYES
    assert proof.saw.startswith(f"{NAMES}:4: `")
    assert "with it" in proof.details[0]


def test_fix_alone_has_no_part_to_ask_about(lab: Lab) -> None:
    assert prove(lab, FIXED) is None


def test_part_that_a_test_asks_for_holds(lab: Lab) -> None:
    test = TEST.replace('"A1| lamp|blue") == "lamp|blue"', '"A1| LAMP|blue") == "lamp|blue"')
    proof = prove(lab, FIXED.replace("name.strip()", "name.strip().lower()"), test=test)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS


def test_part_that_the_suite_asks_for_holds(lab: Lab) -> None:
    old = 'from shop.names import named\n\n\ndef test_named():\n    assert named("A1| lamp") == "lamp"\n'
    text = FIXED.replace("    code, name", '    if line.startswith("#"):\n        return ""\n    code, name')
    proof = prove(lab, text.replace("name.strip()", "str(name.strip())"), old=old)
    assert proof is None or proof.outcome is Outcome.HOLDS


def test_part_without_which_the_answer_is_an_error_holds(lab: Lab) -> None:
    guarded = FIXED.replace("    code, name", '    line = line if "|" in line else f"{line}|"\n    code, name')
    proof = prove(lab, guarded)
    assert proof is None or proof.outcome is Outcome.HOLDS


def test_test_that_hands_on_nothing_is_not_asked(lab: Lab) -> None:
    test = "import shop.names\n\n\ndef test_kind():\n    assert shop.names.named\n"
    assert prove(lab, FIXED.replace("name.strip()", "name.strip().lower()"), test=test) is None


def test_parts_are_blocks_and_what_wraps_an_expression() -> None:
    head = FIXED.replace("name.strip()", "name.strip()[:12].lower()")
    words = [one.words for one in parts(NAMES, BASE, head, {3, 4})]
    assert words[:2] == ['`code, name = line.split("|", 1)`', "`name = name.strip()[:12].lower()`"]
    assert "`name.strip()[:12].lower()`" in words
    assert all(ast.parse(one.text) for one in parts(NAMES, BASE, head, {3, 4}))


def test_file_that_is_one_block_of_nothing_new_has_no_parts() -> None:
    assert parts(NAMES, BASE, FIXED, {3}) == []
    assert parts(NAMES, BASE, "def (:\n", {1}) == []


VALUES = st.one_of(st.text(max_size=12), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False))


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(1, 30), st.integers(0, 3))
def test_each_copy_of_a_test_has_one_other_value(values: list[object], times: int, seed: int) -> None:
    source = f"def test_it():\n    found = asked({', '.join(map(repr, values))})\n    assert found == 7\n"
    text, names = with_other_values(source, ["test_it"], times, seed)
    first, *others = ast.parse(text).body
    assert [cast(ast.FunctionDef, one).name for one in others] == names
    assert len(names) <= times
    for one in others:
        pairs = zip(called(first), called(one), strict=True)
        assert sum(before != after for before, after in pairs) == 1
        assert "found == 7" in ast.unparse(one)


def called(function: ast.stmt) -> list[str]:
    call = cast(ast.Call, cast(ast.Assign, cast(ast.FunctionDef, function).body[0]).value)
    return [ast.unparse(one) for one in call.args]


def test_call_that_a_test_does_not_look_at_is_told() -> None:
    text, names = with_other_values("def test_it():\n    put(1)\n    assert get(2) == 3\n", ["test_it"], 2, 0)
    assert names == ["test_it_asked_0", "test_it_asked_1"]
    assert "assert (put(" in text
    assert "for _ in range(5):" in text


def test_test_of_a_class_is_copied_within_it() -> None:
    source = "class TestIt:\n    class TestMore:\n        def test_it(self):\n            assert get(2) == 3\n"
    text, names = with_other_values(source, ["TestIt::TestMore::test_it", "TestIt::test_gone"], 1, 0)
    assert names == ["TestIt::TestMore::test_it_asked_0"]
    assert text.count("        def test_it") == 2


def test_nothing_is_copied_where_nothing_is_handed_on() -> None:
    for source in ("def test_it():\n    assert get() == 3\n", "def (:\n"):
        assert with_other_values(source, ["test_it"], 3, 0)[1] == []


def test_names_of_parameters_stay() -> None:
    table = 'import pytest\n\n\n@pytest.mark.parametrize("text", ["90m"])\n'
    text, names = with_other_values(f"{table}def test_it(text):\n    assert span(text) == 5400\n", ["test_it"], 6, 1)
    assert text.count("parametrize('text', [") == 1 + len(names)
    assert text.count("['90m']") == 1
