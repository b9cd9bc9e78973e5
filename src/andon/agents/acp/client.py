"""What an agent may ask of andon over the protocol, and what andon keeps of what it tells; it trusts none of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from andon.agents.acp.permissions import decide
from andon.agents.acp.tree import RefusedError, read_text, write_text
from andon.agents.tools import Phase

if TYPE_CHECKING:  # the library takes most of a second to import
    from acp.interfaces import Agent
    from acp.schema import PermissionOption, ReadTextFileResponse, RequestPermissionResponse, ToolCallUpdate

MOST_CALLS = 500
"""Tool calls that are followed at the same time; the oldest are let go."""
SAID = 4000
"""Characters that are gathered of what an agent says before they become a line of the transcript."""
NAMED = 200
ARGUMENT = 1500
RESULT = 800
MOST_TOKENS = 10**12
MOST_USD = 10**6
ENDED = ("completed", "failed")


class Ears(NamedTuple):
    """Who is told of what an agent does."""

    transcript: Callable[[str, str], None]
    """(kind, text): a line for people."""
    acted: Callable[[str, str, tuple[str, str] | None], None]
    """(what, what came of it, path and hash of the text that was written): an action, for whoever looks for circles."""
    used: Callable[[int, float], None]
    """(tokens, US dollars) of the session so far, as the agent itself counts them."""
    refused: Callable[[str], None]
    """Why a request for permission was refused."""


class Client:
    """andon's side of one session. Implements the protocol's `Client`."""

    def __init__(self, phase: Phase, root: Path, ears: Ears) -> None:
        self.phase, self.root, self.ears = phase, root, ears
        self._calls: dict[str, dict[str, str]] = {}
        """What is known of a call, in short words: an agent may tell much of many that never end."""
        self._kind, self._said = "", ""

    # --- what it asks -----------------------------------------------------------------------------------------------

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """Answers from the phase's rules."""
        from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

        del session_id
        call = self._known(tool_call)
        decision = decide(self.phase, call.get("kind"), options)
        if not decision.allowed:
            self.ears.refused(decision.why)
        words = "allowed" if decision.allowed else f"refused: {decision.why}"
        self._tell("permission", f"{title(call)}: {words}")
        if not decision.option:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=decision.option))

    async def write_text_file(self, session_id: str, path: str, content: str, **_: Any) -> None:
        """Writes a file of the worktree in a fix; nothing at all in a diagnosis."""
        del session_id
        try:
            if self.phase is not Phase.FIX:
                raise RefusedError("nothing is written during a diagnosis")
            write_text(self.root, path, content)
        except RefusedError as error:
            self._tell("write", f"{path}: refused: {error}")
            raise self._no(str(error)) from error
        self._tell("write", f"{path}: {len(content):,} characters")
        text = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:12]
        self.ears.acted(f"write {path} {text}", "written", (path, text))

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> ReadTextFileResponse:
        """Reads a file of the worktree, or some lines of it."""
        from acp.schema import ReadTextFileResponse

        del session_id
        try:
            text = read_text(self.root, path)
        except RefusedError as error:
            raise self._no(str(error)) from error
        if line or limit:
            start = max((line or 1) - 1, 0)
            text = "".join(text.splitlines(keepends=True)[start : start + limit if limit else None])
        return ReadTextFileResponse(content=text)

    async def create_terminal(self, **_: Any) -> None:
        """Refuses: commands run where the agent runs, and nowhere else."""
        from acp import RequestError

        raise RequestError.method_not_found("terminal/create")

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Knows no method beyond the protocol's own."""
        del params
        from acp import RequestError

        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """Listens to nothing beyond the protocol's own."""
        del method, params

    def on_connect(self, conn: Agent) -> None:
        """There is nothing to prepare."""

    # --- what it tells ----------------------------------------------------------------------------------------------

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """Keeps what is worth a person's eyes, and feeds the wallet and the watch for circles."""
        del session_id
        kind = update.session_update
        if kind in ("agent_message_chunk", "agent_thought_chunk"):
            self._gather("says" if kind == "agent_message_chunk" else "thinks", getattr(update.content, "text", ""))
        elif kind in ("tool_call", "tool_call_update"):
            self._tool(update)
        elif kind == "plan":
            self._tell("plan", "\n".join(f"[{entry.status}] {entry.content}" for entry in update.entries[:50]))
        elif kind == "usage_update":
            cost = update.cost
            usd = cost.amount if cost is not None and cost.currency.upper() == "USD" else 0.0
            self.ears.used(0, bounded(usd, MOST_USD))

    def used(self, usage: Any) -> None:
        """Takes the tokens that an agent counts at the end of a turn."""
        if usage is not None:
            self.ears.used(int(bounded(usage.total_tokens, MOST_TOKENS)), 0.0)

    def flush(self) -> None:
        """Keeps what was gathered of the agent's words."""
        kind, said, self._kind, self._said = self._kind, self._said, "", ""
        if said.strip():
            self.ears.transcript(kind, said.strip())

    def _gather(self, kind: str, text: str) -> None:
        if kind != self._kind or len(self._said) + len(text) > SAID:
            self.flush()
        self._kind, self._said = kind, self._said + text[:SAID]

    def _tell(self, kind: str, text: str) -> None:
        self.flush()
        self.ears.transcript(kind, text)

    def _known(self, update: Any) -> dict[str, str]:
        """Returns what is known of a tool call, with what an update adds."""
        name = update.tool_call_id[:NAMED]
        call = self._calls.pop(name, {})
        while len(self._calls) >= MOST_CALLS:
            del self._calls[next(iter(self._calls))]
        self._calls[name] = call
        told = {
            "title": (update.title or "")[:NAMED],
            "kind": update.kind,
            "status": update.status,
            "given": argument(update),
            "came": result(update),
        }
        call.update({key: value for key, value in told.items() if value})
        return call

    def _tool(self, update: Any) -> None:
        call = self._known(update)
        if call.get("status") not in ENDED:
            return
        self._calls.pop(update.tool_call_id[:NAMED], None)
        given, came = call.get("given", ""), call.get("came", "")
        self._tell("tool", f"{title(call)} {given}\n{call['status']}: {came}".strip())
        self.ears.acted(f"{title(call)} {given}", f"{call['status']} {came}", None)

    def _no(self, words: str) -> Exception:
        from acp import RequestError

        return RequestError.invalid_params({"details": words})


def title(call: dict[str, str]) -> str:
    """Returns what a tool call is called."""
    return call.get("title") or call.get("kind") or "a tool"


def argument(update: Any) -> str:
    """Returns what a tool was given, in one line."""
    given = getattr(update, "raw_input", None)
    if given is None:
        return " ".join(place.path for place in getattr(update, "locations", None) or ())[:ARGUMENT]
    return (given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str))[:ARGUMENT]


def result(update: Any) -> str:
    """Returns the beginning of what a tool gave."""
    texts: Sequence[str] = [
        getattr(getattr(part, "content", None), "text", None) or getattr(part, "path", None) or ""
        for part in getattr(update, "content", None) or ()
    ]
    return "\n".join(text for text in texts if text)[:RESULT]


def bounded(value: float, most: float) -> float:
    """Returns a number that an agent gave as one that can be counted with."""
    return min(max(value, 0.0), most) if math.isfinite(value) else 0.0
