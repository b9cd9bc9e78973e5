"""Tries every way out of the sandbox it runs in, and prints what came of each as JSON; harms nothing it reaches."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

PTRACE_ATTACH = 16
Told = tuple[bool, str]


def main(asked: dict[str, Any]) -> None:
    """Prints [what, held, detail] of each attempt."""
    attempts: list[tuple[str, Callable[[], Told]]] = [
        ("reach the internet", lambda: refused(lambda: connect(("1.1.1.1", 53)))),
        ("reach a server of this machine", lambda: refused(lambda: connect(("127.0.0.1", asked["port"])))),
        ("send UDP", lambda: refused(lambda: udp(("1.1.1.1", 53)))),
        ("reach an abstract Unix socket", lambda: refused(lambda: unix("\0" + asked["socket"]))),
        ("reach a Unix socket by its path", lambda: refused(lambda: unix(asked["folder"] + "/socket"))),
        ("use its own loopback", loopback),
        ("read a file outside", lambda: refused(lambda: read(asked["folder"] + "/secret"))),
        ("read it through a link", lambda: refused(lambda: linked(asked["folder"] + "/secret"))),
        ("read it through /proc", lambda: refused(lambda: through_proc(asked))),
        ("write outside", lambda: refused(lambda: write(asked["folder"] + "/planted"))),
        ("write into /usr", lambda: refused(lambda: write("/usr/andon-planted"))),
        ("write into /etc", lambda: refused(lambda: write("/etc/andon-planted"))),
        ("read secrets in home folders", lambda: home_secrets(asked["homes"])),
        ("read passwords of the system", lambda: refused(lambda: read("/etc/shadow"))),
        ("see processes outside", lambda: sees_none(asked["pid"])),
        ("signal a process outside", lambda: refused(lambda: outside(asked["pid"], os.kill))),
        ("trace a process outside", lambda: refused(lambda: outside(asked["pid"], trace))),
        ("become root", become_root),
        ("hold a capability", no_capability),
        ("gain rights by setuid programs", no_new_rights),
        ("find secrets in the environment", lambda: clean_environment()),
        ("inherit open files", no_open_files),
    ]
    print(json.dumps([[what, *attempt()] for what, attempt in attempts]))


def refused(attempt: Callable[[], object]) -> Told:
    """Tells whether an attempt is refused by the system."""
    try:
        got = attempt()
    except OSError as error:
        return True, str(error)
    return False, f"it worked: {str(got)[:80]}"


def connect(address: tuple[str, int]) -> str:
    with socket.create_connection(address, timeout=2):
        return "connected"


def udp(address: tuple[str, int]) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", address)
        return "sent"


def unix(name: str) -> str:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(name)
        return "connected"


def loopback() -> Told:
    """Tells whether a server of the sandbox's own can be reached: test suites start some."""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            connect(server.getsockname())
    except OSError as error:
        return False, f"{error}: suites that start a server fail"
    return True, "reached"


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(100)


def linked(path: str) -> bytes:
    os.symlink(path, "link")
    try:
        return read("link")
    finally:
        os.unlink("link")


def through_proc(asked: dict[str, Any]) -> bytes:
    found = read(f"/proc/{asked['pid']}/root{asked['folder']}/secret")
    if asked["secret"].encode() not in found:
        raise OSError("another process has that number here")
    return found


def write(path: str) -> str:
    with open(path, "w") as file:
        file.write("planted")
    return "written"


def home_secrets(homes: list[str]) -> Told:
    kinds = (".ssh", ".aws", ".netrc", ".git-credentials", ".config", ".pgpass", ".bash_history", ".gnupg")
    seen = [f"{home}/{kind}" for home in homes for kind in kinds if readable(f"{home}/{kind}")]
    return not seen, ", ".join(seen) or "none can be read"


def readable(path: str) -> bool:
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            read(path)
    except OSError:
        return False
    return True


def sees_none(pid: int) -> Told:
    """Tells whether the processes that can be listed are only those of this sandbox."""
    try:
        seen = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError as error:
        return True, str(error)
    mine = len(seen) < 10
    return mine, f"{len(seen)} processes can be listed" + ("" if mine or str(pid) not in seen else ", andon among them")


def outside(pid: int, act: Callable[[int, int], object]) -> str:
    """Acts on a process outside; a process of this sandbox that has the same number does not count."""
    if os.getpid() == pid or is_own(pid):
        raise OSError("that number is a process of the sandbox")
    act(pid, 0)
    return "it arrived"


def is_own(pid: int) -> bool:
    """Tells whether a number belongs to the sandbox's own processes."""
    return os.getppid() <= 2 and os.path.exists(f"/proc/{pid}")


def trace(pid: int, _: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.waitpid(pid, 0)
    libc.ptrace(17, pid, 0, 0)


def status(name: str) -> str:
    with open("/proc/self/status") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith(name + ":")), "?")


def become_root() -> Told:
    """Tells whether root's powers stay out of reach; being called root without them gives nothing."""
    if os.geteuid() != 0:
        return refused(lambda: os.setuid(0))
    return no_capability()


def no_capability() -> Told:
    try:
        held = status("CapEff"), status("CapBnd")
    except OSError as error:
        return True, str(error)
    return int(held[0], 16) == 0, f"effective {held[0]}, bounding {held[1]}"


def no_new_rights() -> Told:
    libc = ctypes.CDLL(None, use_errno=True)
    locked = libc.prctl(39, 0, 0, 0, 0) == 1
    return locked, "no new rights" if locked else "programs may gain rights"


def clean_environment() -> Told:
    words = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "SSH_", "AWS_", "DATABASE_URL")
    seen = [name for name in os.environ if any(word in name.upper() for word in words)]
    return not seen, ", ".join(seen) or f"{len(os.environ)} variables, none of them secret"


def no_open_files() -> Told:
    """Tells whether nothing but standard input and output came along."""
    seen = []
    for number in range(3, 64):
        try:
            os.fstat(number)
        except OSError:
            continue
        seen.append(number)
    return not seen, f"descriptors {seen}" if seen else "none"


if __name__ == "__main__":
    signal.alarm(15)
    main(json.loads(sys.argv[1]))
