"""Judges the change between two commits of any repository, prepared or not; it needs no andon.toml and no ticket."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from andon.config import SystemSettings
from andon.environments import Environment, Ground, find_environment, find_ground
from andon.errors import GitError
from andon.git import GitRepo, Listing
from andon.git.running import try_git
from andon.judge.hearing import Hearing
from andon.judge.record import Tape
from andon.models import Patch, Proof, Verdict, digest
from andon.protocols import Sandbox
from andon.quoting import visible

if TYPE_CHECKING:  # heavy to import
    from andon.workspace import Means

MOST_TOLD = 5
"""Files that are told one by one."""


class Asked(NamedTuple):
    """What a person wants judged."""

    repository: Path
    base: str
    """Commit without the change, by any name."""
    head: str
    """Commit with it."""
    tests: tuple[str, ...] = ()
    """Ids of the new tests; found when empty."""
    symptom: str = ""
    """Command that ends with 0 where the symptom is not."""
    python: Path | None = None
    """Interpreter or virtual environment of the suite; found or made when None."""
    test: str = ""
    """Command that runs the suite; found when empty."""
    junit: str = ""
    """Where that command writes its JUnit XML."""


class Change(NamedTuple):
    """Two commits of a repository, by their full hashes."""

    top: Path
    """Folder of the repository."""
    base: str
    head: str


def find_top(folder: Path) -> Path:
    """Returns the top folder of the repository that a folder lies in.

    Raises:
        GitError: it lies in none.
    """
    said = try_git("rev-parse", "--show-toplevel", cwd=folder)
    if said.code or not said.out.strip():
        bare = try_git("rev-parse", "--is-bare-repository", cwd=folder).out.strip() == b"true"
        why = "; it is a bare one: clone it" if bare else ""
        raise GitError(f"{folder.resolve()} lies in no git repository with a work tree{why}", permanent=True)
    return Path(os.fsdecode(said.out.rstrip(b"\n")))


def find_change(folder: Path, names: Sequence[str]) -> Change:
    """Returns the commits that a person names: base and head, or only a head, whose base is the default branch.

    Raises:
        GitError: one is not there, or they have nothing in common.
    """
    top = find_top(folder)
    base, head = names if len(names) == 2 else (default_branch(top), names[0])
    change = Change(top, commit_of(top, base), commit_of(top, head))
    if try_git("merge-base", change.base, change.head, cwd=top).code:
        raise GitError(f"{base} and {head} have no common ancestor{of_shallow(top)}", permanent=True)
    if (
        change.base != change.head
        and not try_git("merge-base", "--is-ancestor", change.head, change.base, cwd=top).code
    ):
        words = f"{visible(base, 80)} holds all of {visible(head, 80)}: there is no change"
        turned = f"andon judge {visible(head, 80)} {visible(base, 80)}"
        raise GitError(f"{words}; are they the wrong way round? ({turned})", permanent=True)
    return change


def of_shallow(top: Path) -> str:
    """Returns what to do about a clone that has not all commits; empty when it has."""
    if try_git("rev-parse", "--is-shallow-repository", cwd=top).out.strip() != b"true":
        return ""
    return "; the clone is shallow: fetch all of it (`fetch-depth: 0`, `git fetch --unshallow`)"


def commit_of(top: Path, name: str) -> str:
    """Returns the full hash of a commit that a person names.

    Raises:
        GitError: there is none.
    """
    said = try_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", cwd=top)
    if said.code:
        remote = f"refs/remotes/origin/{name}"
        known = try_git("rev-parse", "--verify", "--quiet", "--end-of-options", remote, cwd=top).code == 0
        why = f"; did you mean origin/{visible(name, 80)}?" if known else of_shallow(top)
        raise GitError(f"{top} has no commit {visible(name, 80)!r}{why}", permanent=True)
    return said.out.decode().strip()


def default_branch(top: Path) -> str:
    """Returns the branch that changes are made for: as the remote says, else by the usual names.

    Raises:
        GitError: there is none of them.
    """
    said = try_git("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD", cwd=top)
    names = [said.out.decode("utf-8", "replace").strip()] if said.code == 0 else []
    names += [f"refs/{where}/{name}" for name in ("main", "master") for where in ("remotes/origin", "heads")]
    for name in names:
        if try_git("rev-parse", "--verify", "--quiet", name, cwd=top).code == 0:
            return name
    raise GitError(f"{top} has no branch main or master: name the base too (`andon judge BASE HEAD`)", permanent=True)


@contextmanager
def open_hearing(
    asked: Asked,
    *,
    cache: Path,
    sandbox: Sandbox,
    seed: int = 0,
    workers: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Hearing]:
    """Gives the hearing of a person's change: its environment is ready, nothing is proven yet.

    `cache` keeps environments and the base's results for the next time.

    Raises:
        GitError: a commit is not there, or there is no change between the two.
        ExternalError: no environment could be made in which the suite is collected.
    """
    from andon.checks import ask_sql
    from andon.sandboxes.scratch import open_scratch
    from andon.workspace import Means, open_workspace

    cache = cache.resolve()
    repo = GitRepo.beside(asked.repository, mirror_of(asked.repository, cache))
    patch = patch_between(repo, asked)
    there = repo.lacking(patch.base)
    for words in lost_words(there):
        progress(words)
    work = cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    scratch = open_scratch("sqlite", cache / "scratch")
    bare = Means(repo, SystemSettings(test="true"), sandbox, scratch, work, ask_sql, asked.repository)
    try:
        means = prepared(asked, patch, bare, cache=cache, progress=progress)
        with open_workspace(means, patch.base) as workspace:
            yield Hearing(
                patch=patch,
                history=repo,
                workspace=workspace,
                settings=means.settings,
                symptom_command=asked.symptom,
                people=True,
                cache=results_of(cache, there),
                isolation=sandbox.name + (f" ({sandbox.weaker})" if sandbox.weaker else ""),
                workers=workers or min(2, os.cpu_count() or 1),
                seed=seed,
                progress=progress,
            )
    finally:
        scratch.close()


def prepared(asked: Asked, patch: Patch, bare: Means, *, cache: Path, progress: Callable[[str], None]) -> Means:
    """Returns what a checkout needs so that the suite can run on it; what was learnt on the way is told.

    Raises:
        ExternalError: no environment could be made in which the suite is collected.
    """
    from andon.workspace import open_workspace

    with open_workspace(bare, patch.base) as tree, open_workspace(bare, asked.head) as after:
        found = ground_of(asked, patch, tree.root) or environment_of(
            asked, patch, bare.repo, tree.root, after.root, cache=cache, sandbox=bare.sandbox, progress=progress
        )
    for note in () if isinstance(found, Ground) else found.notes:
        progress(f"environment: {note}")
    return means_of(bare, asked, found)


def means_of(bare: Means, asked: Asked, found: Ground | Environment) -> Means:
    """Returns what a checkout needs on the ground, or in the environment, that was found for it."""
    means = bare._replace(settings=settings_of(asked, found))
    if isinstance(found, Ground):
        return means._replace(links=found.links)
    return means._replace(roots=found.roots, overlay=found.overlay)


def mirror_of(repository: Path, cache: Path) -> Path:
    """Returns where the mirror of a repository lies: two repositories of one name have two."""
    place = repository.resolve()
    return cache / "repos" / f"{place.name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}.git"


def lost_words(there: Listing) -> Iterator[str]:
    """Yields what the base is judged without, as its content is not here."""
    for path in there.gone[:MOST_TOLD]:
        yield f"judged without {path}: this repository lacks its content (a partial clone)"
    for path in there.modules[:MOST_TOLD]:
        yield f"judged without the submodule {path}: `git submodule update --init --recursive` brings it"


def results_of(cache: Path, there: Listing) -> Path:
    """Returns where the base's results are kept: those of one that is not here whole say nothing about a whole one."""
    lost = (*there.gone, *there.modules)
    return cache / "judge" / (f"without-{digest(list(lost))[:12]}" if lost else "")


def judge_change(
    asked: Asked,
    *,
    cache: Path,
    sandbox: Sandbox,
    seed: int,
    tape: Tape | None = None,
    heard: Callable[[Proof], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Returns the verdict on a person's change; `heard` is told each proof as it comes.

    Raises:
        GitError: a commit is not there, or there is no change between the two.
        ExternalError: no environment could be made in which the suite is collected.
    """
    from andon.judge import hear

    with open_hearing(asked, cache=cache, sandbox=sandbox, seed=seed, progress=progress) as hearing:
        return hear(hearing, heard=heard, tape=tape)


def patch_between(repo: GitRepo, asked: Asked) -> Patch:
    """Returns the change that head brings since it left base.

    Raises:
        GitError: a commit is not there, or there is no change between the two.
    """
    base, head = repo.resolve(asked.base), repo.resolve(asked.head)
    parted = repo.merge_base(base, head)
    diff = repo.diff(parted, head)
    if not diff.strip():
        raise GitError(f"there is no change from {asked.base} to {asked.head}", permanent=True)
    subject = repo.log(head, limit=1)[0].subject
    return Patch(base=parted, diff=diff, tests=asked.tests, summary=subject)


def ground_of(asked: Asked, patch: Patch, tree: Path) -> Ground | None:
    """Returns how a suite of another language than Python runs; None for one of pytest.

    Raises:
        ExternalError: what it needs is not there.
    """
    if "pytest" in asked.test and not asked.junit:
        return None
    if asked.python is not None and not asked.test:
        return None
    return find_ground(asked.repository, tree, changed_by(patch), asked.test)


def changed_by(patch: Patch) -> list[str]:
    """Returns the paths that a patch touches."""
    return [line.split(" b/", 1)[1] for line in patch.diff.splitlines() if line.startswith("diff --git ")]


def environment_of(
    asked: Asked,
    patch: Patch,
    repo: GitRepo,
    tree: Path,
    after: Path,
    *,
    cache: Path,
    sandbox: Sandbox,
    progress: Callable[[str], None],
) -> Environment:
    """Returns the environment of a Python suite."""
    entry = repo.log(patch.base, limit=1)[0]
    return find_environment(
        asked.repository,
        tree,
        cache=cache / "environments",
        sandbox=sandbox,
        python=asked.python,
        head=after,
        changed=changed_by(patch),
        at=entry.at,
        version=last_version(asked.repository, patch.base),
        progress=progress,
    )


def last_version(repository: Path, base: str) -> str:
    """Returns the version that the newest tag before a commit names; empty where no tag does."""
    said = try_git("describe", "--tags", "--abbrev=0", base, cwd=repository)
    found = re.search(r"\d+(?:\.\d+)+\S*$", said.out.decode("utf-8", "replace").strip())
    return found[0] if said.code == 0 and found else ""


def settings_of(asked: Asked, found: Environment | Ground) -> SystemSettings:
    """Returns the settings under which a change without andon.toml is judged."""
    return SystemSettings(
        repo=str(asked.repository),
        test=asked.test or found.test,
        junit=asked.junit,
        folder=found.folder,
        runtime=found.runtime,
    )
