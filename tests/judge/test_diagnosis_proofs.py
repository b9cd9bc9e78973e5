"""What a diagnosis claims is run again by the judge, and the diff has to speak of the same lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from grounds import Stand
from hearings import heard
from test_honest import FIXES

from andon.judge.diagnosed import diagnosis_replayed, same_lines
from andon.models import (
    CommitFact,
    Contrast,
    ContrastFact,
    Diagnosis,
    Fact,
    Lane,
    LinesFact,
    Location,
    Outcome,
    Proof,
    QueryFact,
    ReplayFact,
    RowsFact,
    TestFact,
    TraceFact,
    Why,
)
from andon.testing.repos import BUGS

BUG = "unwrapped-call"
FETCH, PIPELINE = "tinyfeed/fetch.py", "tinyfeed/pipeline.py"
CALL = '    return transport.get(url, fetcher="gallery")'


def line_of(ground: Stand, path: str, text: str) -> int:
    return ground.text(path)[: ground.text(path).index(text)].count("\n") + 1


def contrast(term: str, share: float) -> ContrastFact:
    one = Contrast(
        terms=(term,),
        offending=26,
        offending_total=26,
        healthy=0,
        healthy_total=190,
        lift=8.0,
        support=share,
        p_value=0.0,
    )
    return ContrastFact(contrast=one)


def facts(ground: Stand) -> dict[str, Fact]:
    """Returns facts that hold."""
    parent = ground.repo.log(ground.base)[1]
    start = line_of(ground, FETCH, CALL)
    return {
        "replay": ReplayFact(commit=ground.base, total=26),
        "parent": ReplayFact(commit=parent.commit, total=0),
        "lines": LinesFact(commit=ground.base, path=FETCH, start=start, text=CALL),
        "trace": TraceFact(commit=ground.base, path=FETCH, lines=(start,)),
        "commit": CommitFact(commit=ground.base, subject=BUGS[BUG].subject, files=(FETCH,)),
        "rows": RowsFact(check=ground.check.name, where={"fetcher": "gallery"}, count=len(ground.evidence.rows)),
        "contrast": contrast("fetcher = 'gallery'", 1.0),
        "test": TestFact(commit=ground.base, test="tests/test_fetch.py::test_gallery_is_fetched", outcome="passed"),
    }


def diagnosis_of(given: Mapping[str, Fact], *, locations: tuple[Location, ...] = (), culprit: str = "") -> Diagnosis:
    whys = [Why(question="Why?", answer="So.", facts=(fact,)) for fact in given.values()]
    return Diagnosis(
        whys=tuple(whys),
        root_cause="fetch_gallery asks once",
        lane=Lane.CODE_BUG,
        locations=locations,
        culprit=culprit or None,
        agent="test",
    )


def again(ground: Stand, given: Mapping[str, Fact]) -> Proof:
    with heard(ground, ground.patch(ground.edited(*FIXES[BUG])), diagnosis=diagnosis_of(given)) as hearing:
        found = diagnosis_replayed(hearing)
    assert found is not None
    return found


def test_diagnosis_that_holds_is_told_so(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    proof = again(ground, facts(ground))
    assert proof.outcome is Outcome.HOLDS, proof
    assert proof.saw == "8 facts in 8 answers say the same again"


def test_question_to_the_live_data_is_not_asked_again(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    proof = again(ground, {"query": QueryFact(sql="select 1 as n", rows=({"n": 2},), total=7), **facts(ground)})
    assert proof.outcome is Outcome.HOLDS
    assert "1 were not asked again" in proof.saw


def test_without_a_diagnosis_there_is_nothing_to_prove(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    with heard(ground, ground.patch(ground.edited(*FIXES[BUG]))) as hearing:
        assert diagnosis_replayed(hearing) is None
        assert same_lines(hearing) is None


LIES: dict[str, Callable[[Stand], Fact]] = {
    "another number of rows": lambda ground: ReplayFact(commit=ground.base, total=25),
    "a parent that was red already": lambda ground: ReplayFact(commit=ground.repo.log(ground.base)[1].commit, total=26),
    "a commit of nowhere": lambda _: ReplayFact(commit="0" * 40, total=26),
    "lines that nobody wrote": lambda ground: LinesFact(commit=ground.base, path=FETCH, start=3, text="retries = 0"),
    "lines that did not run": lambda ground: TraceFact(commit=ground.base, path=PIPELINE, lines=(9999,)),
    "another subject": lambda ground: CommitFact(commit=ground.base, subject="Fetch nothing", files=(FETCH,)),
    "rows that are not there": lambda ground: RowsFact(check=ground.check.name, where={"fetcher": "index"}, count=26),
    "a contrast that is none": lambda _: contrast("shop = 'north'", 0.99),
    "a test that ended otherwise": lambda ground: TestFact(
        commit=ground.base, test="tests/test_fetch.py::test_gallery_is_fetched", outcome="failed"
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_fact_that_does_not_hold_fails(lie: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    proof = again(ground, {"true": facts(ground)["rows"], "lie": LIES[lie](ground)})
    assert proof.outcome is Outcome.FAILS
    assert "1 of 2 facts of the diagnosis do not hold: why 2" in proof.saw


# --- the same lines -------------------------------------------------------------------------------------------------


def spoken(ground: Stand, source: Mapping[str, str], *, cited: tuple[Location, ...] = (), culprit: str = "") -> Proof:
    diagnosis = diagnosis_of({}, locations=cited, culprit=culprit)
    with heard(ground, ground.patch(source), diagnosis=diagnosis) as hearing:
        found = same_lines(hearing)
    assert found is not None
    return found


def location(ground: Stand, path: str, text: str) -> Location:
    line = line_of(ground, path, text)
    return Location(path=path, start=line, end=line)


@pytest.mark.parametrize("bug", FIXES)
def test_fix_of_what_the_diagnosis_cites_holds(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    cited = location(ground, BUGS[bug].file, f"def {BUGS[bug].function}(")
    body = cited.model_copy(update={"end": cited.start + 3})
    proof = spoken(ground, ground.edited(*FIXES[bug]), cited=(body,))
    assert proof.outcome is Outcome.HOLDS, proof


def test_fix_in_what_the_cited_function_calls_holds(stand: Callable[[str], Stand]) -> None:
    ground = stand("unit")
    cited = location(ground, "tinyfeed/parse.py", "    return Item(sku=sku")
    proof = spoken(ground, ground.edited(*FIXES["unit"]), cited=(cited,))
    assert proof.outcome is Outcome.HOLDS, proof
    assert "tinyfeed/parse.py:parse_line calls" in proof.saw


def test_fix_of_what_the_culprit_brought_holds(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    proof = spoken(ground, ground.edited(*FIXES[BUG]), culprit=ground.base)
    assert proof.outcome is Outcome.HOLDS, proof


ELSEWHERE: dict[str, tuple[str, str, str]] = {
    "the place where it shows": (PIPELINE, "bytes=len(answer.body), ", "bytes=max(1, len(answer.body)), "),
    "the store": ("tinyfeed/store.py", "    connection.row_factory = sqlite3.Row\n", "    connection.cursor()\n"),
    "the prices": ("tinyfeed/prices.py", "round(float(text) * 100)", "round(100 * float(text))"),
    "code that does not run": ("tinyfeed/shops.py", "return Answer(200, \"2 6\")", "return Answer(200, \"2 5\")"),
    "a number of another module": ("tinyfeed/retry.py", "ATTEMPTS = 4\n", "ATTEMPTS = 5\n"),
}  # fmt: skip


@pytest.mark.parametrize("what", ELSEWHERE)
def test_change_of_other_code_than_the_diagnosis_speaks_of_needs_eyes(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    proof = spoken(ground, ground.edited(*ELSEWHERE[what]), cited=(location(ground, FETCH, CALL),))
    assert proof.outcome is Outcome.NEEDS_EYES, proof
    assert "other code" in proof.saw


def test_diagnosis_that_cites_nothing_needs_eyes(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    proof = spoken(ground, ground.edited(*FIXES[BUG]))
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "cites no line" in proof.saw


def test_name_of_the_module_that_a_cited_function_uses_is_the_same_place(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    cited = location(ground, "tinyfeed/retry.py", "        for attempt in range(ATTEMPTS)")
    proof = spoken(ground, ground.edited("tinyfeed/retry.py", "ATTEMPTS = 4\n", "ATTEMPTS = 9\n"), cited=(cited,))
    assert proof.outcome is Outcome.HOLDS, proof


def test_long_list_of_places_cites_only_the_most_suspicious(stand: Callable[[str], Stand]) -> None:
    ground = stand(BUG)
    first = location(ground, FETCH, CALL).model_copy(update={"suspicion": 1.0})
    everything = Location(path=PIPELINE, start=1, end=90, suspicion=0.2)
    source = ground.edited(PIPELINE, "bytes=len(answer.body), ", "bytes=max(1, len(answer.body)), ")
    assert spoken(ground, source, cited=(first, everything)).outcome is Outcome.NEEDS_EYES
