"""Turns listings into items: one currency, one unit of length, UTC, each edition once; it never asks a source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from imagefeed.clock import Clock
from imagefeed.origins import ORIGINS, zone_of
from imagefeed.rates import read_rates
from imagefeed.store import Connection, Row, Run
from imagefeed.units import to_euro_cents, to_minor_units, to_mm, to_utc

if TYPE_CHECKING:
    import polars

LATENESS = timedelta(minutes=15)
"""A listing may appear so long after it was published."""
DEDUP_KEY = ["origin", "listing_id", "edition"]
"""What makes an item itself: shops repeat listings across pages when their pages move."""
LOOK_BACK = timedelta(hours=3)
"""Listings seen before that are not looked at again."""
_AS_LISTED = ("fingerprint", "batch_id", "origin", "listing_id", "edition", "title", "currency")
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def etl(conn: Connection, clock: Clock, run: Run) -> int:
    """Writes the items of the listings past each shop's watermark, closes finished batches, says how many items."""
    listings = recent_listings(conn, run)
    written = 0
    if listings:
        frame = new_items(normalise(listings, read_rates(conn, run)), watermarks(conn))
        written = write_items(conn, clock, run, without_known(conn, frame))
    close_batches(conn, clock)
    return written


def recent_listings(conn: Connection, run: Run) -> list[Row]:
    """The listings of the last hours, in the order they were seen."""
    return conn.execute(
        "select * from listings where seen_at > %s order by seen_at, origin, listing_id",
        [run.as_of - LOOK_BACK],
    ).fetchall()


def normalise(listings: list[Row], euro_per_unit: Mapping[str, Decimal]) -> polars.DataFrame:
    """The listings with prices in minor units and euro cents, sizes in millimetres and times in UTC."""
    import polars as pl

    rows: list[dict[str, Any]] = []
    for row in listings:
        minor = price_minor(row)
        width, height = to_mm(row["size_text"])
        rows.append(
            {
                **{name: row[name] for name in _AS_LISTED},
                "price_minor": minor,
                "price_eur_cents": to_euro_cents(minor, row["currency"], euro_per_unit),
                "width_mm": width,
                "height_mm": height,
                "published_at": to_utc(row["published_text"], zone_of(row["origin"])),
            }
        )
    return pl.DataFrame(rows)


def price_minor(listing: Row) -> int:
    """A listing's price in pence or cents; a shop that counts in those already is taken at its word."""
    if listing["price_unit"] == "minor":
        return int(listing["price_text"])
    return to_minor_units(listing["price_text"])


def watermarks(conn: Connection) -> dict[str, datetime]:
    """The time, in UTC, up to which each shop's listings are items, less the lateness that is allowed.

    Only complete batches count: an open one may still lack a page of older listings.
    """
    marks = dict.fromkeys((origin.name for origin in ORIGINS), BEGINNING)
    for row in conn.execute(
        "select i.origin, max(i.published_at) as high from items i join batches b using (batch_id)"
        " where b.status = 'complete' group by i.origin"
    ):
        marks[row["origin"]] = row["high"] - LATENESS
    return marks


def new_items(frame: polars.DataFrame, marks: Mapping[str, datetime]) -> polars.DataFrame:
    """The rows past their shop's watermark, each once."""
    import polars as pl

    since = pl.DataFrame({"origin": list(marks), "since": list(marks.values())})
    return (
        frame.join(since, on="origin", how="left")
        .filter(pl.col("published_at") > pl.col("since"))
        .unique(subset=DEDUP_KEY, keep="first", maintain_order=True)
        .sort("published_at", maintain_order=True)
    )


def without_known(conn: Connection, frame: polars.DataFrame) -> polars.DataFrame:
    """The rows that are not items yet."""
    known = conn.execute(
        "select fingerprint from items where fingerprint = any(%s)", [frame["fingerprint"].to_list()]
    ).fetchall()
    return frame.filter(~frame["fingerprint"].is_in([row["fingerprint"] for row in known]))


def write_items(conn: Connection, clock: Clock, run: Run, frame: polars.DataFrame) -> int:
    """Writes the items, all or none, and says how many."""
    with conn.transaction():
        for item in frame.iter_rows(named=True):
            conn.execute(
                "insert into items (fingerprint, run_id, batch_id, origin, listing_id, edition, title, currency,"
                " price_minor, price_eur_cents, width_mm, height_mm, published_at, day, loaded_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    item["fingerprint"],
                    run.run_id,
                    *(item[name] for name in _AS_LISTED[1:]),
                    *(item[name] for name in ("price_minor", "price_eur_cents", "width_mm", "height_mm")),
                    item["published_at"],
                    item["published_at"].date(),
                    clock.now(),
                ],
            )
    return frame.height


def close_batches(conn: Connection, clock: Clock) -> None:
    """Marks the batches complete that saw all pages and whose every listing has a picture with a label."""
    conn.execute(
        "update batches b set status = 'complete', completed_at = %s"
        " where b.status = 'open' and b.all_pages and not exists ("
        "  select from listings l"
        "  left join images i on i.listing_fingerprint = l.fingerprint"
        "  left join classifications c on c.image_fingerprint = i.fingerprint"
        "  where l.batch_id = b.batch_id and c.fingerprint is null)",
        [clock.now()],
    )
