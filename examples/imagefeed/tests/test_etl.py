"""Listings become items: one currency, one unit, UTC, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from benches import NOON, Bench
from healthy import write_healthy_history
from imagefeed.etl import BEGINNING, LATENESS, close_batches, new_items, normalise, watermarks, without_known
from imagefeed.store import Connection

RATES = {"EUR": Decimal(1), "GBP": Decimal("1.2"), "USD": Decimal("0.9")}


def listing(**changes: Any) -> dict[str, Any]:
    return {
        "fingerprint": "f1",
        "batch_id": "b1",
        "origin": "lumen",
        "listing_id": "100",
        "edition": "print",
        "title": "Plain Form",
        "currency": "GBP",
        "price_text": "£10.00",
        "price_unit": "major",
        "size_text": "21 x 29.7 cm",
        "published_text": "02 Mar 2026 12:00:00 +0000",
        **changes,
    }


def test_listing_is_converted_to_one_unit_of_each_kind() -> None:
    row = normalise([listing()], RATES).row(0, named=True)
    assert (row["price_minor"], row["price_eur_cents"]) == (1000, 1200)
    assert (row["width_mm"], row["height_mm"]) == (210, 297)
    assert row["published_at"] == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_time_without_offset_is_read_by_the_shops_clock() -> None:
    row = normalise([listing(origin="harbor", currency="EUR", published_text="2026-03-02 13:00:00")], RATES).row(
        0, named=True
    )
    assert row["published_at"] == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_rows_at_or_before_the_watermark_are_left_out() -> None:
    frame = normalise(
        [
            listing(fingerprint=name, listing_id=name, published_text=f"02 Mar 2026 12:0{name}:00 +0000")
            for name in "012"
        ],
        RATES,
    )
    marks = {"lumen": datetime(2026, 3, 2, 12, 1, tzinfo=UTC)}
    assert new_items(frame, marks)["listing_id"].to_list() == ["2"]


def test_listing_repeated_on_another_page_is_one_item() -> None:
    frame = normalise([listing(), listing(), listing(listing_id="101", fingerprint="f2")], RATES)
    assert new_items(frame, {"lumen": BEGINNING})["listing_id"].to_list() == ["100", "101"]


def test_same_number_in_two_shops_is_two_items() -> None:
    frame = normalise([listing(), listing(origin="prairie", currency="USD", fingerprint="f2")], RATES)
    assert new_items(frame, {"lumen": BEGINNING, "prairie": BEGINNING}).height == 2


def test_shop_without_items_starts_at_the_beginning(conn: Connection) -> None:
    assert set(watermarks(conn).values()) == {BEGINNING}


def test_watermark_is_the_newest_item_less_the_lateness(conn: Connection) -> None:
    write_healthy_history(conn)
    assert watermarks(conn)["lumen"] == NOON - timedelta(minutes=10) - LATENESS


def test_open_batch_does_not_move_the_watermark(conn: Connection) -> None:
    write_healthy_history(conn)
    conn.execute("update batches set status = 'open' where run_id = '20260302T120000Z'")
    assert watermarks(conn)["lumen"] == NOON - timedelta(minutes=40) - LATENESS


def test_rows_that_are_items_are_not_written_again(conn: Connection) -> None:
    write_healthy_history(conn)
    known = conn.execute("select fingerprint from items limit 2").fetchall()
    frame = pl.DataFrame({"fingerprint": [known[0]["fingerprint"], "new", known[1]["fingerprint"]]})
    assert without_known(conn, frame)["fingerprint"].to_list() == ["new"]


def reopen(conn: Connection, batch: str, **changes: object) -> None:
    conn.execute("update batches set status = 'open', completed_at = null, all_pages = %s where batch_id = %s",
                 [changes.get("all_pages", True), batch])  # fmt: skip


def status(conn: Connection, batch: str) -> str:
    found = conn.execute("select status from batches where batch_id = %s", [batch]).fetchone()
    return str(found and found["status"])


def test_batch_with_all_labels_is_closed(conn: Connection, bench: Bench) -> None:
    conn.execute("delete from runs")
    write_healthy_history(conn)
    reopen(conn, "20260302T120000Z/lumen")
    close_batches(conn, bench.clock)
    assert status(conn, "20260302T120000Z/lumen") == "complete"


def test_batch_that_lacks_a_page_stays_open(conn: Connection, bench: Bench) -> None:
    conn.execute("delete from runs")
    write_healthy_history(conn)
    reopen(conn, "20260302T120000Z/lumen", all_pages=False)
    close_batches(conn, bench.clock)
    assert status(conn, "20260302T120000Z/lumen") == "open"


def test_batch_that_lacks_a_label_stays_open(conn: Connection, bench: Bench) -> None:
    conn.execute("delete from runs")
    write_healthy_history(conn)
    reopen(conn, "20260302T120000Z/lumen")
    conn.execute("delete from classifications where origin = 'lumen'")
    close_batches(conn, bench.clock)
    assert status(conn, "20260302T120000Z/lumen") == "open"
