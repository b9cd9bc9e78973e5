"""Runs commands under Landlock: the weaker sandbox for machines without bubblewrap. It always says what is missing."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from andon.errors import SandboxError
from andon.models import Limits, Ran
from andon.protocols import Command, Running
from andon.sandboxes.bounds import bounds, held_in_group, unbounded_here
from andon.sandboxes.capture import Captured
from andon.sandboxes.cgroups import Group
from andon.sandboxes.folders import remove_tree
from andon.sandboxes.interpreters import SYSTEM, needs
from andon.sandboxes.launched import Launched, as_ran, attended, run_to_end

LAUNCHER = Path(__file__).with_name("inside") / "landlock_run.py"
ETC: tuple[str, ...] = (
    "ssl/certs",
    "ssl/openssl.cnf",
    "ca-certificates",
    "ld.so.cache",
    "alternatives",
    "localtime",
    "passwd",
    "group",
)
ETC += ("hosts", "nsswitch.conf", "fonts", "mime.types")
SIGNALS_SCOPED = 6
"""Landlock's version that keeps signals and abstract sockets inside."""


class LandlockSandbox:
    """The weaker sandbox: the file system, TCP and resources are shut; the rest depends on the kernel."""

    def __init__(self, *, namespaces: bool = True) -> None:
        """`namespaces` lets it use network namespaces where the kernel allows.

        Raises:
            SandboxError: the kernel knows no Landlock, or cannot shut the network.
        """
        self.namespaces = namespaces
        self._features = {"abi": 0, "alone": False}
        self.run(Command(argv=("/bin/true",), cwd=Path("/"), limits=Limits(seconds=10)))

    @property
    def name(self) -> str:
        return "landlock"

    @property
    def weaker(self) -> str:
        """Why it isolates less than it should."""
        missing = ["names and sizes of files outside can be seen", "there is no process namespace"]
        # Landlock rules what is read and written, and knows no right for these.
        missing.append("modes, owners and times of the user's own files can be changed, though not what is in them")
        missing.append("Unix sockets outside, a container engine's for one, can be reached by whoever knows their path")
        if not self._features["alone"]:
            missing += ["UDP is open", "programs that start a server on loopback fail"]
        if not self._features["alone"] and os.geteuid() == 0:
            missing.append("commands run as root, though without its capabilities")
        if self._features["abi"] < SIGNALS_SCOPED:
            missing.append("signals reach the user's other processes")
        return "; ".join([*missing, *unbounded_here()])

    def run(self, command: Command) -> Ran:
        """Returns how the command ended.

        Raises:
            SandboxError: it could not be started in isolation.
        """
        with self._launched(command) as launched:
            return run_to_end(launched, command)

    @contextlib.contextmanager
    def start(self, command: Command) -> Iterator[Running]:
        """Gives the running command; its whole tree is dead at the end.

        Raises:
            SandboxError: it could not be started in isolation; what is found only later, `wait` raises.
        """
        with self._launched(command) as launched, attended(launched, command) as running:
            yield running

    @contextlib.contextmanager
    def _launched(self, command: Command) -> Iterator[Launched]:
        room = Path(tempfile.mkdtemp(prefix="andon-room-"))
        try:
            started, asked_write, told_read = _launch()
            with (
                open(told_read, "rb") as told,
                open(asked_write, "w", encoding="utf-8") as asked,
                held_in_group(command.limits) as group,
                self._let_go(started, asked, told, self._asked(command, room), group) as launched,
            ):
                yield launched
        finally:
            remove_tree(room)

    def _asked(self, command: Command, room: Path) -> dict[str, Any]:
        home, tmp = room / "home", room / "tmp"
        home.mkdir()
        tmp.mkdir()
        shown = needs(command.path)
        links = [str(place) for place, _ in shown.links]
        readable = [*map(str, (*SYSTEM, *shown.folders, *command.readable)), *links, *(f"/etc/{name}" for name in ETC)]
        path = ":".join([*map(str, command.path), "/usr/local/bin", "/usr/bin", "/bin"])
        own = {"PATH": path, "HOME": str(home), "TMPDIR": str(tmp), "LANG": "C.UTF-8"}
        return {
            "argv": command.argv,
            "cwd": str(command.cwd),
            "env": own | dict(command.env),
            "readable": readable,
            "writable": [*map(str, command.writable), str(home), str(tmp)],
            "bounds": list(bounds(command.limits).items()),
            "namespaces": self.namespaces,
        }

    @contextlib.contextmanager
    def _let_go(
        self,
        started: subprocess.Popen[bytes],
        asked: IO[str],
        told: IO[bytes],
        description: dict[str, Any],
        group: Group | None,
    ) -> Iterator[Launched]:
        """Hands the launcher what to run; the command is dead when whoever follows it fails."""

        def kill() -> None:
            # The launcher ends the whole tree and then itself; a group makes sure of it.
            started.terminate()
            if group is not None:
                group.kill()

        with started:
            try:
                try:
                    if group is not None:
                        group.add(started.pid)
                    json.dump(description, asked)
                    asked.close()
                except OSError as error:
                    raise SandboxError(f"the command could not be bounded: {error}") from error
                yield Launched(started, kill, lambda captured: self._ran(captured, told))
            except BaseException:
                # Ctrl-C, above all: nothing may go on running unattended, nor wait for ever to be told what to run.
                kill()
                raise

    def _ran(self, captured: Captured, told: IO[bytes]) -> Ran:
        """Returns how the command ended, if it ever began."""
        lines = [json.loads(line) for line in told]
        begun = next((line for line in lines if "abi" in line), None)
        if begun is None:
            words = next((line["error"] for line in lines if "error" in line), captured.stderr.strip()[-800:])
            raise SandboxError(f"the command could not be started in isolation: {words}")
        self._features = begun
        return as_ran(captured)


def _launch() -> tuple[subprocess.Popen[bytes], int, int]:
    """Returns the launcher, the end of the pipe where it is told what to run, and the end where it answers."""
    asked_read, asked_write = os.pipe()
    told_read, told_write = os.pipe()
    argv = [sys.executable, "-I", "-S", str(LAUNCHER), str(asked_read), str(told_write)]
    try:
        started = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(asked_read, told_write),
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        os.close(asked_write)
        os.close(told_read)
        raise SandboxError(f"the command could not be started in isolation: {error}") from error
    finally:
        os.close(asked_read)
        os.close(told_write)
    return started, asked_write, told_read
