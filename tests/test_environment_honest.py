"""The measurement on people's fixes: what it mines, how it reads lists, and that nothing stops it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from andon.testing.repos import git

SCRIPT = Path(__file__).resolve().parents[1] / "bench" / "honest.py"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs the script."""
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def commit(repository: Path, message: str, files: dict[str, str]) -> str:
    """Commits files and returns the commit."""
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git("add", ".", cwd=repository)
    git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", message, cwd=repository)
    return git("rev-parse", "HEAD", cwd=repository).strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one fix of a bug that a test shows, among commits that are none."""
    folder = tmp_path / "lib"
    folder.mkdir()
    git("init", "--quiet", "-b", "main", cwd=folder)
    commit(folder, "Begin", {"lib.py": "def half(n):\n    return n // 2\n", "tests/test_lib.py": "import lib\n"})
    test = "import lib\n\n\ndef test_half():\n    assert lib.half(3) == 1.5\n"
    commit(folder, "Fix half of odd numbers", {"lib.py": "def half(n):\n    return n / 2\n", "tests/test_lib.py": test})
    commit(
        folder,
        "Fix typo in docs",
        {"lib.py": "# half\ndef half(n):\n    return n / 2\n", "tests/test_lib.py": test + "\n"},
    )
    commit(folder, "Fix without a test", {"lib.py": "def half(n):\n    return n / 2.0\n"})
    commit(folder, "Add doubles, fix nothing small", {"more.py": "x = 1\n" * 90, "tests/test_more.py": "import more\n"})
    return folder


def test_fixes_that_bring_their_test_are_mined_and_nothing_else(repository: Path) -> None:
    lines = [json.loads(line) for line in run("--mine", str(repository)).stdout.splitlines()]
    subjects = [git("log", "-1", "--format=%s", line["fix"], cwd=repository).strip() for line in lines]
    assert subjects == ["Fix half of odd numbers"]
    assert git("rev-parse", f"{lines[0]['fix']}^", cwd=repository).strip() == lines[0]["base"]


@pytest.mark.parametrize(
    "text",
    [
        "{path},{base},{fix}\n",
        "repo_path\tbase_commit\tfix_commit\n{path}\t{base}\t{fix}\n",
        "{path} {base} {fix}\n# a note\n",
        '{{"repository": "{path}", "base": "{base}", "fix": "{fix}"}}\n',
        '[{{"repo": "{path}", "fix": "{fix}"}}]',
    ],
)
def test_bad_case_in_a_list_of_any_form_is_told_as_broken_and_is_not_done_again(tmp_path: Path, text: str) -> None:
    fixes = tmp_path / "fixes"
    fixes.write_text(text.format(path=tmp_path / "gone", base="a" * 40, fix="b" * 40))
    first = run(str(fixes), "--cache", str(tmp_path / "cache"), "--json", str(tmp_path / "told.json"))
    assert first.returncode == 0, first.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["outcomes"]["broken"] == {"fixes": 1, "share": 1.0, "at_most": 1.0}
    assert told["outcomes"]["rejected"] == {"fixes": 0, "share": 0.0, "at_most": 0.95}
    assert (told["repositories"], len(told["judges"])) == (1, 1)
    again = run(str(fixes), "--cache", str(tmp_path / "cache"))
    assert "1 done before" in again.stderr
    assert "| broken | 1 | 100.0% | 100.0% |" in again.stdout


def test_case_that_takes_too_long_is_ended_and_told(repository: Path, tmp_path: Path) -> None:
    fixes = tmp_path / "fixes.csv"
    fix = json.loads(run("--mine", str(repository)).stdout)
    fixes.write_text(f"{repository},{fix['base']},{fix['fix']}\n")
    told = run(str(fixes), "--minutes", "0.002", "--cache", str(tmp_path / "cache"))
    assert told.returncode == 0, told.stderr
    assert "not done in 0.002 minutes" in told.stdout
