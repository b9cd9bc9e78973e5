"""Reads lines that name distributions, as people write them in many files; never decides which of them is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

NAMED = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*\(?\s*([^;#()]*?)\s*\)?\s*(;.*)?")
SPECIFIER = re.compile(r"\s*(~=|===?|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+\s*")
OWN = re.compile(r"(?:-e\s*|--editable[ =]\s*)?(?:file:)?\.(?:/)?(?:\[([^\]]+)\])?")
DEPTH = 5
"""Files that include files that include files."""


class Wanted(NamedTuple):
    """What one place asks for."""

    place: str
    """The file, extra or group, for a message."""
    lines: tuple[str, ...]
    """Requirements, one distribution each, with their versions and markers."""
    extras: tuple[str, ...] = ()
    """Extras of the project itself that it asks for (`-e .[test]`)."""


def plain_name(text: str) -> str:
    """Returns a distribution's name as registries compare it; empty when the text names none."""
    found = NAMED.match(text.strip())
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""


def requirement(text: str) -> str:
    """Returns a line as a requirement that any installer reads; empty when it is anything else (URL, path, option)."""
    found = NAMED.fullmatch(re.sub(r"\s+#.*", "", text).strip())
    if not found:
        return ""
    name, extras, versions, marker = found[1], found[2] or "", found[3], found[4] or ""
    parts = [part for part in versions.split(",") if part.strip()]
    if not all(SPECIFIER.fullmatch(part) for part in parts):
        return ""
    return name + extras.replace(" ", "") + ",".join("".join(part.split()) for part in parts) + marker


def without_versions(line: str) -> str:
    """Returns a requirement that any version satisfies."""
    found = NAMED.fullmatch(line)
    return found[1] + (found[2] or "") + (found[4] or "") if found else line


def pinned_below(line: str, name: str, version: tuple[int, ...]) -> bool:
    """Tells whether a requirement holds a distribution below a version."""
    if plain_name(line) != name:
        return False
    found = re.search(r"(===?|~=|<=|<)\s*(\d+(?:\.\d+)*)", line)
    if not found:
        return False
    asked = tuple(map(int, found[2].split(".")))
    if found[1] == "~=":  # ~=4.6 allows 4.999, ~=4.6.1 allows 4.6.999
        asked = (*asked[:-2], asked[-2] + 1) if len(asked) > 1 else asked
    return asked < version or (found[1] in ("<", "~=") and asked == version)


def read_requirements(tree: Path, path: Path, *, depth: int = DEPTH) -> Wanted:
    """Returns what a requirements file asks for, with the files that it includes; only files in the tree are read."""
    lines: list[str] = []
    extras: list[str] = []
    real = path.resolve()
    if real.is_file() and real.is_relative_to(tree.resolve()):
        for line in joined_lines(real.read_text(encoding="utf-8", errors="replace")):
            included = re.fullmatch(r"(?:-r\s*|--requirement[ =]\s*)(\S+)", line)
            if included and depth:
                more = read_requirements(tree, real.parent / included[1], depth=depth - 1)
                lines += more.lines
                extras += more.extras
            else:
                found = wanted_line(line)
                lines += found.lines
                extras += found.extras
    return Wanted(path.name, tuple(lines), tuple(extras))


def wanted_line(line: str) -> Wanted:
    """Returns what one line asks for: a requirement, extras of the project itself, or nothing that can be installed."""
    text = re.sub(r"\s+--hash[= ]\S+", "", re.sub(r"(?:^|\s+)#.*", "", line)).strip().rstrip("\\").strip()
    own = OWN.fullmatch(text)
    if own:
        return Wanted(line, (), tuple(word.strip() for word in (own[1] or "").split(",") if word.strip()))
    found = "" if text.startswith("-") else requirement(text)
    return Wanted(line, (found,) if found else ())


def joined_lines(text: str) -> Iterator[str]:
    """Yields lines without comments and blanks; one that ends in a backslash goes on in the next."""
    for line in text.replace("\\\n", " ").splitlines():
        bare = line.strip()
        if bare and not bare.startswith("#"):
            yield bare


def strings(value: object) -> tuple[str, ...]:
    """Returns the strings of a list of anything; none of a value that is no list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, (list, tuple)) else ()


def requirements(lines: Iterable[str]) -> tuple[str, ...]:
    """Returns those of the lines that are requirements."""
    return tuple(found for line in lines if (found := requirement(line)))
