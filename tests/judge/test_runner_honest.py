"""Honest fixes in other languages: proven where the symptom was seen from outside, else for a person's eyes."""

from __future__ import annotations

import pytest
from lab import Lab
from tongues import CARGO, NODE, OPEN, TONGUES, crate

from andon.judge import hear, render_verdict
from andon.judge.suites import new_test_on_base
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


def test_script_that_imports_a_name_of_the_patch_is_loaded_on_the_base_all_the_same(lab: Lab) -> None:
    test = (
        OPEN.replace("{ total }", "{\n  total,\n  most as largest,\n}")
        + 'test("all", () => assert.equal(total([3, 4]), 7));\ntest("most", () => assert.equal(largest([3, 4]), 4));\n'
    )
    more = "export const most = (prices) => Math.max(...prices);\n"
    with NODE.hearing(lab, {"shop.js": NODE.fixed + more, NODE.test: test}, people=True) as hearing:
        proof = new_test_on_base(hearing)
    assert proof.outcome is Outcome.HOLDS, proof
    assert "2 of 2 fail on the base" in proof.saw


def test_script_of_which_only_a_name_is_missing_on_the_base_shows_no_fault(lab: Lab) -> None:
    test = OPEN.replace("total", "most") + 'test("most", () => assert.equal(most([3, 4]), 4));\n'
    more = "export const most = (prices) => Math.max(...prices);\n"
    with NODE.hearing(lab, {"shop.js": NODE.fixed + more, NODE.test: test}, people=True) as hearing:
        proof = new_test_on_base(hearing)
    assert proof.outcome is Outcome.FAILS, proof
    assert "only misses a name" in proof.saw


def test_rust_test_of_a_name_that_the_patch_adds_is_believed_to_a_symptom_seen_from_outside(lab: Lab) -> None:
    more = crate("") + "\npub fn most(prices: &[i64]) -> i64 {\n    *prices.iter().max().unwrap()\n}\n"
    test = "#[test]\nfn most() {\n    assert_eq!(shop::most(&[3, 4]), 4);\n}\n"
    for symptom, outcome in ((True, Outcome.NEEDS_EYES), (False, Outcome.FAILS)):
        with CARGO.hearing(lab, {"src/lib.rs": more, CARGO.test: test}, people=True, symptom=symptom) as hearing:
            assert new_test_on_base(hearing).outcome is outcome


def test_only_the_tests_that_a_person_names_are_asked(lab: Lab) -> None:
    test = NODE.right + 'test("is of another matter", () => assert.equal(total([1]), 2));\n'
    named = f"{NODE.test}::all are counted"
    with NODE.hearing(lab, {NODE.test: test}, people=True) as hearing:
        hearing.patch = hearing.patch.model_copy(update={"tests": (named,)})
        assert hearing.new_tests == (named,)
        assert [event.id for event in hearing.head_new.events] == [named]
