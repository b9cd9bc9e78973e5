"""Pictures are fetched through trouble and kept whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benches import Bench, Opened
from imagefeed.download import download, listings_without_picture
from imagefeed.scrape import scrape
from imagefeed.store import Row

PICTURES = "path=/pictures/"


def scraped(bench: Bench) -> Bench:
    scrape(bench.conn, bench.session, bench.clock, bench.run)
    return bench


def images(bench: Bench) -> list[Row]:
    return bench.conn.execute("select * from images order by url").fetchall()


def test_each_listing_gets_its_picture(bench: Bench) -> None:
    listed = bench.conn.execute
    kept = download(scraped(bench).conn, bench.session, bench.clock, bench.run)
    assert kept == listed("select count(*) as n from listings").fetchall()[0]["n"] > 10
    assert listings_without_picture(bench.conn, bench.run) == []


def test_picture_file_is_what_its_row_says(bench: Bench) -> None:
    download(scraped(bench).conn, bench.session, bench.clock, bench.run)
    for row in images(bench):
        body = Path(row["path"]).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (row["bytes"], row["sha256"])
        assert len(body) > 100


def test_second_pass_fetches_no_picture_again(bench: Bench) -> None:
    download(scraped(bench).conn, bench.session, bench.clock, bench.run)
    assert download(bench.conn, bench.session, bench.clock, bench.run) == 0


def test_picture_behind_a_429_is_kept_whole(opened: Opened) -> None:
    bench = scraped(opened(f"429,share=1,{PICTURES},times=2"))
    download(bench.conn, bench.session, bench.clock, bench.run)
    assert images(bench)
    assert all(row["http_status"] == 200 and row["bytes"] > 100 for row in images(bench))


def test_cut_off_picture_is_fetched_again(opened: Opened) -> None:
    bench = scraped(opened(f"truncate,share=1,{PICTURES},times=1"))
    download(bench.conn, bench.session, bench.clock, bench.run)
    attempts = bench.conn.execute("select attempt, error, bytes < declared_bytes as cut from fetches"
                                  " where fetcher = 'fetch_picture' order by url, attempt").fetchall()  # fmt: skip
    assert [row["cut"] for row in attempts[:2]] == [True, False]
    assert "RemoteProtocolError" in attempts[0]["error"]
    assert all(row["bytes"] > 100 for row in images(bench))


def test_picture_that_never_comes_leaves_no_row_and_is_asked_for_again(opened: Opened) -> None:
    bench = scraped(opened(f"503,share=0.4,{PICTURES},times=3"))
    first = download(bench.conn, bench.session, bench.clock, bench.run)
    missing = len(listings_without_picture(bench.conn, bench.run))
    assert missing > 0
    assert len(images(bench)) == first
    assert download(bench.conn, bench.session, bench.clock, bench.run) == missing


def test_every_attempt_is_logged_with_its_status(opened: Opened) -> None:
    bench = scraped(opened(f"429,share=1,{PICTURES},times=1"))
    download(bench.conn, bench.session, bench.clock, bench.run)
    seen = bench.conn.execute(
        "select attempt, status, retry_after from fetches where fetcher = 'fetch_picture' order by url, attempt"
    ).fetchall()
    assert [(row["attempt"], row["status"], row["retry_after"]) for row in seen[:2]] == [
        (1, 429, 2.0),
        (2, 200, None),
    ]
