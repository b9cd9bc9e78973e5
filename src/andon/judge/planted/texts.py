"""Writes small tests whose outcome is known beforehand and that look like any other; it runs nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

PLAIN_WORDS = (
    "value", "order", "label", "total", "first", "empty", "sorted", "joined", "kept", "split", "page", "last", "again",
    "twice", "line", "part", "whole", "names", "known", "missing", "left", "right", "count", "list", "plain", "long",
    "short", "given", "found", "other", "same", "between", "after", "before", "without", "only", "each", "every",
)  # fmt: skip
ODD_WORDS = frozenset({"test", "tests", "init", "conftest", ""})


class Canary(NamedTuple):
    """A test file whose outcomes are known."""

    path: str
    """From the repository's root."""
    text: str
    outcomes: dict[str, str]
    """`function` or `Class::function` -> how it has to end: passed, failed, error or skipped."""


def canaries(beside: str, words: Iterable[str], taken: frozenset[str], seed: random.Random) -> tuple[Canary, Canary]:
    """Returns a file in pytest's style and one in unittest's, in the folder of a test file, under fresh names.

    `words` are those of the project's own names; `taken` the names of files that are there.
    """
    known = sorted({word for word in words if word.isalpha() and word.islower()} - ODD_WORDS) or list(PLAIN_WORDS)
    names = Names([*known, *PLAIN_WORDS], seed)
    folder, last = PurePosixPath(beside).parent, beside.endswith("_test.py")
    files = []
    for write in (plain, classic):
        text, outcomes = write(names, seed)
        while (name := names.file(last=last)) in taken:
            pass
        files.append(Canary(str(folder / name), text, outcomes))
    return files[0], files[1]


class Names:
    """Gives names that look like the project's own, each once."""

    def __init__(self, words: list[str], seed: random.Random) -> None:
        self.words = words
        self.seed = seed
        self.given: set[str] = set()

    def name(self) -> str:
        """Returns two or three words that were not given yet."""
        while True:
            found = "_".join(self.seed.choice(self.words) for _ in range(self.seed.choice((2, 3))))
            found += "" if found not in self.given else f"_{self.seed.randrange(100)}"
            if found not in self.given:
                self.given.add(found)
                return found

    def file(self, *, last: bool) -> str:
        return f"{self.name()}_test.py" if last else f"test_{self.name()}.py"


def plain(names: Names, seed: random.Random) -> tuple[str, dict[str, str]]:
    """Returns functions with bare asserts, `pytest.raises` and fixtures, and how each has to end."""
    low, gap = seed.randrange(3, 90), seed.randrange(2, 9)
    high = low + gap
    word = seed.choice(names.words)
    thing, other = names.name(), names.name()
    bodies: list[tuple[str, str, list[str]]] = [
        ("failed", "", [f"found = [{high}, {low}]", f"assert sorted(found) == [{low}, {high + 1}]"]),
        ("failed", "", [f"assert {word!r}.upper() in [{word!r}]"]),
        ("failed", "", ["with pytest.raises(ValueError):", f'    int("{low}")']),
        ("failed", "", [f"assert {low} / {gap} == pytest.approx({low} / {gap} + 0.5)"]),
        ("failed", "", [f"names = {{{word!r}: {low}}}", f'assert names["{word}x"] == {low}']),
        ("error", thing, [f"assert {thing} == {low}"]),
        ("error", other, [f"assert {other} == {high}"]),
        ("passed", "", [f"assert sum(range({gap})) == {sum(range(gap))}"]),
        ("passed", "", ["with pytest.raises(ValueError):", f'    int("{word}")']),
        (
            "passed",
            "tmp_path",
            [f'(tmp_path / "{word}").mkdir()', f'assert (tmp_path / "{word}").is_dir()'],
        ),
        ("skipped", "", [f'pytest.skip("{word} is not there")']),
    ]
    seed.shuffle(bodies)
    lines = ["import pytest", "", "", "@pytest.fixture", f"def {thing}():", f'    return {{}}["{word}"]', "", ""]
    lines += ["@pytest.fixture", f"def {other}():", f"    yield {high}", f'    raise RuntimeError("{word}")']
    outcomes: dict[str, str] = {}
    for outcome, fixture, body in bodies:
        name = f"test_{names.name()}"
        outcomes[name] = outcome
        lines += ["", "", f"def {name}({fixture}):", *(f"    {line}" for line in body)]
    return "\n".join(lines) + "\n", outcomes


def classic(names: Names, seed: random.Random) -> tuple[str, dict[str, str]]:
    """Returns a class with unittest's assertions, and how each of its tests has to end."""
    low = seed.randrange(3, 90)
    word = seed.choice(names.words)
    bodies = [
        ("failed", [f"self.assertEqual(len({word!r}), {len(word) + 1})"]),
        ("failed", [f"self.assertTrue({low} > {low + 4})"]),
        ("failed", [f'self.assertIn("{word}", [])']),
        ("failed", ["with self.assertRaises(KeyError):", f"    {{{low}: 1}}[{low}]"]),
        ("passed", [f"self.assertEqual({word!r}.title(), {word.title()!r})"]),
        ("passed", ["with self.assertRaises(KeyError):", f"    {{}}[{low}]"]),
    ]
    seed.shuffle(bodies)
    kind = "Test" + "".join(part.title() for part in names.name().split("_"))
    lines = ["import unittest", "", "", f"class {kind}(unittest.TestCase):"]
    outcomes: dict[str, str] = {}
    for number, (outcome, body) in enumerate(bodies):
        name = f"test_{names.name()}"
        outcomes[f"{kind}::{name}"] = outcome
        lines += [*([""] if number else []), f"    def {name}(self):", *(f"        {line}" for line in body)]
    return "\n".join(lines) + "\n", outcomes
