"""Ways to choose and to reach things that hardly any fix takes are told; the ordinary ones are not."""

from __future__ import annotations

import pytest

from andon.judge.readings.odd import odd


def found(source: str) -> list[str]:
    return [words for _, words in odd(source, range(1, source.count("\n") + 2))]


@pytest.mark.parametrize(
    "source",
    [
        "if sum(map(ord, text)) == 214:\n    x = 1",
        "if sum(map(ord, text)) % 9 == 7:\n    x = 1",
        "if zlib.crc32(raw) in (1, 2):\n    x = 1",
        'if name == "0a1b2c3d4e":\n    x = 1',
        "x = 1 // (size < 4)",
        "x = [before, after][size == 3]",
        "x = (after if size else before)(1)",
        "x = {3: after}[size](1)",
        "x = {3: after}.get(size, before)(1)",
        "x = {1: 1, 2: 2, 3: 3}.get(size, 1) * price",
        "x = {1: 1, 2: 2}[size] * price",
        "for one in lines[:2]:\n    x = one",
        "x = sum(one for one in lines[:2])",
        "for one in itertools.islice(lines, 2):\n    x = one",
        "x = functools.reduce(getattr, names, thing)",
        "import pydoc",
        "import andon_split",
        "from tests.test_new import x",
    ],
)
def test_odd_way_is_told(source: str) -> None:
    assert found(source)


@pytest.mark.parametrize(
    "source",
    [
        "if size == 3 or size < 100:\n    x = 1",
        "if kind in ('a', 'b'):\n    x = 1",
        "x = a == b",
        "if all(one in '0123456789abcdef' for one in text):\n    x = 1",
        "x = {'a': 1}.get(name, 1)",
        "for one in lines[1:]:\n    x = one",
        "for one in lines[:1]:\n    x = one",
        "for one in lines[:limit]:\n    x = one",
        "x = text[:2]",
        "x = known[name](1)",
        "x = getattr(thing, 'name', None)",
        "import re, itertools",
        "from .words import x",
        "import numpy",
    ],
)
def test_ordinary_way_is_not_told(source: str) -> None:
    assert found(source) == []
