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

from andon.config import search_path
from andon.errors import SandboxError
from andon.models import Limits, Ran
from andon.protocols import Command
from andon.sandboxes.bounds import bounds, held_in_group
from andon.sandboxes.capture import Captured, follow
from andon.sandboxes.cgroups import Group, find_hierarchy
from andon.sandboxes.interpreters import in_system, needs

SEEN = Path(__file__).with_name("seen")
ETC = ("ssl/certs", "ssl/openssl.cnf", "ca-certificates", "ld.so.cache", "alternatives", "localtime", "fonts")
"""Parts of the machine's /etc that programs read; /etc/ssl/private is not among them."""
OWN_ETC = {"passwd": "passwd.txt", "group": "group.txt", "hosts": "hosts.txt", "nsswitch.conf": "nsswitch.txt"}
TMP_BYTES = 2**29
SHM_BYTES = 2**28
HOME_BYTES = 2**28
USER = "1000"
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
        """Why it isolates less than it should; only where the number of processes cannot be bounded."""
        if find_hierarchy() is None and os.geteuid() == 0:
            return "the number of processes is not bounded: run andon as an ordinary user, or give it control groups"
        return ""

    def run(self, command: Command) -> Ran:
        """Returns how the command ended.

        Raises:
            SandboxError: it could not be started in isolation.
        """
        status_read, status_write = os.pipe()
        go_read, go_write = os.pipe()
        argv = [self.program, *self._arguments(command, status_write, go_read), "--", *command.argv]
        try:
            started = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(status_write, go_read),
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
        with open(status_read, "rb") as status, held_in_group(command.limits) as group:
            return _attend(started, status, go_write, group, command)

    def _arguments(self, command: Command, status: int, go: int) -> Iterator[str]:
        yield from self.fixed
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
    yield from ("--unshare-all", "--unshare-user", "--uid", USER, "--gid", USER, "--cap-drop", "ALL")
    yield from ("--disable-userns", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "andon")
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


def _attend(started: subprocess.Popen[bytes], status: object, go: int, group: Group | None, command: Command) -> Ran:
    """Bounds the command while it is still held back, lets it go, and follows it to its end."""
    lines = iter(status)  # type: ignore[call-overload]
    try:
        child = _first_child(lines)
        if child is not None:
            _bound(child, command.limits, group)
    finally:
        os.close(go)

    def kill() -> None:
        # The first process of the namespace: the kernel ends all others with it.
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        started.kill()

    captured = follow(
        started,
        stdin=command.stdin.encode(),
        seconds=command.limits.seconds,
        output_bytes=command.limits.output_bytes,
        kill=kill,
    )
    ended = any(b'"exit-code"' in line for line in lines)
    if child is not None and (ended or captured.timed_out or captured.code >= 128):
        return _ran(captured)
    words = captured.stderr.strip()
    if child is not None and words.startswith(NOT_FOUND):
        return _ran(captured._replace(code=127, stderr=words.removeprefix(NOT_FOUND)))
    raise SandboxError(f"the command could not be started in isolation: {words[-800:] or 'bubblewrap said nothing'}")


def _first_child(lines: Iterator[bytes]) -> int | None:
    for line in lines:
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


def _ran(captured: Captured) -> Ran:
    return Ran.model_validate(captured._asdict())
