"""A scripted agent that speaks the Agent Client Protocol over its pipes, as a real process: the double of real ones."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

import andon

Step = Mapping[str, JsonValue]
"""One thing that the agent does, as `{name of the method below: its arguments}`."""
Turn = Sequence[Step]

SEEN = (Path(andon.__file__).parents[1],)
"""What the sandbox must show for it to run, besides the interpreter's own environment."""


def scripted(*turns: Turn) -> tuple[str, ...]:
    """Returns the command of an agent that does these things, one list a turn, and nothing in further turns."""
    return (sys.executable, "-m", "andon.testing.acp", json.dumps([list(turn) for turn in turns]))


class ScriptedAcpAgent:
    """The agent's side of the protocol. What comes of a step it says aloud, as a line `STEP: RESULT`."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = list(turns)
        self.client: Any = None
        self.cwd = Path()
        self.servers: list[Any] = []
        self.session = "scripted"
        self.cancelled = asyncio.Event()
        self.calls = 0

    def on_connect(self, conn: Any) -> None:
        """Keeps the way back."""
        self.client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> Any:
        """Introduces itself."""
        from acp import InitializeResponse
        from acp.schema import Implementation

        return InitializeResponse(
            protocol_version=protocol_version, agent_info=Implementation(name="scripted", version="1")
        )

    async def new_session(self, cwd: str, mcp_servers: list[Any] | None = None, **_: Any) -> Any:
        """Opens the one session."""
        from acp import NewSessionResponse

        self.cwd, self.servers = Path(cwd), mcp_servers or []
        return NewSessionResponse(session_id=self.session)

    async def cancel(self, session_id: str, **_: Any) -> None:
        """Ends the turn, if its step lets it end."""
        del session_id
        self.cancelled.set()

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> Any:
        """Does the steps of the next turn."""
        from acp import PromptResponse
        from acp.schema import Usage

        del prompt, session_id
        self.cancelled.clear()
        reason: Any = "end_turn"
        usage = None
        for step in self.turns.pop(0) if self.turns else ():
            name, given = next(iter(step.items()))
            if name == "stop":
                reason = given
            elif name == "tokens":
                usage = Usage.model_validate({"totalTokens": given, "inputTokens": given, "outputTokens": 0})
            else:
                await self._do(name, given)
            if self.cancelled.is_set():
                reason = "cancelled"
                break
        return PromptResponse(stop_reason=reason, usage=usage)

    async def _do(self, name: str, given: Any) -> None:
        try:
            said = await getattr(self, name)(**given if isinstance(given, dict) else {"text": given})
        except Exception as error:  # noqa: BLE001 - whatever a step meets is what its test wants to know
            detail = getattr(error, "data", None)
            said = f"{type(error).__name__}: {error}" + (f" {detail}" if detail else "")
        if said is not None:
            await self.say(f"{name}: {said}\n")

    # --- steps ------------------------------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        """Says a sentence."""
        from acp import update_agent_message_text

        await self._tell(update_agent_message_text(text))

    async def think(self, text: str) -> None:
        """Thinks aloud."""
        from acp import update_agent_thought_text

        await self._tell(update_agent_thought_text(text))

    async def plan(self, text: str) -> None:
        """Tells its plan, a line an entry."""
        from acp import plan_entry, update_plan

        await self._tell(update_plan([plan_entry(entry) for entry in text.splitlines()]))

    async def call(self, title: str, given: JsonValue = None, kind: Any = "execute", came: str = "") -> None:
        """Tells of a tool call of its own, without doing anything."""
        from acp import start_tool_call, text_block, tool_content, update_tool_call

        self.calls += 1
        name = f"call-{self.calls}"
        await self._tell(start_tool_call(name, title, kind=kind, status="pending"))
        content = [tool_content(text_block(came))]
        await self._tell(update_tool_call(name, status="completed", raw_input=given, content=content))

    async def ask(self, kind: Any, title: str = "something") -> str:
        """Asks for permission; the answer is the option's identity, or `cancelled`."""
        from acp.schema import PermissionOption, ToolCallUpdate

        self.calls += 1
        options = [
            PermissionOption(option_id=name, name=name, kind=name)
            for name in ("allow_always", "allow_once", "reject_always", "reject_once")
        ]
        call = ToolCallUpdate(tool_call_id=f"call-{self.calls}", title=title, kind=kind)
        answer = await self.client.request_permission(session_id=self.session, tool_call=call, options=options)
        return str(getattr(answer.outcome, "option_id", "cancelled"))

    async def write(self, path: str, text: str) -> str:
        """Writes a file through the protocol."""
        await self.client.write_text_file(session_id=self.session, path=self._place(path), content=text)
        return "written"

    async def read(self, path: str, line: int | None = None, limit: int | None = None) -> str:
        """Reads a file through the protocol."""
        answer = await self.client.read_text_file(
            session_id=self.session, path=self._place(path), line=line, limit=limit
        )
        return str(answer.content)

    async def terminal(self, text: str) -> str:
        """Asks for a terminal outside."""
        await self.client.create_terminal(session_id=self.session, command=text)
        return "opened"

    async def shell(self, text: str) -> str:
        """Runs a command as its own, in the sandbox."""
        ran = subprocess.run(["/bin/sh", "-c", text], cwd=self.cwd, capture_output=True, text=True, check=False)
        return f"exit {ran.returncode} {ran.stdout}{ran.stderr}".strip()

    async def edit(self, path: str, old: str, new: str) -> str:
        """Changes a file as its own, in the sandbox."""
        place = self.cwd / path
        text = place.read_text()
        place.write_text(text.replace(old, new))
        return "changed" if old in text else "nothing to change"

    async def use(self, tool: str, given: dict[str, JsonValue] | None = None) -> str:
        """Calls one of the ticket's tools over MCP, and says what it gave."""
        from mcp import Client, StdioServerParameters

        server = self.servers[0]
        async with Client(StdioServerParameters(command=server.command, args=server.args)) as client:
            answer = await client.call_tool(tool, given or {})
        return "\n".join(str(getattr(part, "text", "")) for part in answer.content)

    async def ask_model(self, text: str) -> str:
        """Asks the model as an OpenAI client would."""
        url, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
        body = {"model": os.environ["OPENAI_MODEL"], "messages": [{"role": "user", "content": text}]}
        head = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), head)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])

    async def cost(self, usd: float, currency: str = "USD") -> None:
        """Tells what the session has cost so far."""
        from acp.schema import Cost, UsageUpdate

        cost = Cost(amount=usd, currency=currency)
        await self._tell(UsageUpdate(session_update="usage_update", used=1, size=2, cost=cost))

    async def environment(self, text: str) -> str:
        """Says what its environment holds under a name."""
        return os.environ.get(text, "nothing")

    async def hang(self, text: str) -> None:
        """Does nothing until it is cancelled; `deaf` goes on doing nothing."""
        await self.cancelled.wait()
        if text == "deaf":
            await asyncio.Event().wait()

    async def die(self, text: str) -> None:
        """Dies with these last words."""
        print(text, file=sys.stderr, flush=True)
        os._exit(3)

    async def raw(self, text: str, times: int = 1) -> None:
        """Writes what is no message of the protocol where messages go."""
        os.set_blocking(1, True)
        for _ in range(times):
            os.write(1, text.encode())

    async def flood(self, text: str) -> None:
        """Never stops talking, without a line's end."""
        await self.raw(text * 65536, 10_000)

    async def _tell(self, update: Any) -> None:
        await self.client.session_update(session_id=self.session, update=update)

    def _place(self, path: str) -> str:
        return path if path.startswith("/") else str(self.cwd / path)


def main() -> None:
    """Speaks the protocol on stdin and stdout, from the script that it was given."""
    from acp import run_agent

    asyncio.run(run_agent(ScriptedAcpAgent(json.loads(sys.argv[1]))))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
