"""Whatever the loop, a sweep and two hasty people do in whatever order, a ticket only ever makes allowed moves."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from andon import steps, workflows
from andon.app import App
from andon.config import Config, SystemSettings
from andon.errors import AndonError, ConflictError
from andon.models import MOVES, Autonomy, Patch, Status, Verdict, VerdictOutcome
from andon.testing.waiting import Clock

STATUSES = st.sampled_from(list(Status))
OUTCOMES = st.sampled_from(list(VerdictOutcome))


class Hands(RuleBasedStateMachine):
    """Everything that moves a ticket, called at any time, by somebody whose knowledge may be old."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="andon-moves-"))
        self.clock = Clock()
        config = Config(home=self.folder, systems={"feed": SystemSettings()})
        self.app = App(config, now=self.clock.now, agents=())
        autonomy = Autonomy.SHIP_WHEN_PROVEN
        self.app.store.create_ticket(system="feed", title="red", check="c", autonomy=autonomy, now=self.clock.now())

    def teardown(self) -> None:
        self.app.close()
        shutil.rmtree(self.folder)

    def act(self, work: Callable[[], object]) -> None:
        self.clock.forward(timedelta(seconds=1))
        with contextlib.suppress(ConflictError):
            work()

    @rule(old=STATUSES, new=STATUSES)
    def loop_moves(self, old: Status, new: Status) -> None:
        self.act(lambda: steps.move(self.app, 1, old, new, "so it says"))

    @rule()
    def loop_escalates(self) -> None:
        self.act(lambda: steps.escalate(self.app, 1, "no way on"))

    @rule(outcome=OUTCOMES)
    def attempt_is_judged(self, outcome: VerdictOutcome) -> None:
        now = self.clock.now()
        attempt = self.app.store.start_attempt(1, agent="scripted", now=now)
        patch = Patch(base="b" * 40, diff=f"diff {attempt.number}", tests=("t.py",), summary="s")
        verdict = Verdict(patch=patch.fingerprint, base=patch.base, outcome=outcome, proofs=(), seconds=0.0)
        self.app.store.save_attempt(attempt.model_copy(update={"patch": patch, "verdict": verdict}))
        new, reason = workflows.VERDICT_MOVES[outcome]
        self.act(lambda: steps.move(self.app, 1, Status.DIAGNOSED, Status.PATCHED, "written"))
        if new is not Status.PATCHED:
            self.act(lambda: steps.move(self.app, 1, Status.PATCHED, new, reason))

    @rule()
    def person_approves(self) -> None:
        self.act(lambda: steps.approve(self.app, 1))

    @rule()
    def person_rejects(self) -> None:
        self.act(lambda: steps.reject(self.app, 1, why="no"))

    @rule()
    def fix_begins(self) -> None:
        before = len(self.app.store.list_attempts(1))
        status = self.app.store.get_ticket(1).status
        self.act(lambda: steps.begin_attempt(self.app, 1))
        assert status is Status.DIAGNOSED or len(self.app.store.list_attempts(1)) == before

    @rule(phase=st.sampled_from(["ship", "watch"]))
    def phase_runs_late(self, phase: str) -> None:
        status = self.app.store.get_ticket(1).status
        wanted = Status.APPROVED if phase == "ship" else Status.SHIPPED
        if status is not wanted:  # a phase that waited while the ticket moved on touches nothing
            workflows.run_phase(self.app, phase, 1, workflows.straight)
            assert self.app.store.get_ticket(1).status is status

    @invariant()
    def history_is_a_chain_of_allowed_moves(self) -> None:
        events = [event for event in self.app.store.list_events(1) if event.new is not None]
        assert events[0].new is Status.OPEN
        for before, after in pairwise(events):
            assert after.old is before.new
            assert before.new is not None
            assert after.new in MOVES[before.new]
        assert self.app.store.get_ticket(1).status is events[-1].new

    @invariant()
    def what_is_approved_was_judged(self) -> None:
        verdicts = {one.number: one.verdict for one in self.app.store.list_attempts(1)}
        for approval in self.app.store.list_approvals(1):
            verdict = verdicts[approval.attempt]
            assert verdict is not None


Hands.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMoves = Hands.TestCase


def test_move_that_is_not_in_the_table_is_refused_by_name(tmp_path: Path) -> None:
    config = Config(home=tmp_path, systems={"feed": SystemSettings()})
    with App(config, agents=()) as app:
        app.store.create_ticket(system="feed", title="red", check="c", now=app.now())
        with pytest.raises(AndonError, match="open"):
            app.store.move(1, Status.OPEN, Status.SHIPPED, actor="loop", reason="in a hurry", now=app.now())
