"""`andon check`: exit codes, forms of output, and questions that are wrong or without end."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from feeds import Call

NOTE = "-- every: 15m\n-- why: 2026-11-01. Rows were lost.\n-- decided: one is enough.\n"


def write_check(folder: Path, name: str, query: str, *, head: str = NOTE) -> None:
    """Writes a check file beside andon.toml, where it is found before those of the repository."""
    (folder / "checks").mkdir(exist_ok=True)
    (folder / "checks" / f"{name}.sql").write_text(f"-- check: {name}\n{head}{query}\n", encoding="utf-8")


def test_green_check_ends_with_0(andon: Call, red: Path) -> None:
    said = andon("check", "totals-add-up", cwd=red)
    assert (said.code, said.err) == (0, "")


def test_red_check_ends_with_1_and_shows_its_rows(andon: Call, red: Path) -> None:
    said = andon("check", cwd=red)
    assert said.code == 1
    assert "no-empty-pictures" in said.out
    assert "26" in said.out


def test_database_that_is_away_ends_with_2_and_is_no_failing_check(andon: Call, red: Path) -> None:
    (red / "live.db").unlink()
    said = andon("check", cwd=red)
    assert said.code == 2
    assert "live.db" in said.out
    assert "FAILING" not in said.out


def test_json_is_json_and_tells_states_and_rows(andon: Call, red: Path) -> None:
    said = andon("check", "--json", cwd=red)
    told = json.loads(said.out)
    results = told["results"] if isinstance(told, dict) else told
    states = {one["check"]: one["state"] for one in results}
    assert states["no-empty-pictures"] == "failing"
    assert states["totals-add-up"] == "ok"
    assert said.code == 1


def test_junit_counts_failures(andon: Call, red: Path) -> None:
    andon("check", "--junit", "report.xml", cwd=red)
    tree = ElementTree.parse(red / "report.xml").getroot()
    assert len(tree.findall(".//testcase")) == 5
    assert len(tree.findall(".//failure")) == 1


def test_checking_moves_no_watermark_and_opens_no_ticket(andon: Call, red: Path) -> None:
    for _ in range(2):
        assert andon("check", cwd=red).code == 1
    assert andon("tickets", cwd=red).out == "no open tickets\n"


def test_unknown_check_names_the_nearest(andon: Call, red: Path) -> None:
    said = andon("check", "no-empty-picture", cwd=red)
    assert said.code == 2
    assert "did you mean no-empty-pictures?" in said.err


def test_sql_that_does_not_parse_is_an_error_of_that_check_alone(andon: Call, red: Path) -> None:
    write_check(red, "broken", "selct 1")
    write_check(red, "sound", "select 1 as one where 1 = 0")
    said = andon("check", cwd=red)
    assert said.code == 2
    assert "broken" in said.out + said.err
    assert "Traceback" not in said.out + said.err


def test_check_without_its_note_does_not_load_and_says_what_to_write(andon: Call, red: Path) -> None:
    write_check(red, "bare", "select 1", head="-- every: 15m\n-- decided: yes\n")
    said = andon("check", cwd=red)
    assert said.code == 2
    assert "bare.sql" in said.err
    assert "why" in said.err


def test_check_that_never_returns_is_cut_off_and_the_others_are_asked(andon: Call, red: Path) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as c from n"
    write_check(red, "endless", endless, head=NOTE + "-- timeout: 1s\n")
    write_check(red, "sound", "select 1 as one where 1 = 0")
    said = andon("check", "--json", cwd=red)
    assert said.code == 2
    told = json.loads(said.out)
    results = told["results"] if isinstance(told, dict) else told
    assert {one["check"]: one["state"] for one in results} == {"endless": "error", "sound": "ok"}


def test_check_with_a_million_rows_keeps_a_hundred_and_the_full_count(andon: Call, red: Path) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n limit 1000000) select i from n"
    write_check(red, "many", many)
    said = andon("check", "--json", cwd=red)
    told = json.loads(said.out)
    (result,) = told["results"] if isinstance(told, dict) else told
    assert said.code == 1
    assert result["total"] == 1_000_000
    assert len(result["rows"]) == 100
