"""Every check is green on a healthy history and red on the row it is there for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asking import CHECKS, ask, collect, read_check
from benches import NOON
from healthy import write_healthy_history
from imagefeed.store import Connection

NOW = NOON + timedelta(minutes=30)
ONE = "(select min(fingerprint) from {table} where origin = 'harbor' and run_id = '20260302T120000Z')"


def one(table: str) -> str:
    return ONE.format(table=table)


HARM: dict[str, tuple[int, list[str]]] = {
    "no-zero-byte-images": (1, [f"update images set bytes = 0 where fingerprint = {one('images')}"]),
    "source-answers": (1, ["update fetches set status = 503 where origin = 'lumen'"]),
    "run-finished": (1, ["update runs set status = 'failed', error = 'ValueError' where run_id = '20260302T120000Z'"]),
    "blank-share": (
        1,
        [
            "update classifications set label = 'a blank image' where origin = 'lumen'"
            " and run_id = '20260302T120000Z' and label in ('a red circle', 'a blue ring')"
        ],
    ),
    "every-image-classified": (1, [f"delete from classifications where fingerprint = {one('classifications')}"]),
    "every-listing-has-a-picture": (
        4,
        [
            "delete from classifications where origin = 'harbor' and run_id = '20260302T120000Z'",
            "delete from images where origin = 'harbor' and run_id = '20260302T120000Z'",
            "update listings set seen_at = seen_at - interval '2 hours'",
        ],
    ),
    "content-type-matches": (1, [f"update images set content_type = 'text/html' where fingerprint = {one('images')}"]),
    "price-in-range": (8, ["update items set price_eur_cents = price_eur_cents * 100 where origin = 'prairie'"]),
    "size-in-range": (1, [f"update items set width_mm = width_mm / 10 where fingerprint = {one('items')}"]),
    "times-are-plausible": (
        8,
        ["update items set published_at = published_at + interval '1 hour' where origin = 'harbor'"],
    ),
    "no-duplicate-items": (
        1,
        [
            "insert into items (fingerprint, run_id, batch_id, origin, listing_id, edition, title, currency,"
            " price_minor, price_eur_cents, width_mm, height_mm, published_at, day, loaded_at)"
            " select fingerprint, run_id, batch_id, origin, listing_id, edition, title, currency,"
            " price_minor, price_eur_cents, width_mm, height_mm, published_at, day, loaded_at"
            f" from items where fingerprint = {one('items')}"
        ],
    ),
    "every-edition-has-an-item": (
        1,
        [
            "insert into listings select 'framed', run_id, batch_id, origin, listing_id, 'framed', page, title,"
            " price_text, price_unit, currency, size_text, published_text, picture_url, large_url, seen_at"
            f" from listings where fingerprint = {one('listings')}"
        ],
    ),
    "late-rows-are-processed": (1, [f"delete from items where fingerprint = {one('items')}"]),
    "summary-matches-items": (
        4,
        ["update batches set status = 'open', completed_at = null where batch_id = '20260302T120000Z/lumen'"],
    ),
    "batches-complete": (
        1,
        [
            "update batches set status = 'open', opened_at = opened_at - interval '3 hours'"
            " where batch_id = '20260302T120000Z/lumen'"
        ],
    ),
    "pages-have-listings": (
        1,
        [
            "insert into batches select batch_id || 'x', run_id, 'nova', true, 'complete', opened_at, completed_at,"
            " fingerprint || 'x' from batches where origin = 'lumen'"
        ],
    ),
    "freshness": (1, ["update listings set seen_at = seen_at - interval '4 hours' where origin = 'harbor'"]),
}


def test_every_check_has_its_harm_here() -> None:
    assert {path.stem for path in CHECKS.glob("*.sql")} == HARM.keys()


@pytest.mark.parametrize("name", sorted(HARM))
def test_check_is_green_on_health_and_red_on_harm(name: str, conn: Connection, scratch_url: str) -> None:
    write_healthy_history(conn)
    assert ask(scratch_url, name, now=NOW) == []
    count, statements = HARM[name]
    for statement in statements:
        conn.execute(statement.encode())
    found = collect(scratch_url, name, now=NOW)
    header = read_check(name).header
    assert len(found["rows"]) == count
    wanted = {header["at"].split()[0], *header["key"].split(", "), "run_id"}
    assert all(row[column] is not None for row in found["rows"] for column in wanted)
    assert [row["run_id"] for row in found["context"]["runs"]][-1] == found["rows"][-1]["run_id"]
    assert found["context"]["fetches"]


@pytest.mark.parametrize("name", sorted(HARM))
def test_check_says_why_it_is_there_and_what_was_decided(name: str) -> None:
    header = read_check(name).header
    assert header["check"] == name
    assert header["why"][:4].isdigit()
    assert len(header["decided"]) > 30
    assert set(filter(None, header.get("upstream", "").split(", "))) <= HARM.keys()


def test_run_that_never_ended_is_found(conn: Connection, scratch_url: str) -> None:
    write_healthy_history(conn)
    conn.execute("update runs set status = 'running', finished_at = null where run_id = '20260302T113000Z'")
    assert [row["status"] for row in ask(scratch_url, "run-finished", now=NOW)] == ["running"]


def test_since_leaves_what_was_judged_alone(conn: Connection, scratch_url: str) -> None:
    write_healthy_history(conn)
    conn.execute("update images set bytes = 0")
    assert len(ask(scratch_url, "no-zero-byte-images", now=NOW)) == 24
    assert len(ask(scratch_url, "no-zero-byte-images", now=NOW, since=NOON - timedelta(minutes=1))) == 12
