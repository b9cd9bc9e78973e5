"""Evidence is made small for a regression test, and never smaller than its replay can bear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from andon.agents.search.repair.candidates import Candidate
from andon.agents.search.repair.evaluate import Bench
from andon.agents.search.repair.regression import smallest
from andon.models import CheckResult, CheckState, Evidence, Ran, Replay, Row

AT = datetime(2026, 11, 20, tzinfo=UTC)
ROWS: tuple[Row, ...] = tuple({"sku": sku, "amount": -1} for sku in "abc")
ORDERS: tuple[Row, ...] = tuple({"sku": sku, "amount": 3} for sku in "abcabc")
EVIDENCE = Evidence(
    check="stock", asked_at=AT, query="select", key=("sku",), total=3, rows=ROWS, context={"orders": ORDERS}
)


class Till:
    """Replays orders: a sku that was ordered twice is oversold on the base, and one that has no row may crash it."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        deadline = datetime.now(UTC) + timedelta(minutes=5)
        self.case = SimpleNamespace(evidence=EVIDENCE, deadline=deadline, workers=1)

    def replay(self, diff: str, *, evidence: Evidence) -> Replay:
        ordered = [row["sku"] for row in evidence.context["orders"]]
        ran = Ran(code=0, stdout="", stderr="", seconds=0.0)
        if self.strict and set(ordered) - {row["sku"] for row in evidence.rows}:
            return Replay(ran=ran, result=None)
        bad = () if diff else tuple(row for row in ROWS if ordered.count(row["sku"]) > 1)
        state = CheckState.FAILING if bad else CheckState.OK
        return Replay(
            ran=ran, result=CheckResult(check="stock", state=state, asked_at=AT, seconds=0.0, rows=bad, total=len(bad))
        )

    def side_by_side(self, *works: Callable[[], bool]) -> list[bool]:
        return [work() for work in works]


@pytest.mark.parametrize("strict", [True, False])
def test_small_evidence_still_shows_the_fault(strict: bool) -> None:
    till = Till(strict=strict)
    found, note = smallest(cast(Bench, till), cast(Candidate, SimpleNamespace(diff="the repair")))
    assert till.replay("", evidence=found).red
    assert till.replay("the repair", evidence=found).green
    assert len(found.context["orders"]) < len(ORDERS)
    assert note
