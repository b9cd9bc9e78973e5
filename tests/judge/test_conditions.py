"""A fix that is right only under a condition that no test misses is for a person; a condition that tests miss holds."""

from __future__ import annotations

import pytest
from lab import Lab

from andon.judge.conditions import conditions, every_condition_needed
from andon.judge.edits.edits import find_source
from andon.models import Outcome

SPANS = "clock/spans.py"
BASE = {
    "clock/__init__.py": "",
    SPANS: "import re\n\n\ndef minutes(text):\n    return int(re.match(r'\\d', text)[0])\n",
    "tests/test_spans.py": "from clock.spans import minutes\n\n\ndef test_one():\n    assert minutes('7m') == 7\n",
}
TEST = "from clock.spans import minutes\n\n\ndef test_new():\n    assert minutes('45m') == 45\n"
PART = BASE[SPANS].replace("r'\\d'", "r'\\d+' if len(text) < 4 else r'\\d'")
WHOLE = BASE[SPANS].replace("r'\\d'", "r'\\d+'")
BRANCH = BASE[SPANS].replace("    return", "    if len(text) < 3:\n        return int(text[0])\n    return").replace(
    "r'\\d'", "r'\\d+'"
)  # fmt: skip


@pytest.mark.parametrize(
    ("source", "outcome"), [(PART, Outcome.NEEDS_EYES), (WHOLE, None), (BRANCH, Outcome.NEEDS_EYES)]
)
def test_condition_that_could_as_well_always_or_never_hold_is_for_a_person(
    source: str, outcome: Outcome | None, lab: Lab
) -> None:
    with lab.hearing(BASE, {SPANS: source, "tests/test_new.py": TEST}) as hearing:
        proof = every_condition_needed(hearing)
    assert (proof and proof.outcome) is outcome, proof


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("len(text) > 2", Outcome.NEEDS_EYES),
        ("text.endswith(('45m', 'h'))", Outcome.NEEDS_EYES),
        ("text is not None", Outcome.HOLDS),
        ("len(text) > 0", Outcome.HOLDS),
        ("vars()['text']", Outcome.HOLDS),
        ("'m' in text", Outcome.NEEDS_EYES),
    ],
)
def test_persons_condition_of_which_tests_show_one_side_is_looked_at_when_it_names_a_value(
    condition: str, outcome: Outcome, lab: Lab
) -> None:
    source = BASE[SPANS].replace("r'\\d'", f"r'\\d+' if {condition} else r'\\d'")
    with lab.hearing(BASE, {SPANS: source, "tests/test_new.py": TEST}, people=True) as hearing:
        proof = every_condition_needed(hearing)
    assert (proof and proof.outcome) is outcome, proof


@pytest.mark.parametrize(
    ("work", "outcome"),
    [
        ("text = text.replace('min', 'm')", Outcome.HOLDS),
        ("text = text[: text.index('min')]", Outcome.HOLDS),
        ("text = text.replace('m', 'h')", Outcome.NEEDS_EYES),
        ("text = str('min') and text", Outcome.NEEDS_EYES),
    ],
)
def test_persons_branch_that_takes_out_what_its_condition_found_names_no_value(
    work: str, outcome: Outcome, lab: Lab
) -> None:
    fixed = WHOLE.replace("    return", f"    if 'min' in text:\n        {work}\n    return")
    with lab.hearing(BASE, {SPANS: fixed, "tests/test_new.py": TEST}, people=True) as hearing:
        proof = every_condition_needed(hearing)
    assert (proof and proof.outcome) is outcome, proof


def test_persons_condition_of_no_branch_is_looked_at_like_others(lab: Lab) -> None:
    source = WHOLE.replace("text)[0]", "''.join(one for one in text if 'm' in text))[0]")
    with lab.hearing(BASE, {SPANS: source, "tests/test_new.py": TEST}, people=True) as hearing:
        proof = every_condition_needed(hearing)
    assert (proof and proof.outcome) is Outcome.NEEDS_EYES, proof


def test_condition_that_tests_miss_either_way_holds(lab: Lab) -> None:
    source = BASE[SPANS].replace("    return", "    if text == '':\n        return 0\n    return")
    test = TEST.replace("'45m') == 45", "'') == 0")
    with lab.hearing(BASE, {SPANS: source, "tests/test_new.py": test}) as hearing:
        proof = every_condition_needed(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS, proof


def test_only_conditions_that_were_not_asked_before_are_settled() -> None:
    source = find_source("if a and b:\n    pass\nif c:\n    x = 1 if d else 2\ny = [e for e in f if g]\nh and i()\n")
    assert source is not None
    found = list(conditions(source, range(1, 10), {"a", "d"}))
    assert {edit.words for edit in found} == {
        f"`{name}` {when} holds" for name in "cgh" for when in ("always", "never")
    }
    assert {edit.text for edit in found} == {"True", "False"}
