"""The bounds of a command as the kernel knows them: limits of each process, and a control group for the whole tree."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

from andon.models import Limits
from andon.sandboxes.cgroups import Group, find_hierarchy, make_group

OPEN_FILES = 1024


def bounds(limits: Limits) -> dict[int, int]:
    """Returns the resource limits of one process: RLIMIT number -> value.

    Data instead of address space: it counts what is really writable, so runtimes that only reserve addresses
    (Node, the JVM, polars) run.
    """
    return {
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }


def unbounded(*, groups: bool, root: bool) -> list[str]:
    """Returns what is not bounded for a whole tree of processes, with control groups or without, as root or not."""
    if groups:
        return []
    return ["memory is bounded for each process only", *(["the number of processes is not bounded"] if root else [])]


def unbounded_here() -> list[str]:
    """Returns what is not bounded for a whole tree of processes on this machine."""
    return unbounded(groups=find_hierarchy() is not None, root=os.geteuid() == 0)


@contextlib.contextmanager
def held_in_group(limits: Limits) -> Iterator[Group | None]:
    """Gives a control group for one command, emptied and removed at the end; None where there can be none."""
    group = make_group(memory_bytes=limits.memory_bytes, processes=limits.processes)
    try:
        yield group
    finally:
        if group is not None:
            group.close()
