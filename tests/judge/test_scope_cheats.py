"""Patches that touch what a fix may not touch are rejected before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from grounds import REGRESSION, Stand
from hypothesis import given
from hypothesis import strategies as st

from andon.judge.difftext import Unreadable, parse, without, write
from andon.judge.paths import trouble_with
from andon.models import Patch, VerdictOutcome

FIX = ("tinyfeed/fetch.py", "\n\ndef fetch_gallery(", "\n\n@retrying\ndef fetch_gallery(")
HOOK = "def pytest_runtest_makereport(item, call):\n    pass\n"

ADDED: dict[str, Mapping[str, str | None]] = {
    "a conftest that rewrites reports": {"conftest.py": HOOK},
    "a conftest beside the new test": {"tests/deep/conftest.py": HOOK},
    "a pytest.ini that shadows pyproject": {"pytest.ini": "[pytest]\naddopts = --co\n"},
    "a setup.cfg with addopts": {"setup.cfg": "[tool:pytest]\naddopts = -k nothing\n"},
    "a tox.ini": {"tox.ini": "[pytest]\ntestpaths = nowhere\n"},
    "a sitecustomize": {"sitecustomize.py": "import os\n"},
    "a sitecustomize in the package": {"tinyfeed/usercustomize.py": "import os\n"},
    "a .pth file": {"fix.pth": "import os\n"},
    "a module that shadows json": {"json.py": "def load(file): return {}\n"},
    "a package that shadows pytest": {"_pytest/__init__.py": ""},
    "an entry point for pytest": {"tinyfeed-1.dist-info/entry_points.txt": "[pytest11]\nx = tinyfeed\n"},
    "a new requirement": {"requirements-dev.txt": "pytest-always-green\n"},
    "a lock file": {"uv.lock": "version = 1\n"},
    "a gitattributes filter": {".gitattributes": "*.py filter=x\n"},
    "a CI workflow": {".github/workflows/ci.yml": "on: push\n"},
    "an andon.toml": {"andon.toml": "[budget]\nattempts = 99\n"},
    "a new check": {"checks/no-empty-pictures-2.sql": "select 1\n"},
    "a Makefile": {"Makefile": "test:\n\ttrue\n"},
    "a dotenv": {".env": "PYTEST_ADDOPTS=--co\n"},
    "stale bytecode": {"tinyfeed/fetch.pyc": "x\n"},
    "a replay package that would win": {"tinyfeed/replay/__init__.py": "def main(): pass\n"},
}

CHANGED: dict[str, tuple[str, str, str]] = {
    "the configuration of pytest": ("pyproject.toml", 'testpaths = ["tests"]', 'testpaths = ["none"]'),
    "an old assertion": ("tests/test_parse.py", '("A1", "lamp", 1250)', '("A1", "lamp", 125000)'),
    "an old test, skipped": ("tests/test_parse.py", "def test_price_becomes", "@skip\ndef test_price_becomes"),
    "the old conftest": ("tests/conftest.py", "scratch.db", "scratch2.db"),
    "the where clause of the check": ("checks/no-empty-pictures.sql", "bytes = 0 and", "bytes < 0 and"),
    "the replay": ("tinyfeed/replay.py", '"""Runs the pipeline again', '"""Perhaps runs the pipeline again'),
}


@pytest.mark.parametrize("what", ADDED)
def test_patch_that_adds_what_it_may_not_is_rejected(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch({**ground.edited(*FIX), **ADDED[what]}))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert [proof.name for proof in verdict.proofs] == ["scope"]
    assert next(iter(ADDED[what])) in verdict.proofs[0].saw


@pytest.mark.parametrize("what", CHANGED)
def test_patch_that_changes_what_it_may_not_is_rejected(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch({**ground.edited(*FIX), **ground.edited(*CHANGED[what])}))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert CHANGED[what][0] in verdict.proofs[0].saw


def test_patch_that_deletes_a_test_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch({**ground.edited(*FIX), "tests/test_parse.py": None}))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "tests/test_parse.py" in verdict.proofs[0].saw


def test_patch_that_touches_what_the_settings_protect_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    ground = ground._replace(settings=ground.settings.model_copy(update={"protected": ("tinyfeed/fetch*",)}))
    verdict = ground.judge(ground.patch(ground.edited(*FIX)))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "protected by the system's settings" in verdict.proofs[0].saw


def test_patch_without_a_regression_test_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch(ground.edited(*FIX), test=None, tests=()))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "no regression test" in verdict.proofs[0].saw


def test_patch_that_declares_an_old_test_as_its_new_one_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch(ground.edited(*FIX), test=None, tests=("tests/test_parse.py",)))
    assert verdict.outcome is VerdictOutcome.REJECTED


def test_patch_of_tests_alone_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch({}))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "no source" in verdict.proofs[0].saw


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a direction override", "# \u202e safe\n"),
        ("a zero-width space", "name\u200b = 1\n"),
        ("a look-alike name", "f\u0435tch = 1\n"),
        ("an escape sequence", "# \x1b[2J\n"),
    ],
)
def test_text_that_reads_other_than_it_runs_is_rejected(what: str, line: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(*FIX)
    verdict = ground.judge(ground.patch({path: f"{text}{line}" for path, text in source.items()}))
    assert verdict.outcome is VerdictOutcome.REJECTED, what
    assert "hidden character" in verdict.proofs[0].saw or "look-alike" in verdict.proofs[0].saw


ONE_LINE = "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n"
RAW: dict[str, str] = {
    "a symbolic link": f"diff --git a/x b/x\nnew file mode 120000\n{ONE_LINE}+/etc/passwd\n",
    "a submodule": f"diff --git a/x b/x\nnew file mode 160000\n{ONE_LINE}+Subproject commit 1\n",
    "a change of mode": "diff --git a/tinyfeed/fetch.py b/tinyfeed/fetch.py\nold mode 100644\nnew mode 100755\n",
    "a rename": "diff --git a/a.py b/conftest.py\nsimilarity index 100%\nrename from a.py\nrename to conftest.py\n",
    "a rename that hides in its names": "diff --git a/a.py b/a.py\nrename from a.py\nrename to conftest.py\n",
    "a binary": "diff --git a/x b/x\nnew file mode 100644\nGIT binary patch\nliteral 3\nKcmZ\n",
    "a name that differs": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/conftest.py\n@@ -1 +1 @@\n-a\n+b\n",
    "a quoted name": 'diff --git "a/\\303\\244" "b/\\303\\244"\nnew file mode 100644\n',
    "words before it": "Here is my patch:\ndiff --git a/a.py b/a.py\n",
    "words after a hunk": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\nand that is all\n",
    "wrong line counts": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,9 +1 @@\n-a\n+b\n",
    "one file twice": "diff --git a/a b/a\nnew file mode 100644\ndiff --git a/a b/a\nnew file mode 100644\n",
    "a bare carriage return": "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\rc\n",
    "nothing": "",
}


@pytest.mark.parametrize("what", RAW)
def test_diff_that_is_no_plain_text_change_is_rejected(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    patch = Patch(base=ground.base, diff=RAW[what], tests=("tests/test_x.py",), summary="")
    verdict = ground.judge(patch)
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "cannot be read in full" in verdict.proofs[0].saw


@pytest.mark.parametrize("path", ["../out.py", "/etc/cron.d/x", ".git/hooks/pre-push", "a/.GIT/config", "a//b", "a\\b"])
def test_path_that_leads_out_of_the_tree_is_refused(path: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    assert "leads out" in trouble_with(path, settings=ground.settings, existing=frozenset())


def test_diff_that_does_not_apply_is_rejected_and_not_the_judges_trouble(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    patch = ground.patch(ground.edited(*FIX))
    verdict = ground.judge(
        patch.model_copy(update={"diff": patch.diff.replace(" def fetch_gallery", " def fetch_other")})
    )
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "does not apply" in verdict.proofs[0].saw


def test_written_diff_is_read_back_the_same(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    diff = ground.patch(ground.edited(*FIX), test=REGRESSION).diff
    assert write(parse(diff)) == diff


def test_each_hunk_can_be_left_out_and_the_rest_still_applies(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    text = ground.text("tinyfeed/pipeline.py").replace('"""One run: index', '"""A run: index', 1)
    text = text.replace("    store.commit()\n", "    store.commit()\n    # all of it is kept\n")
    text = text.replace("def save_total(", "# the sum\ndef save_total(")
    files = parse(ground.diff({"tinyfeed/pipeline.py": text}))
    assert len(files[0].hunks) == 3
    for gone in range(3):
        ground.repo.apply(ground.base, without(files, "tinyfeed/pipeline.py", gone))


@given(st.text(max_size=400))
def test_reading_a_diff_ends_in_files_or_a_refusal(text: str) -> None:
    for diff in (text, f"diff --git a/a b/a\n{text}", f"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n{text}"):
        try:
            files = parse(diff)
        except Unreadable:
            continue
        assert [item.path for item in files]
