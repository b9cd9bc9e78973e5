"""What a model says in these tests, and sessions in which it says it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from andon.agents.model import ModelAgent
from andon.agents.prices import Tariff
from andon.agents.relay import Upstream
from andon.config import AgentSettings
from andon.protocols import Case
from andon.testing.cases import Stage
from andon.testing.endpoint import Asked, Call, Endpoint, Line, Turn, endpoint
from andon.wallet import Wallet, wallet_with

KEY = "sk-the-real-key"
WIRES = ["anthropic", "openai"]
LINES = {"kind": "lines", "path": "tinyfeed/prices.py", "start": 7, "end": 7}
ROWS = {"kind": "rows", "count": 35}
BRIEF = Turn("I look.", (Call("brief"),))


def diagnosis(**bent: Any) -> Call:
    """Hands in a true diagnosis of the bug `unit`, bent."""
    whys = [
        {"question": "Why is prices-in-range red?", "answer": "Prices are too high.", "facts": [ROWS]},
        {"question": "Why are they?", "answer": "tinyfeed/prices.py multiplies twice.", "facts": [LINES]},
    ]
    given = {"whys": whys, "root_cause": "to_cents multiplies cents by 100", "lane": "code bug"} | bent
    return Call("submit_diagnosis", given)


FOUND = Turn("I know.", (diagnosis(),))
"""The diagnosis that is accepted."""


class Stand(NamedTuple):
    """The case, and what it stands on."""

    case: Case
    stage: Stage

    @contextmanager
    def model(
        self,
        script: Sequence[Line] | Callable[[Asked], Turn],
        wire: str = "anthropic",
        *,
        wallet: Wallet | None = None,
        key: str = KEY,
        **settings: Any,
    ) -> Iterator[tuple[ModelAgent, Case, Endpoint]]:
        """Gives the agent on a scripted endpoint, and the case with a wallet of its own."""
        self.stage.lines.clear()
        name = "claude-sonnet-4-6" if wire == "anthropic" else "gpt-4o"
        with endpoint(script, key=KEY) as told:
            way = Upstream(wire, name, f"{told.url}/v1", key, Tariff(wire, name), patience=30)
            yield ModelAgent(way, AgentSettings(**settings)), self.case._replace(wallet=wallet or wallet_with()), told

    def said(self, kind: str) -> list[str]:
        """What stands in the transcript of a kind."""
        return [text for name, text in self.stage.lines if name == kind]
