"""Lays the submodules that a person's clone holds into the listing of a tree; it fetches none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from andon.git.running import run_git, try_git
from andon.gittree import MODULE

Listed = Callable[[str], bytes]
"""Gives `ls-tree -r -z --long --full-tree` of a tree or commit."""
MOST, MOST_DEEP = 200, 5
"""Submodules of a tree; submodules within submodules, and folders in a submodule's name."""


def module_stores(repository: Path) -> Iterator[Path]:
    """Yields the folders of objects of the submodules that a repository has cloned.

    Raises:
        GitError: there is no repository.
    """
    asked = ("rev-parse", "--path-format=absolute", "--git-common-dir", "--git-path", "modules")
    common, own = run_git(*asked, cwd=repository).decode("utf-8", "surrogateescape").splitlines()
    for top in dict.fromkeys((Path(common, "modules"), Path(own))):
        yield from _stores(top, MOST_DEEP)


def _stores(folder: Path, deep: int) -> Iterator[Path]:
    """Yields the stores below `modules`: a submodule's name may have slashes, and it may have submodules itself."""
    inside = sorted(child for child in folder.iterdir() if child.is_dir()) if deep and folder.is_dir() else []
    for child in inside:
        if (child / "objects").is_dir() and (child / "HEAD").is_file():
            yield child / "objects"
            yield from _stores(child / "modules", deep - 1)
        else:
            yield from _stores(child, deep - 1)


def with_modules(listing: bytes, mirror: Path, listed: Listed) -> tuple[bytes, tuple[bytes, ...]]:
    """Returns a listing in which each submodule whose commit is here gives its files, and paths of the other ones."""
    lines: list[bytes] = []
    gone: list[bytes] = []
    laid = 0
    todo = [(b"", listing, 0)]
    while todo:
        prefix, inside, deep = todo.pop()
        for line in filter(None, inside.split(b"\0")):
            head, tab, name = line.partition(b"\t")
            path = prefix + name
            if not head.startswith(MODULE.encode() + b" "):
                lines.append(head + tab + path)
            elif laid < MOST and deep < MOST_DEEP and is_here(commit := head.split()[2].decode(), mirror):
                laid += 1
                todo.append((path + b"/", listed(commit), deep + 1))
            else:
                lines.append(head + tab + path)
                gone.append(path)
    return b"".join(line + b"\0" for line in lines), tuple(gone)


def is_here(commit: str, mirror: Path) -> bool:
    """Says whether a mirror can read a commit's tree."""
    return try_git("cat-file", "-e", f"{commit}^{{tree}}", cwd=mirror).code == 0
