"""The one place that runs git: a mirror to read, apply, commit and push from; it never runs a repository's own code.

Hooks, filters, attributes drivers, external diffs and the `ext::` transport are off; every command has a time limit.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from andon.config import search_path, secret
from andon.errors import ConfigError, ConflictError, GitError
from andon.gittree import write_tree
from andon.protocols import CommitEntry

LOCAL_SECONDS = 120.0
REMOTE_SECONDS = 600.0
OFF = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null", "core.pager=cat"),
    *("protocol.ext.allow=never", "gc.auto=0", "maintenance.auto=false", "safe.directory=*", "core.quotePath=false"),
    *(
        "core.autocrlf=false",
        "diff.external=",
        "advice.detachedHead=false",
        "push.gpgSign=false",
        "log.showSignature=false",
    ),
)
CREDENTIALS = ("HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_ASKPASS", "http_proxy", "https_proxy", "no_proxy")
"""What reaching a remote may need from a person's environment; commands on the mirror get none of it."""
DIFF = (
    *("--patch", "--full-index", "--binary", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
    *("--unified=3", "--src-prefix=a/", "--dst-prefix=b/"),
)
SCP = re.compile(r"[\w.-]+@[\w.-]+:.+")


class Said(NamedTuple):
    """What a git command gave."""

    code: int
    out: bytes
    words: str
    """Its complaint, for a message."""


class GitRepo:
    """A bare mirror of a repository, and the address that it is fetched from and pushed to."""

    def __init__(self, mirror: Path, url: str) -> None:
        self.mirror = mirror
        self.url = url
        self._known: set[str] = set()
        """Full hashes that were found once: objects do not go away."""

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

    # --- history ----------------------------------------------------------------------------------------------------

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

    # --- trees and commits ------------------------------------------------------------------------------------------

    def apply(self, base: str, diff: str) -> str:
        """Returns the tree of a commit with a diff on top.

        Raises:
            GitError: the diff does not apply.
        """
        return self._apply(base, diff)

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
            GitError: no such commit, the diff does not apply, or a path could leave the folder.
        """
        tree = self.apply(commit, diff)
        listing = self._git("ls-tree", "-r", "-z", "--long", "--full-tree", tree)
        with tempfile.TemporaryFile() as wanted:
            blobs = [line.split(None, 4) for line in listing.split(b"\0") if line]
            wanted.write(b"".join(words[2] + b"\n" for words in blobs if words[1] == b"blob"))
            wanted.seek(0)
            argv = _argv("cat-file", "--batch", "--buffer")
            reader = subprocess.Popen(
                argv, cwd=self.mirror, env=_environment(remote=False), stdin=wanted, stdout=subprocess.PIPE
            )
            with reader:
                assert reader.stdout is not None
                try:
                    write_tree(listing, reader.stdout, folder)
                finally:
                    reader.kill()

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

    # --- inside -----------------------------------------------------------------------------------------------------

    def _apply(self, base: str, diff: str, *options: str) -> str:
        commit = self.resolve(base)
        if not diff.strip():
            return self._git("rev-parse", f"{commit}^{{tree}}").decode().strip()
        data = diff.encode("utf-8", "surrogateescape")
        with tempfile.TemporaryDirectory(prefix="andon-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._git("read-tree", commit, env=env)
            self._git("apply", "--cached", "--whitespace=nowarn", *options, "-", stdin=data, env=env)
            return self._git("write-tree", env=env).decode().strip()

    def _git(self, *words: str, stdin: bytes = b"", env: dict[str, str] | None = None, remote: bool = False) -> bytes:
        return run_git(*words, cwd=self.mirror, stdin=stdin, env=env, remote=remote)

    def _try(self, *words: str, remote: bool = False) -> Said:
        return try_git(*words, cwd=self.mirror, remote=remote)


def remote_url(url_or_path: str) -> str:
    """Returns the address that a repository is fetched from and pushed to: a path's `origin` where it has one.

    Raises:
        GitError: the path holds no repository, or the address is none that git may open.
    """
    if url_or_path.startswith("-") or re.match(r"\w+::", url_or_path):
        raise GitError(f"{url_or_path!r} is not an address of a repository", permanent=True)
    if "://" in url_or_path or SCP.fullmatch(url_or_path):
        return url_or_path
    path = Path(url_or_path).expanduser().resolve()
    if not path.is_dir():
        raise GitError(f"there is no folder {path}", permanent=True)
    top = try_git("rev-parse", "--show-toplevel", cwd=path)
    bare = try_git("rev-parse", "--is-bare-repository", cwd=path)
    if bare.code or (top.code and bare.out.strip() != b"true"):
        raise GitError(f"{path} is not a git repository: run `git init` there, or name another", permanent=True)
    place = Path(os.fsdecode(top.out.rstrip(b"\n"))) if top.code == 0 else path
    origin = try_git("config", "--get", "remote.origin.url", cwd=place)
    url = os.fsdecode(origin.out.rstrip(b"\n"))
    if origin.code or not url:
        return str(place)
    if "://" in url or SCP.fullmatch(url):
        return url
    return remote_url(str((place / url).resolve()))


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


def run_git(
    *words: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None, remote: bool = False
) -> bytes:
    """Returns what a git command says.

    Raises:
        GitError: it failed; holds its last words.
    """
    said = try_git(*words, cwd=cwd, stdin=stdin, env=env, remote=remote)
    if said.code:
        raise GitError(f"git {words[0]}: {said.words or f'ended with {said.code}'}")
    return said.out


def try_git(
    *words: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None, remote: bool = False
) -> Said:
    """Returns how a git command ended.

    Raises:
        GitError: git is not installed, or the command was not done in time.
    """
    cwd.mkdir(parents=True, exist_ok=True)
    try:
        started = subprocess.Popen(
            _argv(*words),
            cwd=cwd,
            env=_environment(remote=remote) | (env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed: install it (apt install git)", permanent=True) from error
    with started:
        try:
            out, err = started.communicate(stdin, timeout=REMOTE_SECONDS if remote else LOCAL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {words[0]} was not done in time") from error
        finally:
            if started.returncode is None:
                # The whole session: git may have started ssh or a remote helper.
                os.killpg(started.pid, signal.SIGKILL)
    return Said(started.returncode, out, err.decode("utf-8", "replace").strip()[-800:])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file while inside, against other processes and threads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _argv(*words: str) -> list[str]:
    return ["git", *(word for setting in OFF for word in ("-c", setting)), "--no-pager", *words]


def _environment(*, remote: bool) -> dict[str, str]:
    env = {
        "PATH": search_path(),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    if not remote:
        return env
    for name in CREDENTIALS:
        with suppress(ConfigError):
            env[name] = secret(f"env:{name}")
    if "HOME" in env:
        # Credential and address settings of the person; without a home there are none.
        env.pop("GIT_CONFIG_GLOBAL")
        env.pop("GIT_CONFIG_NOSYSTEM")
    return env | {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}


def _entry(text: bytes) -> CommitEntry:
    """Returns a commit of `git log -z`: fields, then a newline and the names."""
    commit, at, author, subject, body, *names = text.decode("utf-8", "replace").split("\0")
    files = tuple(name.lstrip("\n") for name in names if name.strip("\n"))
    return CommitEntry(commit, datetime.fromisoformat(at), subject, author, files, body.strip())
