"""One contract for every data source: Postgres, SQLite, and the public double."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from andon.data import PostgresSource, SqliteSource, open_source
from andon.errors import ConfigError, DataError
from andon.protocols import DataSource
from andon.testing.data import MemorySource
from andon.testing.postgres import PostgresServer

SCRIPT = """
create table images (id integer primary key, name text, bytes integer, fetched_at {time}, body {blob});
insert into images values
  (1, 'a', 0, '2026-03-02 10:00:00', null), (2, 'it''s :since', 5, '2026-03-02 11:00:00', null),
  (3, 'c', 7, '2026-03-02 12:00:00', null);
"""
NOON = datetime(2026, 3, 2, 11, 30, tzinfo=UTC)


def fill_sqlite(path: Path) -> str:
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT.format(time="text", blob="blob"))
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def reader_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.fresh_database()
    postgres_server.run(SCRIPT.format(time="timestamptz", blob="bytea"), url=url)
    return postgres_server.reader_url(url)


@pytest.fixture(params=["postgres", "sqlite", "memory"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DataSource]:
    makers: dict[str, Callable[[], DataSource]] = {
        "postgres": lambda: open_source(request.getfixturevalue("reader_url")),
        "sqlite": lambda: open_source(fill_sqlite(tmp_path / "a.db")),
        "memory": lambda: MemorySource(script=SCRIPT.format(time="text", blob="blob")),
    }
    opened = makers[request.param]()
    yield opened
    opened.close()


def test_first_rows_come_with_the_full_count(source: DataSource) -> None:
    answer = source.ask("select id, name from images order by id", rows_kept=2)
    assert answer.columns == ("id", "name")
    assert answer.rows == ({"id": 1, "name": "a"}, {"id": 2, "name": "it's :since"})
    assert answer.total == 3


def test_parameter_bounds_the_rows(source: DataSource) -> None:
    answer = source.ask("select id from images where fetched_at > :since -- :nope", {"since": NOON, "now": NOON})
    assert answer.rows == ({"id": 3},)


def test_parameter_inside_a_string_is_text(source: DataSource) -> None:
    answer = source.ask("select id from images where name = 'it''s :since'", {"since": NOON})
    assert answer.rows == ({"id": 2},)


def test_parameter_without_value_is_named(source: DataSource) -> None:
    with pytest.raises(DataError, match=":until, which has no value here; there are: :now"):
        source.ask("select id from images where fetched_at < :until", {"now": NOON})


def test_answer_without_rows_keeps_its_columns(source: DataSource) -> None:
    assert source.ask("select id, name from images where 1 = 0") == (("id", "name"), (), 0)


def test_question_that_never_ends_is_an_error(source: DataSource) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    with pytest.raises(DataError, match="took longer than its timeout"):
        source.ask(endless, timeout=timedelta(seconds=0.3))
    assert source.ask("select count(*) as n from images").rows == ({"n": 3},)


def test_wrong_question_leaves_the_source_usable(source: DataSource) -> None:
    with pytest.raises(DataError, match="nowhere"):
        source.ask("select * from nowhere")
    with pytest.raises(DataError, match="not SQL"):
        source.ask("selec 1")
    assert source.ask("select 1 as one").rows == ({"one": 1},)


def test_large_values_are_counted_and_not_kept(source: DataSource) -> None:
    answer = source.ask(
        "select replace('" + "x" * 1000 + "', 'x', '" + "y" * 5000 + "') as big from images", rows_kept=3
    )
    assert (answer.total, len(answer.rows)) == (3, 1)


def test_source_has_no_power_to_write(source: DataSource) -> None:
    assert source.powers() == ()


def test_closed_database_is_opened_again(tmp_path: Path, reader_url: str) -> None:
    for source in (open_source(fill_sqlite(tmp_path / "a.db")), open_source(reader_url)):
        source.ask("select 1 as one")
        source.close()
        assert source.ask("select 1 as one").total == 1
        source.close()


def test_url_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="write postgresql://"):
        open_source("mysql://here/there")
    with pytest.raises(ConfigError, match="names no file"):
        open_source("sqlite:///")


def test_missing_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        SqliteSource(f"sqlite:///{tmp_path}/none.db").ask("select 1")
    assert not (tmp_path / "none.db").exists()


def test_odd_file_names_are_files(tmp_path: Path) -> None:
    source = open_source(fill_sqlite(tmp_path / "a b?mode=rwc#x%41.db").replace("%", "%25").replace("?", "%3F"))
    assert source.ask("select count(*) as n from images").rows == ({"n": 3},)
    source.close()


def test_dropped_connection_is_an_error_once(postgres_server: PostgresServer, reader_url: str) -> None:
    source = open_source(reader_url)
    (backend,) = source.ask("select 1 as one").rows
    postgres_server.run(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'andon' and usename like 'reader%'"
    )
    with pytest.raises(DataError, match="lost"):
        source.ask("select 1 as one")
    assert source.ask("select 1 as one").rows == (backend,)
    source.close()


def test_server_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be reached"):
        open_source(f"postgresql://nobody@/none?host={tmp_path}").ask("select 1")


def test_password_is_not_in_the_repr_or_the_message(tmp_path: Path) -> None:
    source = PostgresSource(f"postgresql://nobody:s3cret@/none?host={tmp_path}")
    with pytest.raises(DataError) as raised:
        source.ask("select 1")
    assert "s3cret" not in repr(source) + str(raised.value)


@pytest.mark.parametrize("url", ["postgresql://me:s3cret%zz@here/there", "postgresql://me:s3cret@[here/there"])
def test_url_that_is_none_is_told_at_once_and_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a Postgres URL") as raised:
        open_source(url)
    assert "s3cret" not in str(raised.value)


def test_postgres_values_become_json(reader_url: str) -> None:
    source = open_source(reader_url)
    answer = source.ask(r"""
        select 1::smallint as small, 9007199254740993 as large, 1.50::numeric as decimal, 'NaN'::float8 as nan,
          true as yes, '\xdead'::bytea as bytes, '{"a": [1, null]}'::jsonb as document,
          array['a"b', null, 'c,d\'] as texts,
          array[[1, 2], [3, 4]] as numbers, '{}'::int[] as none, '2026-03-02 10:00:00+02'::timestamptz as moment,
          '2026-03-02 10:00:00'::timestamp as naive, 'infinity'::timestamptz as never, '2026-03-02'::date as day,
          '12345-01-01'::timestamptz as far, null as nothing, 1 as twice, 2 as twice
    """)
    assert answer.rows[0] == {
        "small": 1,
        "large": "9007199254740993",
        "decimal": "1.50",
        "nan": "NaN",
        "yes": True,
        "bytes": "3q0=",
        "document": {"a": [1, None]},
        "texts": ['a"b', None, "c,d\\"],
        "numbers": [[1, 2], [3, 4]],
        "none": [],
        "moment": "2026-03-02T08:00:00+00:00",
        "naive": "2026-03-02T10:00:00+00:00",
        "never": "infinity",
        "day": "2026-03-02",
        "far": "12345-01-01 00:00:00+00",
        "nothing": None,
        "twice": 1,
        "twice_2": 2,
    }
    source.close()


def test_million_rows_are_counted_in_little_memory(reader_url: str) -> None:
    source = open_source(reader_url)
    answer = source.ask("select i, repeat('x', 100) as pad from generate_series(1, 1000000) i", rows_kept=10)
    assert (answer.total, len(answer.rows)) == (1_000_000, 10)
    source.close()


def test_plan_stays_parallel(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    postgres_server.run(
        "create table many as select i, i % 10 as k from generate_series(1, 20000) i",
        "alter table many set (parallel_workers = 2)",
        "analyze many",
        f"alter database {url.partition('@/')[2].partition('?')[0]} set parallel_setup_cost = 0",
        f"alter database {url.partition('@/')[2].partition('?')[0]} set parallel_tuple_cost = 0",
        url=url,
    )
    source = open_source(postgres_server.reader_url(url))
    plan = source.ask("explain (analyze, timing off) select * from many where k = 3")
    text = "\n".join(str(value) for row in plan.rows for value in row.values())
    assert "Gather" in text
    assert "Workers Launched: 0" not in text
    source.close()


def test_transaction_is_read_only_and_over_after_the_answer(reader_url: str, postgres_server: PostgresServer) -> None:
    source = open_source(reader_url)
    assert source.ask("show transaction_read_only").rows == ({"transaction_read_only": "on"},)
    with psycopg.connect(postgres_server.admin_url) as connection:
        states = connection.execute(
            "select distinct state from pg_stat_activity where application_name = 'andon' and usename like 'reader%'"
        ).fetchall()
    assert states == [("idle",)]
    source.close()
