"""Starts processes that have everything imported already, so that a test can kill hundreds of them cheaply.

`python -m andon.testing.nursery MODULE:FUNCTION` reads one JSON order a line, forks, calls the function with the order
in the child, waits for its end, and answers with one JSON line. The parent never starts a thread, so forking is safe.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from pydantic import JsonValue

WARM = (
    "andon.engine",
    "andon.steps",
    "andon.store",
    "andon.judge",
    "andon.checks",
    "andon.data",
    "andon.data.sqlite",
    "andon.data.sqlite_gate",
    "andon.data.functions",
    "andon.brief",
    "andon.diagnose",
    "andon.fix",
    "andon.ship",
    "andon.watch",
    "andon.detect",
    "andon.git",
    "andon.workspace",
    "andon.sandboxes",
    "andon.sandboxes.scratch",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "sqlglot.dialects.sqlite",
    "sqlglot.optimizer.scope",
)
"""Modules that the children would import otherwise, each for itself."""


class Ended(NamedTuple):
    """How a child ended."""

    code: int
    """Its exit code; the negative number of the signal that killed it."""
    output: str
    """What it wrote to stdout and stderr."""


class Nursery:
    """A process whose children call one function; use it as a context, once a test run."""

    def __init__(self, target: str, folder: Path) -> None:
        """Takes `module:function` and a folder for the children's output."""
        self.target = target
        self.folder = folder
        self._count = 0
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Nursery:
        argv = [sys.executable, "-m", "andon.testing.nursery", self.target]
        self._server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server = self._running()
        for pipe in (server.stdin, server.stdout):
            if pipe is not None:
                pipe.close()
        server.wait(timeout=30)

    def run(self, order: dict[str, JsonValue], *, seconds: float = 180.0) -> Ended:
        """Runs one child to its end and returns how it ended.

        Raises:
            TimeoutError: it did not end; it was killed, and the message holds what it wrote.
        """
        server = self._running()
        self._count += 1
        output = self.folder / f"child-{self._count}.txt"
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps({"order": order, "output": str(output), "seconds": seconds}) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        said = output.read_text(encoding="utf-8", errors="replace")
        if code == TOO_LONG:
            raise TimeoutError(f"a child did not end within {seconds:.0f} s:\n{said}")
        return Ended(code, said)

    def _running(self) -> subprocess.Popen[str]:
        if self._server is None:
            raise RuntimeError("the nursery is not open")
        return self._server


TOO_LONG = -1000
"""Stands for the end of a child that had to be killed."""


def serve(target: str) -> None:
    """Answers orders until stdin ends."""
    module, name = target.split(":")
    call = getattr(importlib.import_module(module), name)
    for one in WARM:
        importlib.import_module(one)
    gc.freeze()  # what every child shares stays shared: their collectors would write into all of it
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if child == 0:
            _live(call, told)
        sys.stdout.write(f"{_end(child, float(told['seconds']))}\n")
        sys.stdout.flush()


def _live(call: object, told: dict[str, JsonValue]) -> None:
    """Is the child: writes to its own file, calls the function, and ends without any tidying up."""
    with open(str(told["output"]), "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    code = 70
    try:
        assert callable(call)
        call(told["order"])
        code = 0
    except BaseException:  # noqa: BLE001
        # Whatever it was: the child must end here and never run on as a second parent.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end(child: int, seconds: float) -> int:
    """Waits for a child's end; kills it when that takes too long."""
    import signal

    late = threading.Event()

    def kill(number: int, frame: object) -> None:
        del number, frame
        late.set()
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _, status = os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return TOO_LONG if late.is_set() else os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    serve(sys.argv[1])
