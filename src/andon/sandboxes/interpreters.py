"""Decides what must be seen, besides the system's own folders, for programs to run; only ever reads links."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

SYSTEM = (Path("/usr"), Path("/bin"), Path("/sbin"), Path("/lib"), Path("/lib64"))
PARTS = ("bin", "lib", "lib32", "lib64", "libexec", "include", "ssl", "pyvenv.cfg")
"""What is shown of an installation: never its share/ or dot files, for a prefix may be somebody's ~/.local."""
HOPS = 20


class Needs(NamedTuple):
    """Folders and files to show read-only where they stand, and symbolic links (place, target) to show besides."""

    folders: frozenset[Path]
    links: frozenset[tuple[Path, str]]


def in_system(path: Path) -> bool:
    """Tells whether a path is seen in every sandbox anyway."""
    return any(path == top or top in path.parents for top in SYSTEM)


def needs(path: tuple[Path, ...]) -> Needs:
    """Returns what the programs in these folders need: their installation, and the interpreter behind a python link."""
    folders: set[Path] = set()
    links: set[tuple[Path, str]] = set()
    for folder in path:
        if in_system(folder) or not folder.is_dir():
            continue
        folders.add(folder)
        prefix = folder.parent
        if folder.name == "bin" and is_installation(prefix):
            folders.update(parts(prefix))
        for python in sorted(folder.glob("python*")):
            _follow(python, folders, links)
    return Needs(frozenset(folders), frozenset(links))


def is_installation(prefix: Path) -> bool:
    """Tells whether a folder holds an interpreter or a virtual environment."""
    return (prefix / "pyvenv.cfg").is_file() or any(prefix.glob("lib/python3*/os.py"))


def parts(prefix: Path) -> set[Path]:
    """Returns the folders of an installation that its programs read."""
    return {prefix / name for name in PARTS if (prefix / name).exists()}


def _follow(place: Path, folders: set[Path], links: set[tuple[Path, str]]) -> None:
    """Adds each link on the way from a program to its interpreter, and that interpreter's installation."""
    for _ in range(HOPS):
        if not place.is_symlink():
            break
        target = os.readlink(place)
        links.add((place, target))
        place = Path(os.path.normpath(place.parent / target))
    real = place.resolve()
    if in_system(real) or not real.is_file():
        return
    found = parts(real.parent.parent) if is_installation(real.parent.parent) else {real}
    folders.update(found)
    if real != place and not in_system(place):
        # A folder on the way is itself a link: show the real parts under the name that the program uses too.
        top = real.parent.parent
        for hop in (place.parent.parent, *place.parent.parent.parents):
            if hop.is_symlink() and hop.resolve() in (top, *top.parents):
                links.add((hop, os.readlink(hop)))
                break
