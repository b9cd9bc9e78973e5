"""A test that never comes to the change does not test it; what an import runs, and what was taken away, counts too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from shop import FIX, NEW_TEST, Shop, open_shop

from andon.judge.asserts import parsed
from andon.judge.covered import changed_lines_run, spans_of
from andon.judge.difftext import FileDiff, Hunk, added_lines, removed_lines
from andon.models import Outcome, Proof

MORE = """

def label(text):
    if not text:
        return "none"
    if text == "x":
        return "nothing"
    found = text.strip()
    found = found.title()
    return found


class Page:
    size = 10

    def rows(self, count):
        return count // self.size + 1
"""
NEW_LABEL = """

def label(text):
    if not text:
        return "nothing"
    parts = text.split()
    parts = [part.strip() for part in parts]
    parts = [part.title() for part in parts]
    return " ".join(parts)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    more = {"shop/labels.py": MORE, "shop/rates.py": "LOWER = 9\n", "shop/__main__.py": "from shop import prices\n"}
    with open_shop(tmp_path_factory.mktemp("shop"), more) as opened:
        yield opened


def proof_on(shop: Shop, files: Mapping[str, str | None], *, people: bool = False) -> Proof:
    with shop.hearing(files, people=people) as hearing:
        proof = changed_lines_run(hearing)
    assert proof is not None
    return proof


# --- cheats ---------------------------------------------------------------------------------------------------------

BLIND = {
    "reads the source": """from pathlib import Path

import shop.prices


def test_source():
    assert "rest or 0" in Path(shop.prices.__file__).read_text()
""",
    "asks another function": """from pathlib import Path

from shop import prices


def test_gross():
    assert prices.gross(100) == 119
    assert prices.cents.__code__.co_consts[-1] == 0 or "or 0" in Path(prices.__file__).read_text()
""",
    "replaces the function": """from unittest import mock

from shop import prices


def test_total():
    with mock.patch.object(prices, "cents", return_value=1200):
        assert prices.total(["12"]) == 1200
""",
}


@pytest.mark.parametrize("what", BLIND)
def test_new_test_that_does_not_come_to_the_change_is_rejected(what: str, shop: Shop) -> None:
    proof = proof_on(shop, {**shop.edited(*FIX), "tests/test_blind.py": BLIND[what]})
    assert proof.outcome is Outcome.FAILS, proof
    assert "none of the 1 changed statements" in proof.saw


def test_person_whose_test_does_not_come_to_the_change_is_asked(shop: Shop) -> None:
    proof = proof_on(shop, {**shop.edited(*FIX), "tests/test_blind.py": BLIND["asks another function"]}, people=True)
    assert proof.outcome is Outcome.NEEDS_EYES


OUTSIDE = """import subprocess
import sys


def test_total():
    words = "from shop import prices; print(prices.total(['12']))"
    ran = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "1200"
"""


def test_test_that_starts_the_product_elsewhere_needs_eyes_only_of_an_agent(shop: Shop) -> None:
    files = {**shop.edited(*FIX), "tests/test_outside.py": OUTSIDE}
    proof = proof_on(shop, files)
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "they use subprocess" in proof.saw
    assert proof_on(shop, files, people=True).outcome is Outcome.HOLDS


AT_IMPORT = {
    "shop/wrap.py": "def doubled(function):\n    return lambda number: function(number)\n",
    "shop/sums.py": "from shop.wrap import doubled\n\n\n@doubled\ndef plain(number):\n    return number\n",
}
TWICE = "from shop.sums import plain\n\n\ndef test_plain():\n    assert plain(2) == 4\n"


def test_decorator_that_ran_before_the_test_began_is_run_by_a_persons_test(tmp_path: Path) -> None:
    fixed = {
        "shop/wrap.py": "def doubled(function):\n    two = 2\n    return lambda number: two * function(number)\n",
        "tests/test_twice.py": TWICE,
    }
    with open_shop(tmp_path, AT_IMPORT) as shop:
        assert "2 of 2" in proof_on(shop, fixed, people=True).saw
        assert "1 of 2" in proof_on(shop, fixed).saw


ONE_BRANCH = """from shop.labels import label


def test_nothing():
    assert label("") == "nothing"
"""


def test_test_that_runs_less_than_half_of_the_change_needs_eyes_only_of_an_agent(shop: Shop) -> None:
    files = {"shop/labels.py": NEW_LABEL, "tests/test_branch.py": ONE_BRANCH}
    agent, person = proof_on(shop, files), proof_on(shop, files, people=True)
    assert agent.outcome is Outcome.NEEDS_EYES, agent
    assert "4 of 13" in agent.saw
    assert person.outcome is Outcome.HOLDS
    assert len(person.details) == 9


REMOVAL_UNSEEN = """from shop.prices import gross


def test_gross():
    assert gross(100) == 119
"""


def test_lines_taken_away_that_the_test_never_ran_are_not_tested(shop: Shop) -> None:
    source = shop.edited('    if text == "x":\n        return "nothing"\n', "", "shop/labels.py")
    proof = proof_on(shop, {**source, "tests/test_gross.py": REMOVAL_UNSEEN})
    assert proof.outcome is Outcome.FAILS, proof
    assert "none of the 2" in proof.saw


# --- honest ---------------------------------------------------------------------------------------------------------


def test_fix_that_its_test_runs_holds(shop: Shop) -> None:
    proof = proof_on(shop, {**shop.edited(*FIX), "tests/test_point.py": NEW_TEST})
    assert proof.outcome is Outcome.HOLDS
    assert "1 of 1" in proof.saw


REMOVAL = """from shop.labels import label


def test_x_is_a_label_like_any_other():
    assert label("x") == "X"
"""


def test_fix_by_taking_lines_away_holds(shop: Shop) -> None:
    source = shop.edited('    if text == "x":\n        return "nothing"\n', "", "shop/labels.py")
    proof = proof_on(shop, {**source, "tests/test_label.py": REMOVAL})
    assert proof.outcome is Outcome.HOLDS, proof
    assert "2 of 2" in proof.saw


CONSTANTS = """from shop.labels import Page
from shop.rates import LOWER


def test_lower():
    assert LOWER == 7


def test_pages():
    assert Page().rows(20) == 2
"""


def test_constants_count_where_their_module_is_imported(shop: Shop) -> None:
    source = {"shop/rates.py": "LOWER = 7\n", **shop.edited("size = 10", "size = 20", "shop/labels.py")}
    proof = proof_on(shop, {**source, "tests/test_rates.py": CONSTANTS})
    assert proof.outcome is Outcome.HOLDS, proof
    assert "2 of 2" in proof.saw


COMMAND = """import subprocess
import sys


def test_command():
    found = subprocess.run([sys.executable, "-m", "shop", "12"], capture_output=True, text=True, check=True)
    assert found.stdout == "1200\\n"
"""


def test_test_that_starts_the_program_is_told_from_one_that_looks_away(shop: Shop) -> None:
    main = "import sys\n\nfrom shop.prices import cents\n\nprint(cents(sys.argv[1] + '.00'))\n"
    proof = proof_on(shop, {"shop/__main__.py": main, "tests/test_command.py": COMMAND})
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "subprocess" in proof.saw


# --- statements -----------------------------------------------------------------------------------------------------


def test_statements_are_heads_of_blocks_and_simple_ones_and_no_texts() -> None:
    tree = parsed(
        '"""Text."""\nA = (\n 1,\n)\n@f\ndef g(\n    x,\n):\n    """Text."""\n    try:\n        if x:\n'
        "            y()\n    finally:\n        global z\n        z = 1\nclass C:\n    a: int\n    b = 1\n"
    )
    assert tree is not None
    found = list(spans_of(tree.body, imported=True))
    assert found == [
        (2, 4, True), (5, 8, True), (11, 11, False), (12, 12, False), (15, 15, False), (16, 16, True), (18, 18, True),
    ]  # fmt: skip


def test_numbers_of_a_hunk_are_those_of_either_side() -> None:
    hunk = Hunk("@@ -3,3 +3,4 @@ def f():", (" a", "-b", "+c", "+d", " e"))
    item = FileDiff("a.py", "changed", (), (hunk,))
    assert added_lines(item) == {4, 5}
    assert removed_lines(item) == {4}
