"""An agent that says what it was told to say: the double of every real agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from andon.errors import AgentError
from andon.models import Attempt, Diagnosis, Lane, LinesFact, Patch, RowsFact, Spend, Why
from andon.protocols import Case, Fixed


class ScriptedAgent:
    """Diagnoses with true facts about the case, and hands in the diffs of its script in turn. Implements `Agent`.

    A `None` in the script abstains; a string that starts with `!` dies with the rest as its last words.
    """

    def __init__(
        self,
        diffs: Sequence[str | None] = (),
        *,
        name: str = "scripted",
        lane: Lane = Lane.CODE_BUG,
        tests: Callable[[str], tuple[str, ...]] | None = None,
        spend: Spend = Spend(),
    ) -> None:
        self.name = name
        self.diffs = tuple(diffs)
        self.lane = lane
        self.tests = tests
        self.spend = spend

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:
        """Returns two whys whose facts hold: the rows of the evidence, and lines that stand in the code."""
        path = next(path for path in case.history.files(case.workspace.commit) if path.endswith(".py"))
        text = case.history.show(case.workspace.commit, path).split("\n")[0]
        whys = (
            Why(
                question=f"Why is {case.check.name} red?",
                answer="rows offend",
                facts=(RowsFact(check=case.check.name, where={}, count=len(case.evidence.rows)),),
            ),
            Why(
                question="Where were they written?",
                answer=f"by {path}",
                facts=(LinesFact(commit=case.workspace.commit, path=path, start=1, text=text),),
            ),
        )
        found = Diagnosis(whys=whys, root_cause=f"the code in {path} is wrong", lane=self.lane, agent=self.name)
        return found, self.spend

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns the script's next diff as a patch, or abstains when it is at its end."""
        del diagnosis
        mine = sum(1 for attempt in earlier if attempt.agent == self.name)
        diff = self.diffs[mine] if mine < len(self.diffs) else None
        if diff is None:
            return Fixed(None, "the script has no more to say", self.spend)
        if diff.startswith("!"):
            raise AgentError(diff[1:])
        from andon.fix import new_tests

        tests = (self.tests or new_tests)(diff)
        patch = Patch(base=case.workspace.commit, diff=diff, tests=tests, summary="as scripted", strategy=self.name)
        return Fixed(patch, "as scripted", self.spend)
