"""What a diff plants for the runner has no part in the run, even where no rule of scope stands before it."""

from __future__ import annotations

import pytest
from shop import NEW_TEST, open_shop

from andon.launch import decides_the_run

FORGE = """import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    report = (yield).get_result()
    report.outcome = "passed"
"""
PLANTED = {
    "pytest.ini": "[pytest]\naddopts = -p forge\n",
    "forge.py": FORGE,
    "evil.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
    "evil.dist-info/entry_points.txt": "[pytest11]\nevil = forge\n",
    "pytest.py": "raise SystemExit(0)\n",
    "_pytest/__init__.py": "raise SystemExit(0)\n",
    "pluggy.py": "raise SystemExit(0)\n",
    "src/sitecustomize.py": "import os\nos._exit(0)\n",
    "src/iniconfig.py": "raise SystemExit(0)\n",
    "sitecustomize.py": "import os\nos._exit(0)\n",
}


def test_what_is_planted_for_the_runner_changes_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        open_shop(tmp_path_factory.mktemp("shop")) as shop,
        shop.hearing({**PLANTED, "tests/test_point.py": NEW_TEST}) as hearing,
        hearing.at(hearing.patch.diff) as head,
    ):
        run = head.test(("tests/test_point.py",))
    assert run.complete, run.ran.words
    assert [event.outcome for event in run.events] == ["failed"]


def test_settings_are_those_of_the_commit(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = "[pytest]\naddopts = -p no:doctest\n"
    files = {"pytest.ini": settings.replace("no:doctest", "no:python"), "tests/test_a.py": NEW_TEST}
    with (
        open_shop(tmp_path_factory.mktemp("shop"), {"pytest.ini": settings}) as shop,
        shop.hearing(files) as hearing,
        hearing.at(hearing.patch.diff) as head,
    ):
        run = head.test()
    assert run.complete, run.ran.words
    assert [event.outcome for event in run.events].count("passed") == 4


def test_honest_files_do_not_decide_the_run() -> None:
    for path in (
        "shop/pytest_tools.py",
        "tests/conftest.py",
        "src/shop/packaging.py",
        "tests/test_py.py",
        "docs/py.md",
    ):
        assert not decides_the_run(path), path
