"""Watches one session and decides when a turn has to end, what is said next, and when it is all over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from andon.agents.prompts import rendered
from andon.agents.tools import TOOLS, Phase, Toolbox
from andon.agents.tools.mcp import NAME
from andon.errors import ExternalError
from andon.protocols import Case
from andon.quoting import counted

TURNS = 6
"""Turns in a row that an agent may end without having called one of the ticket's tools."""
ALL_TURNS = 20
"""Turns of one session."""
OWN = re.compile(rf"\S*{NAME}[\W_]+({'|'.join(tool.name for tool in TOOLS)})\b")
"""How agents call the ticket's tools: `andon_brief`, `mcp__andon__brief`."""
SOFT = 0.8
"""Share of its time after which an agent is told to hand over."""


class Watch:
    """What andon keeps an eye on while an agent works. `ended` says in the end why it was over."""

    def __init__(self, case: Case, box: Toolbox, *, minutes: float, shut: Callable[[], str]) -> None:
        """`shut` says why the way to the model carries nothing more; empty while it does."""
        self.case, self.box, self.shut = case, box, shut
        self.ended = ""
        self.until = time.monotonic() + min(minutes * 60, (case.deadline - datetime.now(UTC)).total_seconds())
        self.began = time.monotonic()
        self._near = ""
        self._told = False
        self._refused: list[str] = []
        self._turns = self._idle = self._calls = 0
        self._trouble: ExternalError | None = None

    @property
    def seconds(self) -> float:
        """What is left of the session's time."""
        return max(0.0, self.until - time.monotonic())

    # --- what it is told --------------------------------------------------------------------------------------------

    def transcript(self, kind: str, text: str) -> None:
        """Keeps a line; when that fails the session ends with it."""
        self._kept(lambda: self.case.transcript(kind, text))

    def acted(self, what: str, came: str, edited: tuple[str, str] | None) -> None:
        """Takes an action into account; the ticket's own tools have told of theirs already."""
        if not OWN.match(what):
            self._kept(lambda: self.box.act(what, came, edited=edited))

    def used(self, tokens: int, usd: float) -> None:
        """Charges what the agent counts of its session and the relay has not seen; less than that means nothing."""
        wallet = self.case.wallet
        more_tokens, more_usd = max(0, tokens - wallet.spent.tokens), max(0.0, usd - wallet.spent.usd)
        if more_tokens or more_usd:
            self._kept(lambda: wallet.charge(tokens=more_tokens, usd=more_usd))

    def refused(self, why: str) -> None:
        """Remembers why leave was refused: it may end the agent's turn, and is said at the beginning of the next."""
        self._refused = [*self._refused[-9:], why]

    # --- what it decides --------------------------------------------------------------------------------------------

    def stop(self) -> str:
        """Returns why the turn has to end now; empty while it may go on.

        Raises:
            ExternalError: what the agent did or cost could not be kept.
        """
        if self._trouble is not None:
            raise self._trouble
        self.ended = self.ended or self.box.over or self.case.wallet.empty or self.shut() or self._late(1.0)
        if self.ended:
            return self.ended
        near = self.case.wallet.low or self._late(SOFT)
        if not near or self._near:
            return ""
        self._near = near
        return near

    def further(self, how: str) -> str:
        """Returns what is said after a turn that ended so; empty when the session is over.

        Raises:
            ExternalError: what the agent did or cost could not be kept.
        """
        if self.stop() and self.ended:
            return ""
        submit = "submit_diagnosis" if self.box.bench.phase is Phase.DIAGNOSE else "submit_patch"
        calls = self.box.bench.calls.total()
        self._turns, self._idle = self._turns + 1, 0 if calls > self._calls else self._idle + 1
        self._calls = calls
        if self._near and not self._told:
            self._told = True
            return rendered("wrap_up", reason=self._near[:1].upper() + self._near[1:], submit=submit)
        if how == "refusal":
            self.ended = "the model refused to go on"
        elif self._told or self._idle >= TURNS or self._turns >= ALL_TURNS:
            self.ended = f"it ended its turn {counted(self._turns, 'time')} with nothing handed in that was accepted"
        if self.ended:
            return ""
        words = (
            f" What you asked leave for was refused: {'; '.join(dict.fromkeys(self._refused))}."
            if self._refused
            else ""
        )
        self._refused.clear()
        return rendered("go_on", refused=words, submit=submit)

    def _late(self, share: float) -> str:
        whole = self.until - self.began
        if time.monotonic() < self.began + whole * share:
            return ""
        return "the time of the session is used up" if share == 1.0 else "most of the time of the session is used"

    def _kept(self, keep: Callable[[], object]) -> None:
        try:
            keep()
        except ExternalError as error:
            # In the midst of the protocol's library an error would be logged and lost.
            self._trouble = self._trouble or error
