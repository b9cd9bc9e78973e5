"""Offending rows are told from healthy ones, or the brief says that they cannot be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from andon.brief import labelled_rows
from andon.brief.contrast import find_contrasts
from andon.brief.labels import split, tell_apart
from andon.brief.sql import asks_of_groups
from andon.models import Evidence, Row
from andon.protocols import Answer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def prices(count: int = 400) -> list[Row]:
    """Four prices a listing; the second one of each, by the fetcher `gallery`, is negative."""
    return [
        {
            "listing_id": number // 4,
            "seen": number % 4,
            "fetcher": "gallery" if number % 4 == 1 else "page",
            "price": -1 if number % 4 == 1 else 5,
        }
        for number in range(count)
    ]


def chosen(rows: list[Row], *columns: str) -> list[Row]:
    return [{name: row[name] for name in columns} for row in rows if row["price"] == -1]


def evidence_of(rows: list[Row], *key: str, at: str | None = None) -> Evidence:
    return Evidence(check="a", asked_at=NOW, query="", key=key, at=at, total=len(rows), rows=tuple(rows))


def test_rows_that_share_a_key_are_told_apart_by_the_other_columns_that_both_have() -> None:
    rows = prices()
    found = tell_apart(rows, chosen(rows, "listing_id", "seen"), ["listing_id"], grouped=False)
    assert (len(found.bad), len(found.good), found.unclear) == (100, 300, 0)
    assert all(row["price"] == -1 for row in found.bad)
    (best, *_) = find_contrasts(found.bad, found.good, key=["listing_id"], asked=["price"]).contrasts
    assert (best.offending, best.healthy) == (100, 0)
    assert split(rows, chosen(rows, "listing_id", "seen"), ["listing_id"]) == (found.bad, found.good)


def test_key_that_cannot_tell_rows_apart_gives_no_contrast_and_says_what_to_write() -> None:
    rows = prices()
    bad, _, note = labelled_rows(
        evidence_of(chosen(rows, "listing_id"), "listing_id"), Answer(tuple(rows[0]), tuple(rows), len(rows)), None
    )
    assert bad == []
    assert "listing_id is not unique in the population" in note
    assert "400 rows of the population share listing_id with an offending row and cannot be told from it" in note
    assert "Name in `key` what identifies one row" in note


def test_few_rows_that_cannot_be_told_apart_are_left_out_of_both_sides() -> None:
    rows = prices()
    offending = chosen(rows, "listing_id", "seen")
    twin = {**rows[1], "price": 7, "fetcher": "page"}
    found = tell_apart([*rows, twin], offending, ["listing_id"], grouped=False)
    assert (len(found.bad), len(found.good), found.unclear) == (99, 300, 2)
    assert twin not in found.bad + found.good
    assert found.remark.startswith("2 rows of the population share listing_id")


def test_column_that_the_question_writes_anew_leaves_the_row_unclear_and_not_healthy() -> None:
    rows = prices()
    offending = [{**row, "seen": "computed"} if index == 0 else row for index, row in enumerate(chosen(rows, *rows[0]))]
    found = tell_apart(rows, offending, ["listing_id"], grouped=False)
    assert (len(found.bad), len(found.good), found.unclear) == (99, 297, 4)


def test_rows_of_an_offending_group_offend_and_the_brief_says_so() -> None:
    rows = prices()
    groups: list[Row] = [{"listing_id": number, "prices": 4, "seen": 3} for number in range(30)]
    bad, good, note = labelled_rows(
        evidence_of(groups, "listing_id"), Answer(tuple(rows[0]), tuple(rows), len(rows)), None, grouped=True
    )
    assert (len(bad), len(good)) == (120, 280)
    assert "all rows of an offending listing_id count as offending" in note
    assert split(rows, groups, ["listing_id"]) == (bad, good)


def test_key_that_the_population_lacks_is_told_and_the_rest_matches() -> None:
    rows = prices()
    without: list[Row] = [{name: value for name, value in row.items() if name != "fetcher"} for row in rows]
    found = tell_apart(without, chosen(rows, *rows[0]), ["listing_id", "fetcher"], grouped=False)
    assert (len(found.bad), len(found.good)) == (100, 300)
    assert "The population lacks fetcher of the key: matched by listing_id, price, seen." in found.remark


def test_population_without_a_common_column_gives_no_contrast() -> None:
    found = tell_apart([{"a": 1}, {"a": 2}], [{"b": 1}], ["b"], grouped=False)
    assert found.bad == []
    assert "has none of the offending rows' columns" in found.remark


def test_population_without_the_time_says_that_no_onset_can_be_looked_for() -> None:
    rows = prices()
    offending: list[Row] = [{**row, "at": "2026-03-02T10:00:00"} for row in chosen(rows, "listing_id", "seen")]
    _, _, note = labelled_rows(
        evidence_of(offending, "listing_id", at="at"), Answer(tuple(rows[0]), tuple(rows), len(rows)), None
    )
    assert "The population lacks at, so no change point in time can be looked for." in note


@pytest.mark.parametrize(
    ("query", "grouped"),
    [
        ("select a, count(*) from t group by a having count(*) > 1", True),
        ("with g as (select a, max(b) as b from t group by a) select * from g where b > 1", True),
        ("select * from (select a, sum(b) as b from t group by a) g where b > 1", True),
        ("select a, count(*) from t group by a union all select a, count(*) from u group by a", True),
        ("with g as (select a from t group by a having count(*) > 1) select t.* from t join g using (a)", False),
        ("select a from t where a in (select a from t group by a having count(*) > 1)", False),
        ("select a from t group by a", False),
        ("with recursive n as (select 1 as i union all select i + 1 from n) select * from n", False),
        ("select a from t", False),
        ("not sql at all (", False),
        ("", False),
    ],
)
def test_question_about_groups_is_told_from_one_about_rows(query: str, grouped: bool) -> None:
    assert asks_of_groups(query) is grouped
