"""A worktree with scripted agents in it, for tests of conversations."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from andon.agents.acp.client import Client, Ears
from andon.agents.acp.session import Answered, Talk, converse
from andon.agents.tools import Phase
from andon.models import Limits
from andon.protocols import Command
from andon.sandboxes import open_sandbox
from andon.testing.acp import SEEN, Turn, scripted


class Heard(NamedTuple):
    """What came of a conversation."""

    lines: list[tuple[str, str]]
    acts: list[tuple[str, str, tuple[str, str] | None]]
    used: list[tuple[int, float]]
    ended: list[str]
    """How each turn ended."""
    answered: list[Answered]

    def said(self, kind: str = "says") -> str:
        return "\n".join(text for name, text in self.lines if name == kind)


class Room:
    """A worktree, and conversations with scripted agents in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.heard = Heard([], [], [], [], [])
        self.stop: Callable[[], str] = lambda: ""

    def talk(self, *turns: Turn, phase: Phase = Phase.FIX, seconds: float = 30) -> Heard:
        """Lets an agent do its turns; in a diagnosis its tree is read-only, as it is in the loop."""
        return self.run(scripted(*turns), len(turns), phase=phase, seconds=seconds)

    def run(self, argv: tuple[str, ...], turns: int = 1, *, phase: Phase = Phase.FIX, seconds: float = 30) -> Heard:
        """Talks to any program for so many turns."""
        left = [f"and turn {number}" for number in range(turns, 1, -1)]

        def further(ended: str) -> str:
            self.heard.ended.append(ended)
            return left.pop() if left else ""

        heard = self.heard
        ears = Ears(
            lambda kind, text: heard.lines.append((kind, text)),
            lambda *act: heard.acts.append(act),
            lambda tokens, usd: heard.used.append((tokens, usd)),
            lambda _: None,
        )
        command = Command(
            argv=argv,
            cwd=self.root,
            readable=(*SEEN, *(() if phase is Phase.FIX else (self.root,))),
            writable=(self.root,) if phase is Phase.FIX else (),
            path=(Path(sys.executable).parent,),
            limits=Limits(seconds=seconds, output_bytes=10_000),
        )
        talk = Talk(self.root, (), "begin", further, lambda: self.stop())
        with open_sandbox().start(command) as running:
            heard.answered.append(converse(running, Client(phase, self.root, ears), talk))
        return heard
