"""Shuts a command in with Landlock and, where it may, namespaces of its own; stays outside to end what it leaves.

Started by andon with the description of the command on a pipe: one JSON document until the end of the pipe. Tells on
another pipe, a JSON document a line, what isolates the command and how it ended. Needs nothing but Python 3.11.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_DEVICES = 1 << 6 | 1 << 11
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
KNOWN = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 4: 1 << 15}
"""ABI -> first access right that it does not know; from 5 on all 16 are known."""
NEW_USER, NEW_NET, NEW_IPC, NEW_UTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
SET_PDEATHSIG, SET_NO_NEW_PRIVS, CAPBSET_DROP, SET_SUBREAPER = 1, 38, 24, 36
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
PROC = ("cpuinfo", "meminfo", "stat", "version", "uptime", "loadavg", "filesystems", "sys")


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """Returns the version of Landlock that the kernel speaks; 0 or less when it does not."""
    version: int = LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    return version


def main(asked_fd: int, told_fd: int) -> int:
    """Runs the command and returns its exit code."""
    with open(asked_fd, encoding="utf-8") as file:
        asked = json.load(file)
    os.set_inheritable(told_fd, False)
    told = os.fdopen(told_fd, "w", buffering=1)
    must(LIBC.prctl(SET_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans")
    signal.signal(signal.SIGTERM, end_early)
    child = os.fork()
    if child == 0:
        run(asked, told)
    code = wait_for(child)
    end_all()
    print(json.dumps({"exit": code}), file=told)
    return code


def end_early(*_: object) -> None:
    """Ends the whole tree and then this process: the time is up."""
    end_all()
    os._exit(143)


def wait_for(child: int) -> int:
    """Returns the exit code of a child, 128 + n for signal n; orphans that end meanwhile are only taken note of."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code


def end_all() -> None:
    """Kills all that is left; orphans become children of this process, so at last there are none."""
    while True:
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.wait()
        except ChildProcessError:
            return


def children() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found


def run(asked: dict[str, Any], told: Any) -> None:
    """Becomes the command; never returns."""
    try:
        os.setsid()
        must(LIBC.prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "die with the parent")
        alone = asked["namespaces"] and own_namespaces()
        drop_capabilities()
        for limit, value in asked["bounds"]:
            hard = resource.getrlimit(limit)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (most, most))
        must(LIBC.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0), "gain no rights")
        version = abi()
        if not alone and version < 4:
            raise OSError("the network cannot be shut: it takes user namespaces or Linux 6.7")
        restrict(asked, version, alone=alone)
        os.chdir(asked["cwd"])
        print(json.dumps({"abi": version, "alone": alone}), file=told)
    except OSError as error:
        print(json.dumps({"error": str(error)}), file=told)
        os._exit(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        os.execvpe(asked["argv"][0], asked["argv"], asked["env"])
    except OSError as error:
        os.write(2, f"{asked['argv'][0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def own_namespaces() -> bool:
    """Moves into user, network and IPC namespaces of its own, with loopback; False where that is not allowed."""
    user, group = os.geteuid(), os.getegid()
    if LIBC.unshare(NEW_USER | NEW_NET | NEW_IPC | NEW_UTS) != 0:
        return False
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {user} 1"), ("gid_map", f"1000 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
    except OSError:
        # In a namespace half made nothing reaches out; without a name or loopback it is as if there were none.
        return False
    return True


def drop_capabilities() -> None:
    for number in range(64):
        if LIBC.prctl(CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    header = struct.pack("Ii", 0x20080522, 0)
    must(LIBC.capset(header, struct.pack("IIIIII", 0, 0, 0, 0, 0, 0)), "drop capabilities")


def restrict(asked: dict[str, Any], version: int, *, alone: bool) -> None:
    """Shuts the file system but for what was asked, TCP where the network is shared, and signals to others."""
    every = KNOWN.get(version, 1 << 16) - 1
    rules = Ruleset(every, 0 if alone or version < 4 else 3, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = LIBC.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    must(0 if ruleset >= 0 else -1, "make a ruleset")
    readable = [*asked["readable"], "/proc/self", *(f"/proc/{name}" for name in PROC), "/sys/devices/system/cpu"]
    for path in readable:
        allow(ruleset, path, READ & every)
    for name in DEVICES:
        allow(ruleset, f"/dev/{name}", (READ_FILE | WRITE_FILE | IOCTL_DEVICE) & every)
    for path in asked["writable"]:
        allow(ruleset, path, every & ~MAKE_DEVICES)
    must(LIBC.syscall(RESTRICT_SELF, ruleset, 0), "restrict itself")
    os.close(ruleset)


def allow(ruleset: int, path: str, access: int) -> None:
    """Adds a rule for a file, or for a folder and all below; what does not exist needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    folder = os.path.isdir(path)
    rule = Beneath(access if folder else access & OF_FILES, place)
    done = LIBC.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(place)
    must(done, f"allow {path}")


def must(result: int, what: str) -> None:
    """Raises OSError when a system call failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"could not {what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
