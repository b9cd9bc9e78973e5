"""Really tries, from inside a sandbox, what must not be possible there; it decides nothing, it reports."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from andon.errors import SandboxError
from andon.models import Limits, Ran
from andon.protocols import Command, Sandbox

ESCAPES = Path(__file__).with_name("inside") / "escapes.py"
PROCESSES = 40
"""How many processes the fork bomb may start."""


class Tried(NamedTuple):
    """One way out that was tried."""

    what: str
    ok: bool
    detail: str


class Bait(NamedTuple):
    """What stands outside for the escapes to reach for."""

    folder: Path
    secret: str
    port: int
    socket_name: str
    pid: int


def isolation_report(sandbox: Sandbox) -> tuple[tuple[str, bool, str], ...]:
    """Returns (what was tried, whether it was held, what was seen) for each way out.

    Raises:
        SandboxError: the sandbox does not start, or the attempts did not run.
    """
    with _bait() as bait:
        ran = _attempt(sandbox, bait)
        found = [Tried(str(what), bool(held), str(detail)) for what, held, detail in _told(ran)]
        stood = (bait.folder / "secret").read_text() == bait.secret and not (bait.folder / "planted").exists()
        found.append(Tried("change files outside", stood, "untouched" if stood else "a file outside was changed"))
    return (*found, _fork_bomb(sandbox), _overtime(sandbox), _flood(sandbox))


def _attempt(sandbox: Sandbox, bait: Bait) -> Ran:
    asked = {
        "folder": str(bait.folder),
        "secret": bait.secret,
        "port": bait.port,
        "socket": bait.socket_name,
        "pid": bait.pid,
        "homes": [str(Path.home()), "/root"],
    }
    with tempfile.TemporaryDirectory(prefix="andon-inside-") as room:
        return sandbox.run(
            Command(
                argv=(python(), "-I", "-S", str(ESCAPES), json.dumps(asked)),
                cwd=Path(room),
                readable=(ESCAPES,),
                writable=(Path(room),),
                path=(Path(sys.executable).parent,),
                limits=Limits(seconds=20, processes=PROCESSES),
            )
        )


def python() -> str:
    """Returns the interpreter that andon itself runs on: the sandbox shows it through `path`."""
    return sys.executable


def _told(ran: Ran) -> list[list[object]]:
    try:
        told: list[list[object]] = json.loads(ran.stdout)
    except ValueError as error:
        raise SandboxError(f"the ways out could not be tried: {ran.words or ran.code}") from error
    return told


@contextmanager
def _bait() -> Iterator[Bait]:
    """Gives a secret file, a TCP server, two Unix sockets (one abstract) and this process's number, all outside."""
    with tempfile.TemporaryDirectory(prefix="andon-outside-") as place, socket.socket() as server:
        folder = Path(place)
        secret = secrets.token_hex(16)
        (folder / "secret").write_text(secret)
        server.bind(("127.0.0.1", 0))
        server.listen()
        name = f"andon-bait-{secrets.token_hex(4)}"
        with socket.socket(socket.AF_UNIX) as local, socket.socket(socket.AF_UNIX) as named:
            for one, place_there in ((local, "\0" + name), (named, str(folder / "socket"))):
                one.bind(place_there)
                one.listen()
            yield Bait(folder, secret, server.getsockname()[1], name, _victim())


def _victim() -> int:
    """Returns the number of this very process: a signal 0 to it must not arrive."""
    return threading.main_thread().native_id or 0


def _fork_bomb(sandbox: Sandbox) -> Tried:
    code = (
        "import os, time\nn = 0\n"
        "try:\n while n < 400:\n  if os.fork() == 0: time.sleep(20); os._exit(0)\n  n += 1\nexcept OSError: pass\n"
        "print(n)"
    )
    ran = _python(sandbox, code, Limits(seconds=10, processes=PROCESSES))
    started = int(ran.stdout) if ran.stdout.strip().isdigit() else 10**6
    return Tried("start processes without end", started <= PROCESSES, f"{started} started, {PROCESSES} allowed")


def _overtime(sandbox: Sandbox) -> Tried:
    code = "import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(60)"
    ran = _python(sandbox, code, Limits(seconds=0.5, processes=PROCESSES))
    return Tried("outlive the time limit", ran.timed_out and ran.seconds < 5, f"ended after {ran.seconds:.1f} s")


def _flood(sandbox: Sandbox) -> Tried:
    code = "import os\nfor _ in range(400): os.write(1, b'x' * 65536)"
    ran = _python(sandbox, code, Limits(seconds=10, output_bytes=10_000))
    return Tried("flood the output", len(ran.stdout) < 11_000, f"{len(ran.stdout)} characters kept of 26 million")


def _python(sandbox: Sandbox, code: str, limits: Limits) -> Ran:
    command = Command(argv=(python(), "-I", "-S", "-c", code), cwd=Path("/tmp"), limits=limits)
    return sandbox.run(command._replace(path=(Path(sys.executable).parent,)))
