"""`andon judge` between two commits, its files, and a record judged again."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from feeds import Call, Said

from andon.testing.repos import commit_edits, git
from andon.testing.waiting import wait_until

CHECK = """import sys
sys.path.insert(0, "src")
sys.dont_write_bytecode = True
from shop import total
assert total([]) == 0
"""
SOURCE = "def total(prices):\n    return sum(prices[{}:])\n"
SUITE = ("--suite", "python3 tests/test_shop.py")
HOSTILE = "\x1b[2J::error::owned%0A::add-mask::x ##[error]x"


def make_repository(work: Path, base: dict[str, str], head: dict[str, str]) -> Path:
    """Makes a repository whose branch `fix` changes files of `main`."""
    work.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    commit_edits(work, "Begin", base, push=False)
    git("checkout", "--quiet", "-b", "fix", cwd=work)
    commit_edits(work, "Count all", head, push=False)
    return work


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository without andon.toml and without pytest: a verdict on it takes a moment, and needs eyes."""
    base = {"src/shop.py": SOURCE.format(1), "tests/test_shop.py": CHECK}
    head = {"src/shop.py": SOURCE.format(""), "tests/test_shop.py": CHECK + "assert total([3, 4]) == 7\n"}
    return make_repository(tmp_path_factory.mktemp("shops") / "shop", base, head)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def test_change_that_only_an_exit_code_speaks_for_needs_eyes(
    andon: Call, shop: Path, tmp_path: Path, own_cache: Path
) -> None:
    said = andon("judge", "main", "fix", *SUITE, "--markdown", "--sarif", str(tmp_path / "s.json"), cwd=shop)
    assert said.code == 3, said
    assert said.out.startswith("## Verdict: needs eyes")
    lines = said.err.splitlines()
    assert any(line.startswith("ok    scope ") for line in lines)
    assert any(line.startswith("look  new test on base ") for line in lines)
    assert "All proofs" in said.out
    log = json.loads((tmp_path / "s.json").read_text())
    assert {one["level"] for one in log["runs"][0]["results"]} == {"warning"}
    assert {path.name for path in own_cache.iterdir()} == {"andon"}
    assert git("status", "--porcelain", cwd=shop) == ""


def test_one_name_is_judged_against_the_default_branch(andon: Call, shop: Path) -> None:
    said = andon("judge", "fix", *SUITE, "--json", cwd=shop / "src")
    assert said.code == 3, said
    told = json.loads(said.out)
    assert told["base"] == git("rev-parse", "main", cwd=shop).strip()


def test_change_without_a_test_is_rejected(andon: Call, tmp_path: Path) -> None:
    shop = make_repository(tmp_path / "shop", {"shop.py": SOURCE.format(1)}, {"shop.py": SOURCE.format("")})
    said = andon("judge", "main", "fix", "--suite", "python3 shop.py", "--markdown", cwd=shop)
    assert said.code == 1, said
    assert "it brings no regression test" in said.out


def test_suite_that_is_red_anyway_is_the_judges_trouble(andon: Call, shop: Path) -> None:
    said = andon("judge", "main", "fix", "--suite", "sh -c 'grep 7 tests/test_shop.py'", "--json", cwd=shop)
    assert said.code == 4, said
    assert json.loads(said.out)["outcome"] in ("judge broken", "not reproduced")


def test_change_with_pytest_is_proven(andon: Call, tmp_path: Path) -> None:
    test = "from shop import total\n\n\ndef test_none():\n    assert total([]) == 0\n"
    more = test + "\n\ndef test_all_count():\n    assert total([3, 4, 5]) == 12\n"
    base = {"shop.py": SOURCE.format(1), "tests/test_shop.py": test}
    shop = make_repository(tmp_path / "shop", base, {"shop.py": SOURCE.format(""), "tests/test_shop.py": more})
    said = andon("judge", "fix", "--python", sys.prefix, "--markdown", cwd=shop)
    assert said.code == 0, said
    assert "assert 9 == 12" in said.out
    assert "**causes the flip**" in said.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give a ticket's number, or two commits"),
        (("a", "b", "c"), "give a ticket's number, or two commits"),
        (("main", "no-such"), "has no commit 'no-such'"),
        (("main", "--upload-pack=touch x"), "o such option"),
        (("main", "main"), "there is no change"),
        (("fix", "--diff", "andon.toml"), "does not exist"),
        (("7", "--test", "x::y"), "--test is for commits"),
        (("main", "fix", "--replay", "x.json"), "leave out main"),
        (("--replay", "x.json"), "x.json: cannot be read"),
        (("main", "fix", "--python", "nowhere"), "does not exist"),
    ],
)
def test_what_cannot_be_judged_is_told_in_a_line(words: tuple[str, ...], told: str, andon: Call, shop: Path) -> None:
    said = andon("judge", *words, cwd=shop)
    assert said.code == 2, said
    assert told in said.err
    assert "Traceback" not in said.err


def test_folder_without_git_is_told(andon: Call, tmp_path: Path) -> None:
    said = andon("judge", "main", "fix", cwd=tmp_path)
    assert said.code == 2
    assert "lies in no git repository" in said.err


def test_shallow_clone_is_told_how_to_get_the_rest(andon: Call, shop: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth=1", "--branch=fix", f"file://{shop}", str(tmp_path / "clone"), cwd=tmp_path)
    git("fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main", cwd=tmp_path / "clone")
    said = andon("judge", "origin/main", "HEAD", cwd=tmp_path / "clone")
    assert said.code == 2
    assert "fetch-depth: 0" in said.err


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the record of a verdict on the shop is written to, once."""
    return tmp_path_factory.mktemp("records") / "record.json"


def recorded(andon: Call, shop: Path, record: Path) -> dict[str, object]:
    """Returns the record of a verdict on the shop."""
    if not record.exists():
        assert andon("judge", "main", "fix", *SUITE, "--record", str(record), cwd=shop).code == 3
    value: dict[str, object] = json.loads(record.read_text())
    return value


def test_record_is_judged_again_and_gives_the_same_verdict(andon: Call, shop: Path, record: Path) -> None:
    seed = recorded(andon, shop, record)["seed"]
    again = record.with_name("again.json")
    said = andon("judge", "--replay", str(record), "--json", "--record", str(again), cwd=shop)
    assert said.code == 0, said
    told = json.loads(said.out)
    assert (told["same"], told["differences"], told["other_inputs"]) == (True, [], [])
    assert json.loads(again.read_text())["seed"] == seed
    assert str(seed) not in said.out + said.err


def test_record_of_another_verdict_tells_which_proof_differs(andon: Call, shop: Path, record: Path) -> None:
    value = recorded(andon, shop, record)
    verdict = value["verdict"]
    assert isinstance(verdict, dict)
    verdict["outcome"] = "proven"
    verdict["proofs"][0]["outcome"] = "fails"
    value["inputs"]["packages"] = ["pytest-1"]  # type: ignore[index]
    other = record.with_name("other.json")
    other.write_text(json.dumps(value))
    said = andon("judge", "--replay", str(other), "--markdown", cwd=shop)
    assert said.code == 1, said
    assert "the verdict was proven, and is needs eyes" in said.out
    assert "scope: was fails" in said.out
    assert "Other inputs than then: packages." in said.out


def test_record_of_commits_that_are_not_here_is_told(andon: Call, shop: Path, record: Path, tmp_path: Path) -> None:
    recorded(andon, shop, record)
    other = make_repository(tmp_path / "other", {"a": "1\n"}, {"a": "2\n"})
    said = andon("judge", "--replay", str(record), cwd=other)
    assert said.code == 2
    assert "has no commit" in said.err


def test_record_whose_diff_is_not_that_of_its_commits_is_refused(andon: Call, shop: Path, record: Path) -> None:
    value = recorded(andon, shop, record)
    patch = value["patch"]
    assert isinstance(patch, dict)
    patch["diff"] = patch["diff"].replace("sum(prices[:])", "0")
    other = record.with_name("forged.json")
    other.write_text(json.dumps(value))
    said = andon("judge", "--replay", str(other), cwd=shop)
    assert said.code == 2
    assert "do not bring the change" in said.err


@contextmanager
def stored(feed: Path) -> Iterator[sqlite3.Connection]:
    """Gives the database of a feed; what was changed is kept."""
    with closing(sqlite3.connect(feed / ".andon" / "andon.db")) as database, database:
        yield database


def test_record_stands_with_the_ticket_and_only_its_hash_is_shown(andon: Call, proven: Path) -> None:
    with stored(proven) as database:
        ((sha, doc),) = database.execute("select sha256, doc from records where ticket = 1").fetchall()
    seed = json.loads(doc)["seed"]
    assert int(seed, 16) > 2**32
    shown = "".join(
        andon(*words, cwd=proven).out for words in (("show", "1"), ("review", "1"), ("show", "1", "--json"))
    )
    assert shown.count(sha) >= 3
    assert seed not in shown
    assert json.loads(doc)["origin"] == {
        "system": "tinyfeed", "ticket": 1, "attempt": 1, "repository": "", "head": "", "python": "", "suite": "",
        "junit": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "forgery",
    [
        "update records set sha256 = 'x'",
        "update records set doc = replace(doc, '\"proven\"', '\"rejected\"')",
        "delete from records",
        "update attempts set doc = replace(doc, '@retrying', '@retrying ')",
    ],
)
def test_verdict_that_is_not_the_one_on_record_is_not_signed(forgery: str, andon: Call, proven: Path) -> None:
    with stored(proven) as database:
        assert database.execute(forgery).rowcount == 1
    said = andon("approve", "1", cwd=proven)
    assert said.code == 2, said
    assert "attempt 1 of ticket 1" in said.err


@pytest.mark.slow
def test_ticket_is_judged_again_from_its_record(andon: Call, proven: Path) -> None:
    said = andon("judge", "--replay", "1", "--json", cwd=proven)
    assert said.code == 0, said
    assert json.loads(said.out)["same"] is True
    assert andon("judge", "--replay", "2", cwd=proven).code == 2


# --- GitHub -----------------------------------------------------------------------------------------------------------


def test_github_gets_a_summary_and_annotations(andon: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    test = f"import sys\nprint({HOSTILE!r})\nsys.exit({HOSTILE!r})\n"
    base = {"shop.py": SOURCE.format(1), "tests/test_shop.py": "assert 1\n"}
    shop = make_repository(tmp_path / "shop", base, {"shop.py": SOURCE.format(""), "tests/test_shop.py": test})
    said = andon("judge", "main", "fix", *SUITE, "--github", cwd=shop)
    assert said.code == 1, said
    assert "### Look at" in summary.read_text()
    assert commands(said) <= {"error", "warning", "notice"}
    assert "::error title=new test on head fails::" in said.out
    assert "##[" not in said.out + said.err


def commands(said: Said) -> set[str]:
    """Returns the commands that GitHub's runner would find in what was printed."""
    lines = [line.strip() for line in (said.out + "\n" + said.err).splitlines()]
    return {line[2:].split("::")[0].split(" ")[0] for line in lines if line.startswith("::")}


def test_github_outside_a_workflow_is_told(andon: Call, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    said = andon("judge", "main", "fix", *SUITE, "--github", cwd=shop)
    assert said.code == 2
    assert "GITHUB_STEP_SUMMARY is not set" in said.err


NODE = {
    "package.json": '{"name": "shop", "type": "module"}\n',
    "shop.js": "export const total = (prices) => prices.slice(1).reduce((one, other) => one + other, 0);\n",
    "test/old.test.js": 'import test from "node:test";\ntest("stands", () => {});\n',
}
NODE_TEST = """import test from "node:test";
import assert from "node:assert";
import { total } from "../shop.js";
test("all are counted", () => assert.strictEqual(total([3, 4]), 7));
"""
CRATE = {
    "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "pub fn total(prices: &[i64]) -> i64 {\n    prices.iter().skip(1).sum()\n}\n",
    "tests/old.rs": "#[test]\nfn stands() {}\n",
}
CRATE_TEST = "#[test]\nfn all_are_counted() {\n    assert_eq!(shop::total(&[3, 4]), 7);\n}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "head", "seen"),
    [
        pytest.param(
            NODE,
            {"shop.js": NODE["shop.js"].replace(".slice(1)", ""), "test/all.test.js": NODE_TEST},
            "test/all.test.js::all are counted",
            id="node",
        ),
        pytest.param(
            CRATE,
            {"src/lib.rs": CRATE["src/lib.rs"].replace(".skip(1)", ""), "tests/all.rs": CRATE_TEST},
            "tests/all.rs::all_are_counted",
            id="cargo",
        ),
    ],
)
def test_repository_of_another_language_is_judged_without_a_word(
    base: dict[str, str], head: dict[str, str], seen: str, andon: Call, tmp_path: Path
) -> None:
    shop = make_repository(tmp_path / "shop", base, head)
    said = andon("judge", "main", "fix", "--json", "--record", str(tmp_path / "r.json"), cwd=shop)
    assert said.code == 3, said
    told = json.loads(said.out)
    found = {proof["name"]: proof for proof in told["proofs"]}
    assert {name for name, proof in found.items() if proof["outcome"] == "needs eyes"} == {"flip seen from outside"}
    assert seen in found["new test on base"]["details"][0]
    again = andon("judge", "--replay", str(tmp_path / "r.json"), "--json", cwd=shop)
    assert again.code == 0, again
    assert git("status", "--porcelain", cwd=shop) == ""


def test_report_without_the_command_that_writes_it_is_an_error_in_how_it_was_asked(andon: Call, shop: Path) -> None:
    said = andon("judge", "main", "fix", "--junit", "report.xml", cwd=shop)
    assert said.code == 2
    assert "--junit needs --suite" in said.err


# --- what cannot be asked, and what is ended ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said_of_it"),
    [
        (("--suite", '"unbalanced'), "No closing quotation"),
        (("--symptom", "sh -c 'x"), "No closing quotation"),
        (("--symptom", ""), "is empty"),
        (("--suite", " "), "is empty"),
        (("--test", ""), "--test is empty"),
        (("--sarif", "/nowhere/x"), "no folder that can be written"),
        (("--record", "/nowhere/x"), "no folder that can be written"),
    ],
)
def test_option_that_makes_no_sense_is_told_before_anything_runs(
    words: tuple[str, str], said_of_it: str, andon: Call, shop: Path
) -> None:
    said = andon("judge", "main", "fix", *(words if "--suite" in words else (*SUITE, *words)), cwd=shop)
    assert said.code == 2, said
    assert said_of_it in said.err
    assert "Traceback" not in said.err


def test_suite_whose_program_is_not_there_says_nothing_about_the_change(andon: Call, shop: Path) -> None:
    said = andon("judge", "main", "fix", "--suite", "nosuchprogram -q", cwd=shop)
    assert said.code == 4, said
    assert "nosuchprogram" in said.err + said.out


def test_suite_that_is_red_without_the_change_too_says_nothing_about_it(andon: Call, shop: Path) -> None:
    said = andon("judge", "main", "fix", "--suite", "false", "--json", cwd=shop)
    assert said.code == 4, said
    assert "red before anyone touched it" in json.loads(said.out)["reason"]


def test_base_and_head_the_wrong_way_round_are_told(andon: Call, shop: Path) -> None:
    said = andon("judge", "fix", "main", *SUITE, cwd=shop)
    assert said.code == 2
    assert "the wrong way round" in said.err


def test_branch_that_only_the_remote_has_is_named(andon: Call, shop: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", "--branch", "fix", str(shop), str(tmp_path / "clone"), cwd=tmp_path)
    said = andon("judge", "main", "fix", *SUITE, cwd=tmp_path / "clone")
    assert said.code == 2
    assert "origin/main" in said.err


def test_commit_beyond_the_end_of_a_shallow_clone_is_told(andon: Call, shop: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth", "1", "--branch", "fix", f"file://{shop}", str(tmp_path / "clone"), cwd=tmp_path)
    said = andon("judge", "HEAD~1", "HEAD", *SUITE, cwd=tmp_path / "clone")
    assert said.code == 2
    assert "git fetch --unshallow" in said.err


def test_cache_that_cannot_be_written_is_named(
    andon: Call, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = andon("judge", "main", "fix", *SUITE, cwd=shop)
    assert said.code == 2
    assert "XDG_CACHE_HOME" in said.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_judge_that_is_ended_leaves_nothing_behind(number: int, code: int, tmp_path: Path, own_cache: Path) -> None:
    slow = "import time\n\ntime.sleep(60)\n"
    base, head = (
        {"src/shop.py": SOURCE.format(one), "tests/test_shop.py": slow + CHECK * two} for one, two in ((1, 1), ("", 2))
    )
    work = make_repository(tmp_path / "shop", base, head)
    argv = (sys.executable, "-m", "andon", "judge", "main", "fix", *SUITE)

    def begin() -> None:  # whoever runs the tests may ignore them, as nohup does
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    with subprocess.Popen(argv, cwd=work, stderr=subprocess.PIPE, text=True, preexec_fn=begin) as judge:
        try:
            wait_until(lambda: any((own_cache / "andon" / "work").glob("run-*")))
            judge.send_signal(number)
            _, err = judge.communicate(timeout=60)
        finally:
            judge.kill()
    assert judge.returncode == code, err
    assert "stopped" in err
    assert [path.name for shelf in ("work", "scratch") for path in (own_cache / "andon" / shelf).glob("*")] == []


PYTEST = ("--python", sys.prefix)
CART = {"shop/__init__.py": "", "shop/cart.py": "def total(prices):\n    return sum(prices[1:])\n"}
CART_TEST = "from shop.cart import total\n\n\ndef test_{}():\n    assert total([{}]) == {}\n"


@pytest.mark.slow
def test_id_of_no_test_is_told(andon: Call, tmp_path: Path) -> None:
    base = CART | {"tests/test_old.py": CART_TEST.format("old", "0", "0")}
    head = {
        "shop/cart.py": CART["shop/cart.py"].replace("[1:]", ""),
        "tests/test_new.py": CART_TEST.format("new", 3, 3),
    }
    shop = make_repository(tmp_path / "shop", base, head)
    said = andon("judge", "main", "fix", *PYTEST, "--test", "tests/test_new.py::test_nope", "--json", cwd=shop)
    assert said.code == 4, said
    assert "no test is called tests/test_new.py::test_nope" in json.loads(said.out)["reason"]


@pytest.mark.slow
def test_change_beside_folders_whose_conftests_clash_is_judged_by_its_own_folder(andon: Call, tmp_path: Path) -> None:
    clash = {
        f"more/{name}/app/{path}": text
        for name in ("one", "two")
        for path, text in (
            ("__init__.py", ""),
            ("tests/__init__.py", ""),
            ("tests/conftest.py", ""),
            ("tests/test_app.py", "def test_app():\n    assert True\n"),
        )
    }
    base = {**CART, **clash, "tests/test_old.py": CART_TEST.format("old", "0", "0")}
    head = {
        "shop/cart.py": CART["shop/cart.py"].replace("[1:]", ""),
        "tests/test_new.py": CART_TEST.format("new", 3, 3),
    }
    shop = make_repository(tmp_path / "shop", base, head)
    said = andon("judge", "main", "fix", *PYTEST, "--json", cwd=shop)
    assert said.code == 0, said
    assert "only tests is run: the tests of all folders are not collected together" in said.err


@pytest.mark.slow
def test_test_that_reads_a_submodule_is_judged_where_the_clone_holds_it(andon: Call, tmp_path: Path) -> None:
    data = make_repository(tmp_path / "data", {"prices.json": "[1]"}, {"prices.json": "[1, 2]"})
    base = CART | {"tests/test_old.py": CART_TEST.format("old", "0", "0")}
    shop = make_repository(tmp_path / "shop", base, {"a.txt": ""})
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(data), "tests/data")
    git("checkout", "--quiet", "main", cwd=shop)
    git(*add, cwd=shop)
    commit_edits(shop, "Add data", {}, push=False)
    test = (
        "import json\nfrom pathlib import Path\n\nfrom shop.cart import total\n\n\ndef test_data():\n"
        "    assert total(json.loads((Path(__file__).parent / 'data/prices.json').read_text())) == 3\n"
    )
    fix = {"shop/cart.py": CART["shop/cart.py"].replace("[1:]", ""), "tests/test_data.py": test}
    git("checkout", "--quiet", "-B", "fix", cwd=shop)
    commit_edits(shop, "Count all", fix, push=False)
    assert andon("judge", "main", "fix", *PYTEST, cwd=shop).code == 0
    bare = tmp_path / "bare"
    git("clone", "--quiet", "--branch", "fix", str(shop), str(bare), cwd=tmp_path)
    said = andon("judge", "origin/main", "fix", *PYTEST, cwd=bare)
    assert said.code in (1, 4), said
    assert "judged without the submodule tests/data: `git submodule update --init --recursive` brings it" in said.err


@pytest.mark.slow
def test_base_that_lacks_a_file_which_is_not_in_git_is_told_with_its_own_error(andon: Call, tmp_path: Path) -> None:
    lacking = "from shop._version import version\n\n\n" + CART["shop/cart.py"]
    base = CART | {"shop/cart.py": lacking, "tests/test_old.py": "def test_old():\n    assert str(1) == '1'\n"}
    head = {"shop/cart.py": lacking.replace("[1:]", ""), "tests/test_new.py": CART_TEST.format("new", 3, 3)}
    shop = make_repository(tmp_path / "shop", base, head)
    said = andon("judge", "main", "fix", *PYTEST, "--json", cwd=shop)
    assert said.code == 4, said
    assert "No module named 'shop._version'" in said.out
    assert str(tmp_path) not in said.out
