"""kill -9 at every boundary of every step, on both databases: a fresh engine goes on as if nothing had happened.

A step has two boundaries: `before` it, and `done`, when its effect has happened and its result is not remembered yet.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from stands import LATER, Facts, Stands

SOON = timedelta(seconds=45)
"""Longer than the lease of a worker, shorter than the quiet time."""


class Phase(NamedTuple):
    """A phase as it runs from a prepared state."""

    state: str
    steps: tuple[str, ...]
    moves: int
    """How many moves the history holds when the phase has ended."""
    later: timedelta = timedelta(0)
    lane: str = "code bug"
    sweeps: bool = False


PHASES = {
    "sweep": Phase("red", ("ask", "detect"), 1, sweeps=True),
    "diagnose": Phase("open", ("evidence", "brief", "diagnose", "diagnosed"), 2),
    "hand over": Phase("open", ("hand over",), 2, lane="data bug"),
    "fix": Phase("diagnosed", ("suite before", "begin", "patch 1", "patched 1"), 3),
    "judged": Phase("judged", ("judged 1", "sign 1"), 4, later=LATER),
    "ship": Phase("approved", ("ship", "deploy", "shipped"), 6),
    "quiet": Phase("shipped", ("watch", "settle", "resolved"), 7, later=LATER),
    "fired": Phase("fired", ("watch", "revert", "redeploy", "reopen"), 7),
}
BOUNDARIES = [
    pytest.param(name, f"{side} {step}", id=f"{name}-{side} {step}")
    for name, phase in PHASES.items()
    for step in phase.steps
    for side in ("before", "done")
]


def run(stands: Stands, phase: Phase, *, kill: str = "", later: timedelta = timedelta(0), record: str = "") -> int:
    """Runs a phase on the state in place and returns how the process ended."""
    ended = stands.run(
        kill=kill, moves=phase.moves, later=phase.later + later, lane=phase.lane, sweeps=phase.sweeps, record=record
    )
    assert ended.code == (-9 if kill else 0), ended.output
    return ended.code


@pytest.fixture(scope="session")
def undisturbed(stands: Stands) -> dict[str, Facts]:
    """What each phase leaves behind when nothing is killed; filled when first asked for."""
    return {}


def facts(stands: Stands, phase: Phase) -> Facts:
    found = stands.facts()
    return found._replace(moves=found.moves[: phase.moves])


@pytest.mark.parametrize(("name", "boundary"), BOUNDARIES)
def test_phase_goes_on_after_a_kill(name: str, boundary: str, stands: Stands, undisturbed: dict[str, Facts]) -> None:
    phase = PHASES[name]
    if name not in undisturbed:
        stands.give(phase.state)
        run(stands, phase)
        undisturbed[name] = facts(stands, phase)
    stands.give(phase.state)
    run(stands, phase, kill=boundary)
    run(stands, phase, later=SOON)
    assert facts(stands, phase) == undisturbed[name]


@pytest.mark.parametrize("name", PHASES)
def test_every_step_of_a_phase_is_pulled_at(name: str, stands: Stands, tmp_path: Path) -> None:
    phase = PHASES[name]
    stands.give(phase.state)
    record = tmp_path / "boundaries.txt"
    run(stands, phase, record=str(record))
    seen = {line.removeprefix("before ") for line in record.read_text().splitlines() if line.startswith("before ")}
    assert set(phase.steps) <= seen
