"""A tinyfeed in a place of its own, red or with a proven fix at the gate, and how a command is called."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from andon import workflows
from andon.testing.agents import ScriptedAgent, mended
from andon.testing.loops import open_loop, use
from andon.testing.repos import NOW, make_tinyfeed
from andon.testing.waiting import Clock

BUG = "unwrapped-call"


class Said(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


def clock() -> Clock:
    """Returns a clock that stands after tinyfeed's last run, whatever the machine's clock says."""
    found = Clock()
    return found if found.now() > NOW else Clock(NOW)


class Kept:
    """States that were made once, put in place again for each test; always in one place, as paths are absolute."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.here = top / "here"
        make_tinyfeed(self.here, bug=BUG)
        use(self.here, database="sqlite:///.andon/andon.db", autonomy="ship-on-approval", quiet="1s", every="1s")
        shutil.copytree(self.here, top / "red", symlinks=True)

    def give(self, name: str) -> Path:
        """Puts a state in place and returns its folder."""
        if not (self.top / name).exists():
            self._prove()
        shutil.rmtree(self.here)
        shutil.copytree(self.top / name, self.here, symlinks=True)
        return self.here

    def _prove(self) -> None:
        self.give("red")
        with open_loop(self.here, clock=clock(), agents=(ScriptedAgent([mended(BUG)]),), proofs=()) as app:
            workflows.sweep(app, "tinyfeed", workflows.straight)
            workflows.run_phase(app, "diagnose", 1, workflows.straight)
            assert workflows.run_phase(app, "fix", 1, workflows.straight) == "proven", app.store.get_ticket(1).reason
        shutil.copytree(self.here, self.top / "proven", symlinks=True)
