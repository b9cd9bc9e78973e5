"""Reads TOML check files: http, command and heartbeat; it tells every problem, and reaches for nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from andon.checks.header import KEYS, Entry, Problem, build, some_time, unknown_key
from andon.models import Check, CheckKind

STATUSES = range(100, 600)
Reader = Callable[[JsonValue], JsonValue]


def read_toml_check(text: str, path: str, sha256: str) -> tuple[Check | None, list[Problem]]:
    """Returns the check of a TOML text, or every problem that it has."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r"line (\d+)", str(error))
        return None, [Problem(path, int(place[1]) if place else 1, f"is not valid TOML: {error}")]
    kind = table.pop("kind", None)
    if not isinstance(kind, str) or kind not in OPTIONS:
        return None, [Problem(path, _line(text, "kind"), 'write kind = "http", "command" or "heartbeat"')]
    known = OPTIONS[kind]
    header: dict[str, Entry] = {}
    options: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for key, value in table.items():
        line = _line(text, key)
        if key in KEYS:
            header[key] = Entry(value, line)
        elif key not in known:
            problems.append(Problem(path, line, unknown_key(key, [*KEYS, *known])))
        else:
            try:
                options[key] = known[key](value)
            except ValueError as error:
                problems.append(Problem(path, line, f"{key}: {error}"))
    problems += [Problem(path, 1, f"`{key}` is missing") for key in REQUIRED[kind] if key not in table]
    check, more = build(header, CheckKind(kind), path, sha256, {"options": options})
    return (None if problems + more else check), problems + more


def _line(text: str, key: str) -> int:
    """Returns the line where a key stands (1 when it cannot be told)."""
    found = re.search(rf"^\s*\[?\"?{re.escape(key)}\b", text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 1


def _url(value: JsonValue) -> JsonValue:
    if not isinstance(value, str) or not re.match(r"(https?://[^\s/]|env:\w)", value):
        raise ValueError("write https://host/path, or env:NAME of it")
    return value


def _statuses(value: JsonValue) -> JsonValue:
    codes: list[JsonValue] = value if isinstance(value, list) else [value]
    if not codes or any(not isinstance(code, int) or code not in STATUSES for code in codes):
        raise ValueError("write a status such as 200, or a list of them")
    return codes


def _sentence(value: JsonValue) -> JsonValue:
    if not isinstance(value, str) or not value:
        raise ValueError("write a text")
    return value


def _texts(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict) or any(not isinstance(text, str) for text in value.values()):
        raise ValueError("write a table of texts")
    return value


def _json(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str) or set(value) - {"path", "equals"}:
        raise ValueError('write { path = "status.state", equals = "ok" }; without `equals` the path only has to exist')
    return value


def _outcome(value: JsonValue) -> JsonValue:
    if value not in ("error", "failing"):
        raise ValueError("write error or failing")
    return value


def _argv(value: JsonValue) -> JsonValue:
    if not isinstance(value, list) or not value or any(not isinstance(word, str) or not word for word in value):
        raise ValueError('write a list of words, such as ["df", "--output=pcent", "/"]')
    return value


def _seconds(value: JsonValue) -> JsonValue:
    return some_time(value).total_seconds()


def _some(value: JsonValue) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValueError("write a number of seconds")
    return value


OPTIONS: Mapping[str, Mapping[str, Reader]] = {
    "http": {
        "url": _url,
        "method": _sentence,
        "headers": _texts,
        "body": _sentence,
        "expect": _statuses,
        "contains": _sentence,
        "lacks": _sentence,
        "json": _json,
        "slower_than": _some,
        "down_is": _outcome,
    },
    "command": {"argv": _argv, "env": _texts},
    "heartbeat": {"period": _seconds, "grace": _seconds},
}
"""What each kind of file says besides the keys that every check has. Durations are kept in seconds."""

REQUIRED: Mapping[str, tuple[str, ...]] = {"http": ("url",), "command": ("argv",), "heartbeat": ("period",)}
