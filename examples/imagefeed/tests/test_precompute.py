"""Summaries say what the items say."""

from __future__ import annotations

from datetime import date, timedelta

from benches import NOON, Bench
from healthy import write_healthy_history
from imagefeed.precompute import precompute, summarise
from imagefeed.store import Connection


def filled(bench: Bench) -> Connection:
    bench.conn.execute("delete from runs")
    write_healthy_history(bench.conn)
    return bench.conn


def test_items_are_counted_by_shop_label_and_day(bench: Bench) -> None:
    groups = summarise(filled(bench), date(2026, 3, 1))
    assert len(groups) == 12
    assert {group["items"] for group in groups} == {2}
    assert {(group["lowest"], group["highest"], group["total"]) for group in groups} == {(4200, 4200, 8400)}


def test_days_before_are_left_as_they_are(bench: Bench) -> None:
    assert summarise(filled(bench), NOON.date() + timedelta(days=1)) == []


def test_summary_takes_the_place_of_the_one_before(bench: Bench) -> None:
    conn = filled(bench)
    conn.execute("delete from summaries")
    assert precompute(conn, bench.clock, bench.run) == precompute(conn, bench.clock, bench.run) == 12
    assert conn.execute("select count(*) as n from summaries").fetchall() == [{"n": 12}]


def test_prices_of_a_summary_follow_the_items(bench: Bench) -> None:
    conn = filled(bench)
    conn.execute("delete from summaries")
    conn.execute("update items set price_eur_cents = 1000 where origin = 'lumen' and run_id = '20260302T120000Z'")
    precompute(conn, bench.clock, bench.run)
    found = conn.execute("select distinct lowest_eur_cents as low, highest_eur_cents as high, total_eur_cents as total"
                         " from summaries where origin = 'lumen'").fetchall()  # fmt: skip
    assert found == [{"low": 1000, "high": 4200, "total": 5200}]
