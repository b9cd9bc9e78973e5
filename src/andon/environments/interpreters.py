"""Decides with which interpreter a suite runs: the one that a person names, the repository's own, or a fitting one."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from andon.config import search_path
from andon.environments.project import ProjectFiles
from andon.environments.requirements import plain_name
from andon.errors import ConfigError

NAMES = (".venv", "venv", "env")
NEWEST = 20
"""The highest 3.N that is looked for."""


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


def find_python(files: ProjectFiles) -> Path:
    """Returns an interpreter that a project says it runs on: andon's own kind when it does, else one on the path."""
    says = files.table("project").get("requires-python") or files.table("tool", "poetry", "dependencies").get("python")
    says = says or files.ini(files.setup_cfg, "options", "python_requires") or files.setup_py.get("python_requires")
    text = says if isinstance(says, str) else ""
    if fits(text, sys.version_info[1]):
        return Path(sys.executable)
    for minor in range(NEWEST, 8, -1):
        found = shutil.which(f"python3.{minor}", path=search_path()) if fits(text, minor) else None
        if found:
            return Path(found)
    return Path(sys.executable)


def fits(text: str, minor: int) -> bool:
    """Tells whether Python 3.N is within the bounds of a `requires-python`, as far as they are plain."""
    for sign, number in re.findall(r"(\^|~=|>=|<=|<|>|==|!=)\s*3\.(\d+)", text):
        bound = int(number)
        if sign in (">=", "^", "~=", ">") and minor < bound:
            return False
        if (sign == "<" and minor >= bound) or (sign == "<=" and minor > bound):
            return False
    return True
