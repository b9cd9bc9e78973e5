"""Counts what came of people's fixes, and writes it as tables; it judges nothing."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

OUTCOMES = ("proven", "needs eyes: contested", "needs eyes: other", "rejected", "not reproduced", "broken")


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns counts, reasons and costs."""
    whole = len(results) or 1
    count = Counter(one["outcome"] for one in results)
    judged = [one for one in results if one.get("verdict")]
    costs = [one["verdict"]["seconds"] for one in judged]
    suites = [
        one["verdict"]["seconds"] / one["suite_seconds"]
        for one in judged
        if one.get("suite_seconds") and one["outcome"] in ("proven", "needs eyes: contested", "needs eyes: other")
    ]
    classes = Counter((one["outcome"], one["class"]) for one in results if one["outcome"] != "proven")
    return {
        "fixes": len(results),
        "repositories": len({one["repository"] for one in results}),
        "judges": dict(Counter(one.get("judge", "unknown") for one in results).most_common()),
        "outcomes": {
            name: {
                "fixes": count[name],
                "share": round(count[name] / whole, 4),
                "at_most": round(upper_bound(count[name], len(results)), 4),
            }
            for name in OUTCOMES
        },
        "reasons": [
            {"outcome": outcome, "class": name, "fixes": number} for (outcome, name), number in classes.most_common()
        ],
        "verdict_seconds": spread(costs),
        "verdict_suites": spread(suites),
        "environment_seconds": spread([one["environment_seconds"] for one in judged]),
        "memory_mb": spread([one["memory_mb"] for one in results if one.get("memory_mb")]),
    }


def upper_bound(count: int, whole: int, doubt: float = 0.05) -> float:
    """Returns the share that is exceeded with no more than this doubt, after Clopper and Pearson."""
    if count >= whole:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        fewer = sum(math.comb(whole, k) * share**k * (1 - share) ** (whole - k) for k in range(count + 1))
        low, high = (share, high) if fewer > doubt else (low, share)
    return high


def spread(values: Iterable[float]) -> dict[str, float]:
    """Returns median, 90th percentile and largest of some numbers; empty for none."""
    known = sorted(values)
    if not known:
        return {}
    return {
        "median": round(statistics.median(known), 2),
        "p90": round(known[math.ceil(0.9 * len(known)) - 1], 2),
        "most": round(known[-1], 2),
    }


def rendered(told: dict[str, Any]) -> str:
    """Returns the summary as Markdown tables."""
    judges = ", ".join(f"{name} ({number})" for name, number in told["judges"].items())
    lines = [f"{told['fixes']} fixes of {told['repositories']} repositories; by the judge {judges}"]
    lines += ["", "| verdict | fixes | share | at most |", "|---|--:|--:|--:|"]
    lines += [
        f"| {name} | {one['fixes']} | {one['share']:.1%} | {one['at_most']:.1%} |"
        for name, one in told["outcomes"].items()
    ]
    lines += ["", "| verdict | class of the reason | fixes |", "|---|---|--:|"]
    lines += [f"| {one['outcome']} | {one['class'].replace('|', '/')} | {one['fixes']} |" for one in told["reasons"]]
    lines += ["", "| cost | median | 90% | most |", "|---|--:|--:|--:|"]
    names = {
        "verdict_seconds": "verdict, seconds",
        "verdict_suites": "verdict, runs of the suite",
        "environment_seconds": "environment and checkout, seconds",
        "memory_mb": "memory of andon, MB",
    }
    for key, name in names.items():
        one = told[key]
        lines += [f"| {name} | {one['median']:g} | {one['p90']:g} | {one['most']:g} |"] if one else []
    return "\n".join(lines) + "\n"
