"""Finds when it began, from the times of offending and healthy rows; it never guesses where chance explains it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from andon.brief.attributes import parse_time
from andon.brief.chance import fisher, log_likelihood
from andon.models import Evidence, Onset, Row

ALPHA = 0.01
"""Chance, corrected for the splits tried, up to which a change is believed."""
WIDTHS = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400)
)
"""Widths of time buckets, in rising order."""
MOST_BUCKETS = 120
LEAST_BUCKETS = 12
LEAST_ROWS = 8
"""Rows wanted in a bucket, on average, where that leaves enough buckets."""
SECOND_CHANGE = 6.0
"""How much likelier an end must make it before an onset with an end is believed."""


YEARS = range(1971, 2200)
"""Times outside stand for `never` or `not known` (the years 1, 1970, 9999), and would stretch buckets to decades."""


class Beginning(NamedTuple):
    """Since when it has been so, and what tells."""

    at: datetime
    basis: str


class Stretch(NamedTuple):
    """Buckets from `start` up to `end`, and how much likelier they make the counts than one rate for all."""

    gain: float
    start: int
    end: int


class Series(NamedTuple):
    """Running sums of offending and of all rows over the buckets, both from 0."""

    bad: tuple[int, ...]
    rows: tuple[int, ...]

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Returns offending and all rows of the buckets from `start` up to `end`."""
        return self.bad[end] - self.bad[start], self.rows[end] - self.rows[start]


def find_onset(offending: Sequence[Row], healthy: Sequence[Row], at: str | None) -> Onset | None:
    """Returns when the offending share rose, or None when there is no time to go by or no rise beyond chance.

    A change point over counts in time buckets by binomial likelihood ratio, with one change or with an end as well;
    tested by Fisher's exact test, corrected for the splits tried. The time is that of the first offending row after
    the change.
    """
    times = labelled_times(offending, healthy, at)
    if not times or all(bad for _, bad in times) or not any(bad for _, bad in times):
        return None
    buckets = count(times)
    series = Series(
        tuple(accumulate((bad for _, bad, _ in buckets), initial=0)),
        tuple(accumulate((rows for _, _, rows in buckets), initial=0)),
    )
    best, tried = best_stretch(series)
    if best is None or chance(series, best) * tried > ALPHA:
        return None
    began = first_offending(times, buckets, best.start)
    ended = buckets[best.end][0] if best.end < len(buckets) else times[-1][0] + WIDTHS[0]
    inside = [bad for time, bad in times if began <= time < ended]
    outside = [bad for time, bad in times if not began <= time < ended]
    return Onset(
        at=began,
        before_rate=round(sum(outside) / max(1, len(outside)), 6),
        after_rate=round(sum(inside) / len(inside), 6),
        last_healthy=max((time for time, is_bad in times if not is_bad and time < began), default=None),
        buckets=tuple(buckets),
    )


def beginning(
    onset: Onset | None, evidence: Evidence, rows: Sequence[Row], first_red: datetime | None = None
) -> Beginning:
    """Returns since when it has been so, and what tells: the change point, else the first offending row (of `rows`),
    else the first failing sweep. Never later than the moment when the rows were there already."""
    asked_at = evidence.asked_at
    if onset is not None and onset.at <= asked_at:
        return Beginning(onset.at, "the onset")
    times = [time for time, _ in labelled_times(rows, [], evidence.at)]
    if times and times[0] <= asked_at:
        return Beginning(times[0], f"the first {'known ' if evidence.total > len(rows) else ''}offending row")
    return Beginning(min(first_red or asked_at, asked_at), "the first failing sweep")


def labelled_times(offending: Sequence[Row], healthy: Sequence[Row], at: str | None) -> list[tuple[datetime, bool]]:
    """Returns (time, offends) of every row that has a time, in order; times without an offset count as UTC."""
    if at is None:
        return []
    times: list[tuple[datetime, bool]] = []
    for rows, bad in ((offending, True), (healthy, False)):
        for row in rows:
            time = parse_time(row.get(at))
            if time is not None and time.year in YEARS:
                times.append((time if time.tzinfo else time.replace(tzinfo=UTC), bad))
    return sorted(times, key=lambda item: item[0])


def count(times: Sequence[tuple[datetime, bool]]) -> list[tuple[datetime, int, int]]:
    """Returns (start, offending, all) for each bucket, the empty ones as well; the width follows the data."""
    first, last = times[0][0], times[-1][0]
    wanted = max(LEAST_BUCKETS, min(MOST_BUCKETS, len(times) // LEAST_ROWS))
    width = next((width for width in WIDTHS if (last - first) / width < wanted), (last - first) / MOST_BUCKETS)
    start = datetime.fromtimestamp(first.timestamp() // width.total_seconds() * width.total_seconds(), tz=UTC)
    bad, rows = [0] * (int((last - start) / width) + 1), [0] * (int((last - start) / width) + 1)
    for time, is_bad in times:
        place = int((time - start) / width)
        rows[place] += 1
        bad[place] += is_bad
    return [(start + width * place, bad[place], rows[place]) for place in range(len(rows))]


def best_stretch(series: Series) -> tuple[Stretch | None, int]:
    """Returns the stretch with a raised rate that explains the counts best, and how many were tried."""
    size = len(series.rows) - 1
    none = log_likelihood(*series.within(0, size))
    tried, best = 0, Stretch(0.0, 0, 0)
    for start in range(size):
        for end in range(start + 1, size + 1):
            bad, rows = series.within(start, end)
            rest_bad, rest = series.bad[size] - bad, series.rows[size] - rows
            if not bad or not rest:
                continue
            tried += 1
            if bad * rest <= rest_bad * rows:
                continue
            gain = log_likelihood(bad, rows) + log_likelihood(rest_bad, rest) - none
            gain -= SECOND_CHANGE if end < size else 0.0
            if gain > best.gain:
                best = Stretch(gain, start, end)
    return (best if best.gain > 0 and best.start > 0 else None), tried


def chance(series: Series, stretch: Stretch) -> float:
    """Returns how likely so many offending rows fall into a stretch when time says nothing."""
    bad, rows = series.within(stretch.start, stretch.end)
    return fisher(bad, rows, series.bad[-1], series.rows[-1])


def first_offending(
    times: Sequence[tuple[datetime, bool]], buckets: Sequence[tuple[datetime, int, int]], start: int
) -> datetime:
    """Returns the time of the first offending row of the stretch; one bucket earlier when it began at its end.

    The rate of a half-bad bucket may be too low to belong to the stretch, though its last rows all offend.
    """
    opened = buckets[start][0]
    before = [item for item in times if buckets[start - 1][0] <= item[0] < opened]
    tail = len(before)
    while tail and before[tail - 1][1]:
        tail -= 1
    if tail < len(before):
        return before[tail][0]
    return next(time for time, bad in times if bad and time >= opened)
