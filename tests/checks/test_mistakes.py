"""A mistake in a check file is told with its file, its line, and what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from andon.checks import ask, ask_sql, load_check_text, load_checks, newer_than, population, record_evidence
from andon.data import open_source
from andon.errors import DataError
from andon.models import Check, CheckKind, CheckState
from andon.protocols import DataSource
from andon.testing.data import MemorySource
from andon.testing.postgres import PostgresServer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HEAD = "-- check: bad\n-- why: because\n-- decided: so\n"
SCRIPT = "create table images (id integer, bytes integer, fetched_at text); insert into images values (1, 0, '2026')"


@pytest.fixture(params=["postgres", "sqlite"])
def data(request: pytest.FixtureRequest) -> Iterator[DataSource]:
    if request.param == "sqlite":
        source: DataSource = MemorySource(script=SCRIPT)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.fresh_database()
        server.run(SCRIPT, url=url)
        source = open_source(server.reader_url(url))
    yield source
    source.close()


def check_of(query: str, header: str = "") -> Check:
    return load_check_text(HEAD + header + query, "checks/bad.sql")


def message(check: Check, data: DataSource) -> str:
    result = ask_sql(check, data, None, NOW)
    assert result.state is CheckState.ERROR
    return result.message


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("select id\nfrom images\nwhere nosuch = 1", "checks/bad.sql:6: "),
        ("\n\nselect id, -- a remark\n\n  nosuch\nfrom images", "checks/bad.sql:8: "),
        ("select id\nfrom images where where", "checks/bad.sql:5: "),
        ("select id\nfrom nowhere", "checks/bad.sql:5: "),
        ("select id\nfrom images\nwhere fetched_at > :until", "checks/bad.sql:6: "),
    ],
)
def test_mistake_in_the_query_is_told_with_the_line_of_the_file(query: str, place: str, data: DataSource) -> None:
    assert message(check_of(query), data).startswith(place)


def test_refused_query_names_its_file(data: DataSource) -> None:
    assert message(check_of("delete from images"), data).startswith("checks/bad.sql: refused: ")


def test_mistake_in_a_section_is_told_with_the_line_of_the_file(data: DataSource) -> None:
    text = "select id\nfrom images\n-- population:\nselect id,\n  nosuch from images\n-- evidence more:\n\n"
    text += "with x as (select 1 as one)\nselect * from x,\n  neverland"
    check = check_of(text)
    with pytest.raises(DataError, match=r"^checks/bad\.sql:8: "):
        population(check, data, now=NOW)
    with pytest.raises(DataError, match=r"^checks/bad\.sql:13: "):
        record_evidence(check, ask_sql(check, data, None, NOW), data)


def test_narrowed_check_tells_the_same_line(data: DataSource) -> None:
    check = check_of("select id, fetched_at\nfrom images\nwhere nosuch = 1", "-- at: fetched_at\n")
    assert message(newer_than(check, NOW, dialect=data.dialect), data).startswith("checks/bad.sql:7: ")


@pytest.mark.parametrize("condition", ["bytes = 0", "bytes = 99"])
def test_key_or_at_that_the_rows_do_not_have_is_an_error_with_or_without_rows(condition: str, data: DataSource) -> None:
    query = f"select id, fetched_at from images where {condition}"
    assert message(check_of(query, "-- key: idd\n-- at: Fetched_At\n"), data) == (
        "checks/bad.sql: `at` names the column `Fetched_At`, which the rows do not have (did you mean `fetched_at`?); "
        "`key` names the column `idd`, which the rows do not have (did you mean `id`?); there are: id, fetched_at"
    )
    assert ask_sql(check_of(query, "-- key: id\n-- at: fetched_at\n"), data, None, NOW).state is not CheckState.ERROR


def test_key_that_a_program_does_not_print_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "disk.toml").write_text(
        'kind = "command"\nwhy = "w"\ndecided = "d"\nkey = "mount"\n'
        """argv = ["sh", "-c", "echo '{\\"mounted\\": \\"/\\"}'; exit 1"]\n"""
    )
    (check,) = load_checks(tmp_path, root=tmp_path)
    assert check.kind is CheckKind.COMMAND
    result = ask(check, data=None, since=None, now=NOW, root=tmp_path)
    assert result.state is CheckState.ERROR
    assert "`mount`, which the rows do not have (did you mean `mounted`?); there are: mounted" in result.message


def test_text_that_no_database_would_give_is_marked_and_the_check_is_judged(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text(
        'kind = "command"\nwhy = "w"\ndecided = "d"\n'
        """argv = ["sh", "-c", "echo '{\\"name\\": \\"a\\\\\\\\ud800\\", \\"size\\": 1e999}'; exit 1"]\n"""
    )
    (tmp_path / "odd.py").write_text(
        'from andon.checks import check\n\n\n@check("lone")\ndef lone():\n    """why: w\n    decided: d\n    """\n'
        '    return [{"name": "a\\ud800", "size": [float("inf")]}]\n'
    )
    marked = "(not UTF-8) a\\xed\\xa0\\x80"
    for check, size in zip(load_checks(tmp_path, root=tmp_path), (["inf"], "Infinity"), strict=True):
        result = ask(check, data=None, since=None, now=NOW, root=tmp_path)
        assert result.rows == ({"name": marked, "size": size},)
        assert marked.replace("\\", "\\\\") in result.model_dump_json()
