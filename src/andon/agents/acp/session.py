"""Holds one conversation with a running agent: the only place of andon with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from andon.agents.acp.client import Client
from andon.agents.acp.quiet import log_heard
from andon.agents.acp.wire import LINE_BYTES, Wire
from andon.agents.relay.inside.andon_relay import NO_LOOPBACK
from andon.agents.tools import Phase
from andon.errors import AgentError, SandboxError
from andon.protocols import Running
from andon.quoting import visible

if TYPE_CHECKING:  # the library takes most of a second to import
    from collections.abc import AsyncIterator

    from acp import ClientSideConnection

STARTING = 120.0
"""Seconds for the agent to introduce itself, and for it to open a session."""
LOOK = 0.5
"""Seconds between two looks at whether the turn has to end."""
GOING = 10.0
"""Seconds that an agent has to end its turn once it is told to."""
LOGIN = -32000
"""The protocol's code of an agent that wants a login."""
WORDS = 600
"""Characters of an agent's last words in an error."""

Result = TypeVar("Result")


class Server(NamedTuple):
    """A server of tools that the agent starts for itself, inside its sandbox."""

    name: str
    argv: tuple[str, ...]


class Talk(NamedTuple):
    """How a conversation goes."""

    cwd: Path
    servers: tuple[Server, ...]
    prompt: str
    """What is said first."""
    further: Callable[[str], str]
    """(how the turn ended): what is said next; empty: the conversation is over."""
    stop: Callable[[], str]
    """Why the turn has to end now; empty while it may go on. Asked again and again."""


class Answered(NamedTuple):
    """What an agent says of itself."""

    name: str
    version: str


def converse(running: Running, client: Client, talk: Talk) -> Answered:
    """Talks to an agent until the conversation is over or has to stop.

    Raises:
        AgentError: it does not speak the protocol, died, hung, or asks for a login; holds its last words.
    """
    with last_words(running), log_heard(lambda words: client.ears.transcript("protocol", words[:WORDS])):
        return asyncio.run(_converse(running, client, talk))


@contextmanager
def last_words(running: Running) -> Iterator[None]:
    """Turns whatever ends a conversation badly into an AgentError with what the agent said on stderr."""
    from acp import RequestError
    from pydantic import ValidationError

    try:
        yield
    except (RequestError, ValidationError, OSError, TimeoutError, EOFError, AgentError) as error:
        running.kill()
        try:
            ran = running.wait()
        except SandboxError as trouble:
            raise AgentError(str(trouble), permanent=trouble.permanent) from trouble
        if ran.stderr.strip() == NO_LOOPBACK:
            raise AgentError(NO_LOOPBACK, permanent=True) from error
        said = visible(ran.stderr.strip()[-WORDS:], WORDS)
        words = "the agent's time is up" if ran.timed_out else visible(told(error), 2 * WORDS)
        permanent = getattr(error, "permanent", False) or getattr(error, "code", 0) == LOGIN
        raise AgentError(words + (f"; it said: {said}" if said else ""), permanent=permanent) from error


def told(error: Exception) -> str:
    """Returns what ended a conversation, in words."""
    if isinstance(error, AgentError):
        return str(error)
    if getattr(error, "code", 0) == LOGIN:
        return (
            "the agent asks for a login: set `model`, `key` and `preset` in [agent], and it gets its model from andon"
        )
    if isinstance(error, TimeoutError):
        return str(error) or "the agent does not answer"
    if isinstance(error, OSError):
        return "the agent died in the middle of the conversation"
    return f"the agent answers what nobody can use: {str(error)[:WORDS]} {getattr(error, 'data', None) or ''}".strip()


async def _converse(running: Running, client: Client, talk: Talk) -> Answered:
    async with _connected(running, client) as connection:
        answered = await _introduced(connection, client)
        session = await _opened(connection, talk)
        words = talk.prompt
        while words:
            ended = await _turn(connection, client, session, words, talk.stop)
            client.flush()
            words = talk.further(ended)
        return answered


@asynccontextmanager
async def _connected(running: Running, client: Client) -> AsyncIterator[ClientSideConnection]:
    from acp import connect_to_agent

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    heard, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), running.stdout)
    said, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, running.stdin)
    writer = asyncio.StreamWriter(said, protocol, None, loop)
    wire = Wire(reader, writer, lambda line: client.ears.transcript("noise", line))
    connection = connect_to_agent(client, wire)  # type: ignore[arg-type]
    try:
        yield connection
    except ConnectionError:
        if wire.broken is not None:
            raise wire.broken from None
        raise
    finally:
        client.flush()
        heard.close()
        if not said.is_closing():
            said.abort()
        with contextlib.suppress(OSError, ConnectionError):
            await connection.close()


async def _introduced(connection: ClientSideConnection, client: Client) -> Answered:
    from acp import PROTOCOL_VERSION
    from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation

    files = FileSystemCapabilities(read_text_file=True, write_text_file=client.phase is Phase.FIX)
    able = ClientCapabilities(fs=files, terminal=False)
    own = Implementation(name="andon", version="0")
    asked = connection.initialize(protocol_version=PROTOCOL_VERSION, client_capabilities=able, client_info=own)
    answer = await _within(STARTING, asked, "the agent did not introduce itself")
    if answer.protocol_version != PROTOCOL_VERSION:
        raise AgentError(
            f"the agent speaks version {answer.protocol_version} of the protocol, andon {PROTOCOL_VERSION}",
            permanent=True,
        )
    info = answer.agent_info
    return Answered(info.name[:100] if info else "", info.version[:100] if info else "")


async def _opened(connection: ClientSideConnection, talk: Talk) -> str:
    from acp.schema import McpServerStdio

    servers = [
        McpServerStdio(name=one.name, command=one.argv[0], args=list(one.argv[1:]), env=[]) for one in talk.servers
    ]
    asked = connection.new_session(cwd=str(talk.cwd), mcp_servers=list(servers))
    answer = await _within(STARTING, asked, "the agent opened no session")
    return str(answer.session_id)


async def _turn(
    connection: ClientSideConnection, client: Client, session: str, words: str, stop: Callable[[], str]
) -> str:
    """Says something and waits for the agent's turn to end by itself or, when it has to, by request."""
    from acp import text_block

    client.ears.transcript("prompt", words)
    turn = asyncio.ensure_future(connection.prompt(session_id=session, prompt=[text_block(words)]))
    why = ""
    until: float | None = None
    try:
        while not turn.done():
            await asyncio.wait({turn}, timeout=LOOK)
            if until is None and (why := stop()):
                until = time.monotonic() + GOING
                await _within(GOING, connection.cancel(session_id=session), "the agent does not listen")
            if until is not None and time.monotonic() > until and not turn.done():
                return why
        if why and turn.exception() is not None:
            return why  # it ended as it was told to, in its own way
        answer = turn.result()
    finally:
        turn.cancel()
    client.used(answer.usage)
    return why or str(answer.stop_reason)


async def _within(seconds: float, asked: Awaitable[Result], trouble: str) -> Result:
    try:
        return await asyncio.wait_for(asked, seconds)
    except TimeoutError as error:
        raise AgentError(f"{trouble} within {seconds:.0f} s") from error
