"""Gives a Python environment in which the suite of a repository that nobody prepared can run.

The user's own when there is one, else one that is made and kept by what the base declares. Only installing goes online;
whatever is the project's own code runs in the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from andon.environments.building import Shop
from andon.environments.foreign import Ground, find_ground, runtime_of
from andon.environments.identity import declared_name, find_identity, noted_version
from andon.environments.interpreters import find_python, has_metadata, own_venv
from andon.environments.layout import Suite, find_roots, find_suite
from andon.environments.making import (
    Bench,
    Environment,
    Kept,
    last_words,
    lay_over,
    made_venv,
    narrowed,
    own_day,
    release_day,
)
from andon.environments.project import ProjectFiles, find_project
from andon.environments.released import find_release
from andon.errors import ConfigError, ExternalError
from andon.protocols import Sandbox

__all__ = ["Environment", "Ground", "find_environment", "find_ground", "lay_over", "runtime_of"]


def find_environment(
    repository: Path,
    tree: Path,
    *,
    cache: Path,
    sandbox: Sandbox,
    python: Path | None = None,
    head: Path | None = None,
    changed: Sequence[str] = (),
    at: datetime | None = None,
    version: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Environment:
    """Returns an environment for the suite of a checkout of the base, made when nobody has prepared one.

    `repository`: the user's folder, looked at only for its virtual environment. `tree`: a clean checkout of the base,
    which is not changed. `python`: an interpreter or virtual environment that a person names. `head`: a clean checkout
    with a person's patch: distributions that its files declare in addition are installed too, as wheels (which run no
    code then), and told. `changed`: paths of the patch; they choose the project in a repository of several. `at`: when
    the base was committed: what is installed is of that time. `version`: for projects that ask version control for
    theirs (the newest of its changelog when empty).

    Raises:
        ConfigError: `python` is no interpreter, or the suite is not collected with it.
        ExternalError: nothing could be made in which the suite is collected; says why.
    """
    cache = cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    files = ProjectFiles(tree, find_project(tree, tuple(changed)))
    own = own_venv(repository, files.folder, python)
    interpreter = own / "bin" / "python" if own else find_python(files, at)
    before = release_day(at, interpreter)
    progress("environment: reading what the project says of itself")
    shop = Shop(cache, interpreter, sandbox, before, version or noted_version(files) or "0.0.1")
    identity = find_identity(files, shop, repository.name, notes)
    roots = find_roots(files, identity.files)
    suite = find_suite(files, changed)
    after = ProjectFiles(head, files.folder) if head else None
    bench = Bench(files, identity, roots, sandbox, cache, before, own_day(at), progress, after)
    if own:
        made, why = with_own(bench, own, suite, notes)
        if made is not None:
            return made
        if python is not None:
            raise ConfigError(f"the suite is not collected: {why}", key=f"--python {python}")
        notes.append(f"{own.name} of the repository cannot collect the suite, so an environment was made")
        interpreter = find_python(files, at)
        bench = bench._replace(before=release_day(at, interpreter))
    bench, kept = made_somehow(bench, suite, interpreter, at)
    return bench.environment(kept.venv, kept.argv, kept.tests, [*notes, *kept.notes], described=True)


def with_own(bench: Bench, own: Path, suite: Suite, notes: list[str]) -> tuple[Environment | None, str]:
    """Returns the environment of the user's own packages; None with the reason when they do not collect the suite."""
    described = not has_metadata(own, bench.identity.name)
    found = bench.collected(own, suite.argv, described=described)
    argv, found = narrowed(bench, own, suite, found, notes, described=described)
    if not found.usable:
        return None, last_words(found)
    return bench.environment(own, argv, found.tests, notes, described=described), ""


def made_somehow(bench: Bench, suite: Suite, python: Path, at: datetime | None) -> tuple[Bench, Kept]:
    """Returns an environment; where none collects the suite, with what only the project's last release still holds.

    Raises:
        ExternalError: nothing could be made in which the suite is collected; says why.
    """
    try:
        return bench, made_with_some_python(bench, suite, python, at)
    except ExternalError:
        for helped in with_releases(bench, python):
            with suppress(ExternalError):
                kept = made_with_some_python(helped, suite, python, at)
                words = f"what its build makes is that of release {helped.released}: without it no suite is collected"
                return helped, kept._replace(notes=(*kept.notes, words))
        raise


def with_releases(bench: Bench, python: Path) -> Iterator[Bench]:
    """Yields a bench with the files of the project's last release before the base, and of its newest."""
    name = declared_name(bench.files)
    known: set[str] = set()
    for before in dict.fromkeys((bench.own, None)) if name else ():
        release = find_release(bench.files, name, cache=bench.cache, python=python, before=before)
        if release is not None and release.version not in known:
            known.add(release.version)
            files = {**release.files, **bench.identity.files}
            yield bench._replace(identity=bench.identity._replace(files=files), released=release.version)


def made_with_some_python(bench: Bench, suite: Suite, python: Path, at: datetime | None) -> Kept:
    """Returns an environment with an interpreter, or with today's where none can be made with that one.

    Raises:
        ExternalError: nothing could be made in which the suite is collected; says why.
    """
    try:
        return made_venv(bench, suite, python)
    except ExternalError:
        today = find_python(bench.files)
        if python == today:
            raise
        return made_venv(bench._replace(before=release_day(at, today)), suite, today)
