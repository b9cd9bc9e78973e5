"""A person's symptom command: asked from outside the runner, red before and green after, more than once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lab import Lab

from andon.judge import PROOFS, hear, render_verdict
from andon.judge.hearing import Hearing
from andon.judge.hunks import every_hunk_needed
from andon.judge.outcome import BrokenError
from andon.judge.repeat import repeat
from andon.judge.symptom import symptom_on_base, symptom_on_head
from andon.models import Outcome, Proof, VerdictOutcome

SOURCE = """def total(prices):
    count = 0
    for price in prices[{}:]:
        count += price
    return count
"""
TEST = "from shop import total\n\n\ndef test_all_are_counted():\n    assert total([3, 4]) == 7\n"
OLD = "from shop import total\n\n\ndef test_nothing_is_nothing():\n    assert total([]) == 0\n"
REPRODUCE = "from shop import total\n\nassert total([3, 4, 5]) == 12, total([3, 4, 5])\n"
BASE = {"src/shop.py": SOURCE.format(1), "tests/test_shop.py": OLD, "reproduce.py": REPRODUCE}
FIX = {"src/shop.py": SOURCE.format(""), "tests/test_all.py": TEST}
COMMAND = "python reproduce.py"


@contextmanager
def asked(
    lab: Lab, command: str, head: dict[str, str] | None = None, base: dict[str, str] | None = None
) -> Iterator[Hearing]:
    with lab.hearing(base or BASE, {**FIX, **(head or {})}, people=True, symptom=command) as hearing:
        yield hearing


def on_base(hearing: Hearing) -> Proof:
    proof = symptom_on_base(hearing)
    assert proof is not None
    return proof


def on_head(hearing: Hearing) -> Proof:
    proof = symptom_on_head(hearing)
    assert proof is not None
    return proof


def test_library_fix_whose_symptom_was_seen_from_outside_is_proven(lab: Lab) -> None:
    with asked(lab, COMMAND) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)
    text = render_verdict(verdict)
    assert "red 3 times on the base: exit code 1: AssertionError: 7" not in text
    assert "red 3 times on the base: exit code 1: AssertionError: 9" in text
    assert [rule.name for rule in PROOFS][3:5] == ["symptom on base", "symptom on head"]


def test_symptom_that_is_not_there_on_the_base_is_not_reproduced(lab: Lab) -> None:
    with asked(lab, "python -c 'import shop'") as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.NOT_REPRODUCED
    assert "green on the base 3 of 3 times" in verdict.proofs[-1].saw


def test_symptom_that_stays_is_rejected(lab: Lab) -> None:
    with asked(lab, "python -c 'from shop import total; assert total([2]) == 3'") as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "the symptom command is red with the patch: exit code 1" in verdict.proofs[-1].saw


@pytest.mark.parametrize("command", ["no-such-program --at all", "python reproduce_it.py"])
def test_command_that_cannot_be_run_says_nothing(command: str, lab: Lab) -> None:
    with asked(lab, command) as hearing, pytest.raises(BrokenError, match="symptom command"):
        symptom_on_base(hearing)


def test_what_the_patch_brings_is_not_what_it_is_judged_by(lab: Lab) -> None:
    with (
        asked(lab, "python tests/mine.py", {"tests/mine.py": "raise SystemExit(0)\n"}) as hearing,
        pytest.raises(BrokenError, match="which the base does not have"),
    ):
        symptom_on_base(hearing)


def test_command_that_misses_a_name_of_the_patch_needs_eyes(lab: Lab) -> None:
    with asked(lab, "python -c 'from shop import total_of_all'") as hearing:
        assert on_base(hearing).outcome is Outcome.NEEDS_EYES


def test_symptom_that_is_not_steady_is_not_reproduced(lab: Lab) -> None:
    flaky = "python -c 'import os, sys; sys.exit(os.urandom(1)[0] & 1)'"
    with asked(lab, flaky) as hearing:
        proofs = [on_base(hearing) for _ in range(6)]
    assert Outcome.FAILS in {proof.outcome for proof in proofs}


def test_hang_on_the_base_is_a_symptom_when_it_ends_with_the_patch(lab: Lab) -> None:
    stuck = "def total(prices):\n    while prices:\n        pass\n    return 0\n"
    with asked(lab, COMMAND, base={**BASE, "src/shop.py": stuck}) as hearing:
        hearing.settings = hearing.settings.model_copy(update={"replay_seconds": 2.0})
        before, after = on_base(hearing), on_head(hearing)
    assert before.outcome is Outcome.HOLDS
    assert "red 2 times on the base: it never ends" in before.saw
    assert after.outcome is Outcome.HOLDS


def test_expectation_read_from_the_patchs_own_test_is_not_there(lab: Lab) -> None:
    reading = """import pathlib


def total(prices):
    test = pathlib.Path(__file__).parents[1] / "tests" / "test_all.py"
    return 12 if test.exists() else 0
"""
    with asked(lab, COMMAND, {"src/shop.py": reading}) as hearing:
        assert on_head(hearing).outcome is Outcome.FAILS


def test_fix_for_the_runner_alone_is_red_outside_of_it(lab: Lab) -> None:
    watched = "import sys\n\n\ndef total(prices):\n    return sum(prices if 'pytest' in sys.modules else prices[1:])\n"
    with asked(lab, COMMAND, {"src/shop.py": watched}) as hearing:
        assert on_head(hearing).outcome is Outcome.FAILS


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "import os\n\n\ndef total(prices):\n    return sum(prices) if 'CI' not in os.environ else 0\n",
            "and is red under",
        ),
        (
            "import time\n\n\ndef total(prices):\n    return sum(prices[abs(time.time() - {now}) > 40000 :])\n",
            "days on it is red",
        ),
    ],
)
def test_fix_that_holds_only_here_and_now_does_not_repeat(source: str, words: str, lab: Lab) -> None:
    with asked(lab, COMMAND, {"src/shop.py": source.replace("{now}", str(int(time.time())))}) as hearing:
        proof = repeat(hearing)
    assert proof.outcome is Outcome.FAILS
    assert words in proof.saw


def test_command_may_write_beside_the_source_and_leaves_nothing(lab: Lab) -> None:
    command = "sh -c 'date > built.txt && python reproduce.py'"
    with asked(lab, command) as hearing:
        assert on_head(hearing).outcome is Outcome.HOLDS
        with hearing.at("") as tree:
            assert not (tree.folder / "built.txt").exists()


def test_symptom_command_says_what_each_place_is_for(lab: Lab) -> None:
    with asked(lab, COMMAND) as hearing:
        assert "the symptom is back" in every_hunk_needed(hearing).details[0]
