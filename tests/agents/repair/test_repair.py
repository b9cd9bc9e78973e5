"""Repair by search on a small watched system: real git, sandbox, replay, suite and database."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.agents.search.repair import repair
from andon.models import Diagnosis, Lane, Location, Patch, Why
from andon.protocols import Case, Fixed
from andon.testing.cases import make_case
from andon.testing.repos import BUGS

HOSTILE = 'the decorator is missing """ + \\ and `code` \x1b[31m'


def diagnosis_of(case: Case, bug: str, *, culprit: bool) -> Diagnosis:
    """Returns the diagnosis that names the function that is wrong, and the last commit as the culprit."""
    planted = BUGS[bug]
    tree = ast.parse((case.workspace.root / planted.file).read_text(encoding="utf-8"))
    found = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == planted.function)
    assert found.end_lineno is not None
    place = Location(path=planted.file, start=found.lineno, end=found.end_lineno, suspicion=0.9)
    return Diagnosis(
        whys=(Why(question="Why?", answer="unknown"),),
        root_cause=HOSTILE,
        lane=Lane.CODE_BUG,
        locations=(place,),
        culprit=case.workspace.commit if culprit else None,
        agent="search",
    )


@pytest.fixture(scope="module")
def sibling_case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Case, Diagnosis, Fixed]]:
    """A case whose repair is a sibling's decorator, and what repair made of it."""
    with make_case(tmp_path_factory.mktemp("sibling"), "unwrapped-call") as case:
        diagnosis = diagnosis_of(case, "unwrapped-call", culprit=True)
        yield case, diagnosis, repair(case, diagnosis, ())


def patch_of(fixed: Fixed) -> Patch:
    """Returns the patch that must be there."""
    assert fixed.patch is not None, fixed.notes
    return fixed.patch


def test_call_without_its_siblings_wrapper_is_wrapped(sibling_case: tuple[Case, Diagnosis, Fixed]) -> None:
    patch = patch_of(sibling_case[2])
    assert patch.strategy == "sibling:decorator"
    assert "+@retrying\n def fetch_gallery(transport, url):" in patch.diff


def test_revert_that_switches_a_feature_off_is_put_last(sibling_case: tuple[Case, Diagnosis, Fixed]) -> None:
    notes = sibling_case[2].notes
    assert "was put last" in notes
    assert "nobody uses fetch_gallery any more" in notes


def test_patch_holds_the_repair_its_test_and_its_evidence(sibling_case: tuple[Case, Diagnosis, Fixed]) -> None:
    patch = patch_of(sibling_case[2])
    assert patch.base == sibling_case[0].workspace.commit
    assert patch.tests == ("tests/test_no_empty_pictures_ticket_1.py",)
    assert "tests/regressions/no_empty_pictures_ticket_1.json" in patch.diff
    assert patch.diff.count("new file mode 100644") == 2


def test_evidence_is_made_small_and_keeps_to_itself(sibling_case: tuple[Case, Diagnosis, Fixed]) -> None:
    case, _, fixed = sibling_case
    with case.workspace.at(diff=patch_of(fixed).diff) as workspace:
        text = (workspace.root / "tests/regressions/no_empty_pictures_ticket_1.json").read_text(encoding="utf-8")
        evidence = case.evidence.model_validate_json(text)
    assert 0 < len(evidence.rows) < len(case.evidence.rows)
    assert len(evidence.context["fetches"]) < len(case.evidence.context["fetches"])
    runs = {row["run_id"] for row in evidence.context["fetches"]}
    assert {row["run_id"] for row in evidence.rows} <= runs


def test_regression_test_is_red_on_base_and_green_on_head(sibling_case: tuple[Case, Diagnosis, Fixed]) -> None:
    case, _, fixed = sibling_case
    patch = patch_of(fixed)
    with case.workspace.at(diff=patch.diff) as workspace:
        assert workspace.test().green
        tests = {path: (workspace.root / path).read_text(encoding="utf-8") for path in patch.tests}
    parts = patch.diff.split("diff --git ")
    without = "".join("diff --git " + part for part in parts[1:] if "tinyfeed/fetch.py" not in part.splitlines()[0])
    with case.workspace.at(diff=without) as workspace:
        run = workspace.test(patch.tests)
    assert [(event.outcome, event.phase) for event in run.failed] == [("failed", "call")]
    docstring = ast.get_docstring(ast.parse(next(iter(tests.values()))).body[-3]) or ""  # type: ignore[arg-type]
    assert "Ticket 1" in docstring
    assert "A shop was busy" in docstring
    assert "the decorator is missing" in docstring
    assert "\x1b" not in next(iter(tests.values()))


def test_smallest_revert_takes_back_the_one_line(tmp_path: Path) -> None:
    with make_case(tmp_path, "missing-strip") as case:
        patch = patch_of(repair(case, diagnosis_of(case, "missing-strip", culprit=True), ()))
    assert patch.strategy == "revert"
    assert "Item(sku=sku.strip(), name=" in patch.diff
    assert "README" not in patch.diff


def test_without_a_culprit_a_template_finds_the_boundary(tmp_path: Path) -> None:
    with make_case(tmp_path, "off-by-one") as case:
        diagnosis = diagnosis_of(case, "off-by-one", culprit=False)
        text = (case.workspace.root / "tinyfeed/parse.py").read_text(encoding="utf-8")
        line = text[: text.index("for number in")].count("\n") + 1
        place = Location(path="tinyfeed/parse.py", start=line, end=line, suspicion=0.9)
        patch = patch_of(repair(case, diagnosis.model_copy(update={"locations": (place,)}), ()))
    assert patch.strategy.startswith("template:")
    assert "+    for number in range(1, len(lines)):\n" in patch.diff


def test_nothing_is_handed_in_when_the_wrong_place_is_suspected(tmp_path: Path) -> None:
    with make_case(tmp_path, "unit") as case:
        diagnosis = diagnosis_of(case, "unit", culprit=False)
        elsewhere = Location(path="tinyfeed/retry.py", start=6, end=7, suspicion=0.9)
        fixed = repair(case, diagnosis.model_copy(update={"locations": (elsewhere,)}), ())
    assert fixed.patch is None
    assert fixed.notes.startswith("Nothing was handed in")
    assert "template:" in fixed.notes
