"""A small library with one bug in its own repository, and hearings on patches for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from grounds import file_diff

from andon.checks import ask_sql
from andon.config import SystemSettings
from andon.git import GitRepo
from andon.judge.hearing import Hearing
from andon.models import Patch
from andon.protocols import Sandbox, Scratch
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import open_scratch
from andon.testing.repos import WITHOUT, git
from andon.workspace import Means, open_workspace

PRICES = '''"""Prices of a small shop."""

RATE = 19


def cents(text):
    """Returns the cents of a price such as `12.50`."""
    units, _, rest = text.partition(".")
    return int(units) * 100 + int(rest)


def gross(net):
    if net < 0:
        raise ValueError(net)
    return net * (100 + RATE) // 100


def total(prices):
    found = 0
    for price in prices:
        found += cents(price)
    return found
'''
TESTS = """import pytest

from shop.prices import cents, gross, total


def test_price_becomes_cents():
    assert cents("12.50") == 1250


def test_total_of_two():
    assert total(["1.10", "2.20"]) == 330


def test_gross_holds_the_tax():
    assert gross(100) == 119


def test_gross_of_less_than_nothing_is_refused():
    with pytest.raises(ValueError):
        gross(-1)
"""
FIX = ("int(rest)\n", "int(rest or 0)\n")
"""Prices without a point: `cents("12")` raised."""
NEW_TEST = """from shop.prices import cents


def test_price_without_a_point():
    assert cents("12") == 1200
"""


class Shop:
    """The repository, made once; hearings on it change nothing."""

    def __init__(self, folder: Path, sandbox: Sandbox, scratch: Scratch, more: Mapping[str, str] | None = None) -> None:
        self.work = folder / "shop"
        files = {"shop/__init__.py": "", "shop/prices.py": PRICES, "tests/test_prices.py": TESTS, **(more or {})}
        files.setdefault("conftest.py", "")
        for name, text in files.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text, encoding="utf-8")
        git("init", "--quiet", "--initial-branch=main", cwd=self.work)
        git("add", "--all", cwd=self.work)
        git("-c", "user.name=dev", "-c", "user.email=d@example.org", "commit", "--quiet", "-m", "Begin", cwd=self.work)
        self.settings = SystemSettings(test=f"python -m pytest -q {WITHOUT}", runtime=(sys.prefix,))
        self.repo = GitRepo.open(str(self.work), folder / "mirror.git")
        self.means = Means(self.repo, self.settings, sandbox, scratch, folder / "trees", ask_sql, folder)

    def edited(self, old: str, new: str, path: str = "shop/prices.py") -> dict[str, str]:
        """Returns a file with one place changed."""
        text = (self.work / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        return {path: text.replace(old, new)}

    @contextmanager
    def hearing(self, files: Mapping[str, str | None], *, people: bool = False, seed: int = 1) -> Iterator[Hearing]:
        """Gives the hearing of a patch with these files' new texts."""
        base = self.repo.head("main")
        diff = "".join(file_diff(self.work, path, text) for path, text in sorted(files.items()))
        declared = tuple(path for path in files if path.startswith("tests/test_"))
        with open_workspace(self.means, base, "") as workspace:
            yield Hearing(
                patch=Patch(base=base, diff=diff, tests=declared, summary="a patch"),
                history=self.repo,
                workspace=workspace,
                settings=self.settings,
                people=people,
                seed=seed,
            )


@contextmanager
def open_shop(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Shop]:
    """Gives the library in a folder, with more files than usual."""
    scratch = open_scratch("sqlite", folder / "scratch")
    yield Shop(folder, open_sandbox(), scratch, more)
    scratch.close()
