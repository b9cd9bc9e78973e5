"""Results, runs, watermarks, first-seen rows and pings, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from andon.models import Check, CheckKind, CheckResult, CheckState, row_fingerprint
from andon.store import Store, Sweep, alerts

CHECK = Check(name="a", kind=CheckKind.SQL, path="a.sql", why="w", decided="d", key=("id",), sha256="0")


def red(now: datetime, *numbers: int, watermark: datetime | None = None) -> CheckResult:
    rows = tuple({"id": number, "text": "\x00\ud83d\ude00 <b>"} for number in numbers)
    return CheckResult(
        check="a", state=CheckState.FAILING, asked_at=now, seconds=0.2, rows=rows, total=len(rows), watermark=watermark
    )


def state(state: CheckState, now: datetime, watermark: datetime | None = None) -> CheckResult:
    return CheckResult(check="a", state=state, asked_at=now, seconds=0.2, watermark=watermark)


def test_last_result_and_all_runs_are_kept_and_the_same_result_counts_once(
    store: Store, now: datetime, hour: timedelta
) -> None:
    for _ in range(2):
        store.save_result("feed", red(now, 1, 2), check=CHECK)
    store.save_result("feed", state(CheckState.OK, now + hour), check=CHECK)
    assert [(run.state, run.total) for run in store.list_runs("feed", "a")] == [
        (CheckState.OK, 0),
        (CheckState.FAILING, 2),
    ]
    assert store.latest_results("feed") == (state(CheckState.OK, now + hour),)
    assert store.last_asked("feed") == {"a": now + hour}


def test_result_that_arrives_late_does_not_replace_a_newer_one(store: Store, now: datetime, hour: timedelta) -> None:
    store.save_result("feed", state(CheckState.OK, now + hour))
    store.save_result("feed", red(now, 1))
    found = store.find_result("feed", "a")
    assert found is not None
    assert found.result.state is CheckState.OK
    assert len(store.list_runs("feed", "a")) == 2


def test_errors_in_a_row_are_counted_and_an_answer_ends_the_row(store: Store, now: datetime, hour: timedelta) -> None:
    counts = []
    for number, word in enumerate("eeoe"):
        store.save_result("feed", state(CheckState.ERROR if word == "e" else CheckState.OK, now + number * hour))
        counts.append(store.list_results("feed")["a"].errors)
    assert counts == [1, 2, 0, 1]


def test_rows_remember_when_they_were_first_seen(store: Store, now: datetime, hour: timedelta) -> None:
    store.save_result("feed", red(now, 1), check=CHECK)
    store.save_result("feed", red(now + hour, 1, 2), check=CHECK)
    prints = [row_fingerprint(CHECK, {"id": number}) for number in (1, 2, 3)]
    assert store.first_seen("feed", "a", prints) == {prints[0]: now, prints[1]: now + hour}


def test_green_moves_the_watermark_and_red_does_not(store: Store, now: datetime, hour: timedelta) -> None:
    store.save_result("feed", state(CheckState.OK, now, watermark=now - hour))
    assert store.watermark("feed", "a") == now - hour
    store.save_result("feed", red(now + hour, 1, watermark=now + hour))
    assert store.watermarks("feed") == {"a": now - hour}


def test_watermark_goes_back_only_when_told_to(store: Store, now: datetime, hour: timedelta) -> None:
    assert store.watermark("feed", "a") is None
    assert store.save_watermark("feed", "a", now) == now
    assert store.save_watermark("feed", "a", now - hour) == now
    assert store.save_watermark("feed", "a", now - hour, back=True) == now - hour
    assert store.watermark("feed", "a") == now - hour


def test_settled_time_only_grows(store: Store, now: datetime, hour: timedelta) -> None:
    assert store.settled_until("feed", "a") is None
    store.settle("feed", ["a", "b"], now)
    store.settle("feed", ["a"], now - hour)
    assert store.settled_until("feed", "a") == store.settled_until("feed", "b") == now


def test_old_runs_go(store: Store, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "RUNS_KEPT", 10)
    for number in range(15):
        store.save_result("feed", state(CheckState.OK, now + timedelta(minutes=number)))
    runs = store.list_runs("feed", "a", limit=10_000)
    assert [run.asked_at for run in runs] == [now + timedelta(minutes=14 - number) for number in range(10)]


def test_sweeps_are_listed_newest_first_and_counted_once(store: Store, now: datetime, hour: timedelta) -> None:
    first, second = Sweep("feed", now, 1.5, 10, 2, 1), Sweep("feed", now + hour, 1.0, 13, 0, 0)
    for sweep in (first, second, first):
        store.save_sweep(sweep)
    assert store.list_sweeps("feed") == (second, first)


def test_pings_come_newest_first_by_check(store: Store, now: datetime, hour: timedelta) -> None:
    store.save_ping("feed", "nightly", "start", now=now)
    store.save_ping("feed", "nightly", "fail", now=now + hour, data={"body": "exit 1"})
    store.save_ping("feed", "hourly", "success", now=now)
    assert [ping.kind for ping in store.list_pings("feed", "nightly")] == ["fail", "start"]
    assert set(store.pings("feed")) == {"nightly", "hourly"}
    assert store.pings("feed")["nightly"][0].data == {"body": "exit 1"}
