"""Says which paths a patch may touch; patterns only, it reads no file."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from andon.config import FILE_NAME, SystemSettings

CONFIGURATION = (
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "setup.py",
    "pyproject.toml", "noxfile.py", ".coveragerc", "Makefile", "makefile", "GNUmakefile", "justfile", "Dockerfile*",
    "docker-compose*", "package.json", ".npmrc", "jest.config.*", "vitest.config.*", "Cargo.toml",
    ".mocharc*", ".taprc", ".nycrc*", "babel.config.*", ".babelrc*", "tsconfig*.json", "vite.config.*", "ava.config.*",
    "playwright.config.*", "node.config.json", ".nvmrc", ".node-version", "rust-toolchain*", "nextest.toml",
    "build.rs", "go.mod", "go.work", ".env", ".env.*", ".envrc", ".python-version",
)  # fmt: skip
"""Names of files that decide how a suite is collected, built and run."""
LOCKS = (
    "requirements*.txt", "requirements*.in", "constraints*.txt", "*.lock", "Pipfile", "package-lock.json",
    "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", "pylock*.toml",
)  # fmt: skip
"""Names of files that decide which packages are there."""
CI = (".github/*", ".gitlab-ci*", ".gitlab/*", ".circleci/*", ".ci/*", "Jenkinsfile", "azure-pipelines*", ".travis.yml",
      ".buildkite/*", ".pre-commit-config.yaml", "appveyor.yml", ".woodpecker*", ".drone.yml")  # fmt: skip
GIT = (".gitattributes", ".gitmodules", ".gitignore", ".mailmap", ".git", ".git/*")
LOADED = ("*.pth", "*.egg-link", "*.so", "*.pyd", "*.pyc", "*.pyo", "*.dll", "*.dylib", "*.whl", "*.egg", "*.zip")
"""Names of files that an interpreter loads without being asked, or that hide what they hold."""
HOOKS = ("sitecustomize", "usercustomize", "pytest", "_pytest", "pluggy", "coverage", "xdist", "hypothesis", "unittest")
"""Modules whose name in a tree would stand in for the runner's own."""
TEST_FOLDER = re.compile(r"_*(unit_?)?tests?(ing|_?suite)?_*|spec", re.IGNORECASE)
LONE_TESTS = re.compile(r"(unit_?)?tests?\.py", re.IGNORECASE)
"""Names of tests at the top of a repository; below it a product may well have such a module."""
COMPILED = frozenset({".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".pyx", ".pxd", ".pxi", ".rs", ".go", ".f90"})
"""Ends of source that a Python project builds before it is loaded; the judge builds nothing."""
NOT_CODE = frozenset({".md", ".rst", ".txt", ".adoc"})


def trouble_with(path: str, *, settings: SystemSettings, existing: frozenset[str], people: bool = False) -> str:
    """Returns why a patch may not touch a path; empty when it may. `existing` holds the paths of the base commit.

    `people` may change tests that existed, and the fixtures that stand beside them.
    """
    if escapes(path):
        return "leads out of the tree, or is not a plain name"
    name = PurePosixPath(path).name
    rules: tuple[tuple[tuple[str, ...], str], ...] = (
        (CONFIGURATION, "decides how the suite is built and run"),
        (LOCKS, "decides which packages are there"),
        (LOADED, "is loaded by the interpreter unasked, or hides what it holds"),
    )
    for names, why in rules:
        if people and name == "conftest.py":
            break
        if any(fnmatchcase(name, pattern) for pattern in names):
            return why
    if {".cargo", "node_modules", ".config"} & set(PurePosixPath(path).parts[:-1]):
        return "decides how the suite is built and run, or is a package"
    if any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in (*CI, *GIT)):
        return "belongs to git or to continuous integration"
    if name == FILE_NAME or within_checks(path, settings):
        return "is a check, or andon's own configuration"
    if any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in settings.protected):
        return "is protected by the system's settings"
    if is_replay(path, settings):
        return "is the replay itself: what rebuilds the symptom cannot be part of the fix"
    if not people and is_test(path) and path in existing:
        return "is a test, or test material, that existed before"
    return shadowing(path, settings, existing)


def escapes(path: str) -> bool:
    """Tells whether a path is anything but a plain relative one."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and not path.startswith("/") and '"' not in path
    return not plain or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)


def within_checks(path: str, settings: SystemSettings) -> bool:
    """Tells whether a path lies in the folder of checks, in the repository or in the system's folder."""
    checks = settings.checks.strip("/").removeprefix("./")
    homes = {checks, f"{settings.folder.strip('/')}/{checks}".lstrip("/")}
    return any(path == home or path.startswith(home + "/") for home in homes if home and home != ".")


def is_replay(path: str, settings: SystemSettings) -> bool:
    """Tells whether a path is the program that the replay command starts."""
    if not settings.replay.strip():
        return False
    words = settings.argv("replay")
    if "-m" in words[:-1]:
        module = words[words.index("-m") + 1].replace(".", "/")
        ends: tuple[str, ...] = (f"{module}.py", f"{module}/__main__.py", f"{module}/__init__.py")
    else:
        ends = tuple(word.removeprefix("./") for word in words if PurePosixPath(word).suffix)
    return any(path == end or path.endswith("/" + end) for end in ends)


def is_test(path: str) -> bool:
    """Tells whether a path is a test or lies among tests."""
    pure = PurePosixPath(path)
    named = pure.name.startswith("test_") or pure.stem.endswith(("_test", "_tests", ".test", ".spec", "-test"))
    named |= LONE_TESTS.fullmatch(path) is not None or pure.name in ("conftest.py", "tests.rs", "test.rs")
    return named or any(TEST_FOLDER.fullmatch(part) for part in pure.parts[:-1])


def imports(text: str, stem: str) -> bool:
    """Tells whether a line of a Python text imports something that is called like a file."""
    return re.search(rf"^\s*(from|import)\b.*\b{re.escape(stem)}\b", text, re.MULTILINE) is not None


def is_compiled(path: str) -> bool:
    """Tells whether a file is source in a language that is compiled."""
    return PurePosixPath(path).suffix.lower() in COMPILED


def is_code(path: str) -> bool:
    """Tells whether a file can change what the system does; prose cannot."""
    return PurePosixPath(path).suffix.lower() not in NOT_CODE


def shadowing(path: str, settings: SystemSettings, existing: frozenset[str]) -> str:
    """Returns why a new file would stand in for a module that the interpreter or the runner means to load."""
    if path in existing:
        return ""
    parts = list(PurePosixPath(path).parts)
    if any(part.endswith((".dist-info", ".egg-info")) or part == "__pycache__" for part in parts[:-1]):
        return "lies among what package tools write"
    stems = [PurePosixPath(part).stem if part == parts[-1] else part for part in parts]
    if {stems[0], stems[-1]} & {"sitecustomize", "usercustomize"}:
        return "is loaded by every interpreter that starts here"
    roots = {"", "src", "lib", settings.folder.strip("/"), f"{settings.folder.strip('/')}/src".strip("/")}
    for depth, stem in enumerate(stems):
        new = not any(other.startswith("/".join(parts[: depth + 1])) for other in existing)
        if new and "/".join(parts[:depth]) in roots and (stem in HOOKS or stem in sys.stdlib_module_names):
            return f"would stand in for the module `{stem}`"
    return ""


def colliding(tests: Sequence[str], existing: frozenset[str]) -> list[str]:
    """Returns new test files whose module name another test file has already, in a folder that is no package."""
    known = {PurePosixPath(path).name: path for path in existing if is_test(path) and path.endswith(".py")}
    clashes = []
    for path in tests:
        pure = PurePosixPath(path)
        other = known.get(pure.name)
        if other and other != path and f"{pure.parent}/__init__.py" not in existing:
            clashes.append(f"{path} has the name of {other}")
    return clashes


IDENTIFIER = re.compile(r"[^\W\d]\w*")
