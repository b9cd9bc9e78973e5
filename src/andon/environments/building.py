"""Builds a project's wheel inside the sandbox to learn what only its build knows; never outside, never online."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

from andon.environments.installing import install, locked, make_venv
from andon.environments.project import ProjectFiles
from andon.environments.requirements import plain_name, requirements, strings
from andon.environments.wheels import Identity, read_wheel
from andon.errors import ExternalError
from andon.models import Limits
from andon.protocols import Command, Sandbox

INSIDE = Path(__file__).with_name("inside")
LEGACY = "setuptools.build_meta:__legacy__"
SECONDS = 180.0
ROUNDS = 3


class Shop(NamedTuple):
    """What building needs."""

    cache: Path
    python: Path
    sandbox: Sandbox
    before: date | None
    """Backends are of that day, as the project's are."""
    version: str
    """For backends that ask version control, which is not there."""


def built_identity(files: ProjectFiles, shop: Shop) -> Identity:
    """Returns a project's identity by building its wheel in the sandbox, on a copy of its checkout.

    Raises:
        ExternalError: the build does not run here; says why.
    """
    table = files.table("build-system")
    backend = table.get("build-backend")
    name = backend if isinstance(backend, str) and backend else LEGACY
    asked = requirements(strings(table.get("requires"))) if table.get("requires") is not None else ("setuptools",)
    if any(plain_name(line) == "setuptools" for line in asked):
        asked = tuple(dict.fromkeys((*asked, "wheel")))  # old versions need it and do not say so
    paths = strings(table.get("backend-path"))
    for _ in range(ROUNDS):
        venv = backend_venv(shop, asked)
        told = attempt(files, shop, venv, name, paths)
        if isinstance(told, Identity):
            return told
        asked = (*asked, *told)
    raise ExternalError(f"its build asks for ever more: {', '.join(asked)}", permanent=True)


def backend_venv(shop: Shop, asked: tuple[str, ...]) -> Path:
    """Returns a virtual environment with build backends, made once.

    Raises:
        ExternalError: they cannot be installed.
    """
    key = hashlib.sha256(json.dumps([str(shop.python), str(shop.before), asked]).encode()).hexdigest()[:20]
    venv = shop.cache / f"build-{key}"
    with locked(shop.cache / f"build-{key}.lock"):
        if (venv / "made").exists() and (venv / "bin" / "python").exists():
            return venv
        shutil.rmtree(venv, ignore_errors=True)
        make_venv(venv, shop.python)
        ways = ((shop.before, False), (None, False), (None, True))
        tried = (install(venv, asked, before=before, source=source) for before, source in ways)
        last = next((one for one in tried if one.done), None)
        if last is None:
            raise ExternalError(f"its build backend cannot be installed: {', '.join(asked)}")
        (venv / "made").touch()
    return venv


def attempt(
    files: ProjectFiles, shop: Shop, venv: Path, name: str, paths: tuple[str, ...]
) -> Identity | tuple[str, ...]:
    """Returns the identity by the built wheel, or what the backend misses.

    Raises:
        ExternalError: the build fails.
    """
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=shop.cache) as folder:
        tree, out = Path(folder).resolve() / "tree", Path(folder).resolve() / "out"
        shutil.copytree(files.tree, tree, symlinks=True)
        out.mkdir()
        ran = shop.sandbox.run(
            Command(
                argv=(str(venv / "bin" / "python"), str(INSIDE / "andon_build.py"), str(out), name, *paths),
                cwd=tree / files.folder,
                env=versions(shop.version),
                readable=(INSIDE, venv.resolve()),
                writable=(tree, out),
                path=(venv / "bin",),
                limits=Limits(seconds=SECONDS),
            )
        )
        told = read_told(out)
        if "requires" in told:
            return requirements(strings(told["requires"]))
        wheel = out / Path(str(told.get("wheel", ""))).name
        if "wheel" not in told or wheel.is_symlink() or not wheel.is_file():
            raise ExternalError(f"its build fails: {str(told.get('error', '')).strip()[-600:] or ran.words}")
        return read_wheel(wheel.read_bytes())


def read_told(out: Path) -> dict[str, object]:
    """Returns what the build told; empty when it told nothing that can be read."""
    place = out / "told.json"
    if place.is_symlink() or not place.is_file() or place.stat().st_size > 2**20:
        return {}
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return {}
    return told if isinstance(told, dict) else {}


def versions(version: str) -> dict[str, str]:
    """Returns the variables by which backends that ask version control are told a version."""
    pretended = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION", "PBR_VERSION")
    asked = ("POETRY_DYNAMIC_VERSIONING_BYPASS", "VERSIONINGIT_DEFAULT_VERSION")
    return dict.fromkeys((*pretended, *asked), version) | {"PYTHONDONTWRITEBYTECODE": "1"}
