"""An incremental check sees every offending row at least once, however late it arrives inside `lateness`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from andon.checks import ask_sql, load_check_text
from andon.checks.derive import newest_queries, population_query
from andon.data import open_source
from andon.models import Check, CheckState
from andon.protocols import Answer, DataSource
from andon.testing.data import MemorySource
from andon.testing.postgres import PostgresServer

START = datetime(2026, 3, 2, tzinfo=UTC)
NOTE = "-- why: because\n-- decided: so\n"
TABLE = "create table images (id integer primary key, bad integer, fetched_at timestamp);"


def incremental(
    lateness: str = "10m", query: str = "select * from images where bad = 1 and fetched_at > :since"
) -> Check:
    return load_check_text(f"-- at: fetched_at\n-- lateness: {lateness}\n{NOTE}{query}", "checks/late.sql")


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ")


def memory(*rows: tuple[int, int, datetime]) -> MemorySource:
    tables = {"images": [{"id": number, "bad": bad, "fetched_at": text(at)} for number, bad, at in rows]}
    return MemorySource(tables if rows else None, script="" if rows else TABLE)


def test_watermark_stays_lateness_behind_the_newest_judged_row() -> None:
    result = ask_sql(incremental(), memory((1, 0, minute(5)), (2, 0, minute(60))), None, minute(90))
    assert result.state is CheckState.OK
    assert result.watermark == minute(50) - timedelta(seconds=1)


def test_row_from_the_future_does_not_hide_the_present() -> None:
    result = ask_sql(incremental(), memory((1, 0, minute(60)), (2, 0, minute(10**6))), None, minute(90))
    assert result.watermark == minute(80) - timedelta(seconds=1)


def test_watermark_never_goes_back() -> None:
    assert ask_sql(incremental(), memory((1, 0, minute(5))), minute(30), minute(90)).watermark == minute(30)


def test_empty_table_moves_nothing() -> None:
    assert ask_sql(incremental(), memory(), None, minute(90)).watermark is None
    assert ask_sql(incremental(), memory(), minute(3), minute(90)).watermark == minute(3)


def test_watermark_stays_before_the_earliest_offending_row() -> None:
    data = memory((1, 0, minute(5)), (2, 1, minute(20)), (3, 0, minute(60)))
    first = ask_sql(incremental(), data, None, minute(90))
    assert (first.total, first.watermark) == (1, minute(20) - timedelta(seconds=1))
    again = ask_sql(incremental(), data, first.watermark, minute(91))
    assert (again.state, again.total) == (CheckState.FAILING, 1)


def test_earliest_offending_row_is_asked_for_when_it_was_not_kept() -> None:
    check = incremental().model_copy(update={"rows_kept": 1})
    data = memory((1, 1, minute(6)), (2, 1, minute(5)), (3, 0, minute(60)))
    result = ask_sql(check, data, minute(1), minute(90))
    assert (len(result.rows), result.watermark) == (1, minute(5) - timedelta(seconds=1))


def test_sweeps_of_a_failing_check_stay_at_its_earliest_row() -> None:
    check = incremental().model_copy(update={"rows_kept": 1})
    data = memory((1, 1, minute(5)), (2, 1, minute(6)), (3, 0, minute(60)))
    first = ask_sql(check, data, minute(1), minute(90)).watermark
    assert ask_sql(check, data, first, minute(95)).watermark == first


def test_watermark_stays_when_an_offending_row_has_no_time() -> None:
    query = "select id, nullif(id, id) as fetched_at from images where bad = 1 and fetched_at > :since"
    data = memory((1, 1, minute(5)), (2, 1, minute(6)))
    for kept in (1, 100):
        check = incremental(query=query).model_copy(update={"rows_kept": kept})
        assert ask_sql(check, data, minute(1), minute(90)).watermark == minute(1)


def test_check_whose_at_is_no_column_of_the_query_is_an_error_and_moves_nothing() -> None:
    query = "select id from images where bad = 1 and fetched_at > :since"
    data = memory((1, 1, minute(5)), (2, 1, minute(6)))
    for kept in (1, 100):
        check = incremental(query=query).model_copy(update={"rows_kept": kept})
        result = ask_sql(check, data, minute(1), minute(90))
        assert (result.state, result.watermark) == (CheckState.ERROR, minute(1))
        assert "`fetched_at`, which the rows do not have" in result.message


def test_error_moves_nothing() -> None:
    check = incremental(query="select * from nowhere where fetched_at > :since")
    result = ask_sql(check, memory((1, 0, minute(5))), minute(1), minute(90))
    assert (result.state, result.watermark) == (CheckState.ERROR, minute(1))


def test_full_check_has_no_watermark() -> None:
    check = incremental(query="select * from images where bad = 1")
    assert ask_sql(check, memory((1, 0, minute(5))), minute(4), minute(90)).watermark is None


NEWEST_IMAGES = 'select max("fetched_at") as newest from "images"'


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select 1 from images where fetched_at > :since", [NEWEST_IMAGES]),
        ("select 1 from images where :since <= fetched_at and bad = 1", [NEWEST_IMAGES]),
        ("select 1 from images where fetched_at > :since - interval '1 day'", [NEWEST_IMAGES]),
        ("select 1 from images where fetched_at between :since and :now", [NEWEST_IMAGES]),
        ("select 1 from images where fetched_at > :since::timestamptz", [NEWEST_IMAGES]),
        (
            "select 1 from images i join runs r on r.id = i.run where i.fetched_at > :since",
            [NEWEST_IMAGES],
        ),
        (
            "select 1 from images where fetched_at > :since union all select 1 from runs where at > :since",
            [NEWEST_IMAGES, 'select max("at") as newest from "runs"'],
        ),
        (
            "with new as (select * from images where fetched_at > :since) select 1 from new join runs on true",
            [NEWEST_IMAGES],
        ),
        ("select 1 from images where coalesce(fetched_at, made_at) > :since", ["MAX(COALESCE(fetched_at, made_at))"]),
        (
            "select 1 from a.images i where i.fetched_at > :since",
            ['select max("fetched_at") as newest from "a"."images"'],
        ),
        ("select 1 from images where not exists (select 1 from runs r where r.at > :since)", ['max("at")']),
        # nobody can tell what was judged
        ("select 1 from images where fetched_at < :since", []),
        ("select 1 from images where fetched_at > :since + interval '1 day'", []),
        ("select 1 from images where not fetched_at = :since", []),
        ("select 1 from images, runs where fetched_at > :since", []),
        ("select 1 from (select max(at) as at from runs) r where r.at > :since", []),
        ("select greatest(:since, fetched_at) from images where fetched_at > :since", []),
        ("select 1 from images where not (fetched_at > :since)", []),
        ("select 1 from images where case when fetched_at > :since then 1 end = 1", []),
    ],
)
def test_what_was_judged_is_read_off_the_query(query: str, expected: list[str]) -> None:
    found = newest_queries(query, "postgres")
    assert len(found) == len(expected)
    assert all(part in whole for part, whole in zip(expected, found, strict=True))
    assert len(newest_queries(query, "sqlite")) in (len(expected), 0)  # its reader knows no ::casts


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select id from images where bad = 1", "SELECT * FROM images"),
        (
            "select id from images i where bad = 1 and i.fetched_at > :since and i.fetched_at < :now",
            "SELECT * FROM images AS i WHERE i.fetched_at > :since AND i.fetched_at < :now",
        ),
        (
            "select id from images where not exists (select 1 from runs where runs.id = images.run)",
            "SELECT * FROM images",
        ),
        ("select id from images join runs on true", None),
        ("select count(*) from images having count(*) = 0", None),
        ("select id from images where bad = 1 limit 5", None),
        ("select id from (select * from images) i", None),
        ("select id, (select 1) from images", None),
        ("with a as (select 1) select * from a", None),
        ("select 1 union select 2", None),
    ],
)
def test_population_is_derived_for_simple_questions(query: str, expected: str | None) -> None:
    assert population_query(query, "postgres") == expected


class Insert(NamedTuple):
    """A row arrives so many minutes late; it may be bad."""

    late: int
    bad: bool
    step: int
    """Minutes since the row before it, of the clock that stamps rows."""


ROWS = st.builds(Insert, st.integers(0, 10), st.sampled_from([False, False, False, True]), st.integers(0, 7))
SWEEPS = st.sampled_from(["sweep", "sweep while rows arrive", "handled"])
STEPS = st.lists(ROWS | SWEEPS, min_size=2, max_size=40)


class Table:
    """The simulated feed: rows stamped by their own clock, committed up to `lateness` after the newest one."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(TABLE)
        self.clock = 100.0
        self.bad: set[int] = set()
        self.count = 0

    def add(self, row: Insert) -> None:
        self.clock += row.step
        self.count += 1
        at = minute(self.clock - row.late)
        self.connection.execute("insert into images values (?, ?, ?)", (self.count, int(row.bad), text(at)))
        if row.bad:
            self.bad.add(self.count)

    def ask(self, sql: str, params: Mapping[str, datetime], rows_kept: int) -> Answer:
        cursor = self.connection.execute(sql, {name: text(value) for name, value in params.items()})
        columns = tuple(entry[0] for entry in cursor.description)
        rows = [dict(zip(columns, values, strict=True)) for values in cursor]
        return Answer(columns, tuple(rows[:rows_kept]), len(rows))


class Arriving:
    """A source in which rows are committed between any two questions of one sweep."""

    dialect = "sqlite"

    def __init__(self, table: Table, rows: list[Insert]) -> None:
        self.table = table
        self.rows = rows

    def ask(
        self,
        sql: str,
        params: Mapping[str, datetime] | None = None,
        *,
        timeout: timedelta = timedelta(seconds=30),  # noqa: ARG002  the face of a DataSource
        rows_kept: int = 100,
    ) -> Answer:
        answer = self.table.ask(sql, params or {}, rows_kept)
        for row in self.rows[:3]:
            self.table.add(row)
        del self.rows[:3]
        return answer

    def powers(self) -> tuple[()]:
        return ()

    def close(self) -> None: ...


@given(STEPS, st.lists(ROWS, max_size=20))
@example([Insert(0, False, 1), "sweep", Insert(10, True, 0)], [])
@example([Insert(0, False, 1), "sweep while rows arrive"], [Insert(10, True, 0), Insert(0, False, 7)])
@settings(max_examples=50, deadline=None)
def test_no_offending_row_inside_lateness_is_ever_missed(steps: list[Insert | str], arriving: list[Insert]) -> None:
    arriving = list(arriving)
    table, check, watermark = Table(), incremental(), None
    seen: set[int] = set()
    for step in [*steps, "sweep"]:
        if isinstance(step, Insert):
            table.add(step)
            continue
        if step == "handled":  # a person repairs the rows that were seen
            table.connection.executemany("update images set bad = 0 where id = ?", [(row,) for row in seen])
            continue
        rows = arriving if step == "sweep while rows arrive" else []
        data: DataSource = Arriving(table, rows)
        result = ask_sql(check, data, watermark, minute(table.clock + 1))
        assert result.state is not CheckState.ERROR, result.message
        seen |= {int(str(row["id"])) for row in result.rows}
        watermark = result.watermark or watermark
    assert table.bad <= seen


def test_late_row_is_seen_in_postgres(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    postgres_server.run(
        "create table images (id int, bad int, fetched_at timestamptz)",
        "insert into images select i, 0, timestamptz '2026-03-02 10:00+00' + i * interval '1 minute'"
        " from generate_series(1, 60) i",
        url=url,
    )
    data = open_source(postgres_server.reader_url(url))
    now = datetime(2026, 3, 2, 11, 5, tzinfo=UTC)
    first = ask_sql(incremental(), data, None, now)
    assert first.watermark == datetime(2026, 3, 2, 10, 50, tzinfo=UTC) - timedelta(microseconds=1)
    postgres_server.run("insert into images values (99, 1, '2026-03-02 10:50+00')", url=url)
    assert [row["id"] for row in ask_sql(incremental(), data, first.watermark, now).rows] == [99]
    data.close()


def test_infinite_time_counts_as_now(tmp_path: Path) -> None:
    assert tmp_path.exists()
    data = MemorySource({"images": [{"id": 1, "bad": 0, "fetched_at": "infinity"}]})
    assert ask_sql(incremental(), data, None, minute(90)).watermark == minute(80) - timedelta(seconds=1)
