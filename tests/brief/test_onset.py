"""Onset finds the change that was planted, and none where the rate never changed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from andon.brief.onset import find_onset
from andon.models import Row

START = datetime(2026, 3, 1, tzinfo=UTC)


def rows_of(
    rng: random.Random, count: int, change: float, before: float, after: float, *, end: float = 2.0
) -> tuple[list[Row], list[Row]]:
    """(offending, healthy) rows over ten days; the rate changes at a share of the time, and back at `end`."""
    bad: list[Row] = []
    good: list[Row] = []
    for number in range(count):
        share = number / count
        rate = after if change <= share < end else before
        row: Row = {"at": (START + timedelta(days=10 * share)).isoformat()}
        (bad if rng.random() < rate else good).append(row)
    return bad, good


@pytest.mark.parametrize("count", [60, 400, 5000])
def test_break_is_found_where_it_was_planted(count: int) -> None:
    bad, good = rows_of(random.Random(1), count, 0.7, 0.0, 1.0)
    onset = find_onset(bad, good, "at")
    assert onset is not None
    assert onset.at == datetime.fromisoformat(str(bad[0]["at"]))
    assert onset.last_healthy == datetime.fromisoformat(str(good[-1]["at"]))
    assert onset.before_rate == pytest.approx(0.0, abs=0.02)
    assert onset.after_rate > 0.9


def test_rise_of_a_small_rate_is_found_near_its_place() -> None:
    bad, good = rows_of(random.Random(2), 6000, 0.6, 0.02, 0.15)
    onset = find_onset(bad, good, "at")
    assert onset is not None
    assert abs(onset.at - (START + timedelta(days=6))) < timedelta(hours=12)
    assert sum(rows for _, _, rows in onset.buckets) == 6000


def test_burst_that_ended_is_found_at_its_start() -> None:
    bad, good = rows_of(random.Random(3), 4000, 0.4, 0.0, 0.5, end=0.45)
    onset = find_onset(bad, good, "at")
    assert onset is not None
    assert abs(onset.at - (START + timedelta(days=4))) < timedelta(hours=3)


def test_steady_rate_has_no_onset() -> None:
    wrong = sum(find_onset(*rows_of(random.Random(seed), 800, 0.5, 0.1, 0.1), "at") is not None for seed in range(40))
    assert wrong <= 2


def test_without_times_or_healthy_rows_there_is_no_onset() -> None:
    bad, good = rows_of(random.Random(4), 100, 0.5, 0.0, 1.0)
    assert find_onset(bad, good, None) is None
    assert find_onset(bad, [], "at") is None
    assert find_onset([], good, "at") is None
    assert find_onset(bad, good, "other") is None


def test_all_rows_at_one_moment_have_no_onset() -> None:
    same: list[Row] = [{"at": START.isoformat()} for _ in range(20)]
    assert find_onset(same[:10], same[10:], "at") is None


def test_times_that_stand_for_never_do_not_hide_the_onset() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    good: list[Row] = [{"at": (start + timedelta(minutes=number)).isoformat()} for number in range(600)]
    bad: list[Row] = [{"at": (start + timedelta(minutes=300 + number)).isoformat()} for number in range(300)]
    moments = ("0001-01-01T00:00:00", "9999-12-31T00:00:00", "1970-01-01T00:00:00")
    never: list[Row] = [{"at": moment} for moment in moments]
    found = find_onset(bad, [*good, *never], "at")
    assert found is not None
    assert found.at == start + timedelta(minutes=300)
