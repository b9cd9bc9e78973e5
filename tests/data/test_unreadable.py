"""A cell that cannot be read is shown as marked, escaped text; the rows around it are judged all the same."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from andon.checks import ask_sql, load_check_text
from andon.data import open_source
from andon.data.values import document
from andon.errors import DataError
from andon.models import CheckState
from andon.testing.postgres import PostgresServer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHECK = load_check_text("-- why: w\n-- decided: d\nselect id, name from images order by id", "checks/names.sql")


def test_sqlite_text_that_is_not_utf8_is_marked_and_the_check_is_judged(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table images (id integer, name text)")
    connection.execute("insert into images values (1, 'fine'), (2, cast(x'636166e9ff' as text)), (3, 'blåbær')")
    connection.commit()
    connection.close()
    source = open_source(f"sqlite:///{tmp_path}/a.db")
    result = ask_sql(CHECK, source, None, NOW)
    assert result.state is CheckState.FAILING
    assert [row["name"] for row in result.rows] == ["fine", "(not UTF-8) caf\\xe9\\xff", "blåbær"]
    assert json.loads(result.model_dump_json())["total"] == 3
    assert source.ask("select name from images where id = 3").rows == ({"name": "blåbær"},)
    source.close()


def test_postgres_without_an_encoding_gives_marked_text_and_the_check_is_judged(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.fresh_database().partition("@/")[2].partition("?")[0]
    bytes_of = f"{name}_bytes"
    postgres_server.run(f"create database {bytes_of} template template0 encoding 'SQL_ASCII' locale 'C'")
    url = postgres_server.admin_url.replace("/postgres?", f"/{bytes_of}?")
    postgres_server.run(
        "create table images (id int, name text)",
        r"insert into images values (1, 'fine'), (2, E'caf\351\377')",
        url=url,
    )
    source = open_source(postgres_server.reader_url(url))
    result = ask_sql(CHECK, source, None, NOW)
    assert result.state is CheckState.FAILING
    assert [row["name"] for row in result.rows] == ["fine", "(not UTF-8) caf\\xe9\\xff"]
    source.close()


def test_postgres_values_beyond_pythons_reach_stay_text(postgres_server: PostgresServer) -> None:
    source = open_source(postgres_server.reader_url(postgres_server.fresh_database()))
    answer = source.ask(
        r"""select 'infinity'::date as never, '-infinity'::timestamp as ever, '10000-01-01'::date as far,
          '0044-03-15 BC'::date as ides, array['infinity'::timestamptz] as all_of_them, '\xff00'::bytea as bytes,
          '"\ud800"'::json as half, '[1e999]'::json as large, interval '1000000 years' as long, '24:00'::time as end
        """
    )
    assert answer.rows == (
        {
            "never": "infinity",
            "ever": "-infinity",
            "far": "10000-01-01",
            "ides": "0044-03-15 BC",
            "all_of_them": ["infinity"],
            "bytes": "/wA=",
            "half": '"\\ud800"',
            "large": "[1e999]",
            "long": "P1000000Y",
            "end": "24:00:00",
        },
    )
    source.close()


def test_document_that_cannot_be_kept_is_refused_by_its_reader() -> None:
    for text in ('"\\ud800"', "[1e999]"):
        with pytest.raises(ValueError, match=r"surrogates|compliant"):
            document(text)


def test_url_with_sqlites_own_form_of_a_path_creates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in (f"sqlite:///file:{tmp_path}/none.db?mode=rwc&uri=true", "sqlite:///file:none.db?mode=ro"):
        with pytest.raises(DataError, match="cannot be read"):
            open_source(url).ask("select 1")
    assert list(tmp_path.iterdir()) == []
