"""Computes what the site reads: items and prices by shop, label and day; it never changes an item."""

from __future__ import annotations

from datetime import date, timedelta

from imagefeed.clock import Clock
from imagefeed.identity import fingerprint
from imagefeed.store import Connection, Row, Run

DAYS_AGAIN = 2
"""Days computed again in each run: a batch may be completed some runs after it was opened."""


def precompute(conn: Connection, clock: Clock, run: Run) -> int:
    """Writes the summaries of the last days anew, all or none, and says how many there are."""
    since = run.as_of.date() - timedelta(days=DAYS_AGAIN - 1)
    with conn.transaction():
        groups = summarise(conn, since)
        write_summaries(conn, clock, run, groups)
    return len(groups)


def summarise(conn: Connection, since: date) -> list[Row]:
    """Count and prices by shop, label and day, of complete batches only: an open one is half a truth."""
    return conn.execute(
        "select i.origin, c.label, i.day, count(*) as items, min(i.price_eur_cents) as lowest,"
        " max(i.price_eur_cents) as highest, sum(i.price_eur_cents)::bigint as total"
        " from items i"
        " join batches b on b.batch_id = i.batch_id and b.status = 'complete'"
        " join images m on m.listing_fingerprint = i.fingerprint"
        " join classifications c on c.image_fingerprint = m.fingerprint"
        " where i.day >= %s group by i.origin, c.label, i.day order by i.day, i.origin, c.label",
        [since],
    ).fetchall()


def write_summaries(conn: Connection, clock: Clock, run: Run, groups: list[Row]) -> None:
    """Writes each summary in the place of the one before."""
    computed_at = clock.now()
    conn.cursor().executemany(
        "insert into summaries (fingerprint, run_id, origin, label, day, items, lowest_eur_cents, highest_eur_cents,"
        " total_eur_cents, computed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (fingerprint) do update set run_id = excluded.run_id, items = excluded.items,"
        " lowest_eur_cents = excluded.lowest_eur_cents, highest_eur_cents = excluded.highest_eur_cents,"
        " total_eur_cents = excluded.total_eur_cents, computed_at = excluded.computed_at",
        [
            [
                fingerprint("summary", group["origin"], group["label"], group["day"]),
                run.run_id,
                *(group[name] for name in ("origin", "label", "day", "items", "lowest", "highest", "total")),
                computed_at,
            ]
            for group in groups
        ],
    )
