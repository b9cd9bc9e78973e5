"""Finds an agent's program and what it must see of the machine to run; it shows no more, and starts nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from andon.errors import AgentError

HOPS = 20
FIRST_LINE = 200


class Program(NamedTuple):
    """A program with what the sandbox shows of its installation."""

    argv: tuple[str, ...]
    readable: tuple[Path, ...]
    path: tuple[Path, ...]


def find_program(argv: Sequence[str], search: str, install: str = "") -> Program:
    """Returns a command whose program was found on a search path, links resolved, with its installation.

    Of a Node package the outermost `node_modules` is shown, of a virtual environment that environment, of anything
    else the file alone.

    Raises:
        AgentError: there is no such program; says how to install it.
    """
    name = os.path.expanduser(argv[0])
    found = shutil.which(name, path=search)
    if found is None:
        remedy = f": {install}" if install else "; give its full path in `command`"
        raise AgentError(f"the agent's program {argv[0]!r} is not installed{remedy}", permanent=True)
    place = unlinked(Path(found).absolute())
    if is_environment(place.parent):
        return Program((str(place), *argv[1:]), (), (place.parent,))
    node = node_of(place, search)
    return Program((str(place), *argv[1:]), (installation(place),), (node.parent,) if node else ())


def unlinked(place: Path) -> Path:
    """Returns the file behind links, up to a virtual environment's own interpreter, which is a link that matters."""
    for _ in range(HOPS):
        if not place.is_symlink() or is_environment(place.parent):
            return place
        place = Path(os.path.normpath(place.parent / os.readlink(place)))
    return place


def is_environment(folder: Path) -> bool:
    """Tells whether a folder holds the programs of a virtual environment."""
    return (folder.parent / "pyvenv.cfg").is_file()


def installation(place: Path) -> Path:
    """Returns what is shown of the installation that a program belongs to."""
    if "node_modules" not in place.parts:
        return place
    return Path(*place.parts[: place.parts.index("node_modules") + 1])


def node_of(place: Path, search: str) -> Path | None:
    """Returns the Node that a script is for; None for other programs, and where the sandbox shows it anyway."""
    with open(place, "rb") as file:
        first = file.readline(FIRST_LINE)
    if not first.startswith(b"#!") or b"node" not in first:
        return None
    found = shutil.which("node", path=search)
    if found is None:
        raise AgentError(f"{place.name} runs on Node, which is not installed", permanent=True)
    node = Path(found).resolve()
    return None if Path("/usr") in node.parents else node
