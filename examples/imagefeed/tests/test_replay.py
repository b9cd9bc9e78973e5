"""A recorded evening is lived through again: today's code, the answers of then."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asking import ask
from imagefeed.clock import parse_moment
from imagefeed.replay import RecordedAnswers, RecordedRun, main, read_evidence, recorded_reply
from imagefeed.source.pictures import draw_picture
from imagefeed.store import Connection

EVENING = Path(__file__).parent / "evidence" / "rough-evening.json"
FIRST, SECOND = "20260302T180000Z", "20260302T183000Z"
Replayed = Callable[..., int]


@pytest.fixture
def replayed(scratch_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replayed:
    """Replays the recorded evening, or other evidence, into the test's database, and gives the exit code."""

    def replay(evidence: dict[str, Any] | None = None) -> int:
        path = EVENING
        if evidence is not None:
            path = tmp_path / "evidence.json"
            path.write_text(json.dumps(evidence))
        monkeypatch.setenv("ANDON_EVIDENCE", str(path))
        monkeypatch.setenv("ANDON_SCRATCH", str(tmp_path))
        monkeypatch.setenv("ANDON_SCRATCH_URL", scratch_url)
        return main()

    return replay


def evening() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EVENING.read_text())
    return found


def recorded(**wanted: object) -> list[dict[str, Any]]:
    fetches = evening()["context"]["fetches"]
    return [one for one in fetches if all(one[key] == value for key, value in wanted.items())]


def test_runs_are_those_of_the_record_at_their_times(replayed: Replayed, conn: Connection) -> None:
    assert replayed() == 0
    runs = conn.execute("select run_id, as_of, status from runs order by as_of").fetchall()
    assert [(row["run_id"], row["as_of"], row["status"]) for row in runs] == [
        (FIRST, parse_moment("2026-03-02T18:00:00+00:00"), "finished"),
        (SECOND, parse_moment("2026-03-02T18:30:00+00:00"), "finished"),
    ]


def test_answers_come_as_recorded_attempt_by_attempt(replayed: Replayed, conn: Connection) -> None:
    replayed()
    seen = conn.execute(
        "select run_id, url, attempt, status, bytes, declared_bytes from fetches where origin = 'lumen'"
    ).fetchall()
    wanted = [{key: one[key] for key in seen[0]} for one in recorded(origin="lumen")]
    key = ("run_id", "url", "attempt")
    assert sorted(seen, key=lambda row: [row[name] for name in key]) == sorted(
        wanted, key=lambda row: [row[name] for name in key]
    )


def test_trouble_is_overcome_as_it_was_then(replayed: Replayed, conn: Connection, scratch_url: str) -> None:
    replayed()
    assert recorded(status=429)
    assert recorded(status=503)
    assert ask(scratch_url, "no-zero-byte-images", now=parse_moment("2026-03-02T18:40:00+00:00")) == []
    images = conn.execute("select count(*) as n from images where origin <> 'harbor'").fetchall()[0]["n"]
    good = {
        one["url"] for one in recorded(fetcher="fetch_picture", status=200, error=None) if one["origin"] != "harbor"
    }
    assert images == len(good)


def test_batch_that_was_open_then_is_open_again(replayed: Replayed, conn: Connection) -> None:
    missing = {one["run_id"] for one in recorded(status=503)}
    assert missing == {FIRST}
    replayed()
    closed = conn.execute("select completed_at from batches where batch_id = %s", [f"{FIRST}/prairie"]).fetchone()
    assert closed is not None
    assert closed["completed_at"] > parse_moment("2026-03-02T18:30:00+00:00")


def test_replay_twice_gives_the_same_rows(replayed: Replayed, conn: Connection) -> None:
    query = "select fingerprint, status, bytes, at from fetches order by run_id, url, attempt"
    replayed()
    first = conn.execute(query).fetchall()
    conn.execute("truncate stages, fetches, classifications, images, items, summaries, listings, batches, rates, runs")
    replayed()
    assert conn.execute(query).fetchall() == first


def test_evidence_without_runs_is_refused(replayed: Replayed, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed({"context": {"runs": [], "fetches": []}}) == 1
    assert "its context holds no runs" in capsys.readouterr().err


def test_file_that_is_no_evidence_is_refused(replayed: Replayed, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed({"rows": []}) == 1
    assert "no evidence with runs and fetches" in capsys.readouterr().err


def test_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("ANDON_EVIDENCE", raising=False)
    assert main() == 1
    assert "ANDON_EVIDENCE is not set" in capsys.readouterr().err


def without_prices() -> dict[str, Any]:
    """The evening, with prices at lumen that no code can read."""
    changed = evening()
    for fetch in changed["context"]["fetches"]:
        if fetch["fetcher"] == "fetch_page" and fetch["origin"] == "lumen":
            fetch["body"] = re.sub(r"&pound;[\d.,]+", "on request", fetch["body"])
            fetch["declared_bytes"] = fetch["bytes"] = len(fetch["body"].encode())
    return changed


def test_run_that_finished_then_and_breaks_now_is_no_replay(
    replayed: Replayed, conn: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replayed(without_prices()) == 1
    assert "finished then, and now: ValueError: no price in 'on request'" in capsys.readouterr().err


def test_run_that_failed_then_may_fail_now(replayed: Replayed, conn: Connection, scratch_url: str) -> None:
    evidence = without_prices()
    for run in evidence["context"]["runs"]:
        run["status"] = "failed"
    assert replayed(evidence) == 0
    found = ask(scratch_url, "run-finished", now=parse_moment("2026-03-02T18:40:00+00:00"))
    assert [row["run_id"] for row in found] == [FIRST, SECOND]


def fetched(**changes: object) -> dict[str, Any]:
    return {**recorded(fetcher="fetch_picture", status=200, error=None)[0], **changes}


def test_cut_off_picture_is_cut_off_again() -> None:
    url = fetched()["url"]
    whole = draw_picture(url)
    assert whole is not None
    reply = recorded_reply(fetched(bytes=100, declared_bytes=len(whole[0])))
    assert (reply.body, reply.declared) == (whole[0][:100], len(whole[0]))


def test_source_that_gave_nothing_gives_nothing_again() -> None:
    reply = recorded_reply(fetched(status=0, bytes=0, declared_bytes=None, content_type=None))
    assert (reply.status, reply.body) == (503, b"")


def test_address_beyond_the_record_gets_a_good_answer() -> None:
    busy = fetched(status=429, bytes=0, declared_bytes=0, content_type="text/plain", retry_after=2.0)
    run = RecordedRun(FIRST, parse_moment("2026-03-02T18:00:00+00:00"), "finished", (busy,))
    answers = RecordedAnswers([run])
    answers.start(run)
    replies = [answers.answer(busy["url"]) for _ in range(2)]
    assert [reply.status for reply in replies] == [429, 200]
    assert len(replies[1].body) > 100
    assert answers.answer("http://lumen.example/nothing").status == 404


def test_evidence_is_read_oldest_run_first() -> None:
    runs = read_evidence(EVENING)
    assert [run.run_id for run in runs] == [FIRST, SECOND]
    assert sum(len(run.fetches) for run in runs) == len(evening()["context"]["fetches"])
