"""A whole pass: from the shops' pages to what the site reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from benches import NOON
from imagefeed.clock import RecordedClock
from imagefeed.pipeline import Pipeline
from imagefeed.store import Connection

PipelineAt = Callable[..., Pipeline]
TABLES = ("listings", "images", "classifications", "items")


def counts(conn: Connection) -> dict[str, int]:
    return {table: conn.execute(f"select count(*) as n from {table}".encode()).fetchall()[0]["n"] for table in TABLES}


def test_every_listing_goes_all_the_way(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline_at().run_once(NOON, RecordedClock(NOON))
    found = counts(conn)
    assert found["listings"] > 10
    assert len(set(found.values())) == 1
    assert conn.execute("select distinct status from batches").fetchall() == [{"status": "complete"}]


def test_summaries_add_up_to_the_items(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline_at().run_once(NOON, RecordedClock(NOON))
    found = conn.execute("select sum(items) as items from summaries").fetchall()
    assert found[0]["items"] == counts(conn)["items"]


def test_pass_at_the_same_moment_adds_nothing(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline = pipeline_at()
    first = pipeline.run_once(NOON, RecordedClock(NOON))
    before = counts(conn)
    second = pipeline.run_once(NOON, RecordedClock(NOON))
    assert counts(conn) == before
    assert (first.run_id, second.run_id) == ("20260302T120000Z", "20260302T120000Z-2")


def test_later_pass_adds_what_is_new(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline = pipeline_at()
    pipeline.run_once(NOON, RecordedClock(NOON))
    before = counts(conn)["listings"]
    later = NOON + timedelta(minutes=30)
    pipeline.run_once(later, RecordedClock(later))
    assert before < counts(conn)["listings"] < 2 * before


def test_every_row_has_its_run_and_time(pipeline_at: PipelineAt, conn: Connection) -> None:
    run = pipeline_at().run_once(NOON, RecordedClock(NOON))
    for table, at in (("listings", "seen_at"), ("images", "fetched_at"), ("items", "loaded_at"), ("fetches", "at")):
        odd = conn.execute(
            f"select count(*) as n from {table} where run_id <> %s or length(fingerprint) <> 64"
            f" or {at} not between %s and %s".encode(),
            [run.run_id, NOON, NOON + timedelta(minutes=1)],
        ).fetchall()
        assert odd == [{"n": 0}], table


def test_run_says_how_it_went_and_with_which_code(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline_at().run_once(NOON, RecordedClock(NOON))
    row = conn.execute("select status, error, code_version, finished_at > started_at as later from runs").fetchone()
    assert row == {"status": "finished", "error": None, "code_version": "test", "later": True}
    wanted = ["rates", "scrape", "download", "classify", "etl", "precompute"]
    logged = conn.execute("select stage from stages where stage = any(%s) order by finished_at", [wanted])
    assert [row["stage"] for row in logged] == wanted


def test_run_that_breaks_is_logged_as_failed(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline = pipeline_at("503,share=1,path=rates.example,times=9")  # and there are no older rates either
    with pytest.raises(KeyError):
        pipeline.run_once(NOON, RecordedClock(NOON))
    rows = conn.execute("select status, error from runs").fetchall()
    assert [row["status"] for row in rows] == ["failed"]
    assert rows[0]["error"].startswith("KeyError")


def test_yesterdays_rates_do_when_todays_do_not_come(pipeline_at: PipelineAt, conn: Connection) -> None:
    pipeline_at().run_once(NOON - timedelta(days=1), RecordedClock(NOON - timedelta(days=1)))
    run = pipeline_at("503,share=1,path=rates.example,times=9").run_once(NOON, RecordedClock(NOON))
    assert conn.execute("select count(*) as n from items where run_id = %s", [run.run_id]).fetchall()[0]["n"] > 0


def test_batch_whose_picture_does_not_come_is_finished_by_the_next_pass(
    pipeline_at: PipelineAt, conn: Connection
) -> None:
    pipeline = pipeline_at("503,share=0.3,path=/pictures/,times=3")
    pipeline.run_once(NOON, RecordedClock(NOON))
    assert conn.execute("select from batches where status = 'open'").fetchall()
    later = NOON + timedelta(minutes=30)
    pipeline.run_once(later, RecordedClock(later))
    left = conn.execute("select from batches where status = 'open' and run_id = '20260302T120000Z'").fetchall()
    assert left == []
