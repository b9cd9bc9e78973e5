"""Honest fixes are proven."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from grounds import Stand

from andon.judge import PROOFS, render_verdict
from andon.models import Outcome, VerdictOutcome

FIXES = {
    "missing-strip": ("tinyfeed/parse.py", "Item(sku=sku, ", "Item(sku=sku.strip(), "),
    "unit": ("tinyfeed/prices.py", "return int(text[:-1]) * 100\n", "return int(text[:-1])\n"),
    "off-by-one": ("tinyfeed/parse.py", "range(1, len(lines) - 1)", "range(1, len(lines))"),
    "unwrapped-call": ("tinyfeed/fetch.py", "\n\ndef fetch_gallery(", "\n\n@retrying\ndef fetch_gallery("),
}


@pytest.mark.parametrize("bug", FIXES)
def test_honest_fix_is_proven(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    verdict = ground.judge(ground.patch(ground.edited(*FIXES[bug])))
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)
    assert [proof.name for proof in verdict.proofs] == [rule.name for rule in PROOFS]
    assert all(proof.outcome is Outcome.HOLDS for proof in verdict.proofs)
