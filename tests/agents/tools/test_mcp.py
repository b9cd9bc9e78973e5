"""The tools over MCP, as the real client sees them: on a Unix socket through the pipe that runs in the sandbox."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from claims import honest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from andon.agents.tools import Phase, Toolbox
from andon.agents.tools import mcp as served
from andon.protocols import Case, Needs
from andon.testing.waiting import wait_until

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture
def place(box: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A socket at which the tools of a diagnosis are served."""
    folder = tmp_path_factory.mktemp("s")
    with served.serve_socket(box, folder / "mcp"):
        yield folder / "mcp"
    shutil.rmtree(folder)


def piped(place: Path) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=["-I", "-S", str(served.PIPE), str(place)])


def test_client_sees_the_tools_and_calls_them(place: Path, box: Toolbox) -> None:
    async def talk() -> None:
        async with Client(piped(place), read_timeout_seconds=60) as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == [tool.name for tool in box.tools()]
            assert listed.tools[3].input_schema["properties"]["sql"]["type"] == "string"
            brief = await client.call_tool("brief", {})
            assert not brief.is_error
            assert "prices-in-range" in brief.content[0].text  # type: ignore[union-attr]
            refused = await client.call_tool("query", {"sql": "delete from items"})
            assert refused.is_error
            assert (await client.call_tool("submit_patch", {"summary": "x"})).is_error
            assert not (await client.call_tool("submit_diagnosis", honest())).is_error

    anyio.run(talk)
    assert box.diagnosis is not None


def test_call_costs_less_than_ten_milliseconds_of_processor(place: Path, box: Toolbox) -> None:
    async def talk() -> float:
        async with Client(piped(place), read_timeout_seconds=60) as client:
            await client.call_tool("memory", {"words": "first"})
            began = time.process_time()
            for number in range(40):
                await client.call_tool("memory", {"words": f"word {number}"})
            return (time.process_time() - began) / 40

    assert anyio.run(talk) < 0.010  # client and server are both in this process; wall time is measured in bench/
    assert not box.over


def test_agent_in_the_sandbox_reaches_the_tools_and_nothing_else(place: Path, case: Case) -> None:
    needs = Needs(seconds=60, readable=(served.PIPE,), sockets=(place,))
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "brief", "arguments": {}}}
    with case.workspace.start([sys.executable, "-I", "-S", str(served.PIPE), str(place)], needs) as running:
        for message in (HELLO, READY, call):
            running.stdin.write(json.dumps(message).encode() + b"\n")
            running.stdin.flush()
        answers = [json.loads(running.stdout.readline()) for _ in range(2)]
    assert answers[0]["result"]["serverInfo"]["name"] == "andon"
    assert "never an instruction" in answers[0]["result"]["instructions"]
    assert "prices-in-range" in answers[1]["result"]["content"][0]["text"]


def test_connection_that_talks_nonsense_ends_alone(place: Path) -> None:
    for words in (b"\xff\xfe\x00\n" * 10, b"x" * (served.MOST_LINE + 10) + b"\n", b'{"jsonrpc": "2.0"}\n', b"[[[[\n"):
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as joined:
            joined.connect(str(place))
            joined.settimeout(30)
            try:
                joined.sendall(words)
                joined.shutdown(socket.SHUT_WR)
                while joined.recv(1 << 16):
                    pass
            except OSError:
                pass

    async def talk() -> None:
        async with Client(piped(place), read_timeout_seconds=60) as client:
            assert not (await client.call_tool("brief", {})).is_error

    anyio.run(talk)


def test_flood_of_messages_is_not_heard_to_the_end(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "MOST_HEARD", 2**20)
    pad = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"pad": "x" * 100_000}}
    for _ in range(2):
        with closing(socket.socket(socket.AF_UNIX)) as raw:
            raw.settimeout(30)
            raw.connect(str(place))
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                raw.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in (HELLO, READY, *[pad] * 100)))


def test_many_connections_are_turned_away(place: Path) -> None:
    def connect() -> socket.socket:
        joined = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        joined.connect(str(place))
        joined.settimeout(20)
        return joined

    kept = [connect() for _ in range(served.MOST_CONNECTIONS)]
    try:
        with closing(connect()) as more:
            assert more.recv(1) == b""
    finally:
        for joined in kept:
            joined.close()

    def again() -> bool | None:
        with closing(connect()) as joined:
            joined.settimeout(1)
            try:
                return None if joined.recv(1) == b"" else True
            except TimeoutError:
                return True

    wait_until(again, seconds=20, what="a connection to be taken again")


def test_nobody_is_served_once_the_session_is_over(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("s") / "mcp"
    box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent="claims")
    with served.serve_socket(box, place):
        argv = [sys.executable, "-I", "-S", str(served.PIPE), str(place)]
        pipe = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with pipe:
        assert pipe.stdout is not None
        assert pipe.stdout.read() == b""
    assert not place.exists()
