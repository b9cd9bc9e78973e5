"""Decides with which interpreter a suite runs: the one that a person names, the repository's own, or a fitting one."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import date, datetime
from functools import cache
from pathlib import Path

from andon.config import environment, search_path
from andon.environments.installing import Installed, find_uv, run
from andon.environments.project import ProjectFiles
from andon.environments.requirements import plain_name
from andon.errors import ConfigError

NAMES = (".venv", "venv", "env")
OLDEST, NEWEST = 9, 20
"""The lowest and highest 3.N that is looked for: what the judge brings into a suite runs on these."""


def own_venv(repository: Path, folder: str, python: Path | None) -> Path | None:
    """Returns the virtual environment that a person names, or that the repository has; None when there is none.

    Raises:
        ConfigError: what the person names is no virtual environment.
    """
    if python is not None:
        for place in (python, python.parent.parent):
            if (place / "bin" / "python").exists():
                return place.absolute()
        raise ConfigError("is no virtual environment: name its folder or its bin/python", key=str(python))
    places = [top / name for top in (repository / folder, repository) for name in NAMES]
    return next((place.absolute() for place in places if is_venv(place)), None)


def is_venv(place: Path) -> bool:
    """Tells whether a folder is a virtual environment whose interpreter is still there, with pytest."""
    installed = any(place.glob("lib/python*/site-packages/pytest/__init__.py"))
    return installed and (place / "pyvenv.cfg").is_file() and (place / "bin" / "python").exists()


def has_metadata(venv: Path, name: str) -> bool:
    """Tells whether a distribution is installed in a virtual environment, in whatever way."""
    infos = venv.glob("lib/python*/site-packages/*-info")
    return any(plain_name(path.name.rpartition(".")[0].split("-")[0]) == plain_name(name) for path in infos)


def find_python(files: ProjectFiles, at: datetime | None = None) -> Path:
    """Returns an interpreter that a project says it runs on: andon's own kind when it does, else one on the machine.

    `at`: when the base was committed. One from before andon's own Python was released gets the newest that was there
    already, or the oldest that is known, when the machine has it: what it runs on has no newer one in mind.
    """
    says = files.table("project").get("requires-python") or files.table("tool", "poetry", "dependencies").get("python")
    says = says or files.ini(files.setup_cfg, "options", "python_requires") or files.setup_py.get("python_requires")
    text = says if isinstance(says, str) else ""
    mine = sys.version_info[1]
    if at is not None and at.date() < released(mine):
        ready = [minor for minor in range(mine - 1, OLDEST - 1, -1) if released(minor) <= at.date()] or [OLDEST]
        found = next(filter(None, map(installed, [minor for minor in ready if fits(text, minor)])), None)
        if found:
            return found
    if fits(text, mine):
        return Path(sys.executable)
    others = (installed(minor) for minor in range(NEWEST, OLDEST - 1, -1) if fits(text, minor))
    return next(filter(None, others), Path(sys.executable))


def released(minor: int) -> date:
    """Returns the day in whose week Python 3.N came out: from 3.9 on, each October (PEP 602)."""
    return date(2011 + minor, 10, 5)


def minor_of(python: Path) -> int:
    """Returns the N of an interpreter's 3.N."""
    said = run([str(python), "-c", "import sys; print(sys.version_info[1])"])
    return int(said.words) if said.done and said.words.isdecimal() else sys.version_info[1]


@cache
def installed(minor: int) -> Path | None:
    """Returns a Python 3.N of this machine: on the path, among pyenv's, or where uv knows of one."""
    named = shutil.which(f"python3.{minor}", path=search_path())
    kept = Path(environment().get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    places = [named, *map(str, sorted(kept.glob(f"3.{minor}.*/bin/python"), reverse=True))]
    found = Installed(False, "")
    for place in filter(None, places):
        found = run([place, "-c", "import sys; print(sys.executable)"])
        if found.done and Path(found.words).is_file():
            return Path(found.words)
    uv = find_uv()
    found = run([uv, "python", "find", "--no-python-downloads", "--no-project", f"3.{minor}"]) if uv else found
    return Path(found.words) if found.done and Path(found.words).is_file() else None


def fits(text: str, minor: int) -> bool:
    """Tells whether Python 3.N is within the bounds of a `requires-python`, as far as they are plain."""
    for sign, number in re.findall(r"(\^|~=|>=|<=|<|>|==|!=)\s*3\.(\d+)", text):
        bound = int(number)
        if sign in (">=", "^", "~=", ">") and minor < bound:
            return False
        if (sign == "<" and minor >= bound) or (sign == "<=" and minor > bound):
            return False
    return True
