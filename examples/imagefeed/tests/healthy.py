"""Writes a small healthy history by hand, without the pipeline: two runs, three shops, four listings a batch."""

from __future__ import annotations

from datetime import timedelta

from benches import NOON
from imagefeed.identity import fingerprint
from imagefeed.store import Connection

RUNS = (NOON - timedelta(minutes=30), NOON)
SHOPS = {"lumen": ("GBP", "major"), "harbor": ("EUR", "major"), "prairie": ("USD", "minor")}
LABELS = ("a red circle", "a blue ring", "a green star", "a yellow cross")


def write_healthy_history(conn: Connection) -> None:
    """Fills every table, so that no check finds anything at noon and half past."""
    with conn.transaction(), conn.pipeline():  # one round trip, not two hundred
        for as_of in RUNS:
            run_id = f"{as_of:%Y%m%dT%H%M%SZ}"
            insert(conn, "runs", run_id=run_id, as_of=as_of, started_at=as_of,
                   finished_at=as_of + timedelta(seconds=50), status="finished", code_version="test",
                   fingerprint=fingerprint("run", run_id))  # fmt: skip
            for shop in SHOPS:
                _write_batch(conn, run_id, shop)
        _write_summaries(conn)


def insert(conn: Connection, table: str, **values: object) -> None:
    """Writes one row."""
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    conn.execute(f"insert into {table} ({names}) values ({marks})".encode(), list(values.values()))


def _write_batch(conn: Connection, run_id: str, shop: str) -> None:
    as_of = next(moment for moment in RUNS if f"{moment:%Y%m%dT%H%M%SZ}" == run_id)
    batch = f"{run_id}/{shop}"
    insert(conn, "batches", batch_id=batch, run_id=run_id, origin=shop, all_pages=True, status="complete",
           opened_at=as_of, completed_at=as_of + timedelta(seconds=40), fingerprint=fingerprint(batch))  # fmt: skip
    for page in (1, 2):
        _write_fetch(conn, run_id, shop, f"http://{shop}.example/new?page={page}", "fetch_page", as_of, "<html>")
    for number, label in enumerate(LABELS):
        _write_listing(conn, run_id, shop, f"{as_of:%H%M}{number}", label)


def _write_fetch(
    conn: Connection, run_id: str, shop: str, url: str, fetcher: str, at: object, body: str | None
) -> None:
    insert(conn, "fetches", run_id=run_id, origin=shop, url=url, fetcher=fetcher, attempt=1, status=200,
           content_type="text/html" if body else "image/png", declared_bytes=900, bytes=900, body=body, at=at,
           fingerprint=fingerprint("fetch", run_id, url, 1))  # fmt: skip


def _write_listing(conn: Connection, run_id: str, shop: str, listing_id: str, label: str) -> None:
    as_of = next(moment for moment in RUNS if f"{moment:%Y%m%dT%H%M%SZ}" == run_id)
    batch, (currency, unit) = f"{run_id}/{shop}", SHOPS[shop]
    mark = fingerprint("listing", shop, listing_id, "print")
    url = f"http://{shop}.example/pictures/{listing_id}-print.png?v=7"
    price = "4000" if unit == "minor" else "40.00"
    insert(conn, "listings", fingerprint=mark, run_id=run_id, batch_id=batch, origin=shop, listing_id=listing_id,
           edition="print", page=1, title="Plain Form", price_text=price, price_unit=unit, currency=currency,
           size_text="210 x 297 mm", published_text="then", picture_url=url, seen_at=as_of)  # fmt: skip
    _write_fetch(conn, run_id, shop, url, "fetch_picture", as_of, None)
    image = fingerprint("image", url)
    insert(conn, "images", fingerprint=image, run_id=run_id, batch_id=batch, listing_fingerprint=mark, origin=shop,
           url=url, fetcher="fetch_picture", http_status=200, content_type="image/png", bytes=900, sha256="0" * 64,
           path="/nowhere", fetched_at=as_of)  # fmt: skip
    insert(conn, "classifications", fingerprint=fingerprint("label", image), run_id=run_id, image_fingerprint=image,
           origin=shop, label=label, score=0.9, model="test", classified_at=as_of)  # fmt: skip
    published = as_of - timedelta(minutes=10)
    insert(conn, "items", fingerprint=mark, run_id=run_id, batch_id=batch, origin=shop, listing_id=listing_id,
           edition="print", title="Plain Form", currency=currency, price_minor=4000, price_eur_cents=4200,
           width_mm=210, height_mm=297, published_at=published, day=published.date(), loaded_at=as_of)  # fmt: skip


def _write_summaries(conn: Connection) -> None:
    run_id = f"{NOON:%Y%m%dT%H%M%SZ}"
    for shop in SHOPS:
        for label in LABELS:
            insert(conn, "summaries", fingerprint=fingerprint("summary", shop, label), run_id=run_id, origin=shop,
                   label=label, day=NOON.date(), items=2, lowest_eur_cents=4200, highest_eur_cents=4200,
                   total_eur_cents=8400, computed_at=NOON + timedelta(seconds=50))  # fmt: skip
