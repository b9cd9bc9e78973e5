"""The stage takes what has the form of a patch on the branch, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from andon.fix import fix, new_tests
from andon.models import Attempt, Diagnosis, Lane, Patch, Spend
from andon.protocols import Case, Fixed
from andon.testing.cases import make_case

TEST = "tests/test_ticket.py"
DIFF = (
    f"diff --git a/{TEST} b/{TEST}\nnew file mode 100644\n--- /dev/null\n+++ b/{TEST}\n@@ -0,0 +1,2 @@\n"
    "+def test_ticket():\n+    assert True\n"
)
DIAGNOSIS = Diagnosis(whys=(), root_cause="", lane=Lane.CODE_BUG, agent="scripted")


class Scripted:
    """An agent that hands in what it is told to."""

    def __init__(self, patch: Patch | None) -> None:
        self.patch = patch

    @property
    def name(self) -> str:
        return "scripted"

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:  # noqa: ARG002
        return DIAGNOSIS, Spend()

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:  # noqa: ARG002
        return Fixed(self.patch, "tried", Spend(tokens=3))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """A case on a small system."""
    with make_case(tmp_path_factory.mktemp("fix"), "unit") as made:
        yield made


def handed_in(case: Case, **changes: object) -> Fixed:
    """Returns what the stage makes of a patch that is right but for the changes."""
    patch = Patch(base=case.workspace.commit, diff=DIFF, tests=(TEST,), summary="tests")
    return fix(case, DIAGNOSIS, Scripted(patch.model_copy(update=changes)), ())


def test_well_formed_patch_is_taken_as_it_is(case: Case) -> None:
    fixed = handed_in(case)
    assert fixed.patch is not None
    assert fixed.notes == "tried"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"base": "0" * 40}, "its base is 000000000000"),
        ({"diff": " \n"}, "its diff is empty"),
        ({"diff": "hello\n"}, "touches 0 files"),
        ({"tests": ()}, "names no regression test"),
        ({"tests": ("tests/test_other.py",)}, "is not in the diff"),
        ({"diff": DIFF.replace("@@ -0,0 +1,2 @@", "@@ -3,2 +1,2 @@")}, "does not apply"),
        ({"diff": DIFF + "+" + "x" * 2**21 + "\n"}, "2097152 are the limit"),
    ],
)
def test_text_that_is_no_patch_is_not_taken(case: Case, changes: dict[str, object], reason: str) -> None:
    fixed = handed_in(case, **changes)
    assert fixed.patch is None
    assert reason in fixed.notes
    assert fixed.spend.tokens == 3


def test_agent_that_abstains_is_believed(case: Case) -> None:
    assert fix(case, DIAGNOSIS, Scripted(None), ()) == Fixed(None, "tried", Spend(tokens=3))


def test_only_code_bugs_are_fixed(case: Case) -> None:
    outage = DIAGNOSIS.model_copy(update={"lane": Lane.OUTAGE})
    assert "the lane is outage" in fix(case, outage, Scripted(None), ()).notes


def test_same_patch_twice_is_not_taken(case: Case) -> None:
    patch = Patch(base=case.workspace.commit, diff=DIFF, tests=(TEST,), summary="tests")
    attempt = Attempt(ticket=1, number=4, agent="x", started_at=case.ticket.created_at, patch=patch)
    fixed = fix(case, DIAGNOSIS, Scripted(patch), [attempt])
    assert fixed.patch is None
    assert "attempt 4 handed in the same" in fixed.notes


def test_new_tests_are_the_test_files_of_a_diff() -> None:
    other = DIFF.replace(TEST, "src/feed.py")
    assert new_tests(DIFF + other + DIFF.replace(TEST, "tests/regressions/x.json")) == (TEST,)
