"""What people's honest fixes look like, and how the judge takes them: each of these was turned away once."""

from __future__ import annotations

import pytest
from lab import Lab

from andon.judge import hear
from andon.judge.difftext import legible, parse
from andon.judge.edits.trials import nearest
from andon.judge.flags import special_case
from andon.judge.paths import is_test
from andon.judge.repeat import repeat
from andon.judge.scope import scope
from andon.judge.suites import base_is_green, new_test_on_base, new_test_on_head, no_test_lost, suite_on_head
from andon.judge.testflags import reads_straight
from andon.judge.wrongfix import wrong_fix_noticed
from andon.models import Outcome, TestEvent, VerdictOutcome
from andon.testing.repos import WITHOUT

HUNK = "@@ -1 +1 @@\n-a = 1\n+a = 2\n"
PRICES = "shop/prices.py"
WRONG = {PRICES: "def cents(text):\n    return int(text)\n", "shop/__init__.py": ""}
RIGHT = "def cents(text):\n    return int(text) * 100\n"
TEST = "from shop.prices import cents\n\n\ndef test_cents():\n    assert cents('2') == 200\n"


def test_change_of_a_file_that_may_be_executed_is_a_change_of_text() -> None:
    found = parse(f"diff --git a/a.py b/a.py\nindex 1234567..89abcde 100755\n--- a/a.py\n+++ b/a.py\n{HUNK}")
    assert found[0].added == ("a = 2",)


@pytest.mark.parametrize(
    "head",
    [
        "old mode 100644\nnew mode 100755\nindex 1234567..89abcde\n--- a/a.py\n",
        "old mode 100755\nnew mode 100644\nindex 1234567..89abcde\n--- a/a.py\n",
        "new file mode 100755\nindex 0000000..89abcde\n--- /dev/null\n",
    ],
)
def test_person_who_makes_a_file_executable_has_its_text_judged(head: str) -> None:
    diff = f"diff --git a/a.py b/a.py\n{head}+++ b/a.py\n{HUNK}"
    kept, others = legible(diff)
    assert parse(kept)[0].added == ("a = 2",)
    assert not others


def test_change_of_nothing_but_a_mode_is_no_change() -> None:
    assert legible("diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\n") == ("", {})
    link = "diff --git a/a b/a\nold mode 100644\nnew mode 120000\n"
    assert "not a text change" in legible(link)[1]["a"]


@pytest.mark.parametrize(
    "path",
    [
        "test.py",
        "tests.py",
        "conftest.py",
        "src/lib/_tests/tools.py",
        "unittests/a.py",
        "lib/price_tests.py",
        "test_a.py",
    ],
)
def test_tests_are_known_wherever_people_keep_them(path: str) -> None:
    assert is_test(path)


@pytest.mark.parametrize(
    "path", ["src/lib/test.py", "src/lib/tests.py", "lib/testing.py", "lib/contests.py", "latest.py"]
)
def test_module_of_a_product_that_is_about_tests_is_none(path: str) -> None:
    assert not is_test(path)


def test_fix_in_a_file_that_may_be_executed_is_within_scope(lab: Lab) -> None:
    with lab.hearing(WRONG, {PRICES: RIGHT, "tests/test_cents.py": TEST}, people=True) as hearing:
        diff = hearing.patch.diff.replace(f"--- a/{PRICES}", f"index 1234567..89abcde 100755\n--- a/{PRICES}")
        hearing.patch = hearing.patch.model_copy(update={"diff": diff})
        assert scope(hearing).outcome is Outcome.HOLDS


def test_red_test_that_a_person_mends_is_nothing_to_look_at(lab: Lab) -> None:
    many = "".join(f"def test_sum{number}():\n    assert 1 + 1 == 2\n\n\n" for number in range(6))
    old = {"tests/test_cents.py": TEST, "tests/test_many.py": many}
    mended = TEST.replace("cents('2')", "cents(' 2')")
    with lab.hearing(WRONG | old, {PRICES: RIGHT, "tests/test_cents.py": mended}, people=True) as hearing:
        assert base_is_green(hearing).outcome is Outcome.HOLDS


DATA = "tests/data/prices.py"
READER = """from pathlib import Path

from shop.prices import cents


def test_every_price_of_the_data():
    text = Path(__file__).with_name("data").joinpath("prices.py").read_text()
    for line in text.splitlines():
        said, _, wanted = line.partition(" = ")
        assert cents(said.strip("_")) == int(wanted)
"""


def test_python_file_that_is_data_of_tests_is_no_test(lab: Lab) -> None:
    base = WRONG | {"tests/test_data.py": READER, DATA: "_0 = 0\n"}
    with lab.hearing(base, {PRICES: RIGHT, DATA: "_0 = 0\n_2 = 200\n"}, people=True) as hearing:
        assert hearing.new_tests == ("tests/test_data.py::test_every_price_of_the_data",)
        proofs = [new_test_on_base(hearing), new_test_on_head(hearing), suite_on_head(hearing)]
        assert [proof.outcome for proof in proofs] == [Outcome.HOLDS] * 3


def test_test_that_reads_new_data_is_found_beside_a_new_test_that_shows_nothing(lab: Lab) -> None:
    base = WRONG | {"tests/test_data.py": READER, DATA: "_0 = 0\n"}
    beside = "from shop.prices import cents\n\n\ndef test_nothing():\n    assert cents('0') == 0\n"
    head = {PRICES: RIGHT, DATA: "_0 = 0\n_2 = 200\n", "tests/test_beside.py": beside}
    with lab.hearing(base, head, people=True) as hearing:
        assert hearing.new_tests == ("tests/test_data.py::test_every_price_of_the_data",)


def test_new_test_that_is_red_without_the_fix_is_enough_beside_new_data(lab: Lab) -> None:
    base = WRONG | {"tests/test_data.py": READER, DATA: "_0 = 0\n"}
    head = {PRICES: RIGHT, DATA: "_0 = 0\n_2 = 200\n", "tests/test_cents.py": TEST}
    with lab.hearing(base, head, people=True) as hearing:
        assert hearing.new_tests == ("tests/test_cents.py::test_cents",)


def test_old_test_that_fails_with_the_old_data_of_a_person_is_contested(lab: Lab) -> None:
    base = WRONG | {"tests/test_data.py": READER, DATA: "_2 = 2\n"}
    with lab.hearing(base, {PRICES: RIGHT, DATA: "_2 = 200\n"}, people=True) as hearing:
        proof = suite_on_head(hearing)
        assert proof.outcome is Outcome.NEEDS_EYES
        assert proof.saw.startswith("contested")


def test_wrong_code_that_is_data_of_tests_is_not_read_as_a_test(lab: Lab) -> None:
    with lab.hearing(WRONG, {PRICES: RIGHT, "tests/data/wrong.py": "def (:\n"}, people=True) as hearing:
        assert reads_straight(hearing).outcome is Outcome.HOLDS


def test_lines_of_a_test_file_that_a_person_does_not_touch_are_nothing_to_look_at(lab: Lab) -> None:
    old = f"import sys\n\nHELD = sys.modules\n{TEST}"
    with lab.hearing(
        WRONG | {"tests/test_a.py": old}, {PRICES: RIGHT, "tests/test_a.py": f"{old}\nX = 1\n"}, people=True
    ) as hearing:
        assert reads_straight(hearing).outcome is Outcome.HOLDS
    new = f"{old}\nMORE = sys.modules\n"
    with lab.hearing(WRONG | {"tests/test_a.py": old}, {PRICES: RIGHT, "tests/test_a.py": new}, people=True) as hearing:
        assert reads_straight(hearing).outcome is Outcome.NEEDS_EYES


def test_test_in_the_words_of_a_newer_python_is_no_wrong_test(lab: Lab) -> None:
    with lab.hearing(WRONG, {PRICES: RIGHT, "tests/test_new.py": "type X[T: = int\n"}, people=True) as hearing:
        assert reads_straight(hearing).outcome is Outcome.HOLDS


def test_prose_that_speaks_of_tests_detects_none(lab: Lab) -> None:
    prose = {"docs/use.rst": "Run it with pytest.\n", "settings.json": '{"runner": "pytest"}\n'}
    with lab.hearing(WRONG, {PRICES: RIGHT, "docs/use.rst": prose["docs/use.rst"]}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.HOLDS
    with lab.hearing(WRONG, {PRICES: RIGHT, **prose}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.NEEDS_EYES


STEADY = "from shop.prices import cents\n\n\ndef test_two():\n    assert cents('2') == 2\n"


def test_test_that_a_fix_breaks_is_told_from_one_that_is_flaky(lab: Lab) -> None:
    head = {PRICES: RIGHT, "tests/test_cents.py": TEST}
    with lab.hearing(WRONG | {"tests/test_two.py": STEADY}, head, people=True) as hearing:
        proof = suite_on_head(hearing)
        assert proof.outcome is Outcome.FAILS
        assert "test_two" in proof.saw
    with lab.hearing(WRONG, head, people=True) as hearing:
        base, now = hearing.suites
        red = TestEvent(id="tests/test_old.py::test_old", phase="call", outcome="failed", message="by chance")
        vars(hearing)["suites"] = base, now.model_copy(update={"events": (*now.events[1:], red)})
        proof = suite_on_head(hearing)
        assert proof.outcome is Outcome.NEEDS_EYES
        assert proof.saw.startswith("flaky")


@pytest.mark.parametrize(("people", "expected"), [(True, Outcome.HOLDS), (False, Outcome.NEEDS_EYES)])
def test_test_that_fails_at_times_without_the_patch_too_is_not_held_against_it(
    people: bool, expected: Outcome, lab: Lab
) -> None:
    moody = {"tests/test_moody.py": "def test_moody():\n    assert False\n\n\ndef test_fine():\n    pass\n"}
    with lab.hearing(WRONG | moody, {PRICES: RIGHT, "tests/test_cents.py": TEST}, people=people) as hearing:
        base, now = hearing.suites
        events = [one.model_copy(update={"outcome": "passed"}) for one in base.events]  # it was lucky then
        vars(hearing)["suites"] = base.model_copy(update={"events": tuple(events)}), now
        proof = suite_on_head(hearing)
    assert proof.outcome is expected, proof
    assert "at times" in proof.saw + proof.details[0]


def test_comparison_with_a_module_says_nothing(lab: Lab) -> None:
    text = "from shop import prices\nimport shop\n\n\ndef test_it():\n    assert {}\n"
    for claim, expected in (
        ("shop == shop", Outcome.NEEDS_EYES),
        ("prices.cents('1') is not shop", Outcome.NEEDS_EYES),
        ("prices.cents('1') is not None", Outcome.HOLDS),
        ("prices.cents('1') == prices.cents('1')", Outcome.HOLDS),
    ):
        for people in (True, False):
            with lab.hearing(WRONG, {PRICES: RIGHT, "tests/test_it.py": text.format(claim)}, people=people) as hearing:
                assert reads_straight(hearing).outcome is expected, claim


def test_version_that_a_fix_raises_beside_its_declaration_is_for_a_person(lab: Lab) -> None:
    declared = '[project]\nname = "shop"\nversion = "{}"\n'
    reads = (
        "import tomllib\nfrom pathlib import Path\n\nimport shop\n\n\ndef test_version():\n"
        "    text = Path('pyproject.toml').read_text()\n"
        "    assert shop.__version__ == tomllib.loads(text)['project']['version']\n"
    )
    old = {"pyproject.toml": declared.format("1.0.1"), "shop/__init__.py": "__version__ = '1.0.1'\n"}
    new = {"pyproject.toml": declared.format("1.0.2"), "shop/__init__.py": "__version__ = '1.0.2'\n"}
    more = {PRICES: RIGHT, "tests/test_cents.py": TEST}
    with lab.hearing({**WRONG, **old, "tests/test_version.py": reads}, {**new, **more}, people=True) as hearing:
        proof = suite_on_head(hearing)
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "raises the version" in proof.saw


ELSEWHERE = "import sys\n\n\ndef test_words_of_an_old_python():\n    assert sys.version_info < (3, 2){}\n"


def test_changed_test_that_was_red_before_anyone_touched_it_counts_neither_way(lab: Lab) -> None:
    base = {**WRONG, "tests/test_prices.py": ELSEWHERE.format("")}
    head = {PRICES: RIGHT, "tests/test_prices.py": ELSEWHERE.format(", 'old'") + TEST}
    with lab.hearing(base, head, people=True) as hearing:
        assert new_test_on_base(hearing).outcome is Outcome.HOLDS
        found = new_test_on_head(hearing)
        assert (found.outcome, found.saw) == (Outcome.HOLDS, "1 tests turn green; 1 failed, 1 passed")


def test_fix_whose_only_test_is_red_with_and_without_it_here_is_not_reproduced(lab: Lab) -> None:
    base = {**WRONG, "tests/test_prices.py": ELSEWHERE.format("")}
    head = {PRICES: RIGHT, "tests/test_prices.py": ELSEWHERE.format(", 'old'")}
    with lab.hearing(base, head, people=True) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.NOT_REPRODUCED
    assert "did so before anyone touched it" in verdict.proofs[-1].saw


def test_change_to_tests_that_cannot_run_here_is_no_trouble_of_the_change(lab: Lab) -> None:
    red = "def test_{}():\n    assert 'network' == '{}'\n\n\n"
    for old, expected in (
        (red.format("old", "here") + red.format("older", "there"), VerdictOutcome.JUDGE_BROKEN),
        ("def test_old():\n    pass\n\n\n", VerdictOutcome.REJECTED),
    ):
        head = {PRICES: RIGHT, "tests/test_prices.py": old + red.format("new", "everywhere")}
        with lab.hearing({**WRONG, "tests/test_prices.py": old}, head, people=True) as hearing:
            verdict = hear(hearing)
        assert verdict.outcome is expected
        assert ("red before anyone touched" in verdict.reason) == (expected is VerdictOutcome.JUDGE_BROKEN)


def test_new_test_that_breaks_on_what_old_ones_broke_on_is_not_reproduced(lab: Lab) -> None:
    gone = "def test_old():\n    import collections\n    assert collections.Mapping\n"
    new = "\n\ndef test_new():\n    import collections\n    assert isinstance({}, collections.Mapping)\n"
    base = {**WRONG, "tests/test_prices.py": gone}
    head = {PRICES: RIGHT, "tests/test_prices.py": gone + new}
    with lab.hearing(base, head, people=True) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.NOT_REPRODUCED


LENT = """import unittest

from shop.prices import cents


class Prices:
    more = 0

    def test_cents(self):
        self.assertEqual(cents("2"), WANTED + self.more)


class PlainPrices(Prices, unittest.TestCase):
    pass


class TestMorePrices(PlainPrices):
    def test_more(self):
        self.assertEqual(self.more, 0)
"""


def test_new_test_that_other_classes_inherit_is_known_by_their_names(lab: Lab) -> None:
    head = {PRICES: RIGHT, "tests/test_lent.py": LENT.replace("WANTED", "200")}
    with lab.hearing(WRONG, head, people=True) as hearing:
        assert hearing.test_changes["tests/test_lent.py"].new[:1] == ("",)
        assert [proof(hearing).outcome for proof in (new_test_on_base, new_test_on_head)] == [Outcome.HOLDS] * 2
    old = {"tests/test_lent.py": LENT.replace("WANTED", "2")}
    with lab.hearing(WRONG | old, head, people=True) as hearing:
        assert hearing.test_changes["tests/test_lent.py"].contested == (
            "PlainPrices::test_cents",
            "TestMorePrices::test_cents",
        )
        assert [proof(hearing).outcome for proof in (new_test_on_base, new_test_on_head)] == [Outcome.HOLDS] * 2
        assert suite_on_head(hearing).saw.startswith("contested")


def test_new_test_that_classes_of_other_files_inherit_is_found_by_what_turns_green(lab: Lab) -> None:
    lent = LENT.partition("class PlainPrices")[0].replace("WANTED", "200").replace("import unittest\n\n", "")
    reader = "import unittest\n\nfrom tests import Prices\n\n\nclass Plain(Prices, unittest.TestCase):\n    pass\n"
    base = WRONG | {"tests/__init__.py": "class Prices:\n    pass\n", "tests/test_lent.py": reader}
    with lab.hearing(base, {PRICES: RIGHT, "tests/__init__.py": lent}, people=True) as hearing:
        assert hearing.new_tests == ("tests/test_lent.py::Plain::test_cents",)


def test_changed_test_file_that_as_it_was_cannot_be_collected_with_the_patch_is_contested(lab: Lab) -> None:
    old = "from shop.prices import _units, cents\n\n\ndef test_old():\n    assert _units and cents\n"
    base = WRONG | {PRICES: WRONG[PRICES] + "\n\n_units = True\n", "tests/test_prices.py": old}
    new = "from shop.prices import cents\n\n\ndef test_new():\n    assert cents('2') == 200\n"
    suite = f"python -m pytest -q --continue-on-collection-errors {WITHOUT}"  # as it is for any repository
    with lab.hearing(base, {PRICES: RIGHT, "tests/test_prices.py": new}, people=True, suite=suite) as hearing:
        proof, lost = suite_on_head(hearing), no_test_lost(hearing)
    assert (proof.outcome, proof.saw[:10]) == (Outcome.NEEDS_EYES, "contested:")
    assert lost.outcome is Outcome.HOLDS


def test_suite_that_is_red_before_and_after_reproduces_nothing_where_no_new_test_is_found(lab: Lab) -> None:
    red = "import inspect\n\n\ndef test_red():\n    assert inspect.getargspec\n\n\ndef test_green():\n    pass\n"
    base = WRONG | {"tests/test_lib.py": red, "tests/words.txt": "one\n"}
    with lab.hearing(base, {PRICES: RIGHT, "tests/words.txt": "two\n"}, people=True) as hearing:
        assert hearing.asked == ()
        proof = new_test_on_base(hearing)
    assert proof.outcome is Outcome.FAILS
    assert "did so before anyone touched it" in proof.saw


def test_changed_test_that_another_file_borrows_is_contested_there_as_well(lab: Lab) -> None:
    old = "class TestPrices:\n    def test_cents(self):\n        from shop.prices import cents\n"
    old += "        assert cents('2') == 2\n"
    base = {
        **WRONG,
        "tests/__init__.py": "",
        "tests/test_prices.py": old,
        "tests/test_more.py": "from tests.test_prices import TestPrices\n\n\nclass TestMore(TestPrices):\n    pass\n",
    }
    head = {PRICES: RIGHT, "tests/test_prices.py": old.replace("== 2\n", "== 200\n")}
    with lab.hearing(base, head, people=True) as hearing:
        proof = suite_on_head(hearing)
    assert (proof.outcome, proof.saw[:10]) == (Outcome.NEEDS_EYES, "contested:")
    assert {detail.partition(" ")[0] for detail in proof.details} == {
        "tests/test_prices.py::TestPrices::test_cents",
        "tests/test_more.py::TestPrices::test_cents",
        "tests/test_more.py::TestMore::test_cents",
    }
    own = base | {"tests/test_more.py": "from tests import test_prices\n\n\n" + old.replace("TestPrices", "TestOwn")}
    with lab.hearing(own, head, people=True) as hearing:
        assert suite_on_head(hearing).outcome is Outcome.FAILS


def test_number_that_a_persons_file_chose_by_before_is_the_products_own(lab: Lab) -> None:
    text = "def cents(text):\n    if text[0] == 'e' and ord(text[1]) == 32:\n        return 1\n    return int(text)\n"
    more = text.replace("    return int", "    if len(text) == 32:\n        return 2\n    return int")
    with lab.hearing(WRONG | {PRICES: text}, {PRICES: more}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.HOLDS
    with lab.hearing(
        WRONG | {PRICES: text},
        {PRICES: more.replace("== 32:\n        return 2", "== 33:\n        return 2")},
        people=True,
    ) as hearing:
        assert special_case(hearing).outcome is Outcome.NEEDS_EYES


def test_exit_that_a_persons_file_had_before_is_nothing_to_look_at(lab: Lab) -> None:
    text = "import sys\n\n\ndef cents(text):\n    if not text:\n        sys.exit('no price')\n    return int(text)\n"
    more = text.replace("    return int", "    if text == '-':\n        sys.exit('half a price')\n    return int")
    for before, people, expected in (
        (text, True, Outcome.HOLDS),
        (text, False, Outcome.FAILS),
        (text.replace("sys.exit('no price')", "raise ValueError(text)"), True, Outcome.NEEDS_EYES),
    ):
        with lab.hearing(WRONG | {PRICES: before}, {PRICES: more}, people=people) as hearing:
            assert special_case(hearing).outcome is expected


ASKING = "import os\n\n\ndef cents(text):\n    return int(text) * int(os.getenv('CENTS', '1'))\n"


def test_question_that_a_person_only_puts_otherwise_is_nothing_to_look_at(lab: Lab) -> None:
    base = WRONG | {PRICES: ASKING}
    with lab.hearing(base, {PRICES: ASKING.replace("'1'", "'100'")}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.HOLDS
    other = ASKING.replace("os.getenv('CENTS', '1')", "os.environ['CENTS']")
    with lab.hearing(base, {PRICES: other}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.HOLDS
    twice = ASKING.replace("'1'", "os.getenv('MANY', '100')")
    with lab.hearing(base, {PRICES: twice}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.NEEDS_EYES
    with lab.hearing(base, {PRICES: ASKING.replace("'1'", "'100'")}) as hearing:
        assert special_case(hearing).outcome is Outcome.NEEDS_EYES


def test_clock_that_a_persons_file_asked_before_and_a_file_that_it_is_handed_are_nothing_to_look_at(lab: Lab) -> None:
    asking = "import datetime\n\n\ndef cents(text):\n    return datetime.datetime.now().year * int(text)\n"
    more = "\n\ndef later(text):\n    return datetime.datetime.now().month\n"
    base = WRONG | {PRICES: asking}
    with lab.hearing(base, {PRICES: asking + more}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.HOLDS
    with lab.hearing(WRONG, {PRICES: asking}, people=True) as hearing:
        assert special_case(hearing).outcome is Outcome.NEEDS_EYES
    for call, outcome in (("path.read_text()", Outcome.HOLDS), ("open('/etc/hostname').read()", Outcome.NEEDS_EYES)):
        handed = f"def cents(path):\n    return int({call})\n"
        with lab.hearing(WRONG, {PRICES: handed}, people=True) as hearing:
            assert special_case(hearing).outcome is outcome


def test_wrong_code_that_nothing_imports_is_data_of_a_persons_tests(lab: Lab) -> None:
    data = "try:\n    import shop\nexcept AttributeError:\n    pass\n"
    with lab.hearing(
        WRONG, {PRICES: RIGHT, "tests/b036.py": data, "tests/test_cents.py": TEST}, people=True
    ) as hearing:
        assert reads_straight(hearing).outcome is Outcome.HOLDS
    test = f"from tests import b036\n{TEST}"
    with lab.hearing(
        WRONG, {PRICES: RIGHT, "tests/b036.py": data, "tests/test_cents.py": test}, people=True
    ) as hearing:
        assert reads_straight(hearing).outcome is Outcome.NEEDS_EYES


def test_change_whose_tests_only_ask_for_a_new_name_is_not_reproduced(lab: Lab) -> None:
    head = {
        PRICES: f"{RIGHT}\n\ndef euros(text):\n    return 1\n",
        "tests/test_cents.py": TEST.replace("cents", "euros"),
    }
    with lab.hearing(WRONG, head, people=True) as hearing:
        assert new_test_on_base(hearing).outcome is Outcome.FAILS


@pytest.mark.parametrize(
    ("more", "outcome"), [({"fast.c": "int cents;\n"}, VerdictOutcome.JUDGE_BROKEN), ({}, VerdictOutcome.REJECTED)]
)
def test_new_test_that_is_red_where_part_of_the_change_is_not_built_tells_nothing(
    more: dict[str, str], outcome: VerdictOutcome, lab: Lab
) -> None:
    head = {PRICES: WRONG[PRICES] + "\n", "tests/test_cents.py": TEST}
    with lab.hearing(WRONG | dict.fromkeys(more, ""), head | more, people=True) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is outcome, verdict


def test_persons_claim_about_the_name_of_an_error_misses_no_name(lab: Lab) -> None:
    says = "def complaint(text):\n    return {}\n"
    test = (
        "from shop.prices import complaint\n\n\ndef test_says():\n    assert complaint('(') == 'SyntaxError: invalid'\n"
    )
    head = {PRICES: says.format("'SyntaxError: invalid'"), "tests/test_says.py": test}
    with lab.hearing(WRONG | {PRICES: says.format("None")}, head, people=True) as hearing:
        assert new_test_on_base(hearing).outcome is Outcome.HOLDS


def test_new_test_that_needs_what_is_no_text_tells_nothing(lab: Lab) -> None:
    diff = (
        "diff --git a/tests/data/zone b/tests/data/zone\nnew file mode 120000\n--- /dev/null\n+++ b/tests/data/zone\n"
    )
    diff += "@@ -0,0 +1 @@\n+../prices\n\\ No newline at end of file\n"
    test = TEST + "    open('tests/data/zone').read()\n"
    with lab.hearing(WRONG, {PRICES: RIGHT, "tests/test_cents.py": test}, people=True) as hearing:
        hearing.patch = hearing.patch.model_copy(update={"diff": hearing.patch.diff + diff})
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.JUDGE_BROKEN
    assert "tests/data/zone" in verdict.reason


def test_wrong_fixes_of_a_person_are_made_where_the_new_tests_come(lab: Lab) -> None:
    text = (
        "def cents(text):\n    if text.startswith('('):\n        return -int(text[1:-1]) * 100 - 3 + 3\n"
        "    return int(text) * 100\n"
    )
    with lab.hearing(WRONG, {PRICES: text, "tests/test_cents.py": TEST}, people=True) as hearing:
        proof = wrong_fix_noticed(hearing)
        assert proof is not None
        assert {detail.split(":")[1] for detail in proof.details} <= {"2", "4"}


def test_suites_nearest_tests_are_those_that_name_a_changed_function(lab: Lab) -> None:
    many = "".join(f"\n\ndef test_{number}():\n    pass\n" for number in range(5))
    old = {"tests/test_a.py": f"import shop.prices\n{many}", "tests/test_b.py": TEST.replace("200", "2") + many}
    with lab.hearing(WRONG | old, {PRICES: RIGHT, "tests/test_new.py": TEST}, people=True) as hearing:
        found = nearest(hearing, hearing.reading(hearing.judged_diff), {PRICES})
    assert found[0] == "tests/test_b.py::test_cents"
    files = [one.partition("::")[0] for one in found]
    assert {"tests/test_a.py", "tests/test_b.py"} <= set(files)
    assert "tests/test_old.py" not in files[:11]


ZONED = """import os

from shop.prices import cents


def test_cents():
    assert cents("2") == 200 and os.environ.get("TZ") is None
"""


def test_persons_test_that_did_not_repeat_before_either_is_not_the_patchs(lab: Lab) -> None:
    before = ZONED.replace("200", "2")
    head = {PRICES: RIGHT, "tests/test_cents.py": ZONED}
    for base, outcome in ((WRONG | {"tests/test_cents.py": before}, Outcome.HOLDS), (WRONG, Outcome.NEEDS_EYES)):
        with lab.hearing(base, head, people=True) as hearing:
            assert repeat(hearing).outcome is outcome


def test_fault_that_shows_only_in_some_surroundings_is_no_flaky_test(lab: Lab) -> None:
    zoned = "import os\n\n\ndef cents(text):\n    return int(text) * (100 if os.environ.get('TZ') else 1)\n"
    with lab.hearing(WRONG | {PRICES: zoned}, {PRICES: RIGHT, "tests/test_cents.py": TEST}, people=True) as hearing:
        proof = repeat(hearing)
    assert proof.outcome is Outcome.HOLDS
    assert "only in some surroundings" in proof.saw
