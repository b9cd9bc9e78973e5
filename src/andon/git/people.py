"""Tells what a person changed in a work tree of their own; it writes nothing there and runs nothing of it."""

from __future__ import annotations

import os
from pathlib import Path

from andon.git.running import run_git


def work_tree(place: Path) -> Path:
    """Returns the top folder of the work tree that a place lies in.

    Raises:
        GitError: it lies in none.
    """
    return Path(os.fsdecode(run_git("rev-parse", "--show-toplevel", cwd=place)).removesuffix("\n"))


def stands_on(tree: Path) -> str:
    """Returns the commit that a work tree stands on."""
    return run_git("rev-parse", "--verify", "HEAD^{commit}", cwd=tree).decode().strip()


def own_files(tree: Path) -> frozenset[str]:
    """Returns the files of a work tree that are tracked, or new and not ignored."""
    out = run_git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=tree)
    return frozenset(os.fsdecode(name) for name in out.split(b"\0") if name)
