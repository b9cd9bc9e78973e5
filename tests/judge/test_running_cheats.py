"""Patches that only look like fixes are rejected, or wait for a person's eyes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from grounds import REGRESSION, Stand

from andon.judge import render_verdict
from andon.models import Outcome, VerdictOutcome

FIX = ("tinyfeed/fetch.py", "\n\ndef fetch_gallery(", "\n\n@retrying\ndef fetch_gallery(")
SAVE = "bytes=len(answer.body), "
GALLERY = '        save_picture(transport, store, shop, url, "gallery", fetch_gallery(transport, url))\n'
RUN = '    insert(store, "runs", run_id=run_id, started_at=now)\n'
PIPELINE = "tinyfeed/pipeline.py"

# --- what the source does -------------------------------------------------------------------------------------------

SPECIAL: dict[str, tuple[str, str, str]] = {
    "detects pytest by its modules": (
        SAVE,
        'bytes=5 if "pytest" in sys.modules else len(answer.body), ',
        "import sys\n",
    ),
    "detects the replay by its variables": (
        SAVE,
        'bytes=5 if os.getenv("ANDON_EVIDENCE") else len(answer.body), ',
        "import os\n",
    ),
    "ends the process": (RUN, "    os._exit(0)\n" + RUN, "import os\n"),
    "leaves with sys.exit": (RUN, "    sys.exit(0)\n" + RUN, "import sys\n"),
    "reads its caller's frame": (SAVE, "bytes=sys._getframe(1).f_lineno, ", "import sys\n"),
    "patches the runner's reports": (RUN, "    import _pytest.reports\n" + RUN, ""),
    "waits for the end": (RUN, "    atexit.register(print)\n" + RUN, "import atexit\n"),
    "searches the process": (RUN, "    gc.get_objects()\n" + RUN, "import gc\n"),
    "is equal to everything": (
        "class Recorder:\n",
        "class Any(int):\n    def __eq__(self, other):\n        return True\n\n\nclass Recorder:\n",
        "",
    ),
    "reads the environment of its process": (SAVE, "bytes=len(open('/proc/self/environ').read()), ", ""),
    "looks who started it": (RUN, "    import __main__\n" + RUN, ""),
    "is no Python any more": (RUN, "    if if\n" + RUN, ""),
}


@pytest.mark.parametrize("what", SPECIAL)
def test_source_that_knows_it_is_judged_is_rejected(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    old, new, imported = SPECIAL[what]
    source = ground.edited(PIPELINE, old, new)
    source[PIPELINE] = source[PIPELINE].replace('pictures, totals."""\n', f'pictures, totals."""\n\n{imported}', 1)
    verdict = ground.judge(ground.patch(source))
    assert verdict.outcome is VerdictOutcome.REJECTED, render_verdict(verdict)
    assert verdict.proofs[-1].name == "special case"


EYES: dict[str, tuple[str, str]] = {
    "swallows the error": (GALLERY, f"        try:\n    {GALLERY}        except Exception:\n            pass\n"),
    "suppresses the error": (GALLERY, f"        with contextlib.suppress(Exception):\n    {GALLERY}"),
    "deletes the bad rows": (
        "    store.commit()\n",
        '    store.execute("delete from pictures where bytes = 0")\n    store.commit()\n',
    ),
    "reaches a hidden name": (SAVE, "bytes=5 if getattr(sys, 'mod' + 'ules') else len(answer.body), "),
    "looks at its arguments": (SAVE, "bytes=5 if sys.argv[0].endswith('replay.py') else len(answer.body), "),
}


@pytest.mark.parametrize("what", EYES)
def test_source_that_hides_instead_of_fixing_needs_eyes(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    proof = ground.prove(ground.patch(ground.edited(PIPELINE, *EYES[what])), "special case")["special case"]
    assert proof.outcome is Outcome.NEEDS_EYES


def test_source_that_names_the_recorded_rows_needs_eyes(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    urls = sorted({str(row["url"]) for row in ground.evidence.rows})
    source = ground.edited(PIPELINE, SAVE, f"bytes=7 if url in {urls!r} else len(answer.body), ")
    proof = ground.prove(ground.patch(source), "special case")["special case"]
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "a value of the recorded rows" in " ".join(proof.details)


# --- what the replay shows ------------------------------------------------------------------------------------------

SYMPTOM = ("symptom on base", "symptom on head", "differential")


def test_change_that_fixes_nothing_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch(ground.edited(PIPELINE, RUN, RUN + "    names = list(names)\n")))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert verdict.proofs[-1].name == "symptom on head"
    assert "26 rows still offend" in verdict.proofs[-1].saw


def test_change_of_prose_alone_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch({"README.md": ground.text("README.md") + "Galleries are retried now.\n"}))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert verdict.proofs[-1].name == "symptom on head"


def test_crash_in_the_replay_is_never_taken_for_green(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch(ground.edited(PIPELINE, RUN, RUN + "    raise ValueError(names)\n")))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert "crashed with the patch" in verdict.proofs[-1].saw


def test_replay_that_leaves_before_it_wrote_anything_is_never_taken_for_green(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(
        ground.patch(ground.edited(PIPELINE, "\n\ndef run_once", "\n\nraise SystemExit(0)\n\n\ndef run_once"))
    )
    assert verdict.outcome is VerdictOutcome.REJECTED, render_verdict(verdict)
    assert verdict.proofs[-1].name == "symptom on head"
    assert "wrote no database" in verdict.proofs[-1].saw


def test_table_that_is_gone_is_never_taken_for_green(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited("tinyfeed/store.py", "if not exists pictures (", "if not exists images (")
    source |= ground.edited(PIPELINE, 'store, "pictures", run_id', 'store, "images", run_id')
    verdict = ground.judge(ground.patch(source))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert verdict.proofs[-1].name == "symptom on head"


def test_run_that_makes_nothing_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    verdict = ground.judge(ground.patch(ground.edited(PIPELINE, RUN, RUN + "    names = ()\n")))
    assert verdict.outcome is VerdictOutcome.REJECTED
    assert verdict.proofs[-1].name == "differential"
    assert "nothing is left in" in verdict.proofs[-1].saw


LOSSY: dict[str, tuple[str, str]] = {
    "leaves the bad rows out": (
        '    """Saves how a picture arrived."""\n',
        "    if not answer.body:\n        return\n",
    ),
    "drops the whole fetcher": (
        '    """Saves how a picture arrived."""\n',
        '    if fetcher == "gallery":\n        return\n',
    ),
}


@pytest.mark.parametrize("what", LOSSY)
def test_rows_that_are_lost_are_never_taken_for_mended(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    place, more = LOSSY[what]
    proofs = ground.prove(ground.patch(ground.edited(PIPELINE, place, place + more)), *SYMPTOM)
    assert proofs["symptom on head"].outcome is Outcome.HOLDS
    assert proofs["differential"].outcome is not Outcome.HOLDS
    assert "gone" in proofs["differential"].saw


def test_patch_that_leaves_the_bad_rows_out_is_never_proven(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    place, more = LOSSY["leaves the bad rows out"]
    verdict = ground.judge(ground.patch(ground.edited(PIPELINE, place, place + more)))
    assert verdict.outcome is VerdictOutcome.REJECTED, render_verdict(verdict)
    assert verdict.proofs[-1].name == "differential"


def test_value_that_is_clamped_into_the_band_needs_eyes(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    proofs = ground.prove(ground.patch(ground.edited(PIPELINE, SAVE, "bytes=max(1, len(answer.body)), ")), *SYMPTOM)
    assert proofs["symptom on head"].outcome is Outcome.HOLDS
    assert proofs["differential"].outcome is Outcome.NEEDS_EYES
    assert "bytes = 1, which no healthy row holds" in proofs["differential"].saw


def test_price_that_is_clamped_into_the_band_needs_eyes(stand: Callable[[str], Stand]) -> None:
    ground = stand("unit")
    source = ground.edited("tinyfeed/prices.py", "int(text[:-1]) * 100", "min(int(text[:-1]) * 100, 100000)")
    proofs = ground.prove(ground.patch(source), *SYMPTOM)
    assert proofs["symptom on head"].outcome is Outcome.HOLDS
    assert proofs["differential"].outcome is Outcome.NEEDS_EYES


def test_time_that_is_moved_out_of_the_question_is_seen(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(
        PIPELINE,
        "fetched_at=transport.now,\n    )\n\n\ndef save_total",
        ('fetched_at=transport.now if answer.body else "",\n    )\n\n\ndef save_total'),
    )
    proofs = ground.prove(ground.patch(source), *SYMPTOM)
    assert Outcome.HOLDS is not proofs["differential"].outcome or proofs["symptom on head"].outcome is Outcome.FAILS


# --- what the new test shows ----------------------------------------------------------------------------------------

TESTS: dict[str, tuple[str, str]] = {
    "passes without the fix": ("def test_nothing():\n    assert len([1]) == 1\n", "new test on base"),
    "imports what only the patch has": (
        "from tinyfeed.fetch import GALLERY_IS_RETRIED\n\n\ndef test_it():\n    assert GALLERY_IS_RETRIED\n",
        "new test on base",
    ),
    "names what only the patch has": (
        "from tinyfeed import fetch\n\n\ndef test_it():\n    assert fetch.GALLERY_IS_RETRIED\n",
        "new test on base",
    ),
    "breaks in its fixture": (
        "import pytest\nfrom tinyfeed import fetch\n\n\n@pytest.fixture\ndef broken():\n"
        "    return fetch.GALLERY_IS_RETRIED\n\n\ndef test_it(broken):\n    assert broken\n",
        "new test on base",
    ),
    "skips itself": (
        "import pytest\n\n\ndef test_it():\n    pytest.skip('later')\n    assert len('a') == 2\n",
        "new test on base",
    ),
    "is not collected": ("def check_it():\n    assert len('a') == 2\n", "new test on base"),
    "fails for good": ("def test_it():\n    assert len('a') == 2\n", "new test on head"),
    "expects to fail": (
        "import pytest\n\n\n@pytest.mark.xfail\ndef test_it():\n    assert len('a') == 2\n",
        "new test on base",
    ),
}


@pytest.mark.parametrize("what", TESTS)
def test_regression_test_that_proves_nothing_is_rejected(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    text, name = TESTS[what]
    source = ground.edited(*FIX)
    source["tinyfeed/fetch.py"] += "\n\nGALLERY_IS_RETRIED = True\n"
    proofs = ground.prove(ground.patch(source, test=text), name)
    assert proofs[name].outcome is Outcome.FAILS, proofs[name].saw


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("ends the run", "import os\n\n\ndef test_it():\n    os._exit(0)\n"),
        ("leaves at import", "import sys\n\nsys.exit(0)\n"),
        (
            "hooks the runner",
            "def pytest_runtest_makereport(item, call):\n    pass\n\n\ndef test_it():\n    assert len('a')\n",
        ),
        ("loads a plugin", "pytest_plugins = ['tinyfeed']\n\n\ndef test_it():\n    assert len('a')\n"),
        ("reaches into the runner", "import _pytest.runner\n\n\ndef test_it():\n    assert len('a')\n"),
    ],
)
def test_regression_test_that_handles_the_runner_is_rejected(
    what: str, text: str, stand: Callable[[str], Stand]
) -> None:
    ground = stand("unwrapped-call")
    proof = ground.prove(ground.patch(ground.edited(*FIX), test=text), "test reads straight")["test reads straight"]
    assert proof.outcome is Outcome.FAILS, what


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("greps the source", "def test_it():\n    assert 'retried' in open('tinyfeed/fetch.py').read()\n"),
        ("asks whether a name is there", "import tinyfeed\n\n\ndef test_it():\n    assert hasattr(tinyfeed, 'x')\n"),
        ("asks a mock", "from unittest.mock import Mock\n\n\ndef test_it():\n    assert Mock() is not None\n"),
        ("asserts nothing", "from tinyfeed import fetch\n\n\ndef test_it():\n    fetch.fetch_gallery\n"),
        ("depends on the clock", "import time\n\n\ndef test_it():\n    assert time.time() > 1\n"),
    ],
)  # fmt: skip
def test_regression_test_that_looks_elsewhere_needs_eyes(what: str, text: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    proof = ground.prove(ground.patch(ground.edited(*FIX), test=text), "test reads straight")["test reads straight"]
    assert proof.outcome is Outcome.NEEDS_EYES, what


def test_regression_test_that_needs_its_own_hash_seed_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    text = (
        REGRESSION
        + f"\n\ndef test_order():\n    assert hash('tinyfeed') % 1000 == {hash_under_seed_zero('tinyfeed') % 1000}\n"
    )
    proof = ground.prove(ground.patch(ground.edited(*FIX), test=text), "repeat")["repeat"]
    assert proof.outcome is Outcome.FAILS


def hash_under_seed_zero(text: str) -> int:
    """Returns the hash that the judge's ordinary runs see."""
    import subprocess
    import sys

    code = f"print(hash({text!r}))"
    return int(
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True
        ).stdout
    )


# --- what the suite and the hunks show ------------------------------------------------------------------------------


def test_fix_that_breaks_an_old_test_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(*FIX) | ground.edited("tinyfeed/parse.py", "name=name.strip()", "name=name.strip().upper()")
    proof = ground.prove(ground.patch(source), "base is green", "suite on head")["suite on head"]
    assert proof.outcome is Outcome.FAILS
    assert "test_line_becomes_an_item" in proof.saw


def test_place_that_nobody_misses_needs_eyes(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(*FIX) | ground.edited("tinyfeed/shops.py", "PER_PAGE = 3\n", "PER_PAGE = 3\nUNUSED = 4\n")
    proof = ground.prove(ground.patch(source), "base is green", "every hunk needed")["every hunk needed"]
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "tinyfeed/shops.py" in proof.saw


def test_patch_of_which_no_place_is_needed_is_rejected(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(*FIX) | ground.edited(
        PIPELINE, "fetch_gallery(transport, url))", "fetch_picture(transport, url))"
    )
    proof = ground.prove(ground.patch(source), "base is green", "every hunk needed")["every hunk needed"]
    assert proof.outcome is Outcome.FAILS


def test_comment_beside_a_fix_is_no_reason_to_look(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(*FIX)
    text = source["tinyfeed/fetch.py"].replace(
        '"""One function for each kind of address."""', '"""One for each kind."""'
    )
    source["tinyfeed/fetch.py"] = text
    proof = ground.prove(ground.patch(source), "base is green", "every hunk needed")["every hunk needed"]
    assert proof.outcome is Outcome.HOLDS
