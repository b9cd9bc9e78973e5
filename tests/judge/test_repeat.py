"""A new test whose result depends on chance, on the date or on where it runs is found out; a steady one is not."""

from __future__ import annotations

import ast
import datetime
import subprocess
import sys
from collections.abc import Iterator

import pytest
from shop import FIX, Shop, open_shop

from andon.judge.repeat import repeat
from andon.judge.rounds import SHIFTS, draw_rounds, find_library
from andon.models import Outcome

TODAY = '''

def test_only_in_these_days():
    """Passes for three quarters of a day more or less: the judge asks on two other days."""
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    cents("12")
    assert abs(now - %r) < 16 * 3600


def test_only_by_this_clock():
    cents("12")
    assert abs(time.time() - %r) < 16 * 3600
'''
UNSTEADY = """import datetime
import getpass
import os
import random
import socket
import time
from pathlib import Path

from shop.prices import cents


def test_only_in_utc():
    cents("12")
    assert time.localtime().tm_gmtoff == 0


def test_only_with_this_hash_seed():
    cents("12")
    assert hash("price") == HASH


def test_only_on_this_host():
    cents("12")
    assert socket.gethostname() == "andon"


def test_only_in_this_folder():
    cents("12")
    assert Path(__file__).parents[1].name == "tree"


def test_only_without_continuous_integration():
    cents("12")
    assert os.environ.get("CI") is None


def test_only_for_this_user():
    cents("12")
    assert getpass.getuser() == "andon"


def test_only_while_the_runner_says_so():
    cents("12")
    assert "PYTEST_CURRENT_TEST" in os.environ
"""
STEADY = """import datetime
import random
import time

import pytest

from shop.prices import cents


@pytest.mark.parametrize("text", ["12", "12.00", "012", "0012"])
def test_prices(text, tmp_path):
    assert cents(text) == 1200


@pytest.mark.parametrize("now", [datetime.datetime.now().isoformat()])
def test_with_the_time_of_day_in_its_name(now):
    assert cents(now[:4]) == int(now[:4]) * 100


def test_of_a_day_relative_to_today():
    today = datetime.date.today()
    tomorrow = today + datetime.timedelta(days=1)
    assert (tomorrow - today).days * cents("1") == 100
    assert isinstance(today, datetime.date)


def test_of_a_set():
    assert {cents(text) for text in ("1", "2", "3")} == {100, 200, 300}


def test_that_takes_a_moment():
    begin = time.monotonic()
    time.sleep(0.01)
    assert time.monotonic() - begin < 60
    assert cents("7") == 700


def test_of_a_chance_with_a_seed():
    assert cents(str(random.Random(7).randrange(100))) == random.Random(7).randrange(100) * 100


class TestTogether:
    made = []

    @pytest.fixture(autouse=True, scope="class")
    def filled(self):
        self.made.append(cents("1"))

    def test_one(self):
        assert self.made

    def test_other(self):
        assert self.made[0] == cents("1")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def unsteady() -> str:
    now = datetime.datetime.now(datetime.UTC).timestamp()
    seeded = subprocess.run(
        [sys.executable, "-c", "print(hash('price'))"], env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True
    )
    return UNSTEADY.replace("HASH", seeded.stdout.decode().strip()) + TODAY % (now, now)


def names(text: str) -> set[str]:
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def test_tests_that_pass_only_here_and_now_are_rejected(shop: Shop) -> None:
    text = unsteady()
    with shop.hearing({**shop.edited(*FIX), "tests/test_unsteady.py": text}) as hearing:
        assert {event.outcome for event in hearing.head_new.events} == {"passed"}
        proof = repeat(hearing)
    assert proof.outcome is Outcome.FAILS, proof
    told = "\n".join(proof.details)
    # Each round moves zone, clock, hash seed, host and folder; user and variables are another one's in one of the two.
    for name in names(text):
        assert name in told, proof


def test_person_is_asked_only_of_a_test_that_turns_green(shop: Shop) -> None:
    flaky = UNSTEADY.partition("def test_only_with")[0].replace("_only_in_utc", "_turns_only_in_utc")
    flaky += "\n\ndef test_green_before_too():\n    assert time.localtime().tm_gmtoff == 0\n"
    with shop.hearing({**shop.edited(*FIX), "tests/test_unsteady.py": flaky}, people=True) as hearing:
        proof = repeat(hearing)
    assert proof.outcome is Outcome.NEEDS_EYES, proof
    assert "test_turns_only_in_utc is flaky" in proof.saw
    assert any("test_green_before_too" in line for line in proof.details)


@pytest.mark.parametrize("people", [False, True])
def test_steady_tests_hold(people: bool, shop: Shop) -> None:
    with shop.hearing({**shop.edited(*FIX), "tests/test_steady.py": STEADY}, people=people) as hearing:
        proof = repeat(hearing)
    assert proof.outcome is Outcome.HOLDS, proof
    means = "libfaketime" if find_library() else "a plugin"
    assert any(line.startswith(f"the clock was shifted by {means}") for line in proof.details), proof


def test_rounds_have_nothing_in_common_and_come_from_the_seed_alone() -> None:
    drawn = [draw_rounds(seed) for seed in range(20)]
    assert draw_rounds(7) == drawn[7]
    for one, other in drawn:
        assert one.ahead != other.ahead
        assert {one.ahead, other.ahead} <= set(SHIFTS)
        assert one.env["TZ"] != other.env["TZ"]
        assert one.around.host != other.around.host != "andon"
        assert one.around.user != other.around.user
        assert ("CI" in one.env) is not ("CI" in other.env)
        assert ("ANDON_HIDE" in one.env) is not ("ANDON_HIDE" in other.env)
    assert len({one.env["PYTHONHASHSEED"] for pair in drawn for one in pair}) == 40
