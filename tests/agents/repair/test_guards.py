"""Survivors are doubted: lost rows, emptied tables, features unwired, values of the evidence in the code."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from andon.agents.search.repair.candidates import Candidate, from_texts
from andon.agents.search.repair.guards import Output, doubts_about, knows_the_evidence, tables_of, unwired
from andon.agents.search.repair.source import Sources
from andon.models import Check, CheckKind, Evidence

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
EVIDENCE = Evidence(
    check="x", asked_at=MOMENT, query="", total=2, rows=({"sku": "A-17", "cents": 4711}, {"sku": "B", "cents": 100})
)


def candidate(old: str, new: str, strategy: str = "template:x") -> Candidate:
    """Returns a candidate on one file."""
    return from_texts({"x.py": old}, {"x.py": new}, strategy=strategy, suspicion=0.5, says="")


def output(**counts: int) -> Output:
    """Returns what a replay wrote."""
    return Output(counts, Counter())


def test_special_case_for_a_value_of_the_evidence_is_seen() -> None:
    old = "def f(row):\n    return row\n"
    sources = Sources({"x.py": old})
    for new in ('    if row.sku == "A-17":\n        return 0\n', "    if row.cents == 4711:\n        return 0\n"):
        change = candidate(old, "def f(row):\n" + new + "    return row\n")
        assert knows_the_evidence(change, EVIDENCE, sources)


def test_text_that_the_sources_already_hold_is_an_ingredient() -> None:
    old = 'KNOWN = "A-17"\ndef f(row):\n    return row\n'
    change = candidate(old, old.replace("return row", 'return row == "A-17"'))
    assert knows_the_evidence(change, EVIDENCE, Sources({"x.py": old})) == ""


def test_round_factor_is_no_knowledge_of_the_evidence() -> None:
    old = "def f(row):\n    return row\n"
    assert (
        knows_the_evidence(candidate(old, old.replace("row\n", "row * 100\n")), EVIDENCE, Sources({"x.py": old})) == ""
    )


def test_template_that_loses_rows_is_doubted() -> None:
    doubts = doubts_about(candidate("a = 1\n", "a = 2\n"), output(items=10), output(items=9), offending=2)
    assert doubts.sentences == ("items has 9 rows after the replay, 10 without it",)


def test_revert_may_write_as_few_rows_less_as_were_wrong() -> None:
    change = candidate("a = 1\n", "a = 2\n", "revert")
    doubts = doubts_about(change, output(items=10), output(items=8), offending=2)
    assert (doubts.sentences, len(doubts.mild)) == ((), 1)
    assert doubts_about(change, output(items=10), output(items=7), offending=2).sentences


def test_emptied_table_is_named() -> None:
    change = candidate("a = 1\n", "a = 2\n", "revert")
    assert doubts_about(change, output(items=2, runs=1), output(items=0, runs=1), offending=2).emptied == ("items",)


def test_healthy_rows_that_change_are_counted_beyond_the_offending() -> None:
    base = Output({"items": 4}, Counter(["a", "b", "c", "d"]))
    changed = Output({"items": 4}, Counter(["a", "x", "y", "z"]))
    assert doubts_about(candidate("a = 1\n", "a = 2\n"), base, changed, offending=2).shifted == 1


def test_function_that_nobody_uses_any_more_is_named() -> None:
    files = {
        "x.py": "def old():\n    pass\n\n\ndef new():\n    pass\n",
        "y.py": "from x import new, old\n\nold()\nnew()\n",
    }
    sources = Sources(files)
    assert unwired(sources, {"y.py": "from x import new, old\n\nold()\nold()\n"}) == ("new",)
    assert unwired(sources, {"y.py": files["y.py"]}) == ()


def test_tables_of_a_check_leave_out_its_own_names() -> None:
    query = "with bad as (select * from a.items where x > :since) select * from bad join runs r on r.id = bad.id"
    check = Check(name="x", kind=CheckKind.SQL, path="x", why="x", decided="x", query=query, sha256="x")
    assert tables_of(check, "postgres") == ("a.items", "runs")
