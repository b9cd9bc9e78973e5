"""Suites of other runners than pytest: which one it is, and how each single test ended, as really run and written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.checks import ask_sql
from andon.config import SystemSettings
from andon.environments import find_ground
from andon.environments.foreign import runtime_of, toolchain
from andon.errors import ConfigError, ExternalError
from andon.git import GitRepo
from andon.models import TestRun
from andon.runners import CARGO, COMMAND, JUNIT, NODE, PYTEST, runner_of
from andon.runners.junit import NoReport, read_report
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import open_scratch
from andon.testing.repos import commit_edits, git
from andon.workspace import Means, TreeWorkspace, open_workspace

JS = """import test, { describe, it, before } from "node:test";
import assert from "node:assert";
test("holds", () => {});
test("is wrong", () => assert.equal(1, 2));
test("is for later", { todo: true }, () => assert.equal(1, 2));
test("is for later and holds", { todo: true }, () => {});
test("is left out", { skip: true }, () => assert.equal(1, 2));
describe("group [of two]", () => {
  it("inner", () => {});
  it("inner wrong", async () => { await null; throw new TypeError("no"); });
});
describe("broken group", () => {
  before(() => { throw new Error("not set up"); });
  it("cannot begin", () => {});
});
test("parent", async (t) => { await t.test("child", () => {}); });
"""
RUST = """//! ```
//! assert_eq!(shop::double(2), 4);
//! ```
pub fn double(one: i64) -> i64 { 2 * one }

#[cfg(test)]
mod tests {
    #[test] fn holds() { println!("test other ... ok"); }
    #[test] fn is_wrong() { assert_eq!(super::double(1), 3); }
    #[test] #[ignore] fn is_left_out() {}
    #[test] #[should_panic] fn panics() { panic!() }
}
"""
CRATE = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n\n[[test]]\nname = "own"\nharness = false\n'
REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
 <testsuite name="shop" tests="4" failures="2" skipped="1">
  <testcase classname="shop.Total" name="holds" time="0.5"/>
  <testcase classname="shop.Total" name="is wrong"><failure message="3 is not 4">at shop:7</failure></testcase>
  <testcase classname="shop.Total" name="breaks"><error message="no"/></testcase>
  <testcase classname="shop.Total" name="is left out"><skipped/></testcase>
 </testsuite>
</testsuites>
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def opened(top: Path, files: dict[str, str], settings: SystemSettings) -> Iterator[TreeWorkspace]:
    work = top / "shop"
    work.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    commit_edits(work, "Begin", files, push=False)
    scratch = open_scratch("sqlite", top / "scratch")
    repo = GitRepo.open(str(work), top / "mirror.git")
    means = Means(repo, settings, open_sandbox(), scratch, top / "work", ask_sql, top)
    with open_workspace(means, repo.head("main")) as workspace:
        yield workspace
    scratch.close()


def run(top: Path, files: dict[str, str], tests: tuple[str, ...] = (), **settings: object) -> TestRun:
    """Returns the run of the suite of a repository of these files."""
    for workspace in opened(top, files, SystemSettings.model_validate(settings)):
        return workspace.test(tests)
    raise AssertionError


def ends(told: TestRun) -> dict[str, str]:
    return {event.id: event.outcome for event in told.events}


# --- which one --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "junit", "runner"),
    [
        ("python -m pytest -q", "", PYTEST),
        ("node --test", "", NODE),
        ("/usr/bin/node --import tsx --test test/*.js", "", NODE),
        ("node run.js", "", COMMAND),
        ("cargo test --workspace", "", CARGO),
        ("cargo run", "", COMMAND),
        ("make check", "", COMMAND),
        ("make check", "out/*.xml", JUNIT),
    ],
)
def test_runner_is_known_by_report_or_command(command: str, junit: str, runner: object) -> None:
    assert runner_of(SystemSettings(test=command, junit=junit)) is runner


# --- node -------------------------------------------------------------------------------------------------------------


def test_each_test_of_node_is_told_with_its_group(place: Path) -> None:
    files = {"package.json": '{"type": "module"}\n', "test/all.test.js": JS, "test/plain.test.js": "export {};\n"}
    told = run(place / "node", files, test="node --test --test-name-pattern=holds", runtime=runtime_of("node"))
    assert told.complete, told.ran.words
    assert ends(told) == {
        "test/all.test.js::holds": "passed",
        "test/all.test.js::is wrong": "failed",
        "test/all.test.js::is for later": "xfailed",
        "test/all.test.js::is for later and holds": "xpassed",
        "test/all.test.js::is left out": "skipped",
        "test/all.test.js::group [of two] > inner": "passed",
        "test/all.test.js::group [of two] > inner wrong": "failed",
        "test/all.test.js::broken group": "error",
        "test/all.test.js::broken group > cannot begin": "error",
        "test/all.test.js::parent > child": "passed",
        "test/all.test.js::parent": "passed",
        "test/plain.test.js": "skipped",
    }
    wrong = next(event for event in told.events if event.id.endswith("inner wrong"))
    assert wrong.message.startswith("TypeError: no")
    assert wrong.where == ("test/all.test.js", 10)


def test_node_runs_only_what_is_asked_for_and_a_hang_ends(place: Path) -> None:
    files = {"test/a.test.mjs": JS, "test/hang.test.mjs": "while (true);\n"}
    settings = SystemSettings(test="node --test", test_seconds=60.0, runtime=runtime_of("node"))
    for workspace in opened(place / "hang", files, settings):
        one = workspace.test(("test/a.test.mjs::holds",))
        assert ends(one) == {
            "test/a.test.mjs::holds": "passed",
            "test/a.test.mjs::broken group": "error",
            "test/a.test.mjs::broken group > cannot begin": "error",
        }
        stuck = workspace.test(("test/hang.test.mjs",), seconds=1.0)
        assert stuck.ran.timed_out
        assert not stuck.complete


# --- cargo ------------------------------------------------------------------------------------------------------------


def test_each_test_of_cargo_is_told_with_its_target(place: Path) -> None:
    files = {"Cargo.toml": CRATE, "src/lib.rs": RUST, "tests/own.rs": "fn main() {}\n"}
    told = run(place / "cargo", files, test="cargo test", runtime=toolchain())
    assert told.complete, told.ran.words
    assert ends(told) == {
        "src/lib.rs::tests::holds": "passed",
        "src/lib.rs::tests::is_wrong": "failed",
        "src/lib.rs::tests::is_left_out": "skipped",
        "src/lib.rs::tests::panics": "passed",
        "src/lib.rs::documentation of the module": "passed",
        "tests/own.rs::(its exit code)": "passed",
    }
    wrong = next(event for event in told.events if event.outcome == "failed")
    assert "left: 2" in wrong.message.splitlines()[0].replace("`", "")  # older ones quote the value
    assert wrong.where == ("src/lib.rs", 9)


def test_what_does_not_compile_is_one_error_in_the_compilers_words(place: Path) -> None:
    files = {"Cargo.toml": CRATE.split("[[")[0], "src/lib.rs": RUST.replace("2 * one", "two")}
    told = run(place / "broken", files, test="cargo test", runtime=toolchain())
    assert not told.complete
    assert ends(told) == {"build": "error"}
    assert "cannot find value `two`" in told.events[0].message


def test_vendored_packages_are_built_without_a_network(place: Path) -> None:
    files = {
        ".cargo/config.toml": '[source.crates-io]\nreplace-with = "here"\n\n[source.here]\ndirectory = "vendor"\n',
        "vendor/twice/Cargo.toml": '[package]\nname = "twice"\nversion = "1.0.0"\nedition = "2021"\n',
        "vendor/twice/src/lib.rs": "pub fn twice(one: i64) -> i64 {\n    2 * one\n}\n",
        "vendor/twice/.cargo-checksum.json": '{"files": {}, "package": null}\n',
        "Cargo.toml": CRATE.split("[[")[0] + '[dependencies]\ntwice = "1"\n',
        "src/lib.rs": "pub use twice::twice;\n",
        "tests/all.rs": "#[test]\nfn twice() {\n    assert_eq!(shop::twice(2), 4);\n}\n",
    }
    told = run(place / "vendored", files, test="cargo test", runtime=toolchain())
    assert told.complete, told.ran.words
    assert ends(told) == {"tests/all.rs::twice": "passed"}


# --- JUnit XML --------------------------------------------------------------------------------------------------------


def test_report_tells_how_each_test_ended() -> None:
    report = read_report(REPORT.encode())
    assert [(event.id, event.outcome, event.seconds) for event in report.events] == [
        ("shop.Total::holds", "passed", 0.5),
        ("shop.Total::is wrong", "failed", 0.0),
        ("shop.Total::breaks", "failed", 0.0),
        ("shop.Total::is left out", "skipped", 0.0),
    ]
    assert report.events[1].message == "3 is not 4\nat shop:7"
    assert report.declared == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<testsuites>",
        '<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuites/>',
        "<testsuites>&undeclared;</testsuites>",
        "<testsuite>" * 100 + "</testsuite>" * 100,
    ],
)
def test_report_that_is_no_plain_xml_is_not_read(text: str) -> None:
    with pytest.raises(NoReport):
        read_report(text.encode())


WRITES = """import pathlib, sys
pathlib.Path("out").mkdir()
pathlib.Path("out/r.xml").write_text({report!r})
sys.exit({code})
"""


@pytest.mark.parametrize(
    ("report", "code", "complete"),
    [
        (REPORT, 1, True),
        (REPORT, 0, False),
        (REPORT.replace('tests="4"', 'tests="5"'), 1, False),
        (REPORT.replace("is wrong", "&#27;[2J"), 1, False),
        ("<testsuites/>", 1, False),
        ("<testsuites/>", 0, True),
    ],
)
def test_report_and_exit_code_have_to_agree(report: str, code: int, complete: bool, tmp_path: Path) -> None:
    files = {"suite.py": WRITES.format(report=report, code=code), "README": "x\n"}
    settings = {"test": f"{sys.executable} suite.py", "junit": "out/*.xml", "runtime": (sys.prefix,)}
    told = run(tmp_path / "junit", files, **settings)
    assert told.complete == complete, told.ran


def test_report_outside_of_the_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="outside of the repository"):
        run(tmp_path / "out", {"README": "x\n"}, test="true", junit="../../report.xml")


def test_report_behind_a_link_out_of_the_tree_is_none(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(REPORT)
    files = {"suite.py": f"import os, sys\nos.symlink({str(tmp_path)!r}, 'out')\nsys.exit(1)\n"}
    told = run(tmp_path / "link", files, test=f"{sys.executable} suite.py", junit="out/*.xml", runtime=(sys.prefix,))
    assert not told.complete
    assert not told.events
    assert (tmp_path / "r.xml").exists()


# --- a repository that nobody prepared --------------------------------------------------------------------------------


def make(top: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return top


def test_suite_is_found_by_what_changed(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["core"]\n',
        "core/Cargo.toml": CRATE,
        "web/package.json": '{"scripts": {"test": "node --test --import ./set-up.mjs spec"}}\n',
        "pyproject.toml": "[project]\nname = 'shop'\n",
    }
    tree = make(tmp_path, files)
    rust = find_ground(tree, tree, ["core/src/lib.rs", "README.md"])
    assert rust is not None
    assert (rust.test, rust.folder) == ("cargo test --workspace", "")
    script = find_ground(tree, tree, ["web/src/total.ts"])
    assert script is not None
    assert (script.test, script.folder) == ("node --test --import ./set-up.mjs spec", "web")
    assert find_ground(tree, tree, ["shop/total.py", "web/a.js", "shop/b.py"]) is None


@pytest.mark.parametrize(
    ("script", "command"),
    [("", "node --test"), ("npm run build && node --test", "node --test"), ("tsc", "node --test")],
)
def test_script_that_is_more_than_the_runner_is_not_taken_over(script: str, command: str, tmp_path: Path) -> None:
    tree = make(tmp_path, {"package.json": f'{{"scripts": {{"test": "{script}"}}}}\n'})
    found = find_ground(tree, tree, ["a.js"])
    assert found is not None
    assert found.test == command


def test_other_runner_of_scripts_has_to_be_named(tmp_path: Path) -> None:
    tree = make(tmp_path, {"package.json": '{"scripts": {"test": "vitest run"}}\n'})
    with pytest.raises(ExternalError, match="--suite 'npx vitest"):
        find_ground(tree, tree, ["a.js"])


def test_packages_are_those_that_the_user_has(tmp_path: Path) -> None:
    tree = make(tmp_path / "tree", {"package.json": "{}\n"})
    user = make(tmp_path / "user", {"package.json": "{}\n", "node_modules/left/index.js": "\n"})
    found = find_ground(user, tree, ["a.js"])
    assert found is not None
    assert found.links == {"node_modules": user / "node_modules"}
    assert str(user / "node_modules") in found.runtime
