"""One session of the built-in agent: asks, runs the tools that are called, and ends for a reason it can name."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from andon.agents.model.hands import Hands
from andon.agents.model.keeping import Shelf, size_of
from andon.agents.model.talking import Line, open_line, troubles
from andon.agents.prompts import rendered
from andon.agents.relay import Relay
from andon.agents.tools import Phase, Toolbox
from andon.agents.tools.arguments import Arguments
from andon.config import AgentSettings
from andon.errors import AgentError
from andon.protocols import Case
from andon.quoting import counted, visible

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelRequestPart, ModelResponse, ToolCallPart
    from pydantic_ai.tools import ToolDefinition

FAILURES = 3
"""Requests in a row that came to nothing, each of them tried again by the client itself."""
SILENT = 3
"""Answers in a row without a call of a tool."""
MALFORMED = 6
"""Calls in a row whose arguments cannot be read."""
SOFT = 0.8
"""Share of requests and time from which on the model is told to hand in what it has."""
WORDS = 500


class Again(Arguments):
    number: int = Field(ge=1)
    page: int = Field(1, ge=1)


class Session:
    """The conversation of one phase."""

    def __init__(self, case: Case, box: Toolbox, hands: Hands, relay: Relay, settings: AgentSettings) -> None:
        self.case, self.box, self.hands, self.relay, self.settings = case, box, hands, relay, settings
        self.shelf = Shelf(settings.context_tokens)
        self.messages: list[ModelMessage] = []
        self.began = time.monotonic()
        left = (case.deadline - datetime.now(UTC)).total_seconds()
        self.seconds = max(0.0, min(settings.minutes * 60, left))
        self.told = False
        """It was told to wrap up."""
        self.failed = self.silent = self.malformed = 0
        self.last_size = 0

    def run(self) -> str:
        """Returns why the session ended.

        Raises:
            AgentError: the model cannot be asked.
        """
        self.case.progress("asks the model")
        tools = self._tools()
        self._say(*self._first())
        with open_line(self.relay, self.settings) as line:
            while not (why := self._over()):
                self._warn()
                answer = self._ask(line, tools)
                if answer is not None and (why := self._take(answer)):
                    return why
        return why

    # --- what is said -----------------------------------------------------------------------------------------------

    def _first(self) -> list[ModelRequestPart]:
        from pydantic_ai.messages import SystemPromptPart, UserPromptPart

        case, phase = self.case, self.box.bench.phase
        task = rendered(phase.value, system=case.ticket.system, check=case.check.name, tools="among yours")
        more = ", `edit` and `write` to change it" if self.hands.may_change else ""
        hands = rendered("hands", more=more)
        case.transcript("prompt", f"{task}\n\n{hands}")
        return [SystemPromptPart(content=f"{task}\n\n{hands}"), UserPromptPart(content="Begin with `brief`.")]

    def _say(self, *parts: ModelRequestPart) -> None:
        from pydantic_ai.messages import ModelRequest

        self.messages.append(ModelRequest(parts=list(parts)))

    def _add(self, text: str) -> None:
        """Adds words to what is said next."""
        from dataclasses import replace

        from pydantic_ai.messages import ModelRequest, UserPromptPart

        self.case.transcript("prompt", text)
        last = self.messages[-1]
        if isinstance(last, ModelRequest):
            self.messages[-1] = replace(last, parts=[*last.parts, UserPromptPart(content=text)])
        else:
            self._say(UserPromptPart(content=text))

    def _tools(self) -> list[ToolDefinition]:
        from pydantic_ai.tools import ToolDefinition

        again = ("again", "Gives an answer once more that was left out of the conversation.", Again.model_json_schema())
        own = [(hand.name, hand.description, hand.arguments.model_json_schema()) for hand in self.hands.hands.values()]
        tickets = [(tool.name, tool.description, tool.schema) for tool in self.box.tools()]
        return [
            ToolDefinition(name=name, description=words, parameters_json_schema=schema, strict=False)
            for name, words, schema in [*tickets, *own, again]
        ]

    # --- whether it goes on -----------------------------------------------------------------------------------------

    @property
    def _left(self) -> float:
        return self.seconds - (time.monotonic() - self.began)

    def _over(self) -> str:
        if self.box.over:
            return self.box.over
        if self._left <= 0:
            return "the time of the session is used up"
        if self.case.wallet.empty:
            return f"the wallet is empty: {self.case.wallet.empty}"
        return self.relay.refused

    def _warn(self) -> None:
        """Tells the model, once, to hand in what it has."""
        near = self.case.wallet.low
        if self.relay.requests >= self.settings.requests * SOFT:
            near = near or f"{self.relay.requests} of {self.settings.requests} requests of this session are made"
        if self._left <= self.seconds * (1 - SOFT):
            near = near or "Most of the time of this session is used"
        if near and not self.told:
            self.told = True
            self._add(rendered("wrap_up", reason=near[:1].upper() + near[1:], submit=self._submit))

    @property
    def _submit(self) -> str:
        return "submit_patch" if self.box.bench.phase is Phase.FIX else "submit_diagnosis"

    # --- the turn ---------------------------------------------------------------------------------------------------

    def _ask(self, line: Line, tools: list[ToolDefinition]) -> ModelResponse | None:
        """Returns the model's answer; None where it is to be asked again, or the session is over.

        Raises:
            AgentError: it cannot be asked.
        """
        self.messages = self.shelf.shortened(self.messages, max(size_of(self.messages), self.last_size))
        self.last_size = 0
        try:
            answer = line.ask(self.messages, tools, max(1.0, self._left))
        except TimeoutError:
            return None
        except troubles() as error:
            self._failed(error)
            return None
        self.failed = 0
        self.last_size = answer.usage.input_tokens
        return answer

    def _failed(self, error: Exception) -> None:
        """Takes a request that came to nothing into account.

        Raises:
            AgentError: there is no sense in another.
        """
        if self.relay.refused:
            return  # it is over, and says so
        words = self.relay.trouble or visible(str(error), WORDS)
        status = getattr(error, "status_code", 0)
        refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 429)
        self.case.transcript("trouble", f"{words}: {error}"[: 4 * WORDS])
        self.failed += 1
        if self.relay.permanent or refused:
            said = "" if self.relay.permanent else f": {visible(str(error), WORDS)}"
            raise AgentError(f"the model cannot be asked: {words}{said}", permanent=True) from error
        if self.failed >= FAILURES:
            raise AgentError(f"the model cannot be asked: {words}") from error

    def _take(self, answer: ModelResponse) -> str:
        """Runs what the model called; returns why the session is over, empty while it goes on."""
        self.messages.append(answer)
        if text := (answer.text or "").strip():
            self.case.transcript("says", text)
        if answer.finish_reason == "content_filter":
            return f"the model declines: {visible(text, WORDS) or 'it gives no reason'}"
        calls = answer.tool_calls
        self.silent = 0 if calls else self.silent + 1
        if not calls:
            if self.silent >= SILENT:
                return f"the model ended its turn {counted(self.silent, 'time')} and handed nothing in"
            self._add(rendered("go_on", refused="", submit=self._submit))
            return ""
        self._say(*[self._returned(call) for call in calls])
        if self.malformed >= MALFORMED:
            return f"the arguments of {self.malformed} calls in a row cannot be read"
        return ""

    def _returned(self, call: ToolCallPart) -> ModelRequestPart:
        from pydantic_ai.messages import ToolReturnPart

        text = self._called(call)
        self.shelf.keep(text)
        return ToolReturnPart(tool_name=call.tool_name, content=text, tool_call_id=call.tool_call_id)

    def _called(self, call: ToolCallPart) -> str:
        """Returns what a call gave."""
        name = call.tool_name
        try:
            given: dict[str, Any] = call.args_as_dict(raise_if_invalid=True)
        except (ValueError, AssertionError) as error:
            self.malformed += 1
            self.case.transcript("refusal", f"{name[:80]}: the arguments are no JSON object")
            return (
                f"The arguments of {visible(name, 80)} are no JSON object ({visible(str(error), 200)}): call it again."
            )
        self.malformed = 0
        if name == "again":
            return self._again(given)
        if name not in self.hands.hands:
            return self.box.call(name, given)
        what = f"{name} {json.dumps(given, sort_keys=True)}"
        self.case.transcript("tool", what)
        text = self.hands.call(name, given)
        if why := self.box.act(what, text, edited=self.hands.edited):
            text += f"\n\nYou go in circles ({why}): the session is over."
        self.case.transcript("answer", text)
        return text

    def _again(self, given: dict[str, Any]) -> str:
        number, page = given.get("number"), given.get("page", 1)
        if not isinstance(number, int) or not isinstance(page, int):
            return "`again` takes a number, and a page"
        return self.shelf.again(number, page)
