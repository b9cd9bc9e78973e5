"""`andon init`, `doctor`, `grants`, and what a wrong configuration says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from feeds import Call, Said

from andon.app import App
from andon.config import load
from andon.doctor import sandbox_findings
from andon.sandboxes import LandlockSandbox
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
    assert said.code == 0
    assert "no grants to give" in said.out
    assert "read-only (mode=ro" in said.out
    assert all(line.startswith("--") for line in said.out.splitlines())


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


def finding(said: Said, what: str) -> dict[str, str]:
    """Returns what `andon doctor --json` found of one thing."""
    (found,) = [one for one in json.loads(said.out) if one["what"] == what]
    return dict(found)


def test_suite_without_pytest_in_its_runtime_is_told_to_set_the_runtime(andon: Call, red: Path) -> None:
    bare = red / "bare-venv"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python").symlink_to("/usr/bin/python3")
    use(red, runtime="[]")
    said = finding(andon("doctor", "--json", cwd=red), "tinyfeed: suite")
    assert said["state"] == "broken"
    assert "set `runtime` in [systems.tinyfeed] to the virtual environment that has pytest" in said["mend"]
    use(red, runtime='["bare-venv"]')
    said = finding(andon("doctor", "--json", cwd=red), "tinyfeed: suite")
    assert said["mend"].startswith("install pytest into bare-venv, or set `runtime`")


def test_runtime_may_be_one_folder_without_a_list(red: Path) -> None:
    use(red, runtime=".venv")
    assert load(red / "andon.toml").system("tinyfeed").runtime == (".venv",)


def test_unset_data_has_a_line_that_says_what_does_not_work(andon: Call, red: Path) -> None:
    use(red, data="")
    said = andon("doctor", "--json", "--no-suite", cwd=red)
    data = finding(said, "tinyfeed: data")
    assert data["state"] == "broken"
    assert "these cannot be asked: " in data["saw"]
    assert "no-empty-pictures" in data["saw"]
    assert 'data = "env:NAME"' in data["mend"]
    assert finding(said, "tinyfeed: questions")["state"] == "not looked at"


def test_missing_branch_is_said_once_and_what_needs_it_is_not_looked_at(andon: Call, red: Path) -> None:
    use(red, branch="trunk")
    said = andon("doctor", "--json", cwd=red)
    assert said.code == 1
    assert said.out.count("no branch 'trunk'") == 1
    found = {one["what"].removeprefix("tinyfeed: "): one for one in json.loads(said.out)}
    assert found["repository"]["state"] == "broken"
    for what in ("push", "checks", "suite"):
        assert (found[what]["state"], found[what]["mend"]) == ("not looked at", "")
    assert "-       tinyfeed: suite: not looked at; it needs the repository" in andon("doctor", cwd=red).out


@pytest.mark.parametrize(
    ("autonomy", "state"), [("report", "works"), ("propose", "works"), ("ship-on-approval", "broken")]
)
def test_push_is_judged_by_what_the_autonomy_pushes(autonomy: str, state: str, andon: Call, red: Path) -> None:
    git("remote", "remove", "origin", cwd=red / "tinyfeed")
    use(red, autonomy=autonomy)
    said = finding(andon("doctor", "--json", "--no-suite", cwd=red), "tinyfeed: push")
    assert said["state"] == state, said
    words = {"report": "nothing is pushed", "propose": "andon/ticket-N", "ship-on-approval": "checked out"}[autonomy]
    assert words in said["saw"]
    if state == "broken":
        assert 'autonomy = "propose"' in said["mend"]
        assert "receive.denyCurrentBranch" in said["saw"]


def test_gaps_that_a_weaker_sandbox_owns_up_to_are_weak_and_others_are_broken(red: Path) -> None:
    with App(load(red / "andon.toml")) as app:
        app._sandbox = LandlockSandbox(namespaces=False)
        (told,) = sandbox_findings(app)
        assert told.state == "weak", told.saw
        assert "UDP is open" in told.saw
        assert "bubblewrap" in told.mend
        app._sandbox = Boasting(namespaces=False)
        (told,) = sandbox_findings(app)
        assert told.state == "broken"
        assert "send UDP" in told.saw


class Boasting(LandlockSandbox):
    """A sandbox that does not own up to what it lacks."""

    @property
    def weaker(self) -> str:
        return ""


def test_empty_configuration_says_what_to_write(andon: Call, tmp_path: Path) -> None:
    (tmp_path / "andon.toml").touch()
    for command in (("check",), ("up", "--once"), ("grants",), ("tickets", "--new", "x"), ("diagnose", "x")):
        said = andon(*command, cwd=tmp_path)
        assert (said.code, said.out) == (2, ""), command
        assert "configures no system: add a [systems.NAME] table" in said.err
        assert "andon init" in said.err
    said = andon("doctor", cwd=tmp_path)
    assert said.code == 1
    assert "andon init" in said.out


def test_init_outside_a_repository_is_refused_and_writes_nothing(andon: Call, tmp_path: Path) -> None:
    said = andon("init", cwd=tmp_path)
    assert said.code == 2
    assert "git init" in said.err
    assert list(tmp_path.iterdir()) == []


def test_init_in_a_folder_of_a_repository_says_where_the_system_lies(andon: Call, tmp_path: Path) -> None:
    git("init", "--quiet", cwd=tmp_path)
    (tmp_path / "services" / "feed").mkdir(parents=True)
    assert andon("init", cwd=tmp_path / "services" / "feed").code == 0
    assert load(tmp_path / "services" / "feed" / "andon.toml").system("feed").folder == "services/feed"


COMMANDS_WITH_WORDS = [
    ("doctor",),
    ("grants",),
    ("check",),
    ("check", "--json"),
    ("up", "--once"),
    ("up", "--plain"),
    ("tickets",),
    ("tickets", "--json"),
    ("tickets", "--new", "x"),
    ("show", "1"),
    ("show", "1", "--json"),
    ("diagnose", "1"),
    ("diagnose", "x"),
    ("fix", "1"),
    ("judge", "1"),
    ("review", "1"),
    ("approve", "1"),
    ("reject", "1", "--why", "x"),
    ("close", "1", "--why", "x"),
    ("reopen", "1", "--why", "x"),
]


@pytest.mark.parametrize("words", COMMANDS_WITH_WORDS, ids=" ".join)
def test_every_command_without_a_sound_configuration_is_one_line_that_says_what_to_do(
    words: tuple[str, ...], andon: Call, tmp_path: Path
) -> None:
    git("init", "--quiet", cwd=tmp_path)
    said = andon(*words, cwd=tmp_path)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert "run `andon init`" in said.err
    (tmp_path / "andon.toml").write_text("systems = [\n", encoding="utf-8")
    said = andon(*words, cwd=tmp_path)
    assert said.code == (1 if words == ("doctor",) else 2)
    assert "andon.toml: is not valid TOML" in said.out + said.err
    assert not (tmp_path / ".andon").exists()
