"""Suites of every shape are judged; what hangs, crashes, floods or forks is neither proven nor the judge's trouble."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from lab import Lab

from andon.judge import PROOFS, hear, render_verdict
from andon.judge.hearing import Hearing
from andon.models import Outcome, VerdictOutcome
from andon.testing.repos import WITHOUT

SOURCE = "def total(prices):\n    return sum(prices[{}:])\n"
TEST = "from shop import total\n\n\ndef test_all():\n    assert total([3, 4]) == 7\n"
OLD = "from shop import total\n\n\ndef test_none():\n    assert total([]) == 0\n"
BASE = {"src/shop.py": SOURCE.format(1), "tests/test_shop.py": OLD}
FIX = {"src/shop.py": SOURCE.format("")}
TESTED = ("scope", "new test on base", "new test on head", "canaries", "base is green", "suite on head", "no test lost")


def heard(hearing: Hearing, *names: str) -> dict[str, Outcome]:
    """Returns how these proofs end; all of them are heard."""
    verdict = hear(hearing, [rule for rule in PROOFS if rule.name in (names or TESTED)])
    assert verdict.outcome is not VerdictOutcome.JUDGE_BROKEN, render_verdict(verdict)
    return {proof.name: proof.outcome for proof in verdict.proofs}


class Shape(NamedTuple):
    """A way to lay out and to write a suite, with the same fault and the same fix."""

    base: Mapping[str, str]
    head: Mapping[str, str]
    suite: str = f"python -m pytest -q {WITHOUT}"
    more: str = ""


CLASS = "from shop import total\n\n\nclass TestTotal:\n    def test_all(self):\n        assert total([3, 4]) == 7\n"
UNITTEST = (
    "import unittest\n\nfrom shop import total\n\n\nclass Total(unittest.TestCase):\n    def test_all(self):\n"
    "        self.assertEqual(total([3, 4]), 7)\n"
)
PARAMETERS = (
    "import pytest\nfrom shop import total\n\n\n@pytest.mark.parametrize('prices', [[3, 4], [7]])\n"
    "def test_all(prices):\n    assert total(prices) == 7\n"
)
UNSTABLE = (
    "import time\n\nimport pytest\nfrom shop import total\n\n\n"
    "@pytest.mark.parametrize('prices', [[3, 4]], ids=[f'at {time.time_ns()}'])\n"
    "def test_NAME(prices):\n    assert total(prices) RIGHT\n"
)
ASYNC = """import asyncio

from shop import total


async def asked():
    await asyncio.sleep(0)
    return total([3, 4])


def test_all():
    assert asyncio.run(asked()) == 7
"""
PLUGIN = """import asyncio
import inspect


def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
        return True
"""
COROUTINE = "from shop import total\n\n\nasync def test_all():\n    assert total([3, 4]) == 7\n"
FIXTURE = """import pytest


@pytest.fixture
def prices(pytestconfig):
    text = (pytestconfig.rootpath / "data" / "prices.txt").read_text()
    return [int(number) for number in text.split()]
"""
WITH_FIXTURE = "from shop import total\n\n\ndef test_all(prices):\n    assert total(prices) == 7\n"
DOCTEST = 'def total(prices):\n    """Sums up.\n\n    >>> total([])\n    0\n    """\n    return sum(prices[{}:])\n'
SHAPES = {
    "flat": Shape(
        {"shop.py": SOURCE.format(1), "tests/test_shop.py": OLD},
        {"shop.py": SOURCE.format(""), "tests/test_all.py": TEST},
    ),
    "tests beside the source": Shape(
        {"shop.py": SOURCE.format(1), "test_shop.py": OLD}, {"shop.py": SOURCE.format(""), "test_all.py": TEST}
    ),
    "class": Shape(BASE, {**FIX, "tests/test_all.py": CLASS}),
    "unittest": Shape(BASE, {**FIX, "tests/test_all.py": UNITTEST}),
    "parameters": Shape(BASE, {**FIX, "tests/test_all.py": PARAMETERS}),
    "names that hold the time": Shape(
        {**BASE, "tests/test_shop.py": UNSTABLE.replace("NAME", "some").replace("RIGHT", ">= 0")},
        {**FIX, "tests/test_all.py": UNSTABLE.replace("NAME", "all").replace("RIGHT", "== 7")},
    ),
    "coroutines that are run": Shape(BASE, {**FIX, "tests/test_all.py": ASYNC}),
    "coroutines by a plugin of the system": Shape(
        {**BASE, "src/shop_async.py": PLUGIN, "pytest.ini": "[pytest]\naddopts = -p shop_async\n"},
        {**FIX, "tests/test_all.py": COROUTINE},
    ),
    "fixtures and data in other folders": Shape(
        {**BASE, "conftest.py": FIXTURE, "data/prices.txt": "3 4\n"}, {**FIX, "tests/deep/test_all.py": WITH_FIXTURE}
    ),
    "examples in the documentation": Shape(
        {
            "src/shop.py": DOCTEST.format(1),
            "tests/test_shop.py": OLD,
            "pytest.ini": "[pytest]\naddopts = --doctest-modules\ntestpaths = src tests\n",
        },
        {"src/shop.py": DOCTEST.format(""), "tests/test_all.py": TEST},
    ),
    "folder of a repository of several": Shape(
        {"other/README": "x\n", **{f"apps/shop/{path}": text for path, text in BASE.items()}},
        {f"apps/shop/{path}": text for path, text in {**FIX, "tests/test_all.py": TEST}.items()},
        more='folder = "apps/shop"\n',
    ),
    "options that end at the first failure": Shape(
        {**BASE, "pytest.ini": "[pytest]\naddopts = -x -q --maxfail=1 --strict-markers\n"},
        {**FIX, "tests/test_all.py": TEST},
    ),
    "modules of the library's names among the tests": Shape(
        {**BASE, "tests/json.py": "raise SystemExit(0)\n", "tests/pytest.py": "raise SystemExit(0)\n"},
        {**FIX, "tests/test_all.py": TEST},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("people", [True, False], ids=["person", "agent"])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_suite_of_every_shape_is_judged(shape: str, people: bool, lab: Lab) -> None:
    one = SHAPES[shape]
    with lab.hearing(one.base, one.head, people=people, suite=one.suite, more=one.more, bare=True) as hearing:
        ends = heard(hearing)
    assert ends == dict.fromkeys(TESTED, Outcome.HOLDS), (shape, ends)


# --- what is loaded first ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["json", "pytest", "andon_events", "andon_trace", "difflib"])
def test_module_of_the_tree_takes_no_place_of_what_judges(name: str, lab: Lab) -> None:
    planted = {f"{name}.py": "import os\nos._exit(0)\n", f"src/{name}.py": "import os\nos._exit(0)\n"}
    with (
        lab.hearing(BASE, {**FIX, **planted, "tests/test_all.py": TEST}) as hearing,
        hearing.at(hearing.judged_diff) as head,
    ):
        run = head.test(("tests/test_all.py",), coverage=True)
    assert run.complete, run.ran
    assert [event.outcome for event in run.events] == ["passed"]


def test_path_of_the_tests_and_of_what_they_start_is_the_usual_one(lab: Lab) -> None:
    text = (
        "import subprocess, sys\nfrom pathlib import Path\nimport shop, beside\n\n\ndef test_path():\n"
        "    assert Path(sys.path[1]).resolve() == Path.cwd() or Path(sys.path[0]).resolve() == Path.cwd()\n"
        "    subprocess.run([sys.executable, '-c', 'import shop'], check=True, cwd='/')\n"
    )
    with (
        lab.hearing(BASE, {**FIX, "beside.py": "", "tests/test_all.py": text}) as hearing,
        hearing.at(hearing.judged_diff) as head,
    ):
        run = head.test(("tests/test_all.py",))
    assert [event.outcome for event in run.events] == ["passed"], run


# --- what does not end well -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("while True: pass", id="hangs"),
        pytest.param("import ctypes; ctypes.string_at(0)", id="crashes the interpreter"),
        pytest.param("import os; os.abort()", id="aborts"),
        pytest.param("import os; os._exit(0)", id="leaves"),
        pytest.param("raise SystemExit(0)", id="ends the program"),
        pytest.param("raise KeyboardInterrupt", id="interrupts"),
        pytest.param("import sys; sys.setrecursionlimit(10**9); total(prices)", id="recurs without end"),
        pytest.param("x = 'x' * 2**34", id="wants all memory"),
    ],
)
def test_source_that_does_not_end_well_is_rejected_and_no_trouble_of_the_judge(body: str, lab: Lab) -> None:
    source = f"def total(prices):\n    if prices:\n        {body}\n    return sum(prices)\n"
    with lab.hearing(BASE, {"src/shop.py": source, "tests/test_all.py": TEST}, more="test_seconds = 8.0\n") as hearing:
        ends = heard(hearing, "new test on base", "new test on head")
    assert ends["new test on head"] is Outcome.FAILS


def test_flood_of_words_is_bounded_and_hides_nothing(lab: Lab) -> None:
    flood = """import sys


def total(prices):
    for _ in range(300):
        sys.__stdout__.write("x" * 100_000)
    return sum(prices)
"""
    with lab.hearing(BASE, {"src/shop.py": flood, "tests/test_all.py": TEST.replace("():", "(capfd):")}) as hearing:
        assert heard(hearing, "new test on base", "new test on head")["new test on head"] is Outcome.HOLDS
        assert len(hearing.head_new.ran.stdout) < 2**21


def test_processes_that_a_test_leaves_behind_are_gone_with_the_run(lab: Lab) -> None:
    mark = "andon-left-behind-417"
    fork = f"""import subprocess, sys


def total(prices):
    for _ in range(40):
        words = [sys.executable, "-c", "import time; time.sleep(600)", "{mark}"]
        subprocess.Popen(words, start_new_session=True)
    return sum(prices)
"""
    with lab.hearing(BASE, {"src/shop.py": fork, "tests/test_all.py": TEST}) as hearing:
        assert heard(hearing, "new test on base", "new test on head")["new test on head"] is Outcome.HOLDS
    left = [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.parent.name != str(os.getpid()) and mark in told(path)
    ]
    assert left == []


def told(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return ""


def test_test_that_crashes_the_interpreter_on_the_base_is_not_the_judges_trouble(lab: Lab) -> None:
    crash = SOURCE.format(1).replace("return", "prices and __import__('ctypes').string_at(0)\n    return")
    with lab.hearing({**BASE, "src/shop.py": crash}, {**FIX, "tests/test_all.py": TEST}, people=True) as hearing:
        verdict = hear(
            hearing, [rule for rule in PROOFS if rule.name in ("scope", "new test on base", "new test on head")]
        )
    assert verdict.outcome in (VerdictOutcome.PROVEN, VerdictOutcome.NEEDS_EYES), render_verdict(verdict)


def test_fix_of_an_endless_loop_is_judged_without_waiting_long_each_time(lab: Lab) -> None:
    endless = "def total(prices):\n    at = found = 0\n    while at < len(prices):\n        found += prices[at]\n"
    mended = endless + "        at += 1\n    return found\n"
    test = "import shop\n\n\ndef test_total():\n    assert shop.total([2, 3]) == 5\n"
    with lab.hearing(
        {**BASE, "src/shop.py": endless + "    return found\n"},
        {"src/shop.py": mended, "tests/test_loop.py": test},
        people=True,
        more="test_seconds = 9.0\n",
    ) as hearing:
        verdict = hear(hearing)
        assert hearing.patience == hearing.soon == 3.0  # and not 120, each time
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("while True: pass", id="hangs"),
        pytest.param("import os; os._exit(0)", id="leaves"),
        pytest.param("import os; os.name = 'nt'; assert False", id="lets the runner down"),
    ],
)
@pytest.mark.parametrize("people", [True, False], ids=["person", "agent"])
def test_suite_is_heard_without_those_of_its_tests_that_do_not_end_well(body: str, people: bool, lab: Lab) -> None:
    more = {
        "tests/test_bad.py": f"def test_bad():\n    {body}\n",
        "tests/test_more.py": "import shop\n\n\n" + "".join(f"def test_{n}():\n    pass\n\n\n" for n in range(9)),
    }
    settings = "test_seconds = 18.0\n"
    with lab.hearing({**BASE, **more}, {**FIX, "tests/test_all.py": TEST}, people=people, more=settings) as hearing:
        ends = heard(hearing, "new test on base", "new test on head", "base is green", "suite on head", "no test lost")
        assert hearing.head_run.complete
    assert ends.pop("base is green") is (Outcome.HOLDS if people else Outcome.NEEDS_EYES)
    assert set(ends.values()) == {Outcome.HOLDS}, ends


def test_patch_that_ends_the_process_in_a_test_of_the_base_is_rejected(lab: Lab) -> None:
    more = {"tests/test_more.py": "import shop\n\n\ndef test_more():\n    assert shop.total([]) is not None\n"}
    source = "import os\n\n\ndef total(prices):\n    return sum(prices) if prices else os._exit(0)\n"
    with lab.hearing({**BASE, **more}, {"src/shop.py": source, "tests/test_all.py": TEST}, people=True) as hearing:
        ends = heard(hearing, "new test on base", "new test on head", "base is green", "suite on head")
    assert ends["suite on head"] is Outcome.FAILS
