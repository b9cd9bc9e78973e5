"""Takes from a project's own last release what its build would have made, where that build does not run here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from andon.environments.installing import install, make_venv
from andon.environments.layout import FOLDERS
from andon.environments.project import ProjectFiles
from andon.environments.wheels import LARGEST, MOST
from andon.errors import ExternalError

COMPILED = frozenset({".so", ".pyd", ".dylib", ".pyc"})
"""What is not taken: it would be the code of another commit."""


class Released(NamedTuple):
    """What a release holds."""

    version: str
    files: Mapping[str, bytes]
    """By the path from which they are imported."""


def find_release(files: ProjectFiles, name: str, *, cache: Path, python: Path, before: date | None) -> Released | None:
    """Returns the files of the last release of a name before a day, in packages that the project has.

    None when there is none without a build of its own.
    """
    with tempfile.TemporaryDirectory(prefix="release-", dir=cache) as folder:
        venv = Path(folder) / "venv"
        try:
            make_venv(venv, python)
        except ExternalError:
            return None
        if not install(venv, [name], before=before, alone=True).done:
            return None
        site = next(venv.glob("lib/python*/site-packages"))
        described = next(site.glob("*.dist-info"), None)
        if described is None:
            return None
        tops = {path.parent.name for path in files.top.glob("*/__init__.py")}
        tops |= {path.parent.name for path in files.top.glob("*/*/__init__.py")}
        return Released(described.name.removesuffix(".dist-info").rpartition("-")[2], dict(held(site, tops)))


def held(site: Path, tops: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yields the files of some packages, up to a bound."""
    room = MOST
    for path in sorted(path for top in tops for path in (site / top).rglob("*")):
        size = path.stat().st_size if path.is_file() and not path.is_symlink() else LARGEST + 1
        inside = path.relative_to(site)
        # A test of the release that the base has no more would be collected with the others.
        if size <= min(LARGEST, room) and path.suffix not in COMPILED and FOLDERS.isdisjoint(inside.parts):
            room -= size
            yield inside.as_posix(), path.read_bytes()
