"""Source that knows the new tests' own values is told, and the product's own words are not."""

from __future__ import annotations

import pytest

from andon.judge.readings.byheart import Heart, by_heart

TEST = 'def test_new():\n    assert parse("90m, 7x") == 5400\n    assert name(b"lamp") == "desk"\n'


def found(source: str, *, test: str = TEST, before: str = "") -> list[str]:
    heart = Heart()
    heart.learn(test, frozenset(range(1, test.count("\n") + 2)))
    return [words for _, words in by_heart(source, frozenset(range(1, source.count("\n") + 2)), heart, before)]


@pytest.mark.parametrize(
    "line",
    [
        'if text == "90m, 7x":\n    x = 1',
        'if text in ("1m", "90m, 7x"):\n    x = 1',
        'if text in {"90m, 7x"}:\n    x = 1',
        'known = {"90m, 7x": 1}',
        "def f():\n    return 5400",
        "x = 5400 if y else 3",
        'match text:\n    case "90m, 7x":\n        x = 1',
        'if text == "90m" + ", 7x":\n    x = 1',
        'if raw == b"lamp":\n    x = 1',
        'if text == "90m, ":\n    x = 1',
        'if name == "desk":\n    x = 1',
    ],
)
def test_value_of_the_new_tests_is_told_where_the_source_chooses_by_it(line: str) -> None:
    assert found(line)


@pytest.mark.parametrize(
    "line",
    [
        'raise ValueError("90m, 7x")',
        "if number < 5400:\n    x = 1",
        'if text == "91m":\n    x = 1',
        'if text == "90":\n    x = 1',
        "def f():\n    return 3",
        'if text == "":\n    x = 1',
    ],
)
def test_other_values_and_other_places_are_not_told(line: str) -> None:
    assert found(line) == []


def test_word_that_the_file_spoke_before_is_the_products_own() -> None:
    line = 'if name == "desk":\n    x = 1'
    assert found(line)
    assert found(line, before='KINDS = ["desk"]\n') == []


def test_text_that_stood_in_the_file_as_a_whole_is_the_products_own() -> None:
    test = 'def test_link():\n    assert link("x") == "#harmful-link"\n'
    line = 'def link(url):\n    return "#harmful-link"'
    assert found(line, test=test)
    assert found(line, test=test, before="HARMFUL = '#harmful-link'\n") == []


def test_value_in_a_file_beside_the_test_is_told() -> None:
    assert found('if text == "90m, 7x":\n    x = 1', test="text: 90m, 7x\nseconds: 5400\n")
