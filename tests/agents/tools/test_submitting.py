"""What is taken of an agent: a diagnosis that holds when it is run again, a patch that stands in the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from claims import LINES, ROWS, Opened, honest

from andon.agents.tools import MOST_REFUSALS, Phase, Toolbox
from andon.diagnose import check_diagnosis
from andon.errors import SandboxError
from andon.models import Attempt, Diagnosis, Lane, LinesFact, Patch
from andon.protocols import Case
from andon.testing.agents import REGRESSION
from andon.testing.repos import NOW

Refusal = Callable[..., str]
Given = dict[str, Any]


def whys(*pairs: tuple[str, list[Given]]) -> list[Given]:
    return [{"question": "Why?", "answer": answer, "facts": facts} for answer, facts in pairs]


def test_diagnosis_that_holds_is_accepted(box: Toolbox, case: Case) -> None:
    text = box.call("submit_diagnosis", honest(locations=[{"path": "tinyfeed/prices.py", "start": 7, "end": 7}]))
    assert text.startswith("Accepted: code bug; 2 facts held")
    found = box.diagnosis
    assert found is not None
    assert (found.lane, found.agent, found.refused) == (Lane.CODE_BUG, "claims", ())
    (lines,) = found.whys[1].facts
    assert isinstance(lines, LinesFact)
    assert lines.text == "        return int(text[:-1]) * 100"
    assert check_diagnosis(found, case, "claims") == found


def test_facts_that_tools_found_are_cited_by_their_names(box: Toolbox, case: Case) -> None:
    log = case.logs[0].replace("*", "feed")
    box.call("query", {"sql": "select count(*) as n from items where cents > 100000"})
    box.call("replay", {"trace": "tinyfeed/prices.py"})
    box.call("logs", {"path": log, "words": "north"})
    seen = [{"kind": "seen", "fact": name} for name in ("query-1", "replay-1", "trace-1", "log-1")]
    commit = {"kind": "commit", "commit": case.workspace.commit[:10], "files": ["tinyfeed/prices.py"]}
    test = {"kind": "test", "test": "tests/test_parse.py::test_price_becomes_cents", "outcome": "passed"}
    log_lines = {"kind": "log", "path": log, "offset": 6, "text": "north asks 10000\nsouth asks 100"}
    chain = whys(
        ("Prices are too high.", [*seen, {"kind": "contrast"}, log_lines]),
        ("A commit changed them.", [commit, test]),
        ("tinyfeed/prices.py multiplies twice.", [LINES]),
    )
    text = box.call("submit_diagnosis", honest(whys=chain))
    assert text.startswith("Accepted: code bug; 9 facts held"), text


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({"kind": "rows", "count": 36}, "why 1, rows: 35 recorded rows"),
        ({"kind": "seen", "fact": "query-9"}, "why 1, fact 1 (seen): no tool gave a fact `query-9`"),
        ({"kind": "query", "sql": "delete from items", "total": 0}, "why 1, query: it could not be asked"),
        ({"kind": "query", "sql": "select 1 where 1 = 0", "total": 4}, "why 1, query: it gives 0 rows now"),
        ({"kind": "replay", "total": 3}, "why 1, replay: it gave 35 rows"),
        ({"kind": "test", "test": "tests/test_no.py::test_x", "outcome": "failed"}, "why 1, test: it did not run"),
        ({"kind": "commit", "commit": "f" * 40}, "there is no commit"),
        ({"kind": "commit", "commit": "HEAD"}, "`String should match pattern"),
        ({"kind": "contrast", "number": 99}, "the brief has"),
        ({"kind": "lines", "path": "../../etc/passwd", "start": 1, "end": 1}, "there is no file"),
        ({"kind": "lines", "path": "tinyfeed/prices.py", "start": 7, "end": 7000}, "lines, and `start` comes before"),
        ({"kind": "lines", "path": "tinyfeed/prices.py", "start": 7, "end": 7, "text": "return 1"}, "read otherwise"),
        (
            {"kind": "log", "path": "/etc/passwd", "offset": 0, "text": "root"},
            "why 1, log: these lines stand in no log",
        ),
        ({"kind": "opinion", "text": "surely"}, "does not match any of the expected tags"),
        ("just words", "Input should be"),
    ],
)
def test_evidence_that_does_not_hold_comes_back_with_the_reason(refusal: Refusal, fact: object, words: str) -> None:
    chain = honest()["whys"]
    chain[0]["facts"] = [fact]
    said = refusal("submit_diagnosis", **honest(whys=chain))
    assert words in said
    assert "Mend it and submit again (7 more" in said


@pytest.mark.parametrize(
    ("bent", "words"),
    [
        ({"whys": whys(("tinyfeed/prices.py", [LINES]))}, "at least 2 items"),
        ({"whys": whys(*[("tinyfeed/prices.py", [LINES])] * 8)}, "at most 7 items"),
        ({"whys": whys(("high", [ROWS]), ("because I say so", []))}, "why 2: its answer has no evidence"),
        ({"whys": whys(("high", [ROWS]), ("somewhere", [LINES]))}, "names no code that it shows"),
        ({"whys": whys(("high", [ROWS]), ("it is odd", [ROWS]))}, "names no code that it shows"),
        ({"whys": whys(("high", [ROWS]), ("unknown", []))}, "say lane `unknown`"),
        ({"lane": "outage"}, "no upstream check is red"),
        ({"lane": "feelings"}, "`lane`"),
        ({"culprit": "f" * 40}, "there is no commit"),
        ({"root_cause": "x" * 5000}, "at most 4000 characters"),
    ],
)
def test_chain_that_ends_in_no_cause_comes_back(refusal: Refusal, bent: Given, words: str) -> None:
    assert words in refusal("submit_diagnosis", **honest(**bent))


def test_culprit_needs_a_green_ancestor(box: Toolbox, case: Case, refusal: Refusal) -> None:
    head, parent = (entry.commit for entry in case.history.log(case.workspace.commit, limit=2))
    assert "no pair of replays" in refusal("submit_diagnosis", **honest(culprit=head))
    chain = honest()["whys"]
    chain[0]["facts"] += [{"kind": "replay", "total": 35}, {"kind": "replay", "commit": parent, "total": 0}]
    assert box.call("submit_diagnosis", honest(whys=chain, culprit=head[:12])).startswith("Accepted")
    assert box.diagnosis is not None
    assert box.diagnosis.culprit == head


def test_honest_unknown_is_accepted(box: Toolbox) -> None:
    chain = whys(("Prices are too high.", [ROWS]), ("unknown: the shop may have changed its format", []))
    assert box.call("submit_diagnosis", honest(whys=chain, lane="unknown")).startswith("Accepted: unknown")


def test_refusals_are_bounded_and_then_what_stands_is_kept(box: Toolbox, refusal: Refusal) -> None:
    chain = whys(("Prices are too high.", [ROWS]), ("tinyfeed/prices.py", [{"kind": "rows", "count": 1}]))
    for _ in range(MOST_REFUSALS - 1):
        assert "submit again" in refusal("submit_diagnosis", whys=[])
    assert box.diagnosis is None
    assert "End your session" in refusal("submit_diagnosis", **honest(whys=chain))
    assert "nothing more is taken" in refusal("submit_diagnosis", **honest())
    assert box.over
    found = box.diagnosis
    assert found is not None
    assert found.lane is Lane.UNKNOWN
    assert found.whys[0].facts


def test_accepted_diagnosis_ends_the_submissions(box: Toolbox, refusal: Refusal) -> None:
    box.call("submit_diagnosis", honest())
    assert box.over == "what was handed in is accepted"
    assert "nothing more is taken" in refusal("submit_diagnosis", **honest())


def test_sandbox_that_fails_while_it_is_run_again_is_no_refusal(case: Case) -> None:
    def weigh(_: Diagnosis) -> Diagnosis:
        raise SandboxError("gone")

    box = Toolbox(case._replace(weigh=weigh), Phase.DIAGNOSE, case.workspace, agent="claims")
    assert "could not be run now" in box.call("submit_diagnosis", honest())
    with pytest.raises(SandboxError, match="gone"):
        box.settle()
    assert box.bench.refusals == 0


# --- the fix phase --------------------------------------------------------------------------------------------------


def mend(tree: Any, case: Case) -> None:
    prices = tree / "tinyfeed" / "prices.py"
    prices.write_text(prices.read_text().replace("return int(text[:-1]) * 100", "return int(text[:-1])"))
    (tree / "tests" / "test_ticket_1.py").write_text(REGRESSION)
    (tree / "tests" / "test_ticket_1.json").write_text(case.evidence.model_dump_json(indent=1) + "\n")


def test_brief_of_the_fix_tells_the_cause_and_what_was_tried(case: Case, cause: Diagnosis) -> None:
    patch = Patch(base="x", diff="+tried", tests=(), summary="")
    tried = Attempt(ticket=1, number=1, agent="a", started_at=NOW, patch=patch, feedback="the suite is red")
    box = Toolbox(case, Phase.FIX, case.workspace, agent="claims", diagnosis=cause, earlier=[tried])
    text = box.call("brief", {})
    for words in ("to_cents multiplies cents by 100", "submit_patch", "the suite is red", "+tried"):
        assert words in text


def test_patch_is_what_stands_in_the_tree(fixing: Opened, case: Case) -> None:
    box, tree = fixing
    assert "is red: 35 rows" in box.call("replay", {"with_changes": True})
    assert "changed no test file" in box.call("run_tests", {"only_tests": True})
    mend(tree, case)
    assert "is green" in box.call("replay", {"with_changes": True})
    assert box.call("run_tests", {}).startswith("Green with your changes")
    red = box.call("run_tests", {"only_tests": True, "tests": ["tests/test_ticket_1.py"]})
    assert red.startswith("Red with your test files alone: 1 test failed")
    assert box.call("submit_patch", {"summary": "Cents once."}).startswith("Taken: 3 files")
    patch = box.patch
    assert patch is not None
    assert (patch.tests, patch.base, patch.strategy) == (("tests/test_ticket_1.py",), case.workspace.commit, "claims")
    assert "-        return int(text[:-1]) * 100" in patch.diff
    assert "nothing more is taken" in box.call("submit_patch", {"summary": "Again."})


def test_patch_without_form_comes_back(fixing: Opened, case: Case) -> None:
    box, tree = fixing
    assert "unchanged" in box.call("submit_patch", {"summary": "x"})
    (tree / "tinyfeed" / "prices.py").write_text("x = 1\n")
    assert "names no regression test" in box.call("submit_patch", {"summary": "x"})
    assert "is not in the diff" in box.call("submit_patch", {"summary": "x", "tests": ["tests/test_no.py"]})
    for number in range(80):
        (tree / f"new{number}.py").write_text("")
    mend(tree, case)
    assert "its diff touches 83 files" in box.call("submit_patch", {"summary": "x"})


def test_same_patch_again_comes_back(case: Case, cause: Diagnosis) -> None:
    with case.workspace.at() as tree:
        mend(tree.root, case)
        patch = Patch(base=case.workspace.commit, diff=tree.changed(), tests=(), summary="")
        tried = Attempt(ticket=1, number=1, agent="a", started_at=NOW, patch=patch, feedback="a mutant survived")
        box = Toolbox(case, Phase.FIX, tree, agent="claims", diagnosis=cause, earlier=[tried])
        assert "attempt 1 handed in the same" in box.call("submit_patch", {"summary": "x"})


def test_failing_tests_are_told_with_their_words(fixing: Opened) -> None:
    box, tree = fixing
    (tree / "tests" / "test_new.py").write_text("def test_x():\n    assert 1 == 2, 'not `equal`'\n")
    text = box.call("run_tests", {"tests": ["tests/test_new.py"]})
    assert text.startswith("Red with your changes: 1 test failed, 0 passed.")
    assert "`tests/test_new.py::test_x` ended failed" in text
    assert "not `equal`" in text


def test_tree_that_grew_too_large_is_not_taken_and_ends_the_session(
    fixing: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, root = fixing
    monkeypatch.setattr("andon.agents.tools.bench.MOST_GROWN", 1_000_000)
    (root / "node_modules").mkdir()
    (root / "node_modules" / "big").write_bytes(b"x" * 2_000_000)
    answer = box.answer("submit_patch", {"summary": "x"})
    assert answer.refused
    assert "it may grow by 1,000,000 bytes" in answer.text
    monkeypatch.setattr("andon.agents.tools.bench.LOOKING", -1.0)
    assert "the tree has grown" in box.over
