"""Who uses a function or a field as before, where a fix mends it at one use, is told to a person."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import Lab

from andon.judge.leftbehind import no_use_left_behind
from andon.judge.readings.uses import How, altered_uses, left_behind
from andon.models import Outcome

LEDGER, REPORT = "ledger/amounts.py", "ledger/report.py"
READ = "def read_amount(text):\n    return int(text.strip())\n"
TOTAL = """

def total(rows):
    found = 0
    for row in rows:
        found += read_amount(row["amount"])
    return found
"""
BASE = {
    "ledger/__init__.py": "",
    LEDGER: READ + TOTAL,
    REPORT: "from ledger.amounts import read_amount\n\n\ndef largest(cells):\n    return max(cells)\n",
}
OTHER = BASE[REPORT].replace("max(cells)", "max(read_amount(cell) for cell in cells)")
TEST = "from ledger.amounts import total\n\n\ndef test_new():\n    assert total([{'amount': '(1)'}]) == -1\n"
LINE = '        found += read_amount(row["amount"])\n'
CALL, SIGNED = 'read_amount(row["amount"])', 'row["amount"].replace("(", "-")'
HANDED = BASE[LEDGER].replace(CALL, f"read_amount({SIGNED})")
WAYS: dict[str, dict[str, str]] = {
    "at the call": {CALL: f"read_amount({SIGNED})"},
    "in a row": {LINE: f'        row["amount"] = {SIGNED}\n{LINE}'},
    "in all rows": {"in rows:": "in map(cleaned, rows):"},
    "in what it gives": {CALL: f'signed({CALL}, row["amount"])'},
    "in a branch": {
        LINE: f"        if is_owed(row):\n            found -= {CALL[:-1]}[1:-1])\n        else:\n    {LINE}",
    },
    "in another sign": {LINE: f"        if is_owed(row):\n            found -= {CALL}\n        else:\n    {LINE}"},
    "under a condition": {CALL: f"-{CALL[:-1]}[1:-1]) if is_owed(row) else {CALL}"},
    "in a function": {
        CALL: 'read_signed(row["amount"])',
        "def total": "def read_signed(text):\n    return read_amount(text[1:])\n\n\ndef total",
    },
}


def proof_of(lab: Lab, source: str, *, report: str = OTHER, people: bool = False) -> tuple[Outcome | None, str]:
    base = {**BASE, REPORT: report}
    with lab.hearing(base, {LEDGER: source, "tests/test_new.py": TEST}, people=people) as hearing:
        proof = no_use_left_behind(hearing)
    return (proof.outcome, "\n".join((proof.saw, *proof.details))) if proof else (None, "")


@pytest.mark.parametrize("people", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_fix_beside_one_call_is_for_a_person_when_others_call_the_same(way: str, people: bool, lab: Lab) -> None:
    source = BASE[LEDGER]
    for old, new in WAYS[way].items():
        assert old in source
        source = source.replace(old, new)
    outcome, saw = proof_of(lab, source, people=people)
    assert outcome is Outcome.NEEDS_EYES
    assert "`read_amount`" in saw
    assert f"{REPORT}:5" in saw


SUM = """

def total(texts):
    return sum(read_amount(text) for text in texts)
"""
PLAIN = 'text.replace(",", "")'
OTHERWISE = {
    "in the call": f"return sum(read_amount({PLAIN}) for text in texts)",
    "in a loop": f"n = 0\n    for text in texts:\n        text = {PLAIN}\n        n += read_amount(text)\n    return n",
    "in a list before": f"texts = [{PLAIN} for text in texts]\n    return sum(read_amount(text) for text in texts)",
    "in a list of another name": f"new = [{PLAIN} for text in texts]\n    return sum(read_amount(one) for one in new)",
    "by map": f"return sum(map(read_amount, ({PLAIN} for text in texts)))",
    "by map twice": "return sum(map(read_amount, map(cleaned, texts)))",
    "under a condition": f'return sum(read_amount({PLAIN} if "," in text else text) for text in texts)',
    "in what comes of it": "return sum(abs(read_amount(text)) for text in texts)",
}


@pytest.mark.parametrize("people", [False, True])
@pytest.mark.parametrize("way", OTHERWISE)
def test_fix_beside_a_call_in_a_loop_is_seen_however_it_is_spelled(way: str, people: bool, lab: Lab) -> None:
    base = {**BASE, LEDGER: READ + SUM, REPORT: OTHER}
    source = READ + SUM.replace("return sum(read_amount(text) for text in texts)", OTHERWISE[way])
    with lab.hearing(base, {LEDGER: source, "tests/test_new.py": TEST}, people=people) as hearing:
        proof = no_use_left_behind(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.NEEDS_EYES
    assert f"{REPORT}:5" in proof.saw


@pytest.mark.parametrize(
    "new",
    [
        "return sum(map(read_amount, texts))",
        "found = 0\n    for one in texts:\n        found += read_amount(one)\n    return found",
        "return max(sum(read_amount(text) for text in texts), 0)",
        "return sum(read_amount(text) for text in texts if text)",
    ],
)
def test_same_calls_in_other_words_are_no_other_use(new: str, lab: Lab) -> None:
    base = {**BASE, LEDGER: READ + SUM, REPORT: OTHER}
    source = READ + SUM.replace("return sum(read_amount(text) for text in texts)", new)
    with lab.hearing(base, {LEDGER: source, "tests/test_new.py": TEST}) as hearing:
        proof = no_use_left_behind(hearing)
    assert proof is None or proof.outcome is Outcome.HOLDS, proof


def test_fix_beside_the_only_call_holds(lab: Lab) -> None:
    assert proof_of(lab, HANDED, report=BASE[REPORT])[0] is Outcome.HOLDS


@pytest.mark.parametrize("people", [True, False])
def test_test_that_calls_the_function_stands_for_callers_elsewhere(people: bool, lab: Lab) -> None:
    old = "from ledger.amounts import read_amount\n\n\ndef test_old():\n    assert read_amount('1') == 1\n"
    with lab.hearing(
        {**BASE, "tests/test_old.py": old}, {LEDGER: HANDED, "tests/test_new.py": TEST}, people=people
    ) as hearing:
        proof = no_use_left_behind(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.NEEDS_EYES, proof


def test_function_that_calls_itself_is_no_other_caller(lab: Lab) -> None:
    deep = "def read_amount(text):\n    return int(text) if text.isdigit() else read_amount(text[1:])\n"
    base = {**BASE, LEDGER: deep + TOTAL}
    fixed = {LEDGER: base[LEDGER].replace(CALL, f"read_amount({SIGNED})"), "tests/test_new.py": TEST}
    with lab.hearing(base, fixed) as hearing:
        proof = no_use_left_behind(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS, proof


def test_fix_that_gives_one_call_what_others_have_holds(lab: Lab) -> None:
    report = OTHER.replace("(cell)", '(cell.replace("(", "-"))')
    assert proof_of(lab, HANDED, report=report)[0] is Outcome.HOLDS


def test_fix_in_the_function_itself_holds(lab: Lab) -> None:
    assert proof_of(lab, BASE[LEDGER].replace("text.strip()", 'text.strip().replace("(", "-")'))[0] is Outcome.HOLDS


@pytest.mark.parametrize(("people", "outcome"), [(False, Outcome.NEEDS_EYES), (True, None)])
def test_other_function_that_is_called_instead_is_looked_at_when_an_agent_chose_it(
    people: bool, outcome: Outcome | None, lab: Lab
) -> None:
    source = BASE[LEDGER].replace("+= read_amount", "+= read_signed")
    found, saw = proof_of(lab, source, report=BASE[REPORT], people=people)
    assert found is outcome
    assert people or "nobody calls it any more" in saw


@pytest.mark.parametrize(("people", "outcome"), [(False, Outcome.NEEDS_EYES), (True, None)])
def test_field_that_is_read_otherwise_in_one_place_is_looked_at_when_an_agent_did_it(
    people: bool, outcome: Outcome | None, lab: Lab
) -> None:
    source = (
        "def names(items):\n    return [one.sku for one in items]\n\n\ndef first(items):\n    return items[0].sku\n"
    )
    base = {"shop/__init__.py": "", "shop/items.py": source}
    head = {"shop/items.py": source.replace("items[0].sku", "items[0].sku.strip()"), "tests/test_new.py": TEST}
    with lab.hearing(base, head, people=people) as hearing:
        proof = no_use_left_behind(hearing)
    assert (proof and proof.outcome) is outcome


def test_expressions_too_deep_to_be_read_are_for_a_person(lab: Lab) -> None:
    deep = f"{BASE[LEDGER]}\n\ndef deep(x):\n    return {'+'.join(['x'] * 2000)}\n"
    base, head = {**BASE, LEDGER: deep}, {LEDGER: deep.replace("+x\n", "+1\n"), "tests/test_new.py": TEST}
    with lab.hearing(base, head) as hearing:
        proof = no_use_left_behind(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "too deep to be read" in proof.saw


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("return f(x)", "return f(x.strip())", [(How.HANDED, "f")]),
        ("return f(x)", "return f(x).strip()", [(How.GIVEN, "f")]),
        ("return f(x)", "return g(x)", [(How.REPLACED, "f")]),
        ("return f(x)", "y = x.strip()\n    return f(y)", [(How.HANDED, "f")]),
        ("return f(x)", "y = f(x)\n    return y or 0", [(How.GIVEN, "f")]),
        ("return f(x)", "return f(y)", []),
        ("return f(x)", "if x.y:\n        return g(x)\n    return f(x)", []),
        ("return f(x)", "return f(x, 1)", []),
        ("return x.y", "return not x.y", []),
        ("return x['y']", "return x['y'] + 1", [(How.GIVEN, "y")]),
        ("for i in x:\n        f(i)", "for i in sorted(x):\n        f(i)", [(How.HANDED, "f")]),
    ],
)
def test_what_is_made_otherwise_at_a_use(old: str, new: str, told: list[tuple[How, str]]) -> None:
    found = altered_uses(f"def h(x):\n    {old}\n", f"def h(x):\n    {new}\n")
    assert [(use.how, use.name) for use in found if use.name != "sorted"] == told


def test_function_that_is_replaced_in_one_place_is_told_though_another_changed_one_calls_it_still() -> None:
    base = "def a(x):\n    return f(x)\n\n\ndef b(x):\n    return f(x)\n"
    head = "def a(x):\n    return g(x)\n\n\ndef b(x):\n    print(x)\n    return f(x)\n"
    assert [(use.how, use.name) for use in altered_uses(base, head)] == [(How.REPLACED, "f")]


WORDS = st.sampled_from(
    ["x", "f(x)", "x.y", "x['k']", "x + 1", "f(x.y, k=x)", "[f(i) for i in x]", "f'{x}'", "lambda: x"]
)
LINES = st.sampled_from(
    ["return {}", "y = {}", "x = {}", "x.y = {}", "for x in {}:\n        f(x)", "with {} as x:\n        pass"]
)


@settings(max_examples=200, deadline=None)
@given(old=st.lists(st.tuples(LINES, WORDS), max_size=5), new=st.lists(st.tuples(LINES, WORDS), max_size=5))
def test_every_text_can_be_read_and_one_that_stays_has_no_altered_use(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    base, head = (
        "def h(x):\n" + "".join(f"    {line.format(value)}\n" for line, value in (*lines, ("return {}", "x")))
        for lines in (old, new)
    )
    assert altered_uses(base, base) == []
    for use in altered_uses(base, head):
        assert all(line <= head.count("\n") for line in left_behind(head, use))
