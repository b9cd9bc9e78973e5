"""Commands in the sandbox as the tests of the contract start them and talk to them."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from andon.models import Limits, Ran
from andon.protocols import Command, Running, Sandbox
from andon.sandboxes.capture import HeadAndTail


class Talking:
    """A sandbox whose commands are started and talked to, where another would run them."""

    def __init__(self, inner: Sandbox) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def weaker(self) -> str:
        return self.inner.weaker

    def run(self, command: Command) -> Ran:
        kept = HeadAndTail(command.limits.output_bytes)
        with self.start(command) as running:
            feeder = threading.Thread(target=feed, args=(running.stdin, command.stdin.encode()))
            feeder.start()
            while said := running.stdout.read1(1 << 16):
                kept.add(said)
            ran = running.wait()
        feeder.join()
        return ran.model_copy(update={"stdout": kept.text()})

    def start(self, command: Command) -> AbstractContextManager[Running]:
        return self.inner.start(command)


def feed(stdin: IO[bytes], words: bytes) -> None:
    """Writes to a command that may be gone before it has read all."""
    with contextlib.suppress(OSError, ValueError):
        stdin.write(words)
    with contextlib.suppress(OSError):
        stdin.close()


def python_command(
    code: str, room: Path, *, readable: tuple[Path, ...] = (), stdin: str = "", **limits: float
) -> Command:
    """Returns the command that runs Python code in a folder that it may write."""
    room.mkdir(exist_ok=True)
    return Command(
        argv=(sys.executable, "-I", "-S", "-c", code),
        cwd=room,
        readable=readable,
        writable=(room,),
        path=(Path(sys.executable).parent,),
        stdin=stdin,
        limits=Limits.model_validate({"seconds": 20, **limits}),
    )


def grows(path: Path, size: int) -> bool:
    """Watches a file for twenty times the pause of whoever would write it."""
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        if path.stat().st_size != size:
            return True
    return False
