"""Which checks a sweep asks, and what becomes of them when the data cannot even be opened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from andon.app import App
from andon.asking import ask_now, due_checks
from andon.checks import load_check_text
from andon.config import load
from andon.models import Check, CheckState

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTE = "-- check: a\n-- every: 1h\n-- why: w\n-- decided: d\n"
TOML = 'why = "w"\ndecided = "d"\n'


def check_of(query: str = "select 1") -> Check:
    return load_check_text(NOTE + query, "checks/a.sql")


@pytest.mark.parametrize(
    ("minutes_ago", "every", "due"), [(None, None, True), (61, None, True), (59, None, False), (59, 30, True)]
)
def test_check_is_due_when_its_time_has_come(minutes_ago: int | None, every: int | None, *, due: bool) -> None:
    last = {} if minutes_ago is None else {"a": NOW - timedelta(minutes=minutes_ago)}
    span = None if every is None else timedelta(minutes=every)
    assert bool(due_checks([check_of()], last=last, asked={}, now=NOW, every=span)) is due


def test_check_whose_file_was_edited_is_due_at_once() -> None:
    before, after = check_of(), check_of("select 2")
    last = {"a": NOW - timedelta(seconds=1)}
    assert due_checks([after], last=last, asked={"a": before.sha256}, now=NOW) == (after,)
    assert due_checks([after], last=last, asked={"a": after.sha256}, now=NOW) == ()
    assert due_checks([after], last=last, asked={}, now=NOW) == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("env:NO_SUCH_VARIABLE_ANYWHERE", "NO_SUCH_VARIABLE_ANYWHERE is not set"),
        ("mysql://here/there", "'mysql' is unknown"),
        ("postgresql://[nowhere", "not a Postgres URL"),
        ("", "set it to `env:NAME`"),
    ],
)
def test_data_that_cannot_be_opened_stops_only_the_checks_that_need_it(data: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text(
        f'database = "sqlite:///andon.db"\n[systems.feed]\nrepo = "."\nchecks = "checks"\ndata = "{data}"\n'
    )
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "rows.sql").write_text(NOTE.replace(": a", ": rows") + "select 1")
    (folder / "disk.toml").write_text('kind = "command"\nargv = ["true"]\n' + TOML)
    (folder / "site.toml").write_text('kind = "http"\nurl = "http://127.0.0.1:1/"\ndown_is = "failing"\n' + TOML)
    (folder / "cron.toml").write_text('kind = "heartbeat"\nperiod = "1d"\n' + TOML)
    with App(load(tmp_path / "andon.toml"), now=lambda: NOW) as app:
        results = {one.check: one for one in ask_now(app, "feed", app.checks("feed"), {})}
    assert reason in results["rows"].message
    assert {name: one.state for name, one in results.items()} == {
        "rows": CheckState.ERROR,
        "disk": CheckState.OK,
        "site": CheckState.FAILING,
        "cron": CheckState.ERROR,
    }
    assert "has not pinged" in results["cron"].message
