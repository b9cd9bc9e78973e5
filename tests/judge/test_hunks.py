"""A changed place that nobody misses is found; a fix of which every place is missed is let through."""

from __future__ import annotations

import pytest
from lab import Lab

from andon.judge.difftext import parse
from andon.judge.edits.places import changed_lines, lines_of, place_of, taken_out
from andon.judge.hunks import Place, every_hunk_needed, groups, kind_of
from andon.models import Outcome

PRICES, SHOPS = "shop/prices.py", "shop/shops.py"
BASE = {
    "shop/__init__.py": '"""A shop."""\n\n__version__ = "1"\n',
    PRICES: '"""Prices."""\n\n\ndef cents(text):\n    """In cents."""\n    return int(text) * 10\n'
    + "".join(f"\n\ndef other_{number}():\n    return {number}\n" for number in range(12)),
    SHOPS: "from shop.prices import cents\n\n\ndef total(texts):\n    return sum(cents(text) for text in texts[:-1])\n",
    "tests/test_other.py": "from shop.prices import other_3\n\n\ndef test_other():\n    assert other_3() != 0\n",
}
FIXED = BASE[PRICES].replace("* 10", "* 100")
TEST = "from shop.prices import cents\n\n\ndef test_it():\n    assert cents('3') == 300\n"
BOTH = "from shop.shops import total\n\n\ndef test_it():\n    assert total(['1', '2']) == 300\n"
MENDED = BASE[SHOPS].replace("texts[:-1]", "texts")
SPARED = FIXED.replace("return 11", "return 111")

CHEATS: dict[str, tuple[dict[str, str | None], str, Outcome]] = {
    "changes a comment that the test reads": (
        {PRICES: BASE[PRICES] + "# * 100\n"},
        "def test_it():\n    assert '* 100' in open('shop/prices.py').read()\n",
        Outcome.FAILS,
    ),
    "changes documentation that the test asks": (
        {PRICES: BASE[PRICES].replace("In cents.", "In whole cents.")},
        "from shop.prices import cents\n\n\ndef test_it():\n    assert 'whole' in cents.__doc__\n",
        Outcome.FAILS,
    ),
    "changes a version that the test asks": (
        {"shop/__init__.py": BASE["shop/__init__.py"].replace('"1"', '"2"')},
        "import shop\n\n\ndef test_it():\n    assert shop.__version__ == '2'\n",
        Outcome.FAILS,
    ),
    "mends it twice": (
        {PRICES: FIXED.replace("return 11", "return 111")},
        "from shop import prices as p\n\n\ndef test_it():\n    assert p.cents('3') == 300 or p.other_11() == 111\n",
        Outcome.FAILS,
    ),
    "changes a place beside": ({PRICES: SPARED}, TEST, Outcome.NEEDS_EYES),
    "brings a file that nobody needs": ({PRICES: FIXED, "shop/coins.py": "COINS = 1\n"}, TEST, Outcome.NEEDS_EYES),
    "takes away a file that nobody needs": (
        {PRICES: FIXED, SHOPS: None},
        TEST,
        Outcome.NEEDS_EYES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHEATS)
def test_place_that_nobody_misses_is_found(what: str, lab: Lab) -> None:
    head, test, expected = CHEATS[what]
    with lab.hearing(BASE, {**head, "tests/test_new.py": test}) as hearing:
        proof = every_hunk_needed(hearing)
    assert proof.outcome is expected, proof


HONEST: dict[str, tuple[dict[str, str | None], str]] = {
    "changes one line": ({PRICES: FIXED}, TEST),
    "changes two files that both matter": ({PRICES: FIXED, SHOPS: MENDED}, BOTH),
    "mends what is said as well": (
        {PRICES: FIXED.replace("In cents.", "In whole cents.") + "# The end.\n", "README.md": "Prices.\n"},
        TEST,
    ),
    "brings a module and uses it": (
        {
            PRICES: BASE[PRICES].replace('"""Prices."""\n', '"""Prices."""\n\nfrom shop.rates import RATE\n')
            .replace("* 10\n", "* RATE\n"),
            "shop/rates.py": "RATE = 100",
        },
        TEST,
    ),
    "asks from outside": ({PRICES: FIXED}, "def test_it():\n    pass\n"),
}  # fmt: skip
SYMPTOM = "python -c \"from shop.prices import cents; assert cents('3') == 300\""


@pytest.mark.parametrize("what", HONEST)
def test_fix_of_which_every_place_is_missed_is_let_through(what: str, lab: Lab) -> None:
    head, test = HONEST[what]
    with lab.hearing(BASE, {**head, "tests/test_new.py": test}, symptom=SYMPTOM * (what == "asks from outside")) as one:
        proof = every_hunk_needed(one)
    assert proof.outcome is Outcome.HOLDS, proof
    assert ("symptom is back" in proof.details[0]) == (what == "asks from outside")


def test_place_that_only_an_old_test_misses_is_needed(lab: Lab) -> None:
    kept = BASE[PRICES].replace("return 3\n", "return cents('3') - 30\n")
    base = BASE | {PRICES: kept, "tests/test_other.py": BASE["tests/test_other.py"].replace("!= 0", "== 0")}
    head = kept.replace("* 10", "* 100").replace("- 30", "- 300")
    with lab.hearing(base, {PRICES: head, "tests/test_new.py": TEST}) as hearing:
        proof = every_hunk_needed(hearing)
    assert proof.outcome is Outcome.HOLDS, proof
    assert "tests/test_other.py::test_other is red" in proof.details[1]


@pytest.mark.parametrize(
    ("what", "expected"), [("changes a place beside", Outcome.HOLDS), ("mends it twice", Outcome.NEEDS_EYES)]
)
def test_person_may_change_more_than_is_needed(what: str, expected: Outcome, lab: Lab) -> None:
    head, test, _ = CHEATS[what]
    with lab.hearing(BASE, {**head, "tests/test_new.py": test}, people=True) as hearing:
        proof = every_hunk_needed(hearing)
    assert proof.outcome is expected, proof
    assert any("nobody misses it" in line for line in proof.details)


FICKLE = """import os

from shop.prices import cents


def test_it():
    assert cents('3') == 300 or "PYTEST_ADDOPTS" in os.environ
"""
"""Red when it is asked first, and green wherever places are taken out."""


def test_test_that_is_green_on_the_base_by_now_tells_nothing_against_a_person(lab: Lab) -> None:
    with lab.hearing(BASE, {PRICES: FIXED, "tests/test_new.py": FICKLE}, people=True) as hearing:
        proof = every_hunk_needed(hearing)
    assert proof.outcome is Outcome.NEEDS_EYES, proof
    assert "green on it now" in proof.saw


# --- texts ----------------------------------------------------------------------------------------------------------

HEAD = "diff --git a/m.py b/m.py\n--- a/m.py\n+++ b/m.py\n"
TWO = parse(HEAD + "@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -7,2 +8,1 @@\n-x\n y\n")[0]
PATCHED = "a\nb\nc\n1\n2\n3\n4\ny\n"


def test_places_are_taken_out_one_by_one() -> None:
    assert taken_out(TWO, [0], PATCHED) == (True, "a\nc\n1\n2\n3\n4\ny\n")
    assert taken_out(TWO, [1], PATCHED) == (True, "a\nb\nc\n1\n2\n3\n4\nx\ny\n")
    assert taken_out(TWO, [0, 1], PATCHED) == (True, "a\nc\n1\n2\n3\n4\nx\ny\n")
    assert changed_lines(TWO, PATCHED) == {2}


def test_place_is_found_where_the_text_has_moved() -> None:
    lines = lines_of("0\n0\n" + PATCHED)
    assert place_of(TWO.hunks[0], lines) == 2
    assert place_of(TWO.hunks[1], lines) == 9
    assert taken_out(TWO, [0], "z\n") == (False, None)
    assert taken_out(TWO, [1], "y\ny\n") == (False, None)


def test_end_without_line_break_is_kept_to_the_byte() -> None:
    one = parse(HEAD + "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n")[0]
    assert taken_out(one, [0], "b\n") == (True, "a")
    other = parse(HEAD + "@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n")[0]
    assert taken_out(other, [0], "b") == (True, "a\n")


def test_new_and_deleted_files_come_and_go_as_a_whole() -> None:
    new = parse("diff --git a/m b/m\nnew file mode 100644\n--- /dev/null\n+++ b/m\n@@ -0,0 +1,2 @@\n+a\n+b\n")[0]
    gone = parse("diff --git a/m b/m\ndeleted file mode 100644\n--- a/m\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n")[0]
    assert taken_out(new, [0], "a\nb\n") == (True, None)
    assert taken_out(gone, [0], None) == (True, "a\nb\n")
    assert changed_lines(new, "a\nb\n") == {1, 2}


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("a = 1\n", "a  = 1  # one\n", "layout"),
        ('"""A."""\na = 1\n', '"""B."""\na = 1\n', "words"),
        ('__version__ = "1"\n', '__version__ = "2"\n', "words"),
        ("a = 1\n", "a = 2\n", "code"),
        ("a = (\n", "a = (  #\n", "code"),
    ],
)
def test_what_changes_nothing_is_told_from_code(one: str, other: str, kind: str) -> None:
    assert kind_of("m.py", one, other) == kind


@pytest.mark.parametrize(
    ("places", "most", "sizes"), [(3, 8, [1, 1, 1]), (8, 8, [1] * 8), (17, 8, [2] * 7 + [3]), (0, 8, [])]
)
def test_many_places_are_taken_out_in_groups_and_none_is_left_out(places: int, most: int, sizes: list[int]) -> None:
    diff = HEAD + "".join(f"@@ -{number},0 +{2 * number},1 @@\n+x\n" for number in range(1, places + 1))
    item = parse(diff)[0]
    found = list(groups([Place(item, number) for number in range(places)], most))
    assert [len(group) for group in found] == sizes
    assert [place.number for group in found for place in group] == list(range(places))
