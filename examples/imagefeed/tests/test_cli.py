"""The commands do what they say and say what they did."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imagefeed.cli import main
from imagefeed.clock import RecordedClock, parse_moment
from imagefeed.errors import SettingError
from imagefeed.settings import read_settings
from imagefeed.store import Connection

SRC = Path(__file__).parents[1] / "src"


@pytest.fixture
def at_home(scratch_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of this test's own pipeline."""
    monkeypatch.setenv("IMAGEFEED_URL", scratch_url)
    monkeypatch.setenv("IMAGEFEED_HOME", str(tmp_path))
    monkeypatch.setenv("IMAGEFEED_CODE_VERSION", "abc123")
    monkeypatch.delenv("IMAGEFEED_SOURCE", raising=False)


@pytest.mark.usefixtures("at_home")
def test_backfill_makes_every_run_of_the_schedule(conn: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["backfill", "--from", "2026-03-02T12:00:00+00:00", "--to", "2026-03-02T13:00:00Z", "--every", "30"]
    assert main(asked) == 0
    runs = conn.execute("select run_id, status, code_version from runs order by as_of").fetchall()
    assert [row["run_id"] for row in runs] == ["20260302T120000Z", "20260302T123000Z", "20260302T130000Z"]
    assert {(row["status"], row["code_version"]) for row in runs} == {("finished", "abc123")}
    assert capsys.readouterr().out.startswith("3 runs in ")


@pytest.mark.usefixtures("at_home")
def test_single_run_writes_history_when_told_the_time(conn: Connection, tmp_path: Path) -> None:
    assert main(["run", "--once", "--as-of", "2026-03-02T12:00:00+00:00"]) == 0
    last = conn.execute("select max(fetched_at) as last, count(*) as n from images").fetchall()[0]
    assert last["last"] < datetime(2026, 3, 2, 12, 1, tzinfo=UTC)
    assert len([path for path in (tmp_path / "pictures").rglob("*") if path.is_file()]) == last["n"]


@pytest.mark.usefixtures("at_home")
def test_migrate_says_when_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "up to date\n"


@pytest.mark.usefixtures("at_home")
def test_unknown_misbehaviour_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--misbehave", "418"]) == 1
    assert "'418' is no misbehaviour: use one of 429, 503" in capsys.readouterr().err


@pytest.mark.usefixtures("at_home")
def test_foreign_source_is_not_told_to_misbehave(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGEFEED_SOURCE", "http://127.0.0.1:9")
    assert main(["run", "--misbehave", "429"]) == 1
    assert "unset IMAGEFEED_SOURCE" in capsys.readouterr().err


def test_source_command_serves_the_shops() -> None:
    command = [sys.executable, "-m", "imagefeed", "source", "--port", "0", "--seed", "3"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(SRC)}
    ) as serving:
        assert serving.stdout is not None
        address = serving.stdout.readline().strip().removeprefix("IMAGEFEED_SOURCE=")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": address}))
        with opener.open("http://rates.example/daily?day=2026-03-02") as said:
            assert said.status == 200
        serving.terminate()


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    found = read_settings({"IMAGEFEED_SEED": "9", "IMAGEFEED_HOME": str(tmp_path), "IMAGEFEED_CODE_VERSION": "x"})
    assert (found.url, found.source, found.seed, found.clip) == (None, None, 9, None)
    assert found.pictures == tmp_path / "pictures"


@pytest.mark.parametrize(("name", "value"), [("IMAGEFEED_SEED", "many"), ("IMAGEFEED_CLIP", "/no/such/folder")])
def test_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings({name: value, "IMAGEFEED_CODE_VERSION": "x"})


def test_moment_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="has no offset"):
        parse_moment("2026-03-02T12:00:00")


def test_recorded_time_moves_by_looks_and_sleeps_only() -> None:
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    clock = RecordedClock(start)
    first = clock.now()
    clock.sleep(30)
    assert [(moment - start).total_seconds() for moment in (first, clock.now())] == [0.001, 30.002]
