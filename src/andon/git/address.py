"""Finds out where a repository is fetched from and pushed to, and what is not pushed there yet; it changes nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

from andon.errors import GitError
from andon.git.running import run_git, try_git

SCP = re.compile(r"[\w.-]+@[\w.-]+:.+")


def remote_url(url_or_path: str) -> str:
    """Returns the address that a repository is fetched from and pushed to: a path's `origin` where it has one.

    Raises:
        GitError: the path holds no repository, or the address is none that git may open.
    """
    if url_or_path.startswith("-") or re.match(r"\w+::", url_or_path):
        raise GitError(f"{url_or_path!r} is not an address of a repository", permanent=True)
    if "://" in url_or_path or SCP.fullmatch(url_or_path):
        return url_or_path
    place = top_of(Path(url_or_path).expanduser().resolve())
    origin = try_git("config", "--get", "remote.origin.url", cwd=place)
    url = os.fsdecode(origin.out.rstrip(b"\n"))
    if origin.code or not url:
        return str(place)
    if "://" in url or SCP.fullmatch(url):
        return url
    return str(top_of((place / url).resolve()))  # and not what that one has as its origin: git pushes one step too


def top_of(path: Path) -> Path:
    """Returns the top of the work tree that holds a path, or the bare repository that it is.

    Raises:
        GitError: there is none.
    """
    if not path.is_dir():
        raise GitError(f"there is no folder {path}", permanent=True)
    top = try_git("rev-parse", "--show-toplevel", cwd=path)
    bare = try_git("rev-parse", "--is-bare-repository", cwd=path)
    if bare.code or (top.code and bare.out.strip() != b"true"):
        raise GitError(f"{path} is not a git repository: run `git init` there, or name another", permanent=True)
    return Path(os.fsdecode(top.out.rstrip(b"\n"))) if top.code == 0 else path


def local_changes(path: Path) -> tuple[str, ...]:
    """Returns what a work tree holds that its `origin` does not, in words: andon sees only what is pushed.

    Raises:
        GitError: the path holds no repository.
    """
    found = []
    dirty = run_git("status", "--porcelain=v1", "-z", "--untracked-files=no", cwd=path).split(b"\0")
    if names := [os.fsdecode(line[3:]) for line in dirty if line[3:]]:
        found.append(f"{len(names)} changed files are not committed: {', '.join(names[:5])}")
    ahead = try_git("rev-list", "--count", "@{upstream}..HEAD", cwd=path)
    if ahead.code == 0 and ahead.out.strip() != b"0":
        found.append(f"{ahead.out.decode().strip()} commits are not pushed")
    return tuple(found)
