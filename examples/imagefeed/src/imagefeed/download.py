"""Fetches the pictures of listings and keeps them as files; it never looks at what is in them."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from imagefeed.clock import Clock
from imagefeed.errors import FetchFailed
from imagefeed.fetch import Answer, Session, origin_of, retrying
from imagefeed.identity import fingerprint
from imagefeed.store import Connection, Row, Run, log_stage

GIVE_UP = timedelta(hours=24)
"""A picture that did not come for so long is not asked for again."""


@retrying
def fetch_picture(session: Session, url: str) -> Answer:
    """The picture of one listing."""
    return session.get(url, fetcher="fetch_picture")


def download(conn: Connection, session: Session, clock: Clock, run: Run) -> int:
    """Keeps the picture of every listing that has none; what does not come is asked for in the next run."""
    kept = 0
    for listing in listings_without_picture(conn, run):
        try:
            answer = fetch_picture(session, listing["picture_url"])
        except FetchFailed as failed:
            log_stage(conn, run, clock, "download", status="failed", rows=0, note=str(failed))
            continue
        keep_picture(conn, run, listing, answer)
        kept += 1
    return kept


def listings_without_picture(conn: Connection, run: Run) -> list[Row]:
    """The listings of the last day that have no picture yet, oldest first."""
    return conn.execute(
        "select l.fingerprint, l.batch_id, l.picture_url, l.large_url from listings l"
        " left join images i on i.listing_fingerprint = l.fingerprint"
        " where i.fingerprint is null and l.seen_at > %s order by l.seen_at",
        [run.as_of - GIVE_UP],
    ).fetchall()


def keep_picture(conn: Connection, run: Run, listing: Row, answer: Answer) -> None:
    """Writes the file and its row."""
    mark = fingerprint("image", answer.url)
    path = run.pictures / mark[:2] / mark
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(answer.body)
    conn.execute(
        "insert into images (fingerprint, run_id, batch_id, listing_fingerprint, origin, url, fetcher, http_status,"
        " content_type, bytes, sha256, path, fetched_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (fingerprint) do nothing",
        [
            mark,
            run.run_id,
            listing["batch_id"],
            listing["fingerprint"],
            origin_of(answer.url),
            answer.url,
            answer.fetcher,
            answer.status,
            answer.content_type,
            len(answer.body),
            hashlib.sha256(answer.body).hexdigest(),
            str(path),
            answer.at,
        ],
    )
