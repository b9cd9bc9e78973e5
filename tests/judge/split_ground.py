"""A small library without any check, its bugs, its honest fixes, and the proof of a patch seen from outside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grounds import file_diff

from andon.checks import ask_sql
from andon.config import SystemSettings
from andon.git import GitRepo
from andon.judge.hearing import Hearing
from andon.judge.split import split_symptom
from andon.models import Patch, Proof
from andon.protocols import Sandbox, Scratch
from andon.testing.repos import WITHOUT, git
from andon.workspace import Means, open_workspace

LIBRARY = '''"""Small measures."""

import functools


def area(width, height):
    return width + height


def words(text):
    return text.split(" ")


def ratio(one, other):
    return one / other


def even(number):
    return number % 2 == 1


def size(text):
    if not text:
        return 1
    return len(text)


class Box:
    def __init__(self, width, height):
        self.width = width
        self.height = height

    def __eq__(self, other):
        return isinstance(other, Box) and vars(self) == vars(other)

    def turned(self):
        return Box(self.width, self.height)


def wait(number):
    while number:
        pass
'''
FIXES = {
    "area": ("    return width + height\n", "    return width * height\n"),
    "words": ('text.split(" ")', "text.split()"),
    "ratio": ("    return one / other\n", "    return one / other if other else None\n"),
    "even": ("number % 2 == 1", "number % 2 == 0"),
    "size": ("        return 1\n", '        raise ValueError("an empty text has no size")\n'),
    "turned": ("Box(self.width, self.height)", "Box(self.height, self.width)"),
    "wait": ("    while number:\n        pass\n", "    return number\n"),
}
TESTS = {
    "area": "from measures import area\n\n\ndef test_new():\n    assert area(3, 4) == 12\n",
    "words": "from measures import words\n\n\ndef test_new():\n    assert words('one  two') == ['one', 'two']\n",
    "ratio": "from measures import ratio\n\n\ndef test_new():\n    assert ratio(3, 0) is None\n",
    "even": "from measures import even\n\n\ndef test_new():\n    assert even(2)\n    assert not even(3)\n",
    "size": (
        "import pytest\n\nfrom measures import size\n\n\ndef test_new():\n"
        "    with pytest.raises(ValueError, match='no size'):\n        size('')\n"
    ),
    "turned": "from measures import Box\n\n\ndef test_new():\n    assert Box(1, 2).turned() == Box(2, 1)\n",
    "wait": "from measures import wait\n\n\ndef test_new():\n    assert wait(3) == 3\n",
}


class Ground:
    """The library's repository, and what is needed to hear patches for it."""

    def __init__(self, top: Path, sandbox: Sandbox, scratch: Scratch) -> None:
        self.work = top / "work"
        (self.work / "tests").mkdir(parents=True)
        (self.work / "measures.py").write_text(LIBRARY, encoding="utf-8")
        (self.work / "tests" / "test_old.py").write_text("def test_old():\n    assert True\n", encoding="utf-8")
        git("init", "--quiet", "--initial-branch=main", ".", cwd=self.work)
        git("add", "--all", cwd=self.work)
        git("-c", "user.name=dev", "-c", "user.email=dev@example.org", "commit", "--quiet", "-m", "One", cwd=self.work)
        self.settings = SystemSettings(test=f"python -m pytest -q {WITHOUT}", runtime=(sys.prefix,), test_seconds=30.0)
        self.repo = GitRepo.open(str(self.work), top / "mirror.git")
        self.means = Means(self.repo, self.settings, sandbox, scratch, top / "runs", ask_sql, top)
        self.base = self.repo.head("main")

    def patch(self, source: str, tests: dict[str, str]) -> Patch:
        """Returns a patch with this text of the library and these new files."""
        files = {"measures.py": source, **tests}
        diff = "".join(file_diff(self.work, path, text) for path, text in sorted(files.items()))
        named = tuple(path for path in tests if Path(path).name.startswith("test_"))
        return Patch(base=self.base, diff=diff, tests=named, summary="a patch")

    @contextmanager
    def heard(self, patch: Patch) -> Iterator[Hearing]:
        """Gives the hearing of a patch."""
        with open_workspace(self.means, self.base, "") as workspace:
            yield Hearing(patch=patch, history=self.repo, workspace=workspace, settings=self.settings)

    def prove(self, source: str, test: str | dict[str, str]) -> Proof:
        """Returns what is seen from outside of a patch."""
        tests = {"tests/test_new.py": test} if isinstance(test, str) else test
        with self.heard(self.patch(source, tests)) as hearing:
            proof = split_symptom(hearing)
        assert proof is not None
        return proof


def fixed(bug: str) -> str:
    """Returns the library with one bug honestly fixed."""
    return edited(*FIXES[bug])


def edited(old: str, new: str, *, top: str = "") -> str:
    """Returns the library with one place changed, and something at its top."""
    assert LIBRARY.count(old) == 1
    return LIBRARY.replace(old, new).replace("import functools\n", f"import functools\n{top}", 1)
