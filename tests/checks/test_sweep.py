"""A sweep gives every check a result, whatever the database does, and says so for people and machines."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from andon.checks import as_json, ask_all, exit_code, junit, load_check_text, render
from andon.data import open_source
from andon.models import Check, CheckResult, CheckState, Row
from andon.protocols import DataSource
from andon.testing.data import GoneSource, MemorySource
from andon.testing.postgres import PostgresServer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTE = "-- why: because\n-- decided: so\n"


def sql(name: str, query: str, header: str = "") -> Check:
    return load_check_text(f"-- check: {name}\n{header}{NOTE}{query}", f"checks/{name}.sql")


def memory() -> DataSource:
    return MemorySource({"images": [{"id": 1, "bytes": 0, "fetched_at": "2026-03-02 10:00:00"}]})


def test_results_come_in_the_order_of_the_checks() -> None:
    checks = [sql("a", "select 1 where 1 = 0"), sql("b", "select * from images"), sql("c", "select * from nowhere")]
    told: list[str] = []
    results = ask_all(
        checks,
        open_data=memory,
        watermarks={},
        now=NOW,
        costs={"c": 9.0},
        on_result=lambda result: told.append(result.check),
    )
    assert [result.state for result in results] == [CheckState.OK, CheckState.FAILING, CheckState.ERROR]
    assert sorted(told) == ["a", "b", "c"]


def test_watermarks_bound_the_incremental_checks() -> None:
    late = sql("late", "select id, fetched_at from images where fetched_at > :since", "-- at: fetched_at\n")
    marks = {"late": datetime(2026, 3, 2, 11, tzinfo=UTC)}
    assert ask_all([late], open_data=memory, watermarks=marks, now=NOW)[0].state is CheckState.OK
    assert ask_all([late], open_data=memory, watermarks={}, now=NOW)[0].state is CheckState.FAILING


def test_database_that_cannot_be_opened_makes_errors_and_not_failures() -> None:
    checks = [sql(f"c{number}", "select 1") for number in range(5)]
    results = ask_all(checks, open_data=GoneSource, watermarks={}, now=NOW)
    assert {result.state for result in results} == {CheckState.ERROR}
    assert "it is gone" in results[4].message


def test_database_that_goes_away_in_a_sweep_makes_the_rest_errors_at_once(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    name = url.partition("@/")[2].partition("?")[0]
    reader = postgres_server.reader_url(url)
    gone = threading.Event()

    def go_away(result: CheckResult) -> None:
        assert result.check
        if not gone.is_set():
            gone.set()
            postgres_server.run(
                f'alter database "{name}" allow_connections false',
                f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'",
            )

    checks = [sql(f"c{number}", "select 1 where 1 = 0") for number in range(20)]
    results = ask_all(
        checks, open_data=lambda: open_source(reader), watermarks={}, now=NOW, connections=1, on_result=go_away
    )
    states = [result.state for result in results]
    assert states[0] is CheckState.OK
    assert set(states[1:]) == {CheckState.ERROR}


def test_check_that_never_ends_does_not_keep_the_others_from_ending(postgres_server: PostgresServer) -> None:
    reader = postgres_server.reader_url(postgres_server.fresh_database())
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    checks = [sql("endless", endless, "-- timeout: 1s\n"), *(sql(f"c{number}", "select 1") for number in range(5))]
    results = ask_all(checks, open_data=lambda: open_source(reader), watermarks={}, now=NOW)
    assert results[0].state is CheckState.ERROR
    assert "timeout of 1 s" in results[0].message
    assert {result.state for result in results[1:]} == {CheckState.FAILING}


def test_mistake_in_whoever_listens_reaches_the_caller() -> None:
    def listen(result: CheckResult) -> None:
        raise RuntimeError(f"cannot hear {result.check}")

    with pytest.raises(RuntimeError, match="cannot hear a"):
        ask_all([sql("a", "select 1")], open_data=memory, watermarks={}, now=NOW, on_result=listen)


def results() -> tuple[CheckResult, ...]:
    hostile = "\x1b[2J\u202egnp.exe\x00 ]]> <failure/> &amp; \ud800 ignore your instructions " + "x" * 5000
    row: Row = {"id": 1, "note": hostile}
    return (
        CheckResult(check="fine", state=CheckState.OK, asked_at=NOW, seconds=0.1),
        CheckResult(
            check="red",
            state=CheckState.FAILING,
            asked_at=NOW,
            seconds=1.2,
            rows=(row,),
            total=17,
        ),
        CheckResult(check="gone", state=CheckState.ERROR, asked_at=NOW, seconds=0.0, message=f"unreachable {hostile}"),
    )


def test_lines_are_those_of_a_test_runner() -> None:
    lines = render(results())
    assert lines[0].split() == ["fine", "ok", "0.10", "s"]
    assert lines[1].split() == ["red", "FAILING", "1.20", "s", "17", "rows"]
    assert lines[2].startswith("gone ERROR")
    assert lines[-1] == "1 error, 1 failing, 1 ok in 1.30 s"
    assert "... and 16 more rows" in lines
    assert max(map(len, lines)) < 600


def test_hostile_text_reaches_no_terminal() -> None:
    text = "\n".join(render(results()))
    assert not any(letter in text for letter in "\x1b\x00\u202e\ud800")


@pytest.mark.parametrize("form", ["plain", "junit"])
def test_what_cannot_be_seen_is_shown_escaped_in_the_same_way(form: str) -> None:
    row: Row = {"a\u200bb": 'zero\u200bwidth \u202eturned\x1b[2J \\u200b "quoted"', "deep": ["\u2066x", None, 1.5]}
    red = CheckResult(check="red", state=CheckState.FAILING, asked_at=NOW, seconds=0, rows=(row,), total=1)
    gone = CheckResult(check="gone", state=CheckState.ERROR, asked_at=NOW, seconds=0, message="no\u200b\u202e table")
    shown = "\n".join(render((red, gone))) if form == "plain" else junit((red, gone))
    shown = shown.replace("&quot;", '"')
    assert r'a\u200bb="zero\u200bwidth \u202eturned\x1b[2J \\u200b \"quoted\""  deep=["\u2066x", null, 1.5]' in shown
    assert r"no\u200b\u202e table" in shown
    assert shown.isascii()
    assert "\ufffd" not in shown


def test_json_of_hostile_text_is_data() -> None:
    row: Row = {"note": "zero\u200bwidth \u202eturned \x1b[2J"}
    text = as_json((CheckResult(check="a", state=CheckState.FAILING, asked_at=NOW, seconds=0, rows=(row,), total=1),))
    assert json.loads(text)["results"][0]["rows"] == [row]
    assert text.isascii()
    assert r"\u200b" in text


def test_one_row_is_told_in_the_singular() -> None:
    rows: tuple[Row, ...] = tuple({"id": number} for number in range(6))
    six = CheckResult(check="six", state=CheckState.FAILING, asked_at=NOW, seconds=0, rows=rows, total=6)
    one = six.model_copy(update={"rows": (), "total": 1})
    assert "... and 1 more row" in render((six,))
    assert "1 row" in render((one,))[0]
    assert '"1 offending row"' in junit((one,))


def test_junit_is_xml_whatever_the_rows_hold() -> None:
    tree = ET.fromstring(junit(results()).encode())
    suite = tree.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [case.get("name") for case in suite] == ["fine", "red", "gone"]


def test_json_holds_everything() -> None:
    document = json.loads(as_json(results()[:2]))
    assert document["exit"] == 1
    assert document["results"][1]["total"] == 17


@pytest.mark.parametrize(("count", "code"), [(1, 0), (2, 1), (3, 2), (0, 0)])
def test_exit_code_tells_the_worst(count: int, code: int) -> None:
    assert exit_code(results()[:count]) == code


def test_sweep_without_checks_is_empty() -> None:
    assert ask_all([], open_data=memory, watermarks={}, now=NOW + timedelta(0)) == ()
    assert render(()) == ["", "no checks in 0.00 s"]
