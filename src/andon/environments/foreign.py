"""Finds what runs the suite of a repository in another language than Python; it reads files and runs nothing of it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from andon.config import environment, search_path
from andon.errors import ExternalError

SCRIPTS = frozenset({".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"})
MARKS = {"cargo": "Cargo.toml", "node": "package.json"}
INSTALL = {"cargo": "apt-get install cargo", "node": "apt-get install nodejs"}
"""What brings a program on Debian."""
MODULES = "node_modules"
NAMED = ("jest", "vitest", "mocha", "ava", "tap", "jasmine", "karma", "playwright", "cypress")
"""Runners of JavaScript besides node's own, whose command and report a person has to name."""


class Ground(NamedTuple):
    """How a suite of another language runs."""

    test: str
    """The suite's command."""
    folder: str
    """Folder of the repository that it runs in."""
    runtime: tuple[str, ...]
    """Folders of programs and packages outside of the system's own."""
    links: Mapping[str, Path] = MappingProxyType({})
    """Folders that each checkout gets a link to where it has none: path from the root -> folder."""


def find_ground(repository: Path, tree: Path, changed: Sequence[str], test: str = "") -> Ground | None:
    """Returns how the suite runs that changed files belong to; None when they are Python's, or nobody's.

    `tree` is a checkout of the base, `test` a command that a person names: it runs in the repository's own folder.
    Packages are those that the user has: nothing is fetched.

    Raises:
        ExternalError: a program that it needs is not there, or the suite is run by something else; says what to do.
    """
    kind, folder = kind_of(tree, changed)
    links = dict(modules(repository, tree, folder)) if kind == "node" or test else {}
    if test:
        name = shlex.split(test)[0]
        if "/" not in name and shutil.which(name, path=search_path()) is None:
            raise ExternalError(f"there is no program {name!r} to run the suite by", permanent=True)
        return Ground(test, "", (*runtime_of(name), *map(str, links.values())), links)
    if kind == "cargo":
        return Ground(cargo_command(tree / folder), folder, toolchain())
    if kind == "node":
        command = node_command(tree / folder)
        return Ground(command, folder, (*runtime_of("node"), *map(str, links.values())), links)
    return None


def kind_of(tree: Path, changed: Sequence[str]) -> tuple[str, str]:
    """Returns the language that most of the changed files are of, and the folder of their package; empty for none."""
    votes: dict[tuple[str, str], int] = {}
    for path in changed:
        suffix = PurePosixPath(path).suffix
        kind = "cargo" if suffix == ".rs" else "node" if suffix in SCRIPTS else "python" if suffix == ".py" else ""
        if kind == "python":
            votes["", ""] = votes.get(("", ""), 0) + 1
        elif kind and (folder := package_of(tree, path, MARKS[kind])) is not None:
            votes[kind, folder] = votes.get((kind, folder), 0) + 1
    return max(votes, key=lambda one: votes[one], default=("", ""))


def package_of(tree: Path, path: str, mark: str) -> str | None:
    """Returns the folder nearest above a file that describes a package; of a cargo workspace its root."""
    found = None
    for folder in PurePosixPath(path).parents:
        file = tree / folder / mark
        if not file.is_file() or file.is_symlink():
            continue
        if found is None or (mark == MARKS["cargo"] and "[workspace" in file.read_text("utf-8", "replace")):
            found = "" if str(folder) == "." else str(folder)
    return found


# --- cargo ------------------------------------------------------------------------------------------------------------


def cargo_command(package: Path) -> str:
    """Returns the command of a package's or workspace's suite."""
    manifest = (package / MARKS["cargo"]).read_text("utf-8", "replace")
    return "cargo test --workspace" if "[workspace" in manifest else "cargo test"


def toolchain() -> tuple[str, ...]:
    """Returns the folders of the user's Rust, and of the packages that cargo has already fetched.

    Raises:
        ExternalError: there is none.
    """
    rustc = program("cargo") and program("rustc")
    asked, env = [str(rustc), "--print", "sysroot"], {**rustup_home(rustc), **environment()}
    said = subprocess.run(asked, capture_output=True, text=True, cwd="/", env=env, check=False, timeout=60)
    root = Path(said.stdout.strip())
    if said.returncode or not (root / "bin").is_dir():
        raise ExternalError(
            f"{rustc} does not say where its toolchain lies: {said.stderr.strip()[-200:]}", permanent=True
        )
    own = [str(root)] if root != Path("/usr") else []
    home = rustc.parents[1] if rustc.parent.parent.name == ".cargo" else Path.home() / ".cargo"
    return (*own, *(str(home / name) for name in ("registry", "git") if (home / name).is_dir()))


def rustup_home(rustc: Path) -> dict[str, str]:
    """Returns where the toolchains are of a rustup that was installed under another home than this process has."""
    place = rustc.parent.parent.with_name(".rustup")
    return {"RUSTUP_HOME": str(place)} if rustc.parent.parent.name == ".cargo" and place.is_dir() else {}


# --- node -------------------------------------------------------------------------------------------------------------


def node_command(package: Path) -> str:
    """Returns the command by which a package's base runs node's own test runner.

    Raises:
        ExternalError: it is run by another runner.
    """
    script = test_script(package)
    words = script.split()
    other = next((name for name in NAMED if any(name in word.split("/") for word in words)), "")
    if other:
        raise ExternalError(
            f"the suite is run by {other}: name its command and the JUnit XML that it writes"
            f" (--suite 'npx {other} ...' --junit report.xml)",
            permanent=True,
        )
    plain = not set("&|;<>$`()\"'\\") & set(script)
    if plain and words[:1] == ["node"] and "--test" in words:
        return script
    return "node --test"


def test_script(package: Path) -> str:
    """Returns what package.json calls its test; empty when it says nothing."""
    try:
        told = json.loads((package / MARKS["node"]).read_text("utf-8", "replace"))
        script = told["scripts"]["test"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return script if isinstance(script, str) else ""


def modules(repository: Path, tree: Path, folder: str) -> Iterator[tuple[str, Path]]:
    """Yields the user's own installed packages of a package and of the folders above it, where the base has none."""
    inner = PurePosixPath(folder) / MODULES
    for place in (inner, PurePosixPath(MODULES)) if folder else (inner,):
        mine = (repository / place).resolve()
        if mine.is_dir() and mine.is_relative_to(repository.resolve()) and not (tree / place).exists():
            yield str(place), mine


def runtime_of(name: str) -> tuple[str, ...]:
    """Returns the folders of node or cargo that lie outside of the system's own; nothing for other programs.

    Raises:
        ExternalError: it is not there.
    """
    if name == "cargo":
        return toolchain()
    if name not in ("node", "nodejs", "npm", "npx"):
        return ()
    place = program("node").resolve()
    if place.is_relative_to("/usr"):
        return ()
    return (str(place.parent.parent if place.parent.name == "bin" else place.parent),)


def program(name: str) -> Path:
    """Returns where a program lies on the user's PATH.

    Raises:
        ExternalError: nowhere.
    """
    found = shutil.which(name, path=search_path() + os.pathsep + str(Path.home() / ".cargo" / "bin"))
    if found is None:
        raise ExternalError(f"{name} is not on PATH: install it (Debian: {INSTALL.get(name, name)})", permanent=True)
    return Path(found)
