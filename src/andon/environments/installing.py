"""Makes virtual environments and installs into them, from the registry of the user's pip; nothing else goes online."""

from __future__ import annotations

import ast
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from andon.config import environment, search_path
from andon.errors import ExternalError

SECONDS = 900.0


class Installed(NamedTuple):
    """How an installation ended."""

    done: bool
    words: str
    """The installer's last words."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file while inside: what one process makes, no other makes at the same time."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def find_uv() -> str | None:
    """Returns uv: beside andon's own interpreter, or on the path; None when it is not installed."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv", path=search_path())


@cache
def pip_options() -> tuple[tuple[str, str], ...]:
    """Returns the registry settings of the user's pip: (option, value), the environment over the files."""
    argv = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment())
    found: dict[str, str] = {}
    for line in said.stdout.splitlines() if said.returncode == 0 else ():
        name, mark, value = line.partition("=")
        key = name.rpartition(".")[2]
        if (
            mark
            and key in ("index-url", "extra-index-url", "find-links", "no-index")
            and (key not in found or name.startswith(":env:"))
        ):
            found[key] = str(ast.literal_eval(value))
    return tuple((key, part) for key, value in found.items() for part in value.split())


def make_venv(folder: Path, python: Path) -> None:
    """Makes an empty virtual environment.

    Raises:
        ExternalError: it could not be made.
    """
    uv = find_uv()
    with_pip = [str(python), "-m", "venv", "--without-pip", str(folder)]
    made = run([uv, "venv", "--quiet", "--no-project", "--python", str(python), str(folder)] if uv else with_pip)
    if not made.done:
        raise ExternalError(f"no virtual environment could be made with {python}: {made.words}")


def install(
    folder: Path,
    lines: Sequence[str],
    *,
    before: date | None = None,
    source: bool = False,
    alone: bool = False,
    upgrade: bool = False,
) -> Installed:
    """Installs requirements into a virtual environment.

    `before`: only what was released before that day. `source`: lets distributions without a wheel be built, which runs
    their code with the user's rights. `alone`: without what they need themselves. `upgrade`: what is there gives
    way to the newest that counts, even when that is an older one.
    """
    if not lines:
        return Installed(True, "")
    python = folder / "bin" / "python"
    uv = find_uv()
    options = [] if source else ["--only-binary", ":all:"]
    options += ["--no-deps"] if alone else []
    options += ["--upgrade"] if upgrade else []
    if uv:
        argv = [uv, "pip", "install", "--quiet", "--no-config", "--python", str(python), *uv_registry(), *options]
        # In the sandbox it cannot be written: without bytecode every run would compile all that it imports.
        argv += ["--compile-bytecode"]
        argv += ["--exclude-newer", before.isoformat()] if before else []
    else:
        # Older pips know no date; without uv what is newest is taken.
        argv = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *options]
    return run([*argv, *lines])


def uv_registry() -> list[str]:
    """Returns pip's registry settings in uv's words."""
    words = {"index-url": "--default-index", "extra-index-url": "--index", "find-links": "--find-links"}
    found = [word for key, value in pip_options() if key in words for word in (words[key], value)]
    found += ["--no-index"] if any(key == "no-index" and value != "0" for key, value in pip_options()) else []
    # As pip does: the best version of all registries, not the first registry that knows the name.
    return [*found, "--index-strategy", "unsafe-best-match"]


def run(argv: Sequence[str | None]) -> Installed:
    """Runs an installer to its end."""
    words = [word for word in argv if word is not None]
    try:
        said = subprocess.run(
            words, capture_output=True, text=True, errors="replace", check=False, env=environment(), timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Installed(False, str(error)[-800:])
    return Installed(said.returncode == 0, (said.stderr.strip() or said.stdout.strip())[-1500:])
