"""Evidence holds every row that a replay needs, as of the moment of the failure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from andon.checks import ask_sql, load_check_text, population, record_evidence
from andon.checks.evidence import ROWS, with_offending
from andon.errors import DataError
from andon.models import Check
from andon.testing.data import GoneSource, MemorySource

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEXT = """\
-- at: fetched_at
-- key: id
-- rows_kept: 2
-- why: because
-- decided: so
select id, run_id, fetched_at from images where bad = 1 -- the bad ones
-- evidence fetches:
select * from fetches where run_id in (select run_id from offending)
-- evidence chain:
with recursive up(run_id) as (select run_id from offending union select run_id - 1 from up where run_id > 6)
select run_id from up order by run_id
"""


def check(text: str = TEXT) -> Check:
    return load_check_text(text, "checks/images.sql")


def feed(bad: int = 5) -> MemorySource:
    return MemorySource(
        {
            "images": [
                {"id": i, "run_id": i, "bad": int(i < bad), "fetched_at": f"2026-03-02 10:{i % 60:02}:00"}
                for i in range(bad * 2)
            ],
            "fetches": [{"run_id": i, "status": 429} for i in range(bad * 2)],
        }
    )


def test_evidence_holds_all_rows_though_few_were_kept() -> None:
    data = feed()
    result = ask_sql(check(), data, None, NOW)
    assert (len(result.rows), result.total) == (2, 5)
    evidence = record_evidence(check(), result, data)
    assert [row["id"] for row in evidence.rows] == [0, 1, 2, 3, 4]
    assert (evidence.total, evidence.key, evidence.at, evidence.asked_at) == (5, ("id",), "fetched_at", NOW)
    assert [row["run_id"] for row in evidence.context["fetches"]] == [0, 1, 2, 3, 4]
    assert [row["run_id"] for row in evidence.context["chain"]] == [0, 1, 2, 3, 4]


def test_evidence_is_cut_at_its_limit_with_the_full_count() -> None:
    data = feed(bad=ROWS + 10)
    evidence = record_evidence(check(), ask_sql(check(), data, None, NOW), data)
    assert (len(evidence.rows), evidence.total) == (ROWS, ROWS + 10)
    assert len(evidence.context["fetches"]) == ROWS


def test_evidence_of_megabytes_is_bounded() -> None:
    data = MemorySource({"images": [{"id": i, "run_id": 1, "bad": 1, "fetched_at": "x" * 900_000} for i in range(12)]})
    text = TEXT.partition("-- evidence")[0] + "-- evidence again:\nselect * from offending\n"
    evidence = record_evidence(check(text), ask_sql(check(text), data, None, NOW), data)
    assert len(evidence.model_dump_json()) < 9 * 2**20
    assert evidence.total == 12


def test_evidence_needs_the_database_for_what_was_not_kept() -> None:
    result = ask_sql(check(), feed(), None, NOW)
    with pytest.raises(DataError):
        record_evidence(check(), result, GoneSource())
    assert record_evidence(check(), result, None).rows == result.rows


def test_population_is_offending_and_healthy_rows_newest_first() -> None:
    answer = population(check(), feed(), now=NOW, rows_kept=4)
    assert [row["id"] for row in answer.rows] == [9, 8, 7, 6]
    assert set(answer.rows[0]) == {"id", "run_id", "bad", "fetched_at"}


def test_population_section_wins_over_the_derived_one() -> None:
    text = TEXT.replace(
        "-- evidence fetches:", "-- population:\nselect id, 'x' as kind from images\n-- evidence fetches:"
    )
    answer = population(check(text), feed(), now=NOW)
    assert answer.columns == ("id", "kind")
    assert answer.total == 10


def test_population_of_an_involved_question_asks_for_a_section() -> None:
    text = "-- why: a\n-- decided: b\nselect bad, count(*) from images group by bad"
    with pytest.raises(DataError, match="add a `-- population:` section"):
        population(check(text), feed(), now=NOW)


@pytest.mark.parametrize(
    ("query", "start"),
    [
        ("select 1", "with offending as (\nq\n)\nselect 1"),
        ("WITH a as (select 1) select 2", "with offending as (\nq\n), a as (select 1) select 2"),
        (
            "-- a\nwith recursive a as (select 1) select 2",
            "with recursive offending as (\nq\n), a as (select 1) select 2",
        ),
        ("select 'with' from withdrawals", "with offending as (\nq\n)\nselect 'with' from withdrawals"),
    ],
)
def test_offending_stands_before_the_sections_own_ctes(query: str, start: str) -> None:
    assert with_offending(query, "q") == start
