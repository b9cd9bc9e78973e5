"""Loads the check files of a folder and refuses what is not complete; it runs no check and executes no file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from andon.checks.header import Problem, read_sql, refuse
from andon.errors import ConfigError
from andon.models import Check

KINDS = (".sql", ".toml", ".py")


def load_checks(folder: Path, *, root: Path) -> tuple[Check, ...]:
    """Returns the checks of all files below a folder, by name. Paths in them are relative to `root`.

    Raises:
        ConfigError: the folder is missing, or any file has a problem; tells all of them with file and line.
    """
    if not folder.is_dir():
        raise ConfigError("there is no such folder: make it, or set `checks` to where the checks are", file=folder)
    found: list[Check] = []
    problems: list[Problem] = []
    for path in _files(folder):
        checks, more = _read(path, _relative(path, root))
        found += checks
        problems += more
    problems += _across(found, complete=not problems)
    refuse(problems)
    return tuple(sorted(found, key=lambda check: check.name))


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.suffix in KINDS and path.is_file() and not any(part.startswith((".", "_")) for part in parts):
            yield path


def _relative(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return str(resolved.relative_to(root.resolve()) if resolved.is_relative_to(root.resolve()) else resolved)


def _read(path: Path, name: str) -> tuple[list[Check], list[Problem]]:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        return [], [Problem(name, 1, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return [], [Problem(name, data[: error.start].count(b"\n") + 1, "is not UTF-8 text")]
    sha256 = hashlib.sha256(data).hexdigest()
    if path.suffix == ".sql":
        check, problems = read_sql(text, name)
        return [check.model_copy(update={"sha256": sha256})] if check else [], problems
    if path.suffix == ".toml":
        from andon.checks.tables import read_toml_check

        check, problems = read_toml_check(text, name, sha256)
        return [check] if check else [], problems
    from andon.checks.functions import read_python

    return read_python(text, name, sha256)


def _across(checks: Sequence[Check], *, complete: bool) -> list[Problem]:
    """Returns what is wrong between checks. Upstream names are looked up only when every file could be read."""
    problems: list[Problem] = []
    first: dict[str, Check] = {}
    for check in checks:
        if check.name in first:
            other = first[check.name].path
            problems.append(Problem(check.path, 1, f"the name `{check.name}` is taken by {other}: choose another"))
        first.setdefault(check.name, check)
    for check in checks if complete else ():
        problems += [
            Problem(check.path, 1, f"upstream: there is no check `{name}`; there are: {', '.join(sorted(first))}")
            for name in check.upstream
            if name not in first
        ]
    problems += [
        Problem(first[name].path, 1, f"upstream goes round in a circle: {' <- '.join(circle)}")
        for name, circle in _circles(first)
    ]
    return problems


def _circles(checks: dict[str, Check]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yields one way round for each check that is upstream of itself, smallest name first."""
    told: set[str] = set()
    for name in sorted(checks):
        if name in told:
            continue
        way = _way_back(name, checks)
        if way:
            told.update(way)
            yield name, way


def _way_back(start: str, checks: dict[str, Check]) -> tuple[str, ...]:
    seen: set[str] = set()
    open_ways: list[tuple[str, ...]] = [(start,)]
    while open_ways:
        way = open_ways.pop()
        for name in checks[way[-1]].upstream:
            if name == start:
                return (*way, start)
            if name in checks and name not in seen:
                seen.add(name)
                open_ways.append((*way, name))
    return ()
