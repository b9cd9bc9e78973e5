"""A regression test is written where the system's tests live, in their style, or there is a clear reason why not."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from andon.agents.search.repair.suites import NoStyle, Style, read_style
from andon.agents.search.repair.writing import Command, Told, file_text, read_command
from andon.models import Check, CheckKind

CONFTEST = "import pytest\n\n\n@pytest.fixture\ndef db_url(tmp_path):\n    return f'sqlite:///{tmp_path}/x.db'\n"
QUERY = "select sku from items where sku like '% ' and at > :since and at <= :now"
CHECK = Check(
    name="no-padded-skus",
    kind=CheckKind.SQL,
    path="checks/x.sql",
    why='it "hurt" \\',
    decided="x",
    query=QUERY,
    sha256="x",
)
REPLAY = """
import os, sqlite3
db = sqlite3.connect(os.environ["ANDON_SCRATCH_URL"].removeprefix("sqlite:///"))
db.execute("create table items (sku text, at text)")
db.execute("insert into items values (?, '2026-01-01T00:00:00+00:00')", ["A1" + SUFFIX])
db.commit()
raise SystemExit(0)
"""


def system(folder: Path, **files: str) -> Path:
    """Writes a small system; `__` in a name stands for a slash, and `.py` is added."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def style_of(folder: Path, **more: str) -> Style:
    """Returns the style that must be found."""
    found = read_style(folder, folder, fixture=more.get("fixture", ""), kind="sqlite")
    assert isinstance(found, Style)
    return found


def test_fixture_is_found_by_name_beside_its_conftest(tmp_path: Path) -> None:
    tests = {"tests__db__conftest": CONFTEST, "tests__test_a": "def test_a(): pass\n"}
    style = style_of(system(tmp_path, **tests))
    assert (style.folder, style.fixture, style.unittest) == ("tests/db", "db_url", False)


def test_fixture_of_a_wider_scope_is_not_taken_for_empty(tmp_path: Path) -> None:
    conftest = CONFTEST.replace("@pytest.fixture", '@pytest.fixture(scope="session")')
    assert style_of(system(tmp_path, tests__conftest=conftest, tests__test_a="def test_a(): pass\n")).fixture == ""
    assert style_of(tmp_path, fixture="db_url").fixture == "db_url"


def test_test_paths_of_the_settings_come_before_the_usual_folder(tmp_path: Path) -> None:
    system(tmp_path, tests__test_old="def test_a(): pass\n", checks__unit__a_test="def test_a() -> None: pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = checks/unit\n", encoding="utf-8")
    style = style_of(tmp_path)
    assert (style.folder, style.suffixed, style.annotated) == ("checks/unit", True, True)


def test_postgres_without_a_fixture_is_a_reason_to_abstain(tmp_path: Path) -> None:
    found = read_style(system(tmp_path, tests__test_a="def test_a(): pass\n"), tmp_path, fixture="", kind="postgres")
    assert isinstance(found, NoStyle)
    assert "scratch_fixture" in found.reason


def test_system_without_tests_is_a_reason_to_abstain(tmp_path: Path) -> None:
    found = read_style(system(tmp_path, feed__run="x = 1\n"), tmp_path, fixture="", kind="sqlite")
    assert isinstance(found, NoStyle)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("python", "-m", "feed.replay"), Command("feed.replay", (), (), "")),
        (
            ("env", "PYTHONPATH=src", "A=b c", "python3.11", "-m", "feed", "x"),
            Command("feed", ("x",), (("A", "b c"),), "src"),
        ),
        (("./replay.sh", "all"), Command("", ("./replay.sh", "all"), (), "")),
    ],
)
def test_replay_command_is_taken_apart(words: tuple[str, ...], expected: Command) -> None:
    assert read_command(words) == expected


@pytest.mark.parametrize("suite", ["pytest", "unittest", "fixture"])
@pytest.mark.parametrize(("suffix", "outcome"), [("' '", 1), ("''", 0)])
def test_written_test_is_red_with_the_bug_and_green_without(
    tmp_path: Path, suite: str, suffix: str, outcome: int
) -> None:
    own = "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n"
    tests = {"tests__test_a": own if suite == "unittest" else "def test_a(): pass\n"}
    if suite == "fixture":
        tests["tests__conftest"] = CONFTEST
    system(tmp_path, feed__replay=REPLAY.replace("SUFFIX", suffix), **tests)
    style = style_of(tmp_path)
    told = Told(3, CHECK, 'a """ cause \\', datetime(2026, 2, 1, tzinfo=UTC).isoformat(), QUERY)
    text = file_text(style, told, read_command(("python", "-m", "feed.replay")), evidence="regressions/x.json", up=1)
    ast.parse(text)
    (tmp_path / "tests/test_written.py").write_text(text, encoding="utf-8")
    (tmp_path / "tests/regressions").mkdir()
    (tmp_path / "tests/regressions/x.json").write_text(json.dumps({}), encoding="utf-8")
    words = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "tests/test_written.py",
    ]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == outcome, ran.stdout
    assert ("AssertionError" in ran.stdout or "assert [" in ran.stdout) == bool(outcome)
