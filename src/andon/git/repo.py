"""A mirror of a repository to apply, commit and push from; it never runs a repository's own code."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from andon.errors import ConflictError, GitError
from andon.git.address import remote_url
from andon.git.history import GitHistory
from andon.git.modules import module_stores, with_modules
from andon.git.people import own_files, stands_on
from andon.git.running import run_git, start_reader, try_git
from andon.git.snapshot import read_folder
from andon.gittree import write_tree

MOST_CHANGED = 256 * 2**20
"""Bytes of all files that a folder has otherwise than a commit; what is compared is kept in the mirror."""


MOST_KEPT = 12
"""Trees that are remembered: a judge asks for the same few again and again."""
REMEMBERING = threading.Lock()
K = TypeVar("K")
V = TypeVar("V")


class Listing(NamedTuple):
    """The files of a tree."""

    lines: bytes
    """Those that are here, as `ls-tree -r -z --long` lists them."""
    gone: tuple[str, ...] = ()
    """Files whose content is not here: the repository is a partial clone."""
    modules: tuple[str, ...] = ()
    """Folders of submodules that are not here."""


class GitRepo(GitHistory):
    """A bare mirror of a repository, and the address that it is fetched from and pushed to."""

    partial = False
    """It reads a person's own repository, and a partial clone holds not every file: what is not there is left out."""

    def __init__(self, mirror: Path, url: str) -> None:
        super().__init__(mirror, url)
        self._applied: dict[tuple[str, str], str] = {}
        """Trees by commit and diff; like all objects of the mirror they do not go away."""
        self._listings: dict[str, Listing] = {}
        """Listings by tree, of repositories that hold every file."""

    @classmethod
    def open(cls, url_or_path: str, mirror: Path) -> GitRepo:
        """Returns the mirror of a repository, made or brought up to date.

        A path whose repository has an `origin` stands for that origin: what is not pushed there is not seen.

        Raises:
            GitError: there is no repository, or it cannot be reached.
        """
        repo = cls(mirror.resolve(), remote_url(url_or_path))
        repo.fetch()
        return repo

    @classmethod
    def beside(cls, repository: Path, mirror: Path) -> GitRepo:
        """Returns a mirror that reads a local repository's own objects, pushed or not, and writes none into it.

        What it has cloned of its submodules stands in checkouts.

        Raises:
            GitError: there is no repository.
        """
        found = run_git("rev-parse", "--path-format=absolute", "--git-path", "objects", cwd=repository)
        mirror = mirror.resolve()
        with locked(mirror.with_name(mirror.name + ".lock")):
            if not (mirror / "HEAD").exists():
                run_git("init", "--quiet", "--bare", str(mirror), cwd=mirror.parent)
            borrowed = mirror / "objects" / "info" / "alternates"
            borrowed.parent.mkdir(parents=True, exist_ok=True)
            modules = (os.fsencode(store) + b"\n" for store in module_stores(repository))
            borrowed.write_bytes(found + b"".join(modules))
        repo = cls(mirror, str(repository))
        repo.partial = True
        return repo

    def fetch(self) -> None:
        """Brings all branches and tags of the remote into the mirror.

        Raises:
            GitError: the remote cannot be reached.
        """
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        with locked(self.mirror.with_name(self.mirror.name + ".lock")):
            if not (self.mirror / "HEAD").exists():
                run_git("init", "--quiet", "--bare", str(self.mirror), cwd=self.mirror.parent)
            options = ("--quiet", "--prune", "--force", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
            self._git("fetch", *options, "--", self.url, *refs, remote=True)

    # --- trees and commits ------------------------------------------------------------------------------------------

    def apply(self, base: str, diff: str) -> str:
        """Returns the tree of a commit with a diff on top.

        Raises:
            GitError: the diff does not apply.
        """
        kept = self._applied.get((base, diff))
        if kept is None:
            kept = self._apply(base, diff)
            remember(self._applied, (base, diff), kept)
        return kept

    def rebase_diff(self, diff: str, old_base: str, new_base: str) -> str | None:
        """Returns the diff that does on a new base what another does on the old one; None when they conflict.

        Raises:
            GitError: the diff does not even apply to its old base.
        """
        whole = self.diff(old_base, self.apply(old_base, diff))
        try:
            tree = self._apply(new_base, whole, "--3way")
        except GitError:
            return None
        return self.diff(new_base, tree)

    def commit_tree(
        self, tree: str, parents: Sequence[str], message: str, *, author: tuple[str, str], at: datetime | None = None
    ) -> str:
        """Returns a new commit in the mirror; the same arguments give the same commit. `author` is (name, email)."""
        when = f"{int((at or datetime.now(UTC)).timestamp())} +0000"
        env = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", author[0]), ("EMAIL", author[1]), ("DATE", when))
        }
        above = [word for parent in parents for word in ("-p", self.resolve(parent))]
        return self._git("commit-tree", tree, *above, "-F", "-", stdin=message.encode(), env=env).decode().strip()

    def checkout(self, commit: str, folder: Path, *, diff: str = "") -> None:
        """Writes the exact bytes of a commit, with a diff on top, into a new folder; no .git, no filters, no hooks.

        Raises:
            GitError: no such commit, the diff does not apply, a file is not here, or a path could leave the folder.
        """
        there = self._present(self.apply(commit, diff))
        if there.gone and not self.partial:
            raise GitError(f"{self.url} lacks the content of {there.gone[0]}: fetch all of it", permanent=True)
        listing = there.lines
        with tempfile.TemporaryFile() as wanted:
            blobs = [line.split(None, 4) for line in listing.split(b"\0") if line]
            wanted.write(b"".join(words[2] + b"\n" for words in blobs if words[1] == b"blob"))
            wanted.seek(0)
            with start_reader("cat-file", "--batch", "--buffer", cwd=self.mirror, stdin=wanted) as reader:
                assert reader.stdout is not None
                try:
                    write_tree(listing, reader.stdout, folder)
                finally:
                    reader.kill()

    def lacking(self, commit: str) -> Listing:
        """Returns the files of a commit, with those and the submodules that are not here."""
        return self._present(self.resolve(commit))

    def _present(self, tree: str) -> Listing:
        """Returns the files of a tree, with those of submodules where a person's own repository holds them."""
        kept = self._listings.get(tree)
        if kept is not None:
            return kept
        listing = self._ls_tree(tree)
        modules: tuple[bytes, ...] = ()
        if self.partial:
            listing, modules = with_modules(listing, self.mirror, self._ls_tree)
        lines = [line for line in listing.split(b"\0") if line]
        gone = [line for line in lines if line.split(None, 4)[3] == b"BAD"]
        found = Listing(
            b"".join(line + b"\0" for line in lines if line not in gone) if gone else listing,
            tuple(os.fsdecode(line.split(b"\t", 1)[1]) for line in gone),
            tuple(os.fsdecode(path) for path in modules),
        )
        if not gone:
            remember(self._listings, tree, found)
        return found

    def _ls_tree(self, tree: str) -> bytes:
        return self._git("ls-tree", "-r", "-z", "--long", "--full-tree", tree)

    def diff_of(self, folder: Path, base: str, *, only: frozenset[str] | None = None) -> str:
        """Returns the diff from a commit to what stands in a folder, from the bytes: no .git in it has a say.

        `only` are the files that count, besides those of the commit; all when None.

        Raises:
            GitError: no such commit, or the folder is too large or holds a path that git cannot keep.
        """
        commit = self.resolve(base)
        listing = self._git("ls-tree", "-r", "-z", "--full-tree", commit)
        there = {os.fsdecode(name): tuple(head.decode().split()) for head, name in _listed(listing)}
        left = {path for path, (_, kind, _) in there.items() if kind == "blob"}
        algorithm = "sha1" if len(commit) == 40 else "sha256"
        lines = []
        size = 0
        for found in read_folder(folder, frozenset(there)):
            if only is not None and found.path not in only and found.path not in there:
                continue
            blob = found.blob(algorithm)
            left.discard(found.path)
            if there.get(found.path) != (found.mode, "blob", blob):
                size += len(found.data)
                if size > MOST_CHANGED:
                    raise GitError(f"what was changed has more than {MOST_CHANGED:,} bytes", permanent=True)
                self._git("hash-object", "-w", "--stdin", "--no-filters", stdin=found.data)
                lines.append(f"{found.mode} {blob}\t{found.path}")
        lines += [f"0 {'0' * len(commit)}\t{path}" for path in left]
        return self.diff(commit, self._changed(commit, lines)) if lines else ""

    def push(self, commit: str, branch: str, *, expect: str | None) -> None:
        """Moves a branch of the remote to a commit, if it stands where expected (None: nowhere); twice is once.

        Raises:
            ConflictError: the remote stands elsewhere.
            GitError: the remote refused, or the commit does not descend from `expect`; holds the remote's words.
        """
        ref = f"refs/heads/{branch}"
        self._git("check-ref-format", ref)
        stands = self.remote_head(branch)
        if stands == commit:
            return
        if stands != expect:
            raise ConflictError(
                f"{branch} moved to {(stands or 'nothing')[:12]}, expected {(expect or 'nothing')[:12]}"
            )
        if expect and self._try("merge-base", "--is-ancestor", expect, commit).code:
            raise GitError(f"{commit[:12]} does not descend from {expect[:12]}", permanent=True)
        lease = f"--force-with-lease={ref}:{expect or ''}"
        words = ("push", "--porcelain", "--no-verify", lease, "--", self.url, f"{commit}:{ref}")
        said = self._try(*words, remote=True)
        if said.code == 0:
            return
        told = said.out.decode("utf-8", "replace")
        if "stale info" in told or "fetch first" in told or "cannot lock ref" in said.words:
            raise ConflictError(f"{branch} moved while it was pushed to")
        rejected = [line.split("\t")[-1] for line in told.splitlines() if line.startswith("!")]
        raise GitError(f"push to {branch} was refused: {' '.join(rejected)} {said.words}".strip(), permanent=True)

    def try_push(self, branch: str) -> None:
        """Does everything of a push to a branch but the push.

        Raises:
            GitError: it would be refused: no right to push, or the branch is checked out in the remote's work tree.
        """
        target = f"+{self.head(branch)}:refs/heads/andon-doctor"
        self._git("push", "--dry-run", "--porcelain", "--no-verify", "--", self.url, target, remote=True)
        path = Path(self.url.removeprefix("file://"))
        if not path.is_dir() or (path / "HEAD").exists():
            return  # a server decides by itself, and a bare repository has nothing checked out
        checked_out = try_git("symbolic-ref", "--short", "HEAD", cwd=path).out.decode().strip()
        allowed = try_git("config", "receive.denyCurrentBranch", cwd=path).out.decode().strip()
        if checked_out == branch and allowed not in ("updateInstead", "ignore", "warn"):
            raise GitError(
                f"{branch} is checked out in {path}, which refuses pushes: run `git -C {path} config "
                "receive.denyCurrentBranch updateInstead`, or give it an `origin`",
                permanent=True,
            )

    def remote_head(self, branch: str) -> str | None:
        """Returns where a branch of the remote stands right now; None when it does not exist.

        Raises:
            GitError: the remote cannot be reached.
        """
        out = self._git("ls-remote", "--quiet", "--", self.url, f"refs/heads/{branch}", remote=True)
        return out.split()[0].decode() if out.strip() else None

    # --- inside -------------------------------------------------------------------------------------------------------

    def diff_by_person(self, tree: Path, base: str) -> str:
        """Returns what a person changed in a work tree since the commit it stands on, carried over to a base.

        Raises:
            GitError: the tree stands on a commit that is not known here, or the change does not apply to the base.
        """
        commit = stands_on(tree)
        diff = self.diff_of(tree, commit, only=own_files(tree))
        carried = diff if commit == base or not diff else self.rebase_diff(diff, commit, base)
        if carried is None:
            raise GitError(f"the change does not apply to {base[:12]}: bring the work tree up to date", permanent=True)
        return carried

    def _changed(self, commit: str, lines: Sequence[str]) -> str:
        """Returns the tree of a commit with entries replaced, added or (mode 0) taken out."""
        data = b"".join(os.fsencode(line) + b"\0" for line in sorted(lines, key=lambda line: not line.startswith("0 ")))
        with tempfile.TemporaryDirectory(prefix="andon-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._git("read-tree", commit, env=env)
            self._git("update-index", "-z", "--index-info", stdin=data, env=env)
            return self._git("write-tree", env=env).decode().strip()

    def _apply(self, base: str, diff: str, *options: str) -> str:
        commit = self.resolve(base)
        if not diff.strip():
            return self._git("rev-parse", f"{commit}^{{tree}}").decode().strip()
        data = diff.encode("utf-8", "surrogateescape")
        with tempfile.TemporaryDirectory(prefix="andon-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._git("read-tree", commit, env=env)
            self._git("apply", "--cached", "--whitespace=nowarn", *options, "-", stdin=data, env=env)
            anyway = ("--missing-ok",) if self.partial else ()
            return self._git("write-tree", *anyway, env=env).decode().strip()


def remember(kept: dict[K, V], key: K, value: V) -> None:
    """Keeps a value, and forgets the oldest ones beyond so many."""
    with REMEMBERING:
        kept[key] = value
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]


def _listed(listing: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields (head, name) of each line of `git ls-tree -z`."""
    for line in listing.split(b"\0"):
        head, tab, name = line.partition(b"\t")
        if tab:
            yield head, name


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file while inside, against other processes and threads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
