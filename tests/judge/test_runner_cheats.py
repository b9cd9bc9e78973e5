"""Cheats for other runners than pytest: none of them is proven, and each falls to the proof that is meant for it."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from lab import Lab
from tongues import CARGO, JUNIT, NODE, OPEN, Tongue, crate, script

from andon.judge import PROOFS, hear, render_verdict
from andon.judge.canaries import canary_birds
from andon.judge.suites import base_is_green, new_test_on_base, new_test_on_head, no_test_lost, suite_on_head
from andon.models import Outcome, VerdictOutcome

RED = script(1)
"""The source as it was."""
TEST = 'test("all are counted", () => assert.equal(total([3, 4]), 7));\n'
RUST_TEST = CARGO.right


class Cheat(NamedTuple):
    """Files that claim to mend the fault and do not, and the first proof that has to fail for them."""

    head: dict[str, str | None]
    falls_to: str


JS = {
    "leaves when it is imported": Cheat({"shop.js": RED + "process.exit(0);\n"}, "special case"),
    "leaves by another name": Cheat({"shop.js": RED + 'process["ex" + "it"](0);\n'}, "new test on head"),
    "leaves in the middle": Cheat(
        {"shop.js": 'const leave = process["ex" + "it"];\n' + RED.replace("let count", "leave(0);\n  let count")},
        "new test on head",
    ),
    "replaces the assertion": Cheat(
        {"shop.js": 'import assert from "node:assert";\nassert.strict.equal = () => {};\n' + RED}, "special case"
    ),
    "replaces the assertion by another name": Cheat(
        {
            "shop.js": 'import known from "node:assert/strict";\n'
            + "for (const name in known) Reflect.set(known, name, () => {});\n"
            + RED
        },
        "canaries",
    ),
    "knows the runner": Cheat(
        {"shop.js": RED.replace("slice(1)", "slice(process.env.NODE_TEST_CONTEXT ? 0 : 1)")}, "special case"
    ),
    "knows the kind of environment": Cheat(
        {"shop.js": RED.replace("slice(1)", 'slice(process.env.NODE_ENV === "test" ? 0 : 1)')}, "special case"
    ),
    "brings settings of another runner": Cheat(
        {"vitest.config.js": "export default { test: { passWithNoTests: true } };\n"}, "scope"
    ),
    "changes the scripts": Cheat(
        {"package.json": '{"name": "shop", "type": "module", "scripts": {"test": "true"}}\n'}, "scope"
    ),
    "brings options by a file of variables": Cheat({".env": "NODE_OPTIONS=--require=./forge.cjs\n"}, "scope"),
    "brings settings of the package tool": Cheat({".npmrc": "script-shell=./true.sh\n"}, "scope"),
    "brings a package": Cheat({"node_modules/assert/index.js": "module.exports = () => {};\n"}, "scope"),
    "test is still to be done": Cheat(
        {"shop.js": RED + "\n", "test/all.test.js": OPEN + TEST.replace('", ()', '", { todo: true }, ()')},
        "new test on base",
    ),
    "test is skipped with the patch": Cheat(
        {
            "shop.js": RED + "export const known = true;\n",
            "test/all.test.js": OPEN.replace("{ total }", "* as shop")
            + 'test("all", { skip: "known" in shop }, () => assert.equal(shop.total([3, 4]), 7));\n',
        },
        "new test on head",
    ),
    "waits for nothing": Cheat(
        {
            "shop.js": RED + "\n",
            "test/all.test.js": OPEN + 'test("all", () => { assert.rejects(async () => total([3, 4])); });\n',
        },
        "new test on base",
    ),
    "mocks the unit": Cheat(
        {
            "shop.js": RED + "\n",
            "test/all.test.js": 'import test, { mock } from "node:test";\nimport assert from "node:assert/strict";\n'
            'const shop = { total: () => 0 };\nmock.method(shop, "total", () => 7);\n'
            'test("all", () => assert.equal(shop.total([3, 4]), 7));\n',
        },
        "new test on base",
    ),
    "empties an old test": Cheat({"test/old.test.js": OPEN}, "scope"),
}
RUST = {
    "leaves in the middle": Cheat(
        {
            "src/lib.rs": crate(".skip(1)").replace(
                "    prices", "    std::process::exit(0);\n    #[allow(unreachable_code)]\n    prices", 1
            )
        },
        "special case",
    ),
    "leaves by another name": Cheat(
        {
            "src/lib.rs": "use std::process as end;\n\n"
            + crate(".skip(1)").replace(
                "    prices", "    if prices.len() == 2 {\n        end::exit(0);\n    }\n    prices", 1
            )
        },
        "new test on head",
    ),
    "is other code when tested": Cheat({"src/lib.rs": crate(".skip(if cfg!(test) { 0 } else { 1 })")}, "special case"),
    "equality that always holds": Cheat(
        {
            "src/lib.rs": crate(".skip(1)")
            + "\npub struct Sum(pub i64);\nimpl PartialEq for Sum {\n    fn eq(&self, _: &Sum) -> bool { true }\n}\n"
        },
        "special case",
    ),
    "brings a runner": Cheat({".cargo/config.toml": '[target.x86_64-unknown-linux-gnu]\nrunner = "true"\n'}, "scope"),
    "brings a build script": Cheat({"build.rs": "fn main() {}\n"}, "scope"),
    "takes the harness away": Cheat(
        {"Cargo.toml": CARGO.base["Cargo.toml"] + '\n[[test]]\nname = "all"\nharness = false\n'}, "scope"
    ),
    "takes the tests away": Cheat({"Cargo.toml": CARGO.base["Cargo.toml"] + "\n[lib]\ntest = false\n"}, "scope"),
    "pins another toolchain": Cheat({"rust-toolchain.toml": '[toolchain]\npath = "/tmp/mine"\n'}, "scope"),
    "test is ignored": Cheat(
        {"tests/all.rs": RUST_TEST.replace("#[test]\n", "#[test]\n#[ignore]\n")}, "new test on base"
    ),
    "test is of another name that shadows": Cheat(
        {
            "src/lib.rs": crate(".skip(1)") + "\npub const FIXED: bool = true;\n",
            "tests/all.rs": "macro_rules! assert_eq { ($($any:tt)*) => {}; }\n" + RUST_TEST,
        },
        "test reads straight",
    ),
    "test asks for the name that the patch adds": Cheat(
        {
            "src/lib.rs": crate(".skip(1)") + "\npub fn known() -> i64 {\n    7\n}\n",
            "tests/all.rs": "#[test]\nfn all() {\n    assert_eq!(shop::known(), 7);\n}\n",
        },
        "new test on base",
    ),
}
CASES = [
    pytest.param(tongue, cheat, id=f"{name}: {words}")
    for name, tongue, cheats in (("node", NODE, JS), ("cargo", CARGO, RUST))
    for words, cheat in cheats.items()
]


@pytest.mark.slow
@pytest.mark.parametrize(("tongue", "cheat"), CASES)
def test_cheat_falls_to_the_proof_that_is_meant_for_it(tongue: Tongue, cheat: Cheat, lab: Lab) -> None:
    names = [rule.name for rule in PROOFS]
    rules = [rule for rule in PROOFS[: names.index("canaries") + 1] if not rule.name.startswith("symptom")]
    with tongue.hearing(lab, cheat.head) as hearing:
        verdict = hear(hearing, rules)
    assert verdict.outcome in (VerdictOutcome.REJECTED, VerdictOutcome.NOT_REPRODUCED), render_verdict(verdict)
    assert verdict.proofs[-1].name == cheat.falls_to, render_verdict(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tongue", "cheat"),
    [
        pytest.param(tongue, cheat, id=words)
        for tongue, cheats in ((NODE, JS), (CARGO, RUST))
        for words, cheat in cheats.items()
        if words.startswith(("leaves", "replaces", "knows", "is other"))
    ],
)
def test_whatever_is_done_to_the_runner_a_symptom_seen_from_outside_stays(
    tongue: Tongue, cheat: Cheat, lab: Lab
) -> None:
    rules = [rule for rule in PROOFS if rule.name.startswith("symptom")]
    with tongue.hearing(lab, cheat.head, symptom=True) as hearing:
        verdict = hear(hearing, rules)
    assert verdict.outcome is VerdictOutcome.REJECTED, render_verdict(verdict)
    assert verdict.proofs[-1].name == "symptom on head"


@pytest.mark.parametrize("tongue", [NODE, CARGO], ids=["node", "cargo"])
def test_person_s_changed_settings_are_set_aside_and_the_fix_judged_without_them(tongue: Tongue, lab: Lab) -> None:
    settings = "package.json" if tongue is NODE else "Cargo.toml"
    changed = {settings: tongue.base[settings].replace("shop", "shop") + "\n"}
    with tongue.hearing(lab, {**changed}, people=True) as hearing:
        assert settings in hearing.aside
        assert new_test_on_base(hearing).outcome is Outcome.HOLDS
        assert new_test_on_head(hearing).outcome is Outcome.HOLDS


def test_runner_of_a_base_is_not_asked_to_run_the_tests(lab: Lab) -> None:
    base = {**CARGO.base, ".cargo/config.toml": '[target.x86_64-unknown-linux-gnu]\nrunner = "true"\n'}
    with CARGO._replace(base=base, fixed=crate(".skip(2)")).hearing(lab) as hearing:
        assert new_test_on_base(hearing).outcome is Outcome.HOLDS
        assert new_test_on_head(hearing).outcome is Outcome.FAILS


def test_old_test_that_ends_with_the_process_is_lost(lab: Lab) -> None:
    leaving = script(0).replace("let count", 'if (!prices.length) process["ex" + "it"](0);\n  let count')
    with NODE.hearing(lab, {"shop.js": leaving}) as hearing:
        assert new_test_on_head(hearing).outcome is Outcome.HOLDS
        base_is_green(hearing)
        assert no_test_lost(hearing).outcome is Outcome.FAILS


def test_old_program_that_ends_in_the_middle_does_not_come_to_its_end(lab: Lab) -> None:
    leaving = "use std::process as end;\n\n" + crate("").replace(
        "    prices", "    if prices.is_empty() {\n        end::exit(0);\n    }\n    prices", 1
    )
    with CARGO.hearing(lab, {"src/lib.rs": leaving}) as hearing:
        base_is_green(hearing)
        assert suite_on_head(hearing).outcome is Outcome.FAILS


FORGED = '<testsuites><testsuite name="s"><testcase classname="test" name="all are counted"/></testsuite></testsuites>'


@pytest.mark.parametrize(
    "head",
    [
        pytest.param({"shop.js": RED + "\n", "report.xml": FORGED}, id="brings the report"),
        pytest.param({"shop.js": RED + 'process["ex" + "it"](0);\n'}, id="leaves before it is written"),
    ],
)
def test_report_counts_only_when_the_run_itself_wrote_it(head: dict[str, str | None], lab: Lab) -> None:
    with JUNIT.hearing(lab, head) as hearing:
        assert new_test_on_head(hearing).outcome is Outcome.FAILS


def test_canaries_notice_assertions_that_are_never_come_to(lab: Lab) -> None:
    lazy = OPEN + 'test("all", () => { if (total([3, 4]) === 7) return; assert.equal(total([3, 4]), 7); });\n'
    with NODE.hearing(lab, {"test/all.test.js": lazy}) as hearing:
        assert new_test_on_base(hearing).outcome is Outcome.HOLDS
        proof = canary_birds(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.FAILS
    assert "turned round" in proof.saw
