"""Measures what the leash costs an agent: sandbox, relay, MCP, ACP, each against the same thing done bare, in one run.

    python bench/agents.py            # two minutes on a busy machine
    python bench/agents.py --json     # for scripts

Bare and leashed take turns, and the quickest of each counts: what else the machine does can only add. The model is a
scripted endpoint on loopback. What is compared is a whole command, or a whole request from its first byte to the last
of its answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from andon.agents.acp.client import Client as AcpClient
from andon.agents.acp.client import Ears
from andon.agents.acp.session import Talk, converse
from andon.agents.prices import Tariff
from andon.agents.relay import Relay, Upstream, open_relay
from andon.agents.tools import Phase, Toolbox
from andon.agents.tools.mcp import PIPE, serve_socket
from andon.app import App
from andon.config import load
from andon.models import Autonomy, Limits, Ran, Severity
from andon.protocols import Command, Running, Sandbox
from andon.sandboxes import open_sandbox
from andon.spending import wallet_of
from andon.testing.acp import SEEN, scripted
from andon.testing.cases import make_case
from andon.testing.endpoint import Endpoint, Turn, endpoint

ANSWER = Turn("word " * 200, tokens=(1000, 200))
PORT = 4199
MANY = 10**9
MOST_CALLS = 20
"""Of tools: a session that asks much and finds nothing new is ended."""
NOTHING = Ran(code=0, stdout="", stderr="", seconds=0.0)
INSIDE = """
import http.client, json, sys, time
port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = http.client.HTTPConnection("127.0.0.1", port)
body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x" * 20000}]})
took = []
for _ in range(count):
    began = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    connection.getresponse().read()
    took.append(time.perf_counter() - began)
print(json.dumps(took))
"""


class Row(NamedTuple):
    """One comparison, in milliseconds."""

    name: str
    bare: float
    leashed: float
    limit: float | None
    """Of the difference; None: told, not held."""

    @property
    def more(self) -> float:
        return self.leashed - self.bare

    @property
    def held(self) -> bool:
        return self.limit is None or self.more < self.limit


class Socket(http.client.HTTPConnection):
    """A connection to the relay's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("relay")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def quickest(took: list[float]) -> float:
    return min(took) * 1000


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def turns(name: str, bare: Callable[[], object], leashed: Callable[[], object], count: int, limit: float | None) -> Row:
    """Returns a row of two things that take turns."""
    bare(), leashed()
    pairs = [(timed(bare), timed(leashed)) for _ in range(count)]
    return Row(name, quickest([one for one, _ in pairs]), quickest([one for _, one in pairs]), limit)


def command(argv: tuple[str, ...], folder: Path, relay: Relay | None = None) -> Command:
    """Returns a command for the sandbox, with the way to the model when there is a relay."""
    return Command(
        argv=relay.wrap(argv, PORT) if relay else argv,
        cwd=folder,
        readable=relay.readable if relay else (),
        writable=(folder, *((relay.socket,) if relay else ())),
        path=(Path(sys.executable).parent,),
        limits=Limits(seconds=120),
    )


def sandbox_row(sandbox: Sandbox, folder: Path, count: int) -> Row:
    return turns(
        f"a command in the sandbox ({sandbox.name}): `true`",
        lambda: subprocess.run(["/bin/true"], check=True),
        lambda: sandbox.run(command(("/bin/true",), folder)),
        count,
        50,
    )


def request(connection: http.client.HTTPConnection, *, stream: bool) -> None:
    body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x" * 20_000}]})
    connection.request("POST", "/v1/messages", body, {"Content-Type": "application/json"})
    connection.getresponse().read()


def relay_row(told: Endpoint, relay: Relay, count: int, *, stream: bool) -> Row:
    direct = http.client.HTTPConnection("127.0.0.1", int(told.url.rpartition(":")[2]))
    over = Socket(relay.socket)
    row = turns(
        f"a request over the relay, {'streamed' if stream else 'whole'}, charged in SQLite",
        lambda: request(direct, stream=stream),
        lambda: request(over, stream=stream),
        count,
        3,
    )
    direct.close(), over.close()
    return row


def inside_rows(told: Endpoint, relay: Relay, sandbox: Sandbox, folder: Path, count: int) -> Iterator[Row]:
    """Yields what an agent in the sandbox sees: its requests, and its start."""
    port = told.url.rpartition(":")[2]
    script = (sys.executable, "-I", "-c", INSIDE)
    bare = subprocess.run([*script, port, "/v1/messages", str(count)], check=True, capture_output=True, text=True)
    ran = sandbox.run(command((*script, str(PORT), "/v1/messages", str(count)), folder, relay))
    assert ran.code == 0, ran.stderr
    took = [quickest(json.loads(text)) for text in (bare.stdout, ran.stdout)]
    yield Row(f"a request from within the sandbox ({sandbox.name}), streamed", *took, 3)
    nothing = (sys.executable, "-I", "-c", "")
    yield turns(
        f"start of a Python program in the sandbox ({sandbox.name}) with its relay",
        lambda: subprocess.run(nothing, check=True),
        lambda: sandbox.run(command(nothing, folder, relay)),
        max(5, count // 10),
        None,
    )


def tool_row(folder: Path, count: int) -> Row:
    """Returns what a call of a ticket's tool costs over MCP, through the pipe that an agent in the sandbox starts."""
    folder.mkdir()
    socket_folder = Path(tempfile.mkdtemp(prefix="andon-bench-"))  # a socket's path has a hundred characters at most
    with make_case(folder, "unit") as case:
        box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent="bench")
        bare = [timed(lambda: box.answer("memory", {"words": f"bare {number}"})) for number in range(count)]  # noqa: B023
        with serve_socket(box, socket_folder / "mcp"):
            words = ["-I", "-S", str(PIPE), str(socket_folder / "mcp")]
            served = anyio.run(calls, StdioServerParameters(command=sys.executable, args=words), count)
        assert not box.over, box.over
    socket_folder.rmdir()
    return Row("a tool call over MCP, after its start", quickest(bare), quickest(served), 10)


async def calls(pipe: StdioServerParameters, count: int) -> list[float]:
    """Returns how long calls of a tool take the real client."""
    took = []
    async with Client(pipe, read_timeout_seconds=60) as client:
        await client.call_tool("memory", {"words": "first"})
        for number in range(count):
            began = time.perf_counter()
            await client.call_tool("memory", {"words": f"served {number}"})
            took.append(time.perf_counter() - began)
    return took


def session_row(sandbox: Sandbox, folder: Path, count: int) -> Row:
    """Returns what a whole session over ACP costs, from the start of a scripted agent to the end of its one turn."""
    folder.mkdir()
    argv = scripted([{"say": {"text": "done"}}])
    told = Command(argv=argv, cwd=folder, readable=SEEN, writable=(folder,), path=(Path(sys.executable).parent,))

    def talk(running: Running) -> None:
        ears = Ears(lambda *_: None, lambda *_: None, lambda *_: None, lambda _: None)
        converse(running, AcpClient(Phase.FIX, folder, ears), Talk(folder, (), "begin", lambda _: "", lambda: ""))

    def bare() -> None:
        with subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
            assert started.stdin is not None
            assert started.stdout is not None
            talk(Running(started.stdin, started.stdout, started.kill, lambda: NOTHING))
            started.kill()

    def leashed() -> None:
        with sandbox.start(told) as running:
            talk(running)

    return turns("a session over ACP in the sandbox, agent started", bare, leashed, count, None)


@contextmanager
def relayed(folder: Path) -> Iterator[tuple[Endpoint, Relay]]:
    """Gives an endpoint and a relay to it, whose wallet is that of a ticket in a store."""
    (folder / "andon.toml").write_text('[systems.feed]\ntest = "true"\n', encoding="utf-8")
    settings = load(folder / "andon.toml")
    rich = settings.budget.model_copy(update={"tokens_per_ticket": MANY, "usd_per_ticket": MANY, "usd_per_day": MANY})
    with ExitStack() as stack:
        app = stack.enter_context(App(settings.model_copy(update={"budget": rich})))
        ticket = app.store.create_ticket(
            system="feed", check=None, title="red", severity=Severity.LOW, autonomy=Autonomy.REPORT, now=app.now()
        )
        told = stack.enter_context(endpoint(lambda _: ANSWER))
        way = Upstream(
            "anthropic", "claude-sonnet-4-6", f"{told.url}/v1", "k", Tariff("anthropic", "claude-sonnet-4-6")
        )
        wallet = wallet_of(app, ticket.id, "bench")
        yield told, stack.enter_context(open_relay(way, wallet, requests=MANY))


def rows(count: int) -> Iterator[Row]:
    """Yields all comparisons, one after the other."""
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as name:
        folder = Path(name)
        room = folder / "room"
        room.mkdir()
        sandbox = open_sandbox()
        yield sandbox_row(sandbox, room, count)
        with relayed(folder) as (told, relay):
            yield relay_row(told, relay, count, stream=False)
            yield relay_row(told, relay, count, stream=True)
            yield from inside_rows(told, relay, sandbox, room, count)
        yield tool_row(folder / "case", min(count, MOST_CALLS))
        yield session_row(sandbox, folder / "session", max(5, count // 10))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="how often each is done (default 100)")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    given = parser.parse_args()
    found = list(rows(given.count))
    if given.json:
        print(json.dumps([{**row._asdict(), "more": row.more, "held": row.held} for row in found], indent=1))
    else:
        print("| | bare, ms | leashed, ms | ratio | more, ms | at most |\n|---|--:|--:|--:|--:|--:|")
        for row in found:
            limit = "" if row.limit is None else f"{row.limit:.0f}"
            ratio = row.leashed / row.bare
            print(f"| {row.name} | {row.bare:.1f} | {row.leashed:.1f} | {ratio:.1f} | {row.more:.1f} | {limit} |")
    return 0 if all(row.held for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
