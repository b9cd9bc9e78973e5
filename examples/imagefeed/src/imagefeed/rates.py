"""Keeps the day's exchange rates; it never converts a price."""

from __future__ import annotations

import json
from decimal import Decimal

from imagefeed.clock import Clock
from imagefeed.errors import FetchFailed
from imagefeed.fetch import Answer, Session, retrying
from imagefeed.identity import fingerprint
from imagefeed.store import Connection, Run, log_stage


@retrying
def fetch_rates(session: Session, url: str) -> Answer:
    """The rates of one day."""
    return session.get(url, fetcher="fetch_rates")


def keep_rates(conn: Connection, session: Session, clock: Clock, run: Run) -> int:
    """Writes the rates of the run's day as they now stand; when they do not come, older ones go on."""
    day = run.as_of.date()
    try:
        answer = fetch_rates(session, f"http://rates.example/daily?day={day}")
    except FetchFailed as failed:
        log_stage(conn, run, clock, "rates", status="failed", rows=0, note=str(failed))
        return 0
    rates = json.loads(answer.body)["rates"]
    with conn.transaction():
        for currency, per_euro in {"EUR": "1", **rates}.items():
            conn.execute(
                "insert into rates (fingerprint, run_id, day, currency, euro_per_unit, fetched_at)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (fingerprint) do update"
                " set euro_per_unit = excluded.euro_per_unit, fetched_at = excluded.fetched_at",
                [
                    fingerprint("rate", day, currency),
                    run.run_id,
                    day,
                    currency,
                    round(1 / Decimal(per_euro), 6),
                    clock.now(),
                ],
            )
    return 1 + len(rates)


def read_rates(conn: Connection, run: Run) -> dict[str, Decimal]:
    """Euro per unit of each currency: the newest known up to the run's day."""
    return {
        row["currency"]: row["euro_per_unit"]
        for row in conn.execute(
            "select distinct on (currency) currency, euro_per_unit from rates"
            " where day <= %s order by currency, day desc",
            [run.as_of.date()],
        )
    }
