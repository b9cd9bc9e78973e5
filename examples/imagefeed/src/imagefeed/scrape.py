"""Writes down what the shops list, in their own words; it never fetches a picture or converts a value."""

from __future__ import annotations

from collections.abc import Iterator

from imagefeed.clock import Clock
from imagefeed.errors import FetchFailed
from imagefeed.fetch import Answer, Session, retrying
from imagefeed.identity import fingerprint
from imagefeed.markup import Listing, Page, read_page
from imagefeed.origins import ORIGINS, Origin
from imagefeed.store import Connection, Run, log_stage

MOST_PAGES = 20


@retrying
def fetch_page(session: Session, url: str) -> Answer:
    """One page of a shop's new arrivals."""
    return session.get(url, fetcher="fetch_page")


def scrape(conn: Connection, session: Session, clock: Clock, run: Run) -> int:
    """Writes the listings of every shop; a shop that does not answer leaves its batch open for the next run."""
    return sum(scrape_origin(conn, session, clock, run, origin) for origin in ORIGINS)


def scrape_origin(conn: Connection, session: Session, clock: Clock, run: Run, origin: Origin) -> int:
    """Writes what one shop lists that was not known, as one batch, and says how many listings that were."""
    batch_id = open_batch(conn, clock, run, origin.name)
    written = 0
    try:
        for number, page in enumerate(read_pages(session, origin, run), start=1):
            written += write_listings(conn, clock, run, batch_id, origin.name, number, page.listings)
    except FetchFailed as failed:
        log_stage(conn, run, clock, "scrape", status="failed", rows=written, note=str(failed))
        return written
    # The window of new arrivals is longer than the time between runs, so this pass saw what a broken one missed.
    conn.execute(
        "update batches set all_pages = true where origin = %s and status = 'open'",
        [origin.name],
    )
    return written


def read_pages(session: Session, origin: Origin, run: Run) -> Iterator[Page]:
    """A shop's pages, one after the other, as far as they go.

    Raises:
        FetchFailed: a page did not come.
    """
    url: str | None = origin.index_url(run.as_of)
    for _ in range(MOST_PAGES):
        if url is None:
            return
        page = read_page(origin.name, fetch_page(session, url).body.decode("utf-8", "replace"))
        yield page
        url = page.next_url


def open_batch(conn: Connection, clock: Clock, run: Run, origin: str) -> str:
    """Starts the batch of one shop in one run, and gives its id."""
    batch_id = f"{run.run_id}/{origin}"
    conn.execute(
        "insert into batches (batch_id, run_id, origin, all_pages, status, opened_at, fingerprint)"
        " values (%s, %s, %s, false, 'open', %s, %s)",
        [batch_id, run.run_id, origin, clock.now(), fingerprint("batch", batch_id)],
    )
    return batch_id


def write_listings(
    conn: Connection,
    clock: Clock,
    run: Run,
    batch_id: str,
    origin: str,
    page: int,
    listings: tuple[Listing, ...],
) -> int:
    """Writes the listings that are not known yet, and says how many they were."""
    written = 0
    with conn.transaction():
        for listing in listings:
            written += conn.execute(
                "insert into listings (fingerprint, run_id, batch_id, origin, listing_id, edition, page, title,"
                " price_text, price_unit, currency, size_text, published_text, picture_url, large_url, seen_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " on conflict (fingerprint) do nothing",
                [
                    fingerprint("listing", origin, listing.listing_id, listing.edition),
                    run.run_id,
                    batch_id,
                    origin,
                    listing.listing_id,
                    listing.edition,
                    page,
                    listing.title,
                    listing.price_text,
                    listing.price_unit,
                    listing.currency,
                    listing.size_text,
                    listing.published_text,
                    listing.picture_url,
                    listing.large_url,
                    clock.now(),
                ],
            ).rowcount
    return written
