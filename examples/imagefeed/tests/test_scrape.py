"""Listings are written once, and a shop that breaks off keeps its batch open until it is read through."""

from __future__ import annotations

from benches import Bench, Opened
from imagefeed.scrape import scrape
from imagefeed.store import Row


def scraped(bench: Bench) -> int:
    return scrape(bench.conn, bench.session, bench.clock, bench.run)


def batches(bench: Bench) -> dict[str, Row]:
    return {row["origin"]: row for row in bench.conn.execute("select * from batches")}


def test_all_shops_are_written_down(bench: Bench) -> None:
    written = scraped(bench)
    per_shop = bench.conn.execute("select origin, count(*) as n from listings group by 1 order by 1").fetchall()
    assert [row["origin"] for row in per_shop] == ["harbor", "lumen", "prairie"]
    assert sum(row["n"] for row in per_shop) == written


def test_batch_of_a_shop_read_through_has_all_pages(bench: Bench) -> None:
    scraped(bench)
    assert [row["all_pages"] for row in batches(bench).values()] == [True, True, True]
    assert {row["status"] for row in batches(bench).values()} == {"open"}


def test_shop_that_is_away_does_not_stop_the_others(opened: Opened) -> None:
    bench = opened("503,share=1,path=lumen.example/new,times=9")
    assert scraped(bench) > 0
    assert {name: row["all_pages"] for name, row in batches(bench).items()} == {
        "lumen": False,
        "harbor": True,
        "prairie": True,
    }


def test_failure_of_a_shop_is_in_the_log(opened: Opened) -> None:
    bench = opened("503,share=1,path=lumen.example/new,times=9")
    scraped(bench)
    logged = bench.conn.execute("select status, note from stages").fetchall()
    assert [row["status"] for row in logged] == ["failed"]
    assert "lumen.example" in logged[0]["note"]


def test_listing_on_two_pages_is_written_once(opened: Opened) -> None:
    bench = opened("duplicate,share=1")
    scraped(bench)
    rows = bench.conn.execute("select origin, listing_id, edition, count(*) from listings group by 1, 2, 3"
                              " having count(*) > 1").fetchall()  # fmt: skip
    assert rows == []


def test_cut_off_page_is_read_again_and_whole(opened: Opened) -> None:
    bench = opened("truncate,share=1,path=/new")
    scraped(bench)
    assert all(row["all_pages"] for row in batches(bench).values())
    attempts = bench.conn.execute("select attempt, error from fetches order by fetch_id limit 2").fetchall()
    assert [bool(row["error"]) for row in attempts] == [True, False]
