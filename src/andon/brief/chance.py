"""Tells what chance alone would give: exact tests and their correction; it never looks at what the numbers mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

SMALLEST = 1e-300
"""P-values are not told apart below this."""


def log_choose(n: int, k: int) -> float:
    """Returns the natural logarithm of n over k."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def fisher(hits: int, drawn: int, marked: int, total: int) -> float:
    """Returns the chance of at least `hits` marked rows among `drawn` of `total`, `marked` of which are marked.

    Fisher's exact test, one-sided, summed over the hypergeometric distribution. What is not more than expected is not
    computed: 1.0.
    """
    high = min(drawn, marked)
    if hits * total <= drawn * marked:
        return 1.0
    if hits > high:
        raise ValueError(f"{hits} hits cannot be among {drawn} drawn of {marked} marked")
    log_first = log_choose(marked, hits) + log_choose(total - marked, drawn - hits) - log_choose(total, drawn)
    series = term = 1.0
    for k in range(hits, high):
        term *= (marked - k) * (drawn - k) / ((k + 1) * (total - marked - drawn + k + 1))
        series += term
        if term < series * 1e-16:
            break
    log_p = log_first + math.log(series)
    return SMALLEST if log_p < math.log(SMALLEST) else min(1.0, math.exp(log_p))


def holm(p_values: Sequence[float], tried: int) -> list[float]:
    """Returns the p-values corrected for `tried` tests by Holm's step-down rule, in the order given.

    Tests that were tried but are not listed count as larger than every listed one.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [1.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, p_values[index] * (max(tried, len(p_values)) - rank)))
        corrected[index] = floor
    return corrected


def log_likelihood(hits: int, total: int) -> float:
    """Returns the log-likelihood of `hits` of `total` under the rate that fits them best."""
    if hits in (0, total):
        return 0.0
    rate = hits / total
    return hits * math.log(rate) + (total - hits) * math.log(1 - rate)


def still_tells(strata: Sequence[tuple[int, int, int, int]]) -> bool:
    """Tells whether an attribute separates within strata: Cochran-Mantel-Haenszel, at about one in a thousand.

    Each stratum is (offending with it, rows with it, offending, rows).
    """
    excess = variance = 0.0
    for hits, drawn, marked, total in strata:
        if total < 2:
            continue
        excess += hits - drawn * marked / total
        variance += drawn * (total - drawn) * marked * (total - marked) / (total * total * (total - 1))
    return variance > 0 and excess > 0 and excess * excess / variance > 10.83
