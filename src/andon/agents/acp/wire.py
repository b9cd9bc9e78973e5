"""Carries JSON-RPC messages between andon and an agent, a line each; a hostile agent can neither flood nor stall it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from andon.errors import AgentError

LINE_BYTES = 16 * 2**20
"""Of one message."""
ALL_BYTES = 512 * 2**20
"""Of all messages of a session."""
MESSAGES = 500_000
MOST_PARTS = 1_000_000
"""Brackets, colons and commas of one message: what it takes to hold grows with these, and not with its bytes."""
UNSENT = 16
"""Answers that wait for the agent to read; nothing more is heard before it does."""
NOISE = 300
"""Characters kept of a line that is no message."""


class Wire:
    """The message transport that the protocol's library is given in place of its own, whose lines have no bound."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noise: Callable[[str], None]
    ) -> None:
        """`noise` is told of lines that are no messages: agents log where they should not."""
        self.reader, self.writer, self.noise = reader, writer, noise
        self.bytes = self.messages = 0
        self.broken: AgentError | None = None
        """Why nothing more was heard; None while all is well, and after an ordinary end."""
        self._turn = asyncio.Lock()
        self._room = asyncio.Semaphore(UNSENT)

    async def send(self, message: dict[str, Any]) -> None:
        """Writes a message and waits until the agent takes it."""
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        async with self._room, self._turn:
            self.writer.write(data)
            await self.writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """Returns the next message; None at the end, also at one that the agent's own behaviour made."""
        while True:
            async with self._room:
                line = await self._line()
            if line is None:
                return None
            # Without this, an agent that never pauses would leave nobody else a turn.
            await asyncio.sleep(0)
            message = parsed(line)
            if message is not None:
                return message
            if line.strip():
                self.noise(line[: NOISE * 4].decode("utf-8", "replace")[:NOISE])

    async def close(self) -> None:
        """Hangs up."""
        self.writer.close()

    async def _line(self) -> bytes | None:
        try:
            line = await self.reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
        except asyncio.LimitOverrunError:
            self.broken = AgentError(f"the agent sent a message of more than {LINE_BYTES:,} bytes")
            return None
        except OSError:
            return None
        self.bytes += len(line)
        self.messages += 1
        if self.bytes > ALL_BYTES or self.messages > MESSAGES:
            self.broken = AgentError(
                f"the agent sent {self.messages:,} messages of {self.bytes:,} bytes: more than it may"
            )
            return None
        return line or None


def parsed(line: bytes) -> dict[str, Any] | None:
    """Returns a line as a message of the shape that the library takes for granted; None when it has not."""
    if sum(line.count(mark) for mark in (b"{", b"[", b",", b":")) > MOST_PARTS:
        return None
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("id", 0), (int, str, type(None))):
        return None
    called, error = message.get("method", ""), message.get("error", {})
    if not isinstance(called, str) or not isinstance(message.get("params", {}), (dict, type(None))):
        return None
    if not isinstance(error, (dict, type(None))):
        return None
    return message
