"""Whole diagnoses on tinyfeed: real git, sandbox, replays, data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from andon.agents.search import SearchAgent
from andon.errors import AgentError
from andon.models import Diagnosis, Lane, LinesFact, ReplayFact, TraceFact
from andon.protocols import Case
from andon.testing.cases import find_check, make_case, open_case
from andon.testing.repos import BUGS, commit_edits, git


def diagnose(case: Case) -> Diagnosis:
    return SearchAgent().diagnose(case)[0]


@pytest.mark.parametrize("bug", ["missing-strip", "unit", "off-by-one"])
def test_cause_is_named_with_function_commit_and_what_became_what(tmp_path: Path, bug: str) -> None:
    with make_case(tmp_path, bug) as case:
        found = diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert found.culprit == case.workspace.commit
    assert (found.locations[0].path, found.locations[0].function) == (BUGS[bug].file, BUGS[bug].function)
    edit = BUGS[bug].edits[0]
    for words in (BUGS[bug].function, BUGS[bug].file, BUGS[bug].subject, edit.old.strip(), edit.new.strip()):
        assert words in found.root_cause


def test_call_without_the_wrapper_of_its_siblings_is_the_cause(tmp_path: Path) -> None:
    with make_case(tmp_path, "unwrapped-call") as case:
        found = diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert "fetch_gallery (tinyfeed/fetch.py:24)" in found.root_cause
    assert "lacks @retrying, which 3 of 3 sibling functions have" in found.root_cause
    assert found.locations[0].function == "fetch_gallery"
    assert [why.question.split()[0] for why in found.whys] == ["Why", "Where", "How", "Since", "Why"]
    assert all(why.facts for why in found.whys)
    kinds = {type(fact) for fact in found.whys[-1].facts}
    assert {LinesFact, TraceFact, ReplayFact} <= kinds


def test_only_production_code_is_told(tmp_path: Path) -> None:
    with make_case(tmp_path, "unit") as case:
        found = diagnose(case)
    assert 0 < len(found.locations) <= 30
    assert not any(place.path.startswith("tests/") or place.path == "tinyfeed/replay.py" for place in found.locations)


@contextmanager
def case_with(folder: Path, bug: str, *later: tuple[str, dict[str, str]]) -> Iterator[Case]:
    """Gives a case on a tinyfeed on which more commits were put after the bug, with the rows of before."""
    with open_case(folder, bug) as (case, stage):
        work = folder / "tinyfeed"
        for subject, files in later:
            texts = {path: text or (work / path).read_text() for path, text in files.items()}
            commit_edits(work, subject, texts)
        stage.repo.fetch()
        head = stage.repo.head("main")
        with case.workspace.at(head) as workspace:
            yield case._replace(workspace=workspace)


def notes(count: int) -> Sequence[tuple[str, dict[str, str]]]:
    return [(f"Note {number}", {"NOTES.md": f"note {number}\n"}) for number in range(count)]


def test_culprit_under_later_commits_is_found_by_bisecting(tmp_path: Path) -> None:
    with case_with(tmp_path, "unit", *notes(5)) as case:
        blind = case._replace(brief=case.brief.model_copy(update={"changes": (), "onset": None}))
        found = diagnose(blind)
        culprit = case.history.log(case.workspace.commit)[5]
    assert culprit.subject == BUGS["unit"].subject
    assert found.culprit == culprit.commit
    assert found.lane is Lane.CODE_BUG
    assert found.locations[0].function == "to_cents"


def test_commit_whose_replay_crashes_is_skipped(tmp_path: Path) -> None:
    broken = ("Break the replay", {"tinyfeed/store.py": "import nowhere\n"})
    with open_case(tmp_path / "whole", "unit") as (_, stage):
        store = stage.repo.show(stage.repo.head("main"), "tinyfeed/store.py")
    mended = ("Mend the replay", {"tinyfeed/store.py": store})
    with case_with(tmp_path / "case", "unit", broken, mended, *notes(1)) as case:
        blind = case._replace(brief=case.brief.model_copy(update={"changes": (), "onset": None}))
        found = diagnose(blind)
    assert found.lane is Lane.CODE_BUG
    assert found.culprit is not None
    assert BUGS["unit"].subject in found.root_cause


def test_rows_of_a_bug_that_was_fixed_since_are_residue(tmp_path: Path) -> None:
    old, new = BUGS["unit"].edits[0].old, BUGS["unit"].edits[0].new
    with open_case(tmp_path / "whole", "unit") as (_, stage):
        prices = stage.repo.show(stage.repo.head("main"), "tinyfeed/prices.py")
    fix = ("Read cents as cents", {"tinyfeed/prices.py": prices.replace(new, old)})
    with case_with(tmp_path / "case", "unit", fix) as case:
        found = diagnose(case)
    assert found.lane is Lane.DATA_BUG
    assert "still there" in found.root_cause
    assert [fact.total for fact in found.whys[-1].facts if isinstance(fact, ReplayFact)] == [35, 0]


def test_rows_that_no_replay_brings_back_are_unknown(tmp_path: Path) -> None:
    with make_case(tmp_path, "unit") as case:
        evidence = case.evidence.model_copy(update={"context": {"fetches": ()}})
        found = diagnose(case._replace(evidence=evidence))
    assert found.lane is Lane.UNKNOWN
    assert found.whys[-1].answer.startswith("unknown")
    assert found.culprit is None


def test_green_replay_under_a_red_upstream_is_an_outage(tmp_path: Path) -> None:
    with make_case(tmp_path, "unit") as case:
        evidence = case.evidence.model_copy(update={"context": {"fetches": ()}})
        brief = case.brief.model_copy(update={"upstream_red": ("shops-answer",)})
        found = diagnose(case._replace(evidence=evidence, brief=brief))
    assert found.lane is Lane.OUTAGE
    assert "shops-answer" in found.root_cause


def test_replay_that_crashes_is_never_taken_for_a_cause(tmp_path: Path) -> None:
    with make_case(tmp_path, "unit") as case:
        evidence = case.evidence.model_copy(update={"context": {}})
        found = diagnose(case._replace(evidence=evidence))
    assert found.lane is Lane.UNKNOWN
    assert "KeyError" in found.whys[-1].answer
    assert found.locations == ()


def test_check_that_nothing_ever_passed_is_wrong_itself(tmp_path: Path) -> None:
    with open_case(tmp_path, "unit") as (case, stage):
        check = find_check(stage.checks, "prices-in-range")
        sql = "select run_id, shop, sku, cents, seen_at from items where seen_at > :since"
        answer = stage.data.ask(sql, {"since": datetime(1970, 1, 1, tzinfo=UTC)})
        strange = check.model_copy(update={"query": sql, "population": sql})
        evidence = case.evidence.model_copy(update={"query": sql, "rows": answer.rows, "total": answer.total})
        brief = case.brief.model_copy(update={"contrasts": (), "changes": ()})
        found = diagnose(case._replace(check=strange, evidence=evidence, brief=brief))
    assert found.lane is Lane.CHECK_WRONG
    assert "never" in found.root_cause


def test_old_bug_without_a_good_commit_is_still_located(tmp_path: Path) -> None:
    with make_case(tmp_path, "unwrapped-call") as case:
        head = case.workspace.commit

        class Young:
            """The history as if the head were its first commit."""

            def __getattr__(self, name: str) -> object:
                return getattr(case.history, name)

            def log(self, commit: str, **_: object) -> object:
                return case.history.log(head, limit=1) if commit == head else ()

        found = diagnose(case._replace(history=Young()))  # type: ignore[arg-type]
    assert found.lane is Lane.CODE_BUG
    assert found.culprit is None
    assert "tinyfeed/" in found.root_cause


def test_no_time_left_is_said(tmp_path: Path) -> None:
    with make_case(tmp_path, "unit") as case:
        late = case._replace(deadline=datetime.now(UTC) - timedelta(minutes=1))
        with pytest.raises(AgentError, match="time is used up"):
            SearchAgent().diagnose(late)


def test_culprit_on_a_merged_branch_is_named_beside_its_own_parent(tmp_path: Path) -> None:
    with open_case(tmp_path, "unit") as (case, stage):
        work = tmp_path / "tinyfeed"
        author = ("-c", "user.name=dev", "-c", "user.email=dev@example.org")
        git("checkout", "--quiet", "-b", "side", "HEAD~1", cwd=work)
        commit_edits(work, "Note beside", {"NOTES.md": "beside\n"}, push=False)
        git("checkout", "--quiet", "main", cwd=work)
        git(*author, "merge", "--quiet", "--no-ff", "-m", "Merge side", "side", cwd=work)
        git("push", "--quiet", "origin", "main", cwd=work)
        stage.repo.fetch()
        brief = case.brief.model_copy(update={"changes": (), "onset": None})
        with case.workspace.at(stage.repo.head("main")) as workspace:
            found = diagnose(case._replace(workspace=workspace, brief=brief))
        bug = git("rev-parse", "HEAD^1", cwd=work).strip()
        parent = git("rev-parse", "HEAD^1^", cwd=work).strip()
    assert found.culprit == bug
    assert [fact.commit for fact in found.whys[3].facts if isinstance(fact, ReplayFact)] == [parent, bug]
