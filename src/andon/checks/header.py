"""Reads the text of an SQL check: header, main query, sections; it tells every problem with its line, asks nothing."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import NamedTuple

from pydantic import JsonValue

from andon.config import parse_duration
from andon.errors import ConfigError
from andon.models import Autonomy, Check, CheckKind, Severity

HEADER_LINE = re.compile(r"--\s{0,2}([A-Za-z][\w-]*)\s*:(?:\s+|$)(.*)$")
FOLLOW_ON = re.compile(r"--\s{3,}(\S.*)$")
SECTION = re.compile(r"--\s*(population|evidence\s+([A-Za-z_]\w*))\s*:\s*$")
SECTION_TYPO = re.compile(r"--\s*(?:population\s*:\s*\S|evidence\b(?:\s+\S+)*\s*:)", re.IGNORECASE)
REMARK = re.compile(r"\s{2,}")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
LONGEST_FILE = 1_000_000


class Problem(NamedTuple):
    """What is wrong with a check file, where, and what to write instead."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Entry(NamedTuple):
    """A header value and the line where it stands."""

    value: JsonValue
    line: int


def refuse(problems: Iterable[Problem]) -> None:
    """Raises one ConfigError that tells all problems, in the order of files and lines; nothing when there is none."""
    told = sorted(set(problems))
    if told:
        raise ConfigError("\n".join(str(problem) for problem in told))


def load_check_text(text: str, path: str) -> Check:
    """Returns the check of an SQL text; `path` names it in messages and, without a `check:` line, gives its name.

    Raises:
        ConfigError: something is wrong; tells every problem with its line and what to write.
    """
    check, problems = read_sql(text, path)
    refuse(problems)
    assert check is not None  # no problem, so there is one
    return check


def read_sql(text: str, path: str) -> tuple[Check | None, list[Problem]]:
    """Returns the check of an SQL text, or every problem that it has."""
    if len(text) > LONGEST_FILE:
        return None, [Problem(path, 1, f"longer than {LONGEST_FILE} characters")]
    lines = text.removeprefix("\ufeff").splitlines()
    header, end, problems = _header(lines, path)
    sections, starts, more = _sections(lines, end, path)
    problems += more
    fields: dict[str, object] = {
        "query": sections.pop("", ""),
        "population": sections.pop("population", None),
        "evidence": sections,
        "options": {"lines": starts},
    }
    check, more = build(header, CheckKind.SQL, path, _sha256(text), fields)
    return (None if problems + more else check), problems + more


def build(
    header: Mapping[str, Entry], kind: CheckKind, path: str, sha256: str, fields: Mapping[str, object]
) -> tuple[Check | None, list[Problem]]:
    """Returns a check from its named values and what its kind adds, or every problem that the values have."""
    problems: list[Problem] = []
    values: dict[str, object] = {"name": PurePath(path).stem}
    for key, entry in header.items():
        reader = KEYS.get(key)
        if reader is None:
            problems.append(Problem(path, entry.line, unknown_key(key, KEYS)))
            continue
        try:
            values[FIELDS.get(key, key)] = reader(entry.value)
        except ValueError as error:
            problems.append(Problem(path, entry.line, f"{key}: {error}"))
    if "check" not in header and not NAME.fullmatch(str(values["name"])):
        problems.append(Problem(path, 1, "write `check: a-name` (the file's name cannot be one)"))
    for key, what in NOTE.items():
        if key not in header:
            problems.append(Problem(path, 1, f"the note is missing: write `{key}: {what}`"))
    if problems:
        return None, problems
    return Check.model_validate({**values, "kind": kind, "path": path, "sha256": sha256, **fields}), []


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Returns the sentence that names the nearest key that exists."""
    near = difflib.get_close_matches(key, list(known), n=1)
    return f"unknown key `{key}`; " + (f"did you mean `{near[0]}`?" if near else f"valid are: {', '.join(known)}")


def _header(lines: list[str], path: str) -> tuple[dict[str, Entry], int, list[Problem]]:
    """Returns the named values, the index of the first line after the header, and the problems."""
    header: dict[str, Entry] = {}
    problems: list[Problem] = []
    last: str | None = None
    for index, line in enumerate(lines):
        bare = line.strip()
        if bare in ("", "--"):
            continue
        if not bare.startswith("--") or SECTION.match(bare):
            return header, index, problems
        named, follow = HEADER_LINE.match(bare), FOLLOW_ON.match(bare)
        if follow and last is not None:
            entry = header[last]
            header[last] = Entry(f"{entry.value} {follow[1]}".strip(), entry.line)
        elif named is None:
            problems.append(Problem(path, index + 1, "neither `-- key: value` nor a line that goes on (three spaces)"))
        elif named[1].lower() in header:
            problems.append(Problem(path, index + 1, f"`{named[1]}` stands twice"))
        else:
            last = named[1].lower()
            header[last] = Entry(named[2].strip(), index + 1)
    return header, len(lines), problems


def _sections(lines: list[str], start: int, path: str) -> tuple[dict[str, str], dict[str, JsonValue], list[Problem]]:
    """Returns the main query under the empty name and the sections under theirs, the file's line where each begins
    (so that the database's complaints can name it), and the problems."""
    found: dict[str, list[str]] = {"": []}
    places = {"": start + 1}
    problems: list[Problem] = []
    name = ""
    for index, line in enumerate(lines[start:], start):
        mark = SECTION.match(line.strip())
        if mark is None:
            if SECTION_TYPO.match(line.strip()):
                problems.append(Problem(path, index + 1, "`-- population:` and `-- evidence NAME:` stand alone"))
            found[name].append(line)
            continue
        name = mark[2] or "population"
        if name in found or (mark[2] and name == "population") or name == "offending":
            problems.append(Problem(path, index + 1, f"the section `{name}` needs another name: this one is taken"))
        found[name] = []
        places[name] = index + 1
    queries = {section: "\n".join(body).strip().rstrip(";").strip() for section, body in found.items()}
    for section, query in queries.items():
        if _is_empty(query):
            what = f"the section `{section}` has no query" if section else "there is no query: write a SELECT"
            problems.append(Problem(path, min(places[section], max(len(lines), 1)), what))
    starts: dict[str, JsonValue] = {
        section: places[section] + (1 if section else 0) + _blank_lines(body) for section, body in found.items()
    }
    return queries, starts, problems


def _blank_lines(body: list[str]) -> int:
    return next((index for index, line in enumerate(body) if line.strip()), 0)


def _is_empty(query: str) -> bool:
    return not re.sub(r"--[^\n]*", "", query).strip().strip(";")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- how each value is read ---------------------------------------------------------------------------------------


def _text(value: JsonValue) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write a sentence")
    return value.strip()


def _word(value: JsonValue) -> str:
    words = str(value).split()
    if not words:
        raise ValueError("write a column name")
    return words[0]


def _words(value: JsonValue) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else REMARK.split(str(value).strip())[0].split(",")
    words = tuple(str(entry).strip() for entry in entries if str(entry).strip())
    if not words or any(len(word.split()) > 1 for word in words):
        raise ValueError("write names, separated by commas; a remark stands after two spaces")
    return words


def _name(value: JsonValue) -> str:
    word = REMARK.split(str(value).strip())[0]
    if not NAME.fullmatch(word):
        raise ValueError(f"{word!r} is no name: use lower case letters, digits, `-`, `_` and `.`")
    return word


def _duration(value: JsonValue) -> timedelta:
    try:
        found = parse_duration(REMARK.split(value.strip())[0] if isinstance(value, str) else value)
    except OverflowError:
        found = timedelta.max
    if found > timedelta(days=366_000):
        raise ValueError("longer than a thousand years")
    return found


def some_time(value: JsonValue) -> timedelta:
    """Returns a duration that is longer than nothing. Raises ValueError for anything else."""
    found = _duration(value)
    if found <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return found


def _count(value: JsonValue) -> int:
    word = str(value).split()[0] if str(value).split() else ""
    if not re.fullmatch(r"[0-9]{1,7}", word) or int(word) < 1:
        raise ValueError("write a whole number, 1 or more")
    return int(word)


def _one_of(allowed: type[Severity] | type[Autonomy]) -> Callable[[JsonValue], str]:
    def reader(value: JsonValue) -> str:
        names = [member.value for member in allowed]
        word = (str(value).split() or [""])[0]
        if word not in names:
            raise ValueError(f"{word!r} is unknown; write {', '.join(names[:-1])} or {names[-1]}")
        return word

    return reader


KEYS: dict[str, Callable[[JsonValue], object]] = {
    "check": _name,
    "every": some_time,
    "at": _word,
    "key": _words,
    "upstream": _words,
    "severity": _one_of(Severity),
    "for": _count,
    "lateness": _duration,
    "timeout": some_time,
    "rows_kept": _count,
    "autonomy": _one_of(Autonomy),
    "why": _text,
    "decided": _text,
}
"""Every key of a header, and how its value is read."""

FIELDS = {"check": "name", "for": "hold"}
NOTE = {"why": "what happened that made you write this check", "decided": "what is acceptable and what is not"}
