"""Answers what may be asked of a repository's past, from andon's own mirror of it; it writes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from andon.errors import GitError
from andon.git.running import Said, run_git, try_git
from andon.protocols import CommitEntry

DIFF = (
    *("--patch", "--full-index", "--binary", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
    *("--unified=3", "--src-prefix=a/", "--dst-prefix=b/"),
)


class GitHistory:
    """A bare mirror of a repository, to read. Implements `protocols.History`."""

    def __init__(self, mirror: Path, url: str) -> None:
        self.mirror = mirror
        self.url = url
        self._known: set[str] = set()
        """Full hashes that were found once: objects do not go away."""

    def head(self, branch: str) -> str:
        """Returns the commit of a branch, full hash.

        Raises:
            GitError: there is no such branch; lists those there are.
        """
        said = self._try("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
        if said.code == 0:
            return said.out.decode().strip()
        names = self._git("for-each-ref", "--format=%(refname:short)", "refs/heads").decode().split()
        if not names:
            raise GitError(f"{self.url} has no commit yet: make a first one and push it", permanent=True)
        raise GitError(f"{self.url} has no branch {branch!r}; there are: {', '.join(names[:20])}", permanent=True)

    def resolve(self, commit: str) -> str:
        """Returns the full hash of a commit.

        Raises:
            GitError: there is none.
        """
        if commit in self._known:
            return commit
        said = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
        if said.code:
            raise GitError(f"{self.url} has no commit {commit[:80]!r}", permanent=True)
        full = said.out.decode().strip()
        self._known.add(full)
        return full

    def show(self, commit: str, path: str) -> str:
        """Returns a file at a commit; bytes that are not UTF-8 are replaced.

        Raises:
            GitError: there is no such file.
        """
        said = self._try("cat-file", "blob", f"{self.resolve(commit)}:{path}")
        if said.code:
            raise GitError(f"no file {path!r} at {commit[:12]}", permanent=True)
        return said.out.decode("utf-8", "replace")

    def files(self, commit: str) -> tuple[str, ...]:
        """Returns all paths at a commit, in git's order."""
        out = self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", self.resolve(commit))
        return tuple(os.fsdecode(name) for name in out.split(b"\0") if name)

    def log(
        self, commit: str, *, limit: int = 200, since: datetime | None = None, path: str | None = None
    ) -> tuple[CommitEntry, ...]:
        """Returns commits reachable from one, newest first; a merge has the files new to its first parent."""
        words = ["log", "-z", "--format=%x01%H%x00%cI%x00%an%x00%s%x00%b%x00", "--name-only", "--no-renames"]
        words += ["--diff-merges=first-parent", f"--max-count={limit}"]
        words += [f"--since={since.isoformat()}"] if since else []
        words += [self.resolve(commit), "--", *([path] if path else [])]
        # No message holds a NUL, so none can look like the start of an entry.
        entries = re.split(rb"\x01(?=[0-9a-f]{40,64}\0)", self._git(*words))[1:]
        return tuple(_entry(text) for text in entries)

    def diff(self, old: str, new: str, *, paths: Sequence[str] = ()) -> str:
        """Returns the text diff between two commits or trees (unified, 3 lines of context, no renames, full index)."""
        words = ("diff-tree", "-r", *DIFF, "--end-of-options", old, new, "--", *paths)
        return self._git(*words).decode("utf-8", "surrogateescape")

    def blame(self, commit: str, path: str) -> tuple[str, ...]:
        """Returns the commit that last changed each line of a file."""
        out = self._git("blame", "--porcelain", self.resolve(commit), "--", path)
        commits, current = [], ""
        for line in out.split(b"\n"):
            if line.startswith(b"\t"):
                commits.append(current)
            elif re.match(rb"[0-9a-f]{40,64} \d+ \d+", line):
                current = line.split(b" ", 1)[0].decode()
        return tuple(commits)

    def merge_base(self, one: str, other: str) -> str:
        """Returns the best common ancestor.

        Raises:
            GitError: they have none.
        """
        said = self._try("merge-base", self.resolve(one), self.resolve(other))
        if said.code:
            raise GitError(f"{one[:12]} and {other[:12]} have no common ancestor", permanent=True)
        return said.out.decode().strip()

    def bisect_candidates(self, good: str, bad: str, paths: Sequence[str] = ()) -> tuple[str, ...]:
        """Returns the commits after a good one up to a bad one that touch the paths (all when none), oldest first."""
        revisions = f"{self.resolve(good)}..{self.resolve(bad)}"
        return tuple(self._git("rev-list", "--reverse", "--topo-order", revisions, "--", *paths).decode().split())

    # --- inside -------------------------------------------------------------------------------------------------------

    def _git(self, *words: str, stdin: bytes = b"", env: dict[str, str] | None = None, remote: bool = False) -> bytes:
        return run_git(*words, cwd=self.mirror, stdin=stdin, env=env, remote=remote)

    def _try(self, *words: str, remote: bool = False) -> Said:
        return try_git(*words, cwd=self.mirror, remote=remote)


def _entry(text: bytes) -> CommitEntry:
    """Returns a commit of `git log -z`: fields, then a newline and the names."""
    commit, at, author, subject, body, *names = text.decode("utf-8", "replace").split("\0")
    files = tuple(name.lstrip("\n") for name in names if name.strip("\n"))
    return CommitEntry(commit, datetime.fromisoformat(at), subject, author, files, body.strip())
