"""Sources are asked again where that can help, as long as they ask for, and every attempt is on record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benches import NOON, Opened
from imagefeed.errors import FetchFailed, SourceBusy
from imagefeed.fetch import ATTEMPTS, Answer, Session, origin_of, require_good, retrying
from imagefeed.store import Row

URL = "http://lumen.example/pictures/123451-print.jpg?v=7"


def answer(status: int, body: bytes = b"x", **others: object) -> Answer:
    return Answer(URL, "test", status, "image/jpeg", body, len(body), None, others.get("error"), NOON)  # type: ignore[arg-type]


@retrying
def fetch(session: Session, url: str) -> Answer:
    """Asks as the stages do."""
    return session.get(url, fetcher="fetch")


def logged(opened: Opened, misbehave: str) -> tuple[list[Row], timedelta, Exception | None]:
    bench = opened(misbehave)
    started, failure = bench.clock.now(), None
    try:
        fetch(bench.session, URL)
    except FetchFailed as error:
        failure = error
    rows = bench.conn.execute("select * from fetches order by fetch_id").fetchall()
    return rows, bench.clock.now() - started, failure


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_bad_moment_is_worth_another_attempt(status: int) -> None:
    with pytest.raises(SourceBusy):
        require_good(answer(status))


@pytest.mark.parametrize("status", [301, 403, 404, 410])
def test_refusal_is_final(status: int) -> None:
    with pytest.raises(FetchFailed) as refused:
        require_good(answer(status))
    assert not isinstance(refused.value, SourceBusy)


def test_empty_body_with_200_is_worth_another_attempt() -> None:
    with pytest.raises(SourceBusy, match="got 0 of 0 bytes"):
        require_good(answer(200, b""))


def test_good_answer_is_given_as_it_is() -> None:
    assert require_good(answer(200)).body == b"x"


def test_source_is_waited_for_as_long_as_it_asks(opened: Opened) -> None:
    rows, passed, failure = logged(opened, "429,share=1,times=2")
    assert [row["status"] for row in rows] == [429, 429, 200]
    assert failure is None
    assert timedelta(seconds=4) <= passed < timedelta(seconds=5)


def test_source_that_names_no_time_is_waited_for_longer_each_time(opened: Opened) -> None:
    rows, passed, _ = logged(opened, "503,share=1,times=2")
    assert [row["attempt"] for row in rows] == [1, 2, 3]
    assert timedelta(seconds=3) <= passed < timedelta(seconds=4)


def test_attempts_end(opened: Opened) -> None:
    rows, _, failure = logged(opened, "503,share=1,times=9")
    assert len(rows) == ATTEMPTS
    assert isinstance(failure, SourceBusy)


def test_missing_page_is_asked_for_once(opened: Opened) -> None:
    bench = opened()
    with pytest.raises(FetchFailed, match="404"):
        fetch(bench.session, "http://lumen.example/nothing")
    assert bench.conn.execute("select count(*) as n from fetches").fetchall() == [{"n": 1}]


def test_text_is_kept_and_pictures_are_not(opened: Opened) -> None:
    bench = opened()
    fetch(bench.session, "http://rates.example/daily?day=2026-03-02")
    fetch(bench.session, URL)
    bodies = bench.conn.execute("select body, bytes from fetches order by fetch_id").fetchall()
    assert bodies[0]["body"].startswith('{"base": "EUR"')
    assert bodies[1]["body"] is None
    assert bodies[1]["bytes"] > 100


def test_source_that_is_gone_is_on_record_with_status_0(opened: Opened) -> None:
    import httpx

    bench = opened()
    with httpx.Client(proxy="http://127.0.0.1:9", trust_env=False, verify=False) as nowhere:
        lost = Session(nowhere, bench.conn, bench.clock, bench.run).get(URL, fetcher="test")
    assert (lost.status, lost.body) == (0, b"")
    assert "ConnectError" in (lost.error or "")


def test_origin_is_the_host_without_its_ending() -> None:
    assert origin_of(URL) == "lumen"
