"""Runs commands in Linux namespaces through bubblewrap: the full sandbox. It never decides what a result means."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from andon.config import search_path
from andon.errors import SandboxError
from andon.models import Limits, Ran
from andon.protocols import Command, Running
from andon.sandboxes.bounds import bounds, held_in_group, unbounded_here
from andon.sandboxes.capture import Captured
from andon.sandboxes.cgroups import Group
from andon.sandboxes.interpreters import in_system, needs
from andon.sandboxes.launched import Launched, as_ran, attended, run_to_end

SEEN = Path(__file__).with_name("seen")
ETC = ("ssl/certs", "ssl/openssl.cnf", "ca-certificates", "ld.so.cache", "alternatives", "localtime", "fonts")
"""Parts of the machine's /etc that programs read; /etc/ssl/private is not among them."""
OWN_ETC = {"passwd": "passwd.txt", "group": "group.txt", "hosts": "hosts.txt", "nsswitch.conf": "nsswitch.txt"}
TMP_BYTES = 2**29
SHM_BYTES = 2**28
HOME_BYTES = 2**28
GROUP = "1000"
NOT_FOUND = "bwrap: execvp "
"""What bubblewrap says of a program that does not exist; such a command ends with 127, as in a shell."""


class BubblewrapSandbox:
    """The full sandbox: own user, process, network, mount and IPC namespaces, no capability, bounded resources."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.fixed = tuple(_fixed())

    @property
    def name(self) -> str:
        return "bubblewrap"

    @property
    def weaker(self) -> str:
        """Why it isolates less than it should: only where there are no control groups."""
        missing = unbounded_here()
        return f"{'; '.join(missing)}: give andon control groups (docs/operations.md)" if missing else ""

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
        status_read, status_write = os.pipe()
        go_read, go_write = os.pipe()
        # In a file of its own: on the command line, everybody on the machine could read the environment.
        words = _sealed("\0".join(self._arguments(command, status_write, go_read)) + "\0")
        try:
            started = subprocess.Popen(
                [self.program, "--args", str(words), "--", *command.argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(status_write, go_read, words),
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
            )
        except OSError as error:
            os.close(status_read)
            os.close(go_write)
            raise SandboxError(f"bubblewrap could not be started: {error}") from error
        finally:
            os.close(status_write)
            os.close(go_read)
            os.close(words)
        with (
            open(status_read, "rb") as status,
            open(go_write, "wb") as go,
            held_in_group(command.limits) as group,
            _let_go(started, status, go, group, command.limits) as launched,
        ):
            yield launched

    def _arguments(self, command: Command, status: int, go: int) -> Iterator[str]:
        yield from self.fixed
        yield from ("--uid", str(command.around.user), "--hostname", command.around.host)
        shown = needs(command.path)
        folders = sorted({*shown.folders, *command.readable})
        for folder in folders:
            if not in_system(folder):
                yield from ("--ro-bind", str(folder), str(folder))
        for place, target in sorted(shown.links):
            if not in_system(place) and not any(folder in place.parents for folder in folders):
                yield from ("--symlink", target, str(place))
        for folder in command.writable:
            yield from ("--bind", str(folder), str(folder))
        yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(command.cwd))
        yield from ("--json-status-fd", str(status), "--block-fd", str(go))
        path = ":".join([*(str(folder) for folder in command.path), "/usr/local/bin", "/usr/bin", "/bin"])
        own = {"PATH": path, "HOME": "/home", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        for name, value in (own | dict(command.env)).items():
            yield from ("--setenv", name, value)


def find_bubblewrap() -> str | None:
    """Returns the path of the program; None when it is not installed."""
    return shutil.which("bwrap", path=search_path() + ":/usr/bin:/usr/local/bin")


def _fixed() -> Iterator[str]:
    """Gives the arguments that every command has: namespaces, the system's own folders, and small fresh ones."""
    yield from ("--unshare-all", "--unshare-user", "--gid", GROUP, "--cap-drop", "ALL")
    yield from ("--disable-userns", "--die-with-parent", "--new-session", "--clearenv")
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        top = Path("/", name)
        if top.is_symlink():
            yield from ("--symlink", os.readlink(top), str(top))
        elif top.is_dir():
            yield from ("--ro-bind", str(top), str(top))
    for name in ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for name, own in OWN_ETC.items():
        yield from ("--ro-bind", str(SEEN / own), f"/etc/{name}")
    yield from ("--proc", "/proc", "--dev", "/dev")
    for place, size in (("/dev/shm", SHM_BYTES), ("/tmp", TMP_BYTES), ("/home", HOME_BYTES)):
        yield from ("--size", str(size), "--tmpfs", place)


def _sealed(text: str) -> int:
    """Returns a descriptor of a nameless file with this text."""
    file = os.memfd_create("andon")
    os.write(file, os.fsencode(text))
    os.lseek(file, 0, os.SEEK_SET)
    return file


@contextlib.contextmanager
def _let_go(
    started: subprocess.Popen[bytes], status: IO[bytes], go: IO[bytes], group: Group | None, limits: Limits
) -> Iterator[Launched]:
    """Bounds the command while it is still held back, and lets it go; it is dead when whoever follows it fails."""
    child: int | None = None

    def kill() -> None:
        # The first process of the namespace: the kernel ends all others with it.
        if child is not None and started.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        started.kill()

    def ran(captured: Captured) -> Ran:
        ended = any(b'"exit-code"' in line for line in status)
        return _ended(captured, started=child is not None, ended=ended)

    with started:
        try:
            try:
                child = _first_child(status)
                if child is not None:
                    # It may have ended already: then bubblewrap says why.
                    with contextlib.suppress(ProcessLookupError):
                        _bound(child, limits, group)
                go.close()
            except OSError as error:
                raise SandboxError(f"the command could not be bounded: {error}") from error
            yield Launched(started, kill, ran)
        except BaseException:
            # Ctrl-C, above all: nothing may go on running unattended, nor wait for ever to be let go.
            kill()
            raise


def _ended(captured: Captured, *, started: bool, ended: bool) -> Ran:
    """Returns how the command ended, which bubblewrap's own end may hide."""
    if started and (ended or captured.timed_out or captured.code >= 128):
        return as_ran(captured)
    words = captured.stderr.strip()
    if started and words.startswith(NOT_FOUND):
        return as_ran(captured._replace(code=127, stderr=words.removeprefix(NOT_FOUND)))
    raise SandboxError(f"the command could not be started in isolation: {words[-800:] or 'bubblewrap said nothing'}")


def _first_child(status: IO[bytes]) -> int | None:
    for line in status:
        if b'"child-pid"' in line:
            return int(json.loads(line)["child-pid"])
    return None


def _bound(child: int, limits: Limits, group: Group | None) -> None:
    if group is not None:
        group.add(child)
    for limit, value in bounds(limits).items():
        hard = resource.prlimit(child, limit)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(child, limit, (most, most))
