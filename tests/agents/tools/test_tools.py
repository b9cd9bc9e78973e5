"""What the ticket's tools tell an agent, and how they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from andon.agents.acp.watching import Watch
from andon.agents.tools import TOOLS, Phase, Toolbox
from andon.protocols import Case
from andon.wallet import wallet_with

Refusal = Callable[..., str]


def test_each_phase_has_its_tools(box: Toolbox, case: Case) -> None:
    reading = ["brief", "evidence", "schema", "query", "run_check", "replay", "history", "logs", "memory"]
    fixing = Toolbox(case, Phase.FIX, case.workspace, agent="claims")
    assert [tool.name for tool in box.tools()] == [*reading, "submit_diagnosis"]
    assert [tool.name for tool in fixing.tools()] == [*reading, "run_tests", "submit_patch"]


def test_every_tool_describes_what_it_takes() -> None:
    for tool in TOOLS:
        assert tool.description.endswith(".")
        assert tool.schema["type"] == "object"
        assert json.dumps(tool.schema)


def test_brief_tells_the_check_its_note_the_contrast_and_what_is_wanted(box: Toolbox) -> None:
    text = box.call("brief", {})
    for words in ("prices-in-range", "decided:", "35 rows offend", "`shop = 'north'`", "submit_diagnosis"):
        assert words in text


def test_evidence_comes_in_pages(box: Toolbox, refusal: Refusal) -> None:
    first, second = box.call("evidence", {}), box.call("evidence", {"page": 2})
    assert "35 rows kept, page 1 of 2" in first
    assert first.count('"sku"') == 20
    assert second.count('"sku"') == 15
    assert '"shop"' in box.call("evidence", {"table": "fetches"})
    assert "2 pages" in refusal("evidence", page=3)
    assert "`fetches`" in refusal("evidence", table="nothing")


def test_schema_names_tables_and_columns(box: Toolbox, refusal: Refusal) -> None:
    assert "items" in box.call("schema", {})
    assert "cents" in box.call("schema", {"table": "items"})
    assert "`items`" in refusal("schema", table="secrets")


def test_query_gives_rows_and_a_fact_that_can_be_cited(box: Toolbox) -> None:
    text = box.call("query", {"sql": "select shop, count(*) as n from items group by shop order by shop"})
    assert text.startswith("query-1: the query gives 3 rows")
    assert '{"shop": "east", "n": 108}' in text
    assert box.call("query", {"sql": "select count(*) as n from items where seen_at < :now"}).startswith("query-2")


def test_query_that_writes_is_refused(refusal: Refusal) -> None:
    for sql in ("delete from items", "select 1; drop table items", "pragma writable_schema = on", "nonsense"):
        assert "not answered" in refusal("query", sql=sql)


def test_check_is_asked_of_the_live_system(box: Toolbox, refusal: Refusal) -> None:
    assert "is red: 35 rows offend" in box.call("run_check", {})
    assert "is green" in box.call("run_check", {"check": "no-empty-pictures"})
    assert "`no-empty-pictures`" in refusal("run_check", check="nothing")


def test_replay_tells_red_and_green_and_keeps_the_facts(box: Toolbox, case: Case, refusal: Refusal) -> None:
    parent = case.history.log(case.workspace.commit, limit=2)[1].commit
    text = box.call("replay", {"trace": "tinyfeed/prices.py"})
    assert "replay-1: replay at" in text
    assert "is red: 35 rows offend" in text
    assert re.search(r"trace-1: these lines of `tinyfeed/prices.py` ran: .*6-8", text)
    assert "is green" in box.call("replay", {"commit": parent[:10]})
    assert set(box.bench.facts) == {"replay-1", "trace-1", "replay-2"}
    assert "no commit" in refusal("replay", commit="f" * 40)
    assert "no such checkout" in refusal("replay", diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    assert "read-only" in refusal("replay", with_changes=True)


def test_history_tells_commits_a_diff_and_who_changed_lines(box: Toolbox, case: Case, refusal: Refusal) -> None:
    head = case.workspace.commit
    assert re.search(rf"{head} 2026-11-20 11:30 .+: Turn all prices into cents \[", box.call("history", {}))
    assert box.call("history", {"path": "tinyfeed/store.py"}).count("\n") < 6
    assert "+        return int(text[:-1]) * 100" in box.call("history", {"commit": head[:12]})
    blamed = box.call("history", {"path": "tinyfeed/prices.py", "start": 6, "end": 7})
    assert f"    7 {head[:12]}         return int(text[:-1]) * 100" in blamed
    assert "no such file" in refusal("history", path="nothing.py", start=1)
    assert "no commits" in refusal("history", path="nothing.py")
    assert "commit" in refusal("history", commit="--upload-pack=x")


def test_logs_are_listed_and_searched(box: Toolbox, case: Case, refusal: Refusal) -> None:
    assert "feed.log (38 bytes" in box.call("logs", {})
    log = case.logs[0].replace("*", "feed")
    assert "log-1 @6: north asks 10000" in box.call("logs", {"path": log, "words": "north"})
    assert "No line" in box.call("logs", {"path": log, "words": "west"})
    assert "no such log file" in refusal("logs", path="/etc/passwd")


def test_memory_finds_earlier_tickets_by_words(box: Toolbox) -> None:
    assert box.call("memory", {"words": "prices"}) == "No earlier ticket is like this."


def test_unknown_tools_and_wrong_arguments_are_refused_with_what_to_mend(refusal: Refusal) -> None:
    assert "there is no tool `rm`; there are: brief, evidence" in refusal("rm")
    assert "`sqll`" in refusal("query", sqll="select 1")
    assert "`sql`: `Field required`" in refusal("query")
    assert "`page`" in refusal("evidence", page=0)


def test_tools_of_the_other_phase_are_refused(refusal: Refusal) -> None:
    assert "another phase" in refusal("submit_patch", summary="x")
    assert "another phase" in refusal("run_tests")


def test_lists_that_come_as_json_text_are_read(box: Toolbox) -> None:
    given = {"whys": json.dumps([{"question": "a", "answer": "unknown"}]), "root_cause": "x", "lane": "unknown"}
    assert "at least 2 items" in box.call("submit_diagnosis", given)


def test_calls_are_bounded(box: Toolbox, refusal: Refusal) -> None:
    box.bench.calls["replay"] = 40
    assert "as often as it may" in refusal("replay")
    box.bench.calls["brief"] = 400
    assert "as often as it may" in refusal("evidence")


def test_agent_that_goes_in_circles_ends_its_session(box: Toolbox, lines: list[tuple[str, str]]) -> None:
    for _ in range(4):
        assert "circles" not in box.call("memory", {"words": "x"})
    assert not box.over
    assert "the session is over" in box.call("memory", {"words": "x"})
    assert box.over.startswith("it went in circles: the same action gave the same answer 5 times: memory")
    assert "nothing more is taken" in box.call("submit_diagnosis", {"whys": []})
    assert [kind for kind, _ in lines].count("stuck") == 1


def test_what_an_agent_does_with_its_own_tools_counts_too(case: Case) -> None:
    wallet = wallet_with(tokens=1000)
    wallet.charge(tokens=600)
    box = Toolbox(case._replace(wallet=wallet), Phase.FIX, case.workspace, agent="claims")
    assert box.act("edit a.py", "ok", edited=("a.py", "x")) == ""
    wallet.charge(tokens=300)
    said = [box.act(f"think {number}", "hm") for number in range(8)]
    assert said[:7] == [""] * 7
    assert "75% of the budget brought no new fact" in said[7]
    assert box.over


def watching(box: Toolbox) -> Watch:
    return Watch(box.bench.case, box, minutes=10, shut=lambda: "")


@pytest.mark.parametrize("title", ["andon_memory", "mcp__andon__memory"])
def test_tools_of_the_ticket_are_counted_once_however_an_agent_calls_them(box: Toolbox, title: str) -> None:
    watch = watching(box)
    for _ in range(9):
        watch.acted(title, "completed", None)
    assert box.watch.actions == []


def test_program_that_goes_in_circles_with_its_own_tools_is_ended(box: Toolbox) -> None:
    watch = watching(box)
    for _ in range(4):
        watch.acted("bash ls", "completed a.py", None)
    assert not box.over
    watch.acted("bash ls", "completed a.py", None)
    assert "5 times: bash ls" in box.over
    writes = Toolbox(box.bench.case, Phase.FIX, box.bench.workspace, agent="claims")
    for number, text in enumerate(["x", "y"] * 2 + ["x"]):
        watching(writes).acted(f"write {number}", "ok", ("a.py", text))
    assert "to and fro" in writes.over


def test_nothing_is_run_when_time_is_up(case: Case) -> None:
    late = case._replace(deadline=datetime(2020, 1, 1, tzinfo=UTC))
    box = Toolbox(late, Phase.DIAGNOSE, late.workspace, agent="claims")
    assert "time is used up" in box.call("replay", {})
    assert "time is used up" in box.call("query", {"sql": "select 1"})
    assert "prices-in-range" in box.call("brief", {})


def test_every_call_and_answer_goes_into_the_transcript(box: Toolbox, lines: list[tuple[str, str]]) -> None:
    box.call("memory", {"words": "x"})
    box.call("rm", {})
    assert [kind for kind, _ in lines] == ["tool", "answer", "tool", "refusal"]
    assert lines[0][1] == 'memory {"words": "x"}'


def test_database_that_cannot_be_reached_is_said(case: Case) -> None:
    gone = case._replace(data=None)
    box = Toolbox(gone, Phase.DIAGNOSE, gone.workspace, agent="claims")
    assert "cannot be reached" in box.call("query", {"sql": "select 1"})
    assert "cannot be reached" in box.call("schema", {})


def test_agent_whose_budget_is_nearly_used_up_is_told_to_wrap_up(case: Case) -> None:
    wallet = wallet_with(tokens=100)
    wallet.charge(tokens=70)
    box = Toolbox(case._replace(wallet=wallet), Phase.DIAGNOSE, case.workspace, agent="claims")
    assert "wrap up" not in box.call("memory", {})
    wallet.charge(tokens=11)
    assert "wrap up and hand in what you have" in box.call("memory", {})
