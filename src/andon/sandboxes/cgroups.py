"""Bounds the memory and the processes of a whole tree where control groups are writable; does nothing elsewhere."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
PREFIX = "andon-"
TRIES = 250
PAUSE = 0.002
"""Seconds between two looks whether the killed have gone."""


class Hierarchy(NamedTuple):
    """Where groups may be made: one folder for v2, one a controller for v1."""

    version: int
    parents: tuple[Path, ...]


class Group:
    """A control group for one command."""

    def __init__(self, version: int, folders: tuple[Path, ...]) -> None:
        self.version = version
        self.folders = folders

    def add(self, pid: int) -> None:
        """Moves a process in; what it starts from now on is in too."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Kills what is left inside and removes the group; a group that cannot be emptied is left to the kernel."""
        for folder in self.folders:
            for _ in range(TRIES):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    self._kill(folder)
                    time.sleep(PAUSE)
                else:
                    break

    def kill(self) -> None:
        """Kills what is inside now."""
        self._kill(self.folders[0])

    def _kill(self, folder: Path) -> None:
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@cache
def find_hierarchy() -> Hierarchy | None:
    """Returns where groups may be made, by really making one; None when nowhere."""
    candidates = (_version_one(), *_version_two())
    for found in candidates:
        if found is None:
            continue
        try:
            _make(found, memory_bytes=2**30, processes=64).close()
        except OSError:
            continue
        return found
    return None


def make_group(*, memory_bytes: int, processes: int) -> Group | None:
    """Returns a group with these bounds; None where control groups cannot be written."""
    found = find_hierarchy()
    return _make(found, memory_bytes=memory_bytes, processes=processes) if found else None


def _make(found: Hierarchy, *, memory_bytes: int, processes: int) -> Group:
    name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(6)}"
    group = Group(found.version, tuple(parent / name for parent in found.parents))
    try:
        for folder in group.folders:
            folder.mkdir()
        pids, memory = group.folders[0], group.folders[-1]
        (pids / "pids.max").write_text(str(processes))
        (memory / ("memory.max" if found.version == 2 else "memory.limit_in_bytes")).write_text(str(memory_bytes))
    except OSError:
        group.close()
        raise
    return group


def _version_one() -> Hierarchy | None:
    parents = (ROOT / "pids", ROOT / "memory")
    usable = all((parent / "cgroup.procs").exists() and os.access(parent, os.W_OK) for parent in parents)
    return Hierarchy(1, parents) if usable else None


def _version_two() -> list[Hierarchy]:
    """Returns the own group's ancestors that hand on both controllers, nearest first."""
    try:
        own = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    places = [line.partition("::")[2] for line in own if line.startswith("0::")]
    found = []
    for place in places:
        here = ROOT / place.lstrip("/")
        for folder in (here, *here.parents):
            if folder != ROOT and ROOT not in folder.parents:
                break
            control = folder / "cgroup.subtree_control"
            handed_on = set(control.read_text().split()) if control.exists() else set()
            if os.access(folder, os.W_OK) and {"memory", "pids"} <= handed_on:
                found.append(Hierarchy(2, (folder,)))
    return found
