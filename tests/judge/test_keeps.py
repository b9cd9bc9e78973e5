"""Source that keeps something from one call to the next is told; what an object keeps in itself is not."""

from __future__ import annotations

import pytest

from andon.judge.readings.keeps import keeps


def found(source: str) -> list[str]:
    return [words for _, words in keeps(source, range(1, source.count("\n") + 2))]


@pytest.mark.parametrize(
    "source",
    [
        "count = 0\n\n\ndef f():\n    global count\n    count += 1",
        "calls = iter(range(9))\n\n\ndef f():\n    return next(calls) < 3",
        "calls = []\n\n\ndef f():\n    calls.append(1)",
        "seen = {}\n\n\ndef f(x):\n    seen[x] = 1",
        "def f():\n    f.calls = 1",
        "class A:\n    def f(self):\n        A.calls = 1",
        "def f(x, seen=[]):\n    return x",
    ],
)
def test_what_lasts_from_call_to_call_is_told(source: str) -> None:
    assert found(source)


@pytest.mark.parametrize(
    "source",
    [
        "calls = []\n\n\ndef f():\n    calls = []\n    calls.append(1)",
        "class A:\n    def f(self):\n        self.calls = 1",
        "known = {}\n\n\ndef f(x):\n    return known.get(x)",
        "def f(x, seen=()):\n    return x",
        "calls = []\ncalls.append(1)",
    ],
)
def test_what_ends_with_the_call_is_not_told(source: str) -> None:
    assert found(source) == []
