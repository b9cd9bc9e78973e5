"""`andon init`, `doctor`, `grants`, and what a wrong configuration says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from feeds import Call

from andon.testing.loops import use
from andon.testing.repos import commit_edits, git

UNITTEST = (
    "import unittest\n\n\nclass Sums(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(1 + 1, 2)\n"
)
REPOSITORIES = {
    "pytest": {
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "tests/test_sum.py": "def test_sum():\n    assert 1 + 1 == 2\n",
        ".gitignore": ".venv\n",
    },
    "unittest": {"test_sums.py": UNITTEST},
    "nothing": {"README.md": "# nothing\n"},
}


@pytest.fixture(params=list(REPOSITORIES))
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Gives a small repository with a remote, as people have them."""
    git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git", cwd=tmp_path)
    git("clone", "--quiet", "origin.git", request.param, cwd=tmp_path)
    work = tmp_path / str(request.param)
    git("checkout", "--quiet", "-B", "main", cwd=work)
    commit_edits(work, "Begin", REPOSITORIES[str(request.param)])
    if request.param == "pytest":
        (work / ".venv").symlink_to(sys.prefix)
    return work


def test_init_writes_what_doctor_accepts(repository: Path, andon: Call) -> None:
    said = andon("init", cwd=repository)
    assert said.code == 0, said.err
    has_suite = repository.name != "nothing"
    said = andon("doctor", "--json", *([] if has_suite else ["--no-suite"]), cwd=repository)
    findings = json.loads(said.out)
    assert said.code == 0, [one for one in findings if one["state"] == "broken"]
    assert {one["what"].split(": ")[-1] for one in findings} >= {"configuration", "sandbox", "push", "checks"}
    assert andon("tickets", cwd=repository).out == "no open tickets\n"


def test_init_writes_over_nothing_unless_told_to(andon: Call, red: Path) -> None:
    before = (red / "andon.toml").read_text()
    said = andon("init", cwd=red)
    assert said.code == 2
    assert "--force" in said.err
    assert (red / "andon.toml").read_text() == before


def test_doctor_finds_a_whole_tinyfeed_sound(andon: Call, red: Path) -> None:
    said = andon("doctor", cwd=red)
    assert said.code == 0, said.out
    assert "tests, green" in said.out
    assert "failing now: no-empty-pictures" in said.out


def lines_of(out: str) -> list[tuple[str, str]]:
    """Returns each broken line of doctor's with the line that follows it."""
    lines = [*out.splitlines(), ""]
    return [(line, lines[place + 1]) for place, line in enumerate(lines) if line.startswith("broken")]


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("repo", "nowhere", "repository"),
        ("branch", "trunk", "repository"),
        ("checks", "no-checks", "checks"),
        ("data", "env:FEED_URL_THAT_NOBODY_SET", "data"),
        ("data", "sqlite:////nowhere/live.db", "data"),
    ],
)
def test_each_red_line_of_doctor_says_what_to_do(key: str, value: str, what: str, andon: Call, red: Path) -> None:
    use(red, **{key: value})
    said = andon("doctor", "--no-suite", cwd=red)
    assert said.code == 1
    broken = lines_of(said.out)
    assert any(f"tinyfeed: {what}" in line for line, _ in broken), said.out
    assert all(after.strip().startswith("do: ") for _, after in broken)


def test_doctor_says_which_tests_are_red(andon: Call, red: Path) -> None:
    commit_edits(red / "tinyfeed", "Hope", {"tests/test_hope.py": "def test_hope():\n    assert False\n"})
    said = andon("doctor", cwd=red)
    assert said.code == 1
    assert "test_hope" in said.out


def test_unknown_key_names_the_file_the_key_and_the_nearest(andon: Call, red: Path) -> None:
    use(red, autonmy="report")
    for command in (("check",), ("tickets",), ("up", "--once"), ("doctor",)):
        said = andon(*command, cwd=red)
        assert said.code == (1 if command == ("doctor",) else 2)
        assert "systems.tinyfeed.autonmy: unknown key; did you mean `autonomy`?" in said.out + said.err
        assert "andon.toml" in said.out + said.err


def test_no_configuration_says_what_to_run(andon: Call, tmp_path: Path) -> None:
    said = andon("tickets", cwd=tmp_path)
    assert said.code == 2
    assert "andon init" in said.err


def test_grants_of_a_sqlite_file_are_none(andon: Call, red: Path) -> None:
    said = andon("grants", cwd=red)
    assert said.code == 2
    assert "needs no grants" in said.err


def test_grants_are_sql_that_narrows_a_login(andon: Call, red: Path, postgres_url: str) -> None:
    use(red, data=postgres_url)
    said = andon("grants", "--role", "watcher", cwd=red)
    assert said.code == 0
    assert "-- can now:" in said.out
    assert "watcher" in said.out


def test_login_that_can_write_is_refused_by_check_and_up(andon: Call, red: Path, postgres_url: str) -> None:
    use(red, data=postgres_url)
    for command in (("check",), ("up", "--once")):
        said = andon(*command, cwd=red)
        assert said.code == 2
        assert "andon grants" in said.err
