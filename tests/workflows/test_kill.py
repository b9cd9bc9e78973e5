"""kill -9 at every boundary of every step, on both databases: a fresh engine goes on as if nothing had happened.

A step has two boundaries: `before` it, and `done`, when its effect has happened and its result is not remembered yet.
Whoever took over after the first kill is killed at the second.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from stands import LATER, MINUTE, Facts, Stands

from andon import workflows


class Phase(NamedTuple):
    """A phase as it runs from a prepared state."""

    state: str
    steps: tuple[str, ...]
    moves: int
    """How many moves the history holds when the phase has ended."""
    later: timedelta = timedelta(0)
    lane: str = "code bug"
    abstains: bool = False
    sweeps: bool = False


PHASES = {
    "sweep": Phase("red", ("ask", "detect"), 1, sweeps=True),
    "diagnose": Phase("open", ("still out", "evidence", "brief", "diagnose", "diagnosed"), 2),
    "hand over": Phase("open", ("hand over",), 2, lane="data bug"),
    "red suite": Phase("red suite", ("red before",), 3),
    "give up": Phase("diagnosed", ("patch 1", "give up"), 3, abstains=True),
    "fix": Phase("diagnosed", ("suite before", "begin", "patch 1", "patched 1"), 3),
    "judged": Phase("judged", ("judged 1",), 4, later=MINUTE),
    "signed": Phase("unsigned", ("sign 1", "signed 1"), 5, later=MINUTE),
    "ship": Phase("approved", ("ship", "deploy", "shipped"), 6, later=MINUTE),
    "deploy fails": Phase("undeployable", ("deploy failed",), 6, later=MINUTE),
    "conflict": Phase("conflicting", ("conflict",), 6, later=MINUTE),
    "rebase": Phase("moved", ("rebase", "rebased"), 6, later=MINUTE),
    "rejudged": Phase("rejudged", ("judged 2", "still approved"), 9, later=MINUTE),
    "quiet": Phase("shipped", ("watch", "settle", "resolved"), 7, later=LATER),
    "fired": Phase("fired", ("watch", "revert", "redeploy", "reopen"), 7),
}
STEPS = [pytest.param(name, step, id=f"{name}-{step}") for name, phase in PHASES.items() for step in phase.steps]
JUDGED_APART = {"judge 1", "judge 2"}
"""Steps that the states `judged` and `rejudged` were killed at: twice is enough for the dearest of all."""
OF_LANES = {"wait", "attach"}
"""Steps that need a second check or ticket: tests/workflows/test_lanes.py pulls at these."""
PASSED_THROUGH = {"moved"}
"""A patch that no longer proves itself on a branch that moved: the same move as `conflict`."""


class Undisturbed(NamedTuple):
    """A phase that nobody killed."""

    facts: Facts
    steps: frozenset[str]


@pytest.fixture(scope="session")
def undisturbed(stands: Stands, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Undisturbed]:
    """Gives what a phase does and leaves behind when nothing is killed; each runs once."""
    known: dict[str, Undisturbed] = {}

    def of(name: str) -> Undisturbed:
        if name not in known:
            record = tmp_path_factory.mktemp("record") / "boundaries.txt"
            stands.give(PHASES[name].state)
            run(stands, PHASES[name], record=str(record))
            seen = [line.split(" ", 1)[1] for line in record.read_text().splitlines()]
            known[name] = Undisturbed(facts(stands, PHASES[name]), frozenset(seen))
        return known[name]

    return of


def run(stands: Stands, phase: Phase, *, kill: str = "", later: timedelta = timedelta(0), record: str = "") -> None:
    """Runs a phase on the state in place, to its end or to the boundary that kills it."""
    ended = stands.run(
        kill=kill,
        moves=99 if kill else phase.moves,
        later=later or phase.later,
        lane=phase.lane,
        abstains=phase.abstains,
        sweeps=phase.sweeps,
        record=record,
    )
    assert ended.code == (-9 if kill else 0), ended.output


def facts(stands: Stands, phase: Phase) -> Facts:
    """Returns what a phase left behind; what the next one did already is no part of it."""
    found = stands.facts()
    return found._replace(moves=found.moves[: phase.moves])


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_phase_goes_on_after_a_kill_before_a_step_and_one_after_it(
    name: str, step: str, stands: Stands, undisturbed: Callable[[str], Undisturbed]
) -> None:
    calm = undisturbed(name).facts
    stands.give(PHASES[name].state)
    run(stands, PHASES[name], kill=f"before {step}")
    run(stands, PHASES[name], kill=f"done {step}", later=MINUTE)
    run(stands, PHASES[name], later=MINUTE)
    assert facts(stands, PHASES[name]) == calm


@pytest.mark.parametrize(("state", "number", "moved"), [("judged", 1, 3), ("rejudged", 2, 6)])
def test_verdict_that_was_lost_is_found_again(state: str, number: int, moved: int, stands: Stands) -> None:
    """Killed before the judge began, and when it had spoken and the word was not remembered yet."""
    stands.give(state)
    found = stands.facts()
    agents = ["scripted", "rebase"][:number]
    assert found.attempts == [(place, agent, "proven") for place, agent in enumerate(agents, 1)]
    assert len(found.moves) == moved
    assert found.commits == []


def test_every_step_of_the_loop_is_pulled_at(undisturbed: Callable[[str], Undisturbed]) -> None:
    source = inspect.getsource(workflows)
    named = {name.replace("{number}", "1") for name in re.findall(r'step\(\s*f?"([^"]+)"', source)}
    pulled = {step for phase in PHASES.values() for step in phase.steps}
    assert named - JUDGED_APART - OF_LANES - PASSED_THROUGH == {step for step in pulled if not step.endswith("2")}
    for name, phase in PHASES.items():
        assert set(phase.steps) <= undisturbed(name).steps
