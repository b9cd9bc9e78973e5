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


@pytest.mark.parametrize("bug", ["missing-strip", "unwrapped-call"])
def test_honest_fix_is_proven(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    verdict = ground.judge(ground.patch(ground.edited(*FIXES[bug])))
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)
    # It has a check, adds no condition and no handler, has one part alone, and brings no diagnosis; what one of them
    # hands to its class is nobody's function.
    idle = ("flip seen from outside", "errors accounted", "every condition needed", "no answer changed unasked")
    idle += ("diagnosis replayed", "same lines", *(["no use left behind"] if bug == "unwrapped-call" else []))
    assert [proof.name for proof in verdict.proofs] == [one.name for one in PROOFS if one.name not in idle]
    assert all(proof.outcome is Outcome.HOLDS for proof in verdict.proofs)


@pytest.mark.parametrize("bug", ["unit", "off-by-one"])
def test_honest_fix_holds_before_every_proof_that_needs_no_suite(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    names = [rule.name for rule in PROOFS]
    wanted = names[: names.index("new test on base")]
    proofs = ground.prove(ground.patch(ground.edited(*FIXES[bug])), *wanted)
    assert {proof.outcome for proof in proofs.values()} == {Outcome.HOLDS}
    assert list(proofs) == wanted
