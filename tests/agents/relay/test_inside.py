"""An agent in the real sandbox: it reaches its model through the relay, and nothing else; it never holds the key."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from wire import KEY, relay

from andon.agents.relay import Relay
from andon.models import Limits, Ran
from andon.protocols import Command, Sandbox
from andon.sandboxes import open_sandbox
from andon.testing.endpoint import Turn, endpoint
from andon.wallet import wallet_with

PORT = 4100
ROOT = Path(__file__).resolve().parents[3]
"""This checkout, which the sandbox shows of its interpreter, and which may lie in /tmp."""
ASK = f"""
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", {PORT}, timeout=20)
body = {{"messages": [{{"role": "user", "content": sys.stdin.read()}}], "stream": True}}
connection.request("POST", "/v1/messages", json.dumps(body), {{"Content-Type": "application/json"}})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""
LOOK = f"""
import glob, os, pathlib
places = glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/maps")
for top in ("/tmp", os.getcwd()):
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if os.path.join(folder, name) != {str(ROOT)!r}]
        places += [os.path.join(folder, name) for name in names]
found = str(dict(os.environ))
for place in places:
    try:
        if not os.path.exists(place) or os.path.isfile(place):
            found += pathlib.Path(place).read_bytes().decode(errors="replace")
    except OSError:
        pass
print({KEY[:6]!r} + {KEY[6:]!r} in found, "pla" + "nted" in found)
"""


@pytest.fixture(scope="session", params=["bubblewrap", "landlock"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_sandbox(request.param)


def run(sandbox: Sandbox, running: Relay, folder: Path, code: str, stdin: str = "") -> Ran:
    """Runs Python code as an agent would be run."""
    folder.mkdir(exist_ok=True)
    return sandbox.run(
        Command(
            argv=running.wrap((sys.executable, "-I", "-c", code), PORT),
            cwd=folder,
            readable=running.readable,
            writable=(folder, running.socket),
            path=(Path(sys.executable).parent,),
            stdin=stdin,
            limits=Limits(seconds=60),
        )
    )


def test_agent_reaches_its_model_and_is_charged_though_it_reports_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    wallet = wallet_with()
    with endpoint([Turn("hello there", tokens=(1200, 34))], key=KEY) as told, relay(told, wallet=wallet) as running:
        ran = run(sandbox, running, tmp_path / "room", ASK, "what is wrong?")
        assert "200 event: message_start" in ran.stdout, ran.stderr
        assert told.asked[0].body["messages"][0]["content"] == "what is wrong?"
    assert wallet.spent.tokens == 1234


def test_agent_finds_no_key_anywhere(sandbox: Sandbox, tmp_path: Path) -> None:
    with endpoint(key=KEY) as told, relay(told) as running:
        (tmp_path / "room").mkdir()
        (tmp_path / "room" / "seen.txt").write_text("planted")
        ran = run(sandbox, running, tmp_path / "room", LOOK)
    assert ran.stdout.split() == ["False", "True"], ran.stderr


def test_agent_reaches_nothing_but_the_relay(sandbox: Sandbox, tmp_path: Path) -> None:
    with endpoint() as told, endpoint() as other, relay(told) as running:
        ports = [int(one.url.rpartition(":")[2]) for one in (told, other)]
        code = f"""
import socket
for port in {ports}:
    for host in ("127.0.0.1", "{socket.gethostname()}"):
        try:
            socket.create_connection((host, port), timeout=3)
            print("reached", host, port)
        except OSError:
            print("no")
"""
        ran = run(sandbox, running, tmp_path / "room", code)
        assert ran.stdout.split() == ["no"] * 4, ran.stdout + ran.stderr
        assert (told.asked, other.asked) == ([], [])


def test_command_ends_as_it_would_without_the_relay(sandbox: Sandbox, tmp_path: Path) -> None:
    with endpoint() as told, relay(told) as running:
        ran = run(sandbox, running, tmp_path / "room", "import sys; print(sys.stdin.read()); sys.exit(7)", "given")
        assert (ran.code, ran.stdout) == (7, "given\n")


def test_wallet_that_empties_in_the_middle_stops_an_agent_that_never_asks(sandbox: Sandbox, tmp_path: Path) -> None:
    wallet = wallet_with(tokens=1000)
    code = "stdin = __import__('io').StringIO; import sys\nfor _ in range(5):\n    sys.stdin = stdin('x')\n" + "".join(
        f"    {line}\n" for line in ASK.strip().splitlines()
    )
    with endpoint([Turn("more", tokens=(400, 0))] * 5) as told, relay(told, wallet=wallet) as running:
        ran = run(sandbox, running, tmp_path / "room", code)
        statuses = [line.split()[0] for line in ran.stdout.splitlines() if line[:4] in ("200 ", "402 ")]
        assert statuses == ["200", "200", "200", "402", "402"], ran.stderr
        assert len(told.asked) == 3
        assert json.dumps(wallet.spent.tokens) == "1200"
