"""Honest fixes in other languages: proven where the symptom was seen from outside, else for a person's eyes."""

from __future__ import annotations

import pytest
from lab import Lab
from tongues import CARGO, NODE, TONGUES, crate

from andon.judge import hear, render_verdict
from andon.models import Outcome, VerdictOutcome


@pytest.mark.slow
@pytest.mark.parametrize("people", [True, False], ids=["person", "agent"])
@pytest.mark.parametrize("tongue", list(TONGUES))
def test_fix_with_its_symptom_is_proven(tongue: str, people: bool, lab: Lab) -> None:
    with TONGUES[tongue].hearing(lab, people=people, symptom=True) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)
    names = {proof.name for proof in verdict.proofs}
    assert {"symptom on head", "new test on base", "suite on head", "every hunk needed", "repeat"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("tongue", list(TONGUES))
def test_fix_of_which_nothing_was_seen_from_outside_needs_eyes_and_says_why(tongue: str, lab: Lab) -> None:
    with TONGUES[tongue].hearing(lab, people=True) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.NEEDS_EYES, render_verdict(verdict)
    unsure = [proof for proof in verdict.proofs if proof.outcome is Outcome.NEEDS_EYES]
    assert [proof.name for proof in unsure] == ["flip seen from outside"]
    assert "name a command with --symptom" in unsure[0].saw


def test_tests_that_lie_in_the_source_file_are_told_apart_from_it(lab: Lab) -> None:
    inline = crate("").replace(
        "    #[test]\n",
        "    #[test]\n    fn all() {\n        assert_eq!(super::total(&[3, 4]), 7);\n    }\n\n    #[test]\n",
    )
    with CARGO.hearing(lab, {"src/lib.rs": inline, "tests/all.rs": None}, people=True, symptom=True) as hearing:
        assert hearing.source_diff.count("\n+") == 2
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)


def test_scripts_of_the_old_kind_are_judged_as_well(lab: Lab) -> None:
    names = {"test": "node:test", "assert": "node:assert", "{ total }": "../shop.js"}
    opened = "".join(f'const {name} = require("{module}");\n' for name, module in names.items())
    source = "exports.total = (prices) => prices.slice({}).reduce((one, other) => one + other, 0);\n"
    old = NODE._replace(
        base={
            "package.json": '{"name": "shop"}\n',
            "shop.js": source.format(1),
            "cli.mjs": NODE.base["cli.mjs"]
            .replace("import { total } from", "import shop from")
            .replace("total(", "shop.total("),
            "test/old.test.js": opened + 'test("none", () => assert.strictEqual(total([]), 0));\n',
        },
        fixed=source.format(0),
        right=opened + 'test("all", () => assert.strictEqual(total([3, 4]), 7));\n',
    )
    with old.hearing(lab, people=True, symptom=True) as hearing:
        verdict = hear(hearing)
    assert verdict.outcome is VerdictOutcome.PROVEN, render_verdict(verdict)
