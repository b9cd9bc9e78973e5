from __future__ import annotations

import pytest
from pydantic import JsonValue

from andon.agents.search.terms import equal_value, meets, meets_all
from andon.brief import find_contrasts
from andon.models import Row

ROW: Row = {"fetcher": "gal'lery", "price": "12.5", "n": 3, "ok": True, "at": "2026-11-22T10:00:00+00:00", "none": None}


@pytest.mark.parametrize(
    ("term", "answer"),
    [
        ("fetcher = 'gal''lery'", True),
        ("fetcher = 'page'", False),
        ("n = 3", True),
        ("ok = 'true'", True),
        ("price >= 12.5", True),
        ("price < 12.5", False),
        ("price >= 10 and price < 20", True),
        ("price >= 13 and price < 20", False),
        ("none is null", True),
        ("fetcher is not null", True),
        ("fetcher starts with 'gal'''", True),
        ("length(fetcher) >= 8", True),
        ("hour(at) = 10", True),
        ("weekday(at) = 'Sunday'", True),
        ("none >= 3", False),
        ("absent = 1", None),
        ("what is this", None),
    ],
)
def test_term_is_read_as_the_brief_means_it(term: str, answer: bool | None) -> None:
    assert meets(ROW, term) is answer


def test_pair_holds_when_both_do_and_fails_when_one_does() -> None:
    assert meets_all(ROW, ["n = 3", "price < 20"]) is True
    assert meets_all(ROW, ["n = 4", "absent = 1"]) is False
    assert meets_all(ROW, ["n = 3", "absent = 1"]) is None


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("gallery", "page"),
        (None, "page"),
        (900, 3),
        ("1050.25", "3.50"),
        (True, False),
        ("", "page"),
        ("  padded ", "plain"),
        ("ünï", "plain"),
        ("https://odd.example/x", "https://plain.example/y"),
        ("x" * 60, "short"),
        ("2026-11-{day}T03:00:00+00:00", "2026-11-{day}T15:00:00+00:00"),
    ],
)
def test_every_contrast_that_the_brief_words_is_counted_alike(odd: JsonValue, plain: JsonValue) -> None:
    def rows(value: JsonValue, count: int) -> list[Row]:
        days = range(10, 10 + count)
        return [{"id": day, "column": value.format(day=day) if isinstance(value, str) else value} for day in days]

    bad, good = rows(odd, 18), rows(plain, 19)
    found = find_contrasts(bad, good, key=["id"]).contrasts
    assert found
    for contrast in found:
        assert sum(bool(meets_all(row, contrast.terms)) for row in bad) == contrast.offending, contrast.terms
        assert sum(bool(meets_all(row, contrast.terms)) for row in good) == contrast.healthy, contrast.terms


def test_equality_gives_its_column_and_value() -> None:
    assert equal_value("fetcher = 'gal''lery'") == ("fetcher", "gal'lery")
    assert equal_value("price >= 3") is None
