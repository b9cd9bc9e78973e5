"""Puts what is declared into a virtual environment, as exactly as it can be had; it never decides what is declared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from andon.environments.declared import Declared
from andon.environments.installing import install
from andon.environments.requirements import plain_name, without_versions

UNKNOWN = re.compile(r"(?:Because |found for )([\w.-]+)(?= was not found in|$)")
"""What installers say of a name that no registry has."""


def fill(venv: Path, wanted: Declared, before: date | None) -> list[str]:
    """Installs what is declared, as exactly as it can be had; returns what a person should know."""
    exact = (*wanted.project, *wanted.tests, "pytest")
    loose = (*wanted.project, *map(without_versions, wanted.tests), "pytest")
    ways = [
        (lines, day, source)
        for day in dict.fromkeys((before, None))
        for source in (False, True)
        for lines in dict.fromkeys((exact, loose))
    ]
    unknown: set[str] = set()
    for lines, day, source in ways:
        tried = install(venv, known(lines, unknown), before=day, source=source)
        while not tried.done and (news := set(map(plain_name, UNKNOWN.findall(tried.words))) - unknown):
            unknown |= news
            tried = install(venv, known(lines, unknown), before=day, source=source)
        if tried.done:
            built = ["some dependencies had no wheel and were built from source"] if source else []
            return [*built, *([f"no registry has: {', '.join(sorted(unknown))}"] if unknown else [])]
    left = [line for line in dict.fromkeys(("pytest", *loose)) if not installed_somehow(venv, line, before)]
    return [f"not installed: {', '.join(left)}"] if left else []


def known(lines: Sequence[str], unknown: set[str]) -> list[str]:
    """Returns the requirements that a registry may know."""
    return [line for line in lines if plain_name(line) not in unknown]


def installed_somehow(venv: Path, line: str, before: date | None) -> bool:
    """Installs one requirement in the first way that works."""
    ways = ((line, before), (without_versions(line), before), (without_versions(line), None))
    return any(install(venv, (text,), before=day).done for text, day in dict.fromkeys(ways))


def add(
    venv: Path, names: Sequence[str], before: date | None, notes: list[str], why: str = "installed though not declared"
) -> None:
    """Installs distributions that the base does not declare, each by itself and only as wheels."""
    done = [name for name in names if any(install(venv, (name,), before=day).done for day in (before, None))]
    if done:
        notes.append(f"{why}: {', '.join(done)}")
