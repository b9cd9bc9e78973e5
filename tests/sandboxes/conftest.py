from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from talking import Talking, python_command

from andon.models import Ran
from andon.protocols import Sandbox
from andon.sandboxes import LandlockSandbox, open_sandbox

Python = Callable[..., Ran]


WAYS: dict[str, Callable[[], Sandbox]] = {
    "bubblewrap": lambda: open_sandbox("bubblewrap"),
    "bubblewrap talked to": lambda: Talking(open_sandbox("bubblewrap")),
    "landlock": lambda: open_sandbox("landlock"),
    "landlock talked to": lambda: Talking(open_sandbox("landlock")),
    "landlock alone": lambda: LandlockSandbox(namespaces=False),
}


@pytest.fixture(scope="session", params=list(WAYS))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each sandbox in turn: they keep one contract, and keep it for commands that are talked to, too."""
    return WAYS[request.param]()


@pytest.fixture
def python(sandbox: Sandbox, tmp_path: Path) -> Python:
    """Runs Python code in the sandbox, in a writable folder."""

    def run(code: str, *, readable: tuple[Path, ...] = (), stdin: str = "", **limits: float) -> Ran:
        return sandbox.run(python_command(code, tmp_path / "room", readable=readable, stdin=stdin, **limits))

    return run


@pytest.fixture
def answering() -> Iterator[Callable[[Path], None]]:
    """Gives what makes a Unix socket that says welcome to the first who comes."""
    with contextlib.ExitStack() as stack:

        def answer(place: Path) -> None:
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(place))
            server.listen()
            worker = threading.Thread(target=welcome, args=(server,))
            worker.start()
            stack.callback(worker.join)

        yield answer


def welcome(server: socket.socket) -> None:
    """Says welcome to the first who comes within ten seconds."""
    server.settimeout(10)
    guest, _ = server.accept()
    with guest:
        guest.sendall(b"welcome")
