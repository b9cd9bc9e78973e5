"""A recorded evening is lived through again: today's code, the answers of then."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asking import ask
from imagefeed.clock import parse_moment
from imagefeed.replay import RecordedAnswers, RecordedRun, main, read_evidence, recorded_reply
from imagefeed.source.pictures import draw_picture
from imagefeed.store import Connection, Row, connected

EVENING = Path(__file__).parent / "evidence" / "rough-evening.json"
FIRST, SECOND = "20260302T180000Z", "20260302T183000Z"
LATER = parse_moment("2026-03-02T18:40:00+00:00")
Replayed = Callable[[dict[str, Any]], int]


@dataclass(frozen=True)
class Evening:
    """What the scratch database held after the recorded evening was replayed."""

    code: int
    runs: list[Row]
    fetches: list[Row]
    images: list[Row]
    batches: dict[str, Row]
    zero_bytes: list[Row]


@pytest.fixture(scope="module")
def again(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """The recorded evening, replayed once for all tests that only look at it."""
    with pytest.MonkeyPatch.context() as patch:
        _point(patch, EVENING, tmp_path_factory.mktemp("evening"), module_url)
        code = main()
    with connected(module_url) as conn:
        return Evening(
            code,
            conn.execute("select * from runs order by as_of").fetchall(),
            conn.execute("select * from fetches order by run_id, url, attempt").fetchall(),
            conn.execute("select * from images").fetchall(),
            {row["batch_id"]: row for row in conn.execute("select * from batches")},
            ask(module_url, "no-zero-byte-images", now=LATER),
        )


@pytest.fixture
def replayed(scratch_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replayed:
    """Replays evidence into the test's own database, and gives the exit code."""

    def replay(evidence: dict[str, Any]) -> int:
        path = tmp_path / "evidence.json"
        path.write_text(json.dumps(evidence))
        _point(monkeypatch, path, tmp_path, scratch_url)
        return main()

    return replay


def _point(patch: pytest.MonkeyPatch, evidence: Path, scratch: Path, url: str) -> None:
    patch.setenv("ANDON_EVIDENCE", str(evidence))
    patch.setenv("ANDON_SCRATCH", str(scratch))
    patch.setenv("ANDON_SCRATCH_URL", url)


def evening() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EVENING.read_text())
    return found


def recorded(**wanted: object) -> list[dict[str, Any]]:
    fetches = evening()["context"]["fetches"]
    return [one for one in fetches if all(one[key] == value for key, value in wanted.items())]


def test_runs_are_those_of_the_record_at_their_times(again: Evening) -> None:
    assert again.code == 0
    assert [(row["run_id"], row["as_of"], row["status"]) for row in again.runs] == [
        (FIRST, parse_moment("2026-03-02T18:00:00+00:00"), "finished"),
        (SECOND, parse_moment("2026-03-02T18:30:00+00:00"), "finished"),
    ]


def test_answers_come_as_recorded_attempt_by_attempt(again: Evening) -> None:
    names = ("run_id", "url", "attempt", "status", "bytes", "declared_bytes")
    seen = [tuple(row[name] for name in names) for row in again.fetches if row["origin"] == "lumen"]
    assert sorted(seen) == sorted(tuple(row[name] for name in names) for row in recorded(origin="lumen"))


def test_trouble_is_overcome_as_it_was_then(again: Evening) -> None:
    assert recorded(status=429)
    assert recorded(status=503)
    assert again.zero_bytes == []
    good = recorded(fetcher="fetch_picture", status=200, error=None)
    assert {row["url"] for row in again.images if row["origin"] != "harbor"} == {
        one["url"] for one in good if one["origin"] != "harbor"
    }


def test_batch_that_was_open_then_is_open_again(again: Evening) -> None:
    assert {one["run_id"] for one in recorded(status=503)} == {FIRST}
    assert again.batches[f"{FIRST}/prairie"]["completed_at"] > parse_moment("2026-03-02T18:30:00+00:00")


def test_replay_again_gives_the_same_rows(again: Evening, replayed: Replayed, conn: Connection) -> None:
    assert replayed(evening()) == 0
    rows = conn.execute("select * from fetches order by run_id, url, attempt").fetchall()
    assert [{**row, "fetch_id": 0} for row in rows] == [{**row, "fetch_id": 0} for row in again.fetches]


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
    replayed: Replayed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replayed(without_prices()) == 1
    assert "finished then, and now: ValueError: no price in 'on request'" in capsys.readouterr().err


def test_run_that_failed_then_may_fail_now(replayed: Replayed, scratch_url: str) -> None:
    evidence = without_prices()
    for run in evidence["context"]["runs"]:
        run["status"] = "failed"
    assert replayed(evidence) == 0
    found = ask(scratch_url, "run-finished", now=LATER)
    assert sorted(row["run_id"] for row in found) == [FIRST, SECOND]  # the check asks for no order


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
