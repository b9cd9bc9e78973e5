"""Asks a check of this folder's checks/ of a database, as the watcher would; for tests only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

CHECKS = Path(__file__).parents[1] / "checks"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_SECTION = re.compile(r"^-- (population|evidence)(?: (\w+))?:\s*$", re.M)
_KEY = re.compile(r"^-- (\w+):\s*(.*)$")


@dataclass(frozen=True)
class Check:
    """One check file, taken apart."""

    header: dict[str, str]
    query: str
    population: str | None
    evidence: dict[str, str]


def read_check(name: str) -> Check:
    """The check of that name."""
    text = (CHECKS / f"{name}.sql").read_text(encoding="utf-8")
    header: dict[str, str] = {}
    lines, key = text.splitlines(), ""
    while lines and lines[0].startswith("--"):
        line = lines.pop(0)
        found = _KEY.match(line)
        if found:
            key, header[found[1]] = found[1], found[2]
        else:
            header[key] += " " + line.removeprefix("--").strip()
    parts = _SECTION.split("\n".join(lines))
    sections = list(zip(parts[1::3], parts[2::3], parts[3::3], strict=True))
    population = next((body for kind, _, body in sections if kind == "population"), None)
    return Check(header, parts[0], population, {name: body for kind, name, body in sections if kind == "evidence"})


def ask(url: str, name: str, *, now: datetime, since: datetime = LONG_AGO) -> list[dict[str, Any]]:
    """The offending rows."""
    return select(url, read_check(name).query, now=now, since=since)


def collect(url: str, name: str, *, now: datetime, since: datetime = LONG_AGO) -> dict[str, Any]:
    """What a ticket would record: the offending rows and the evidence for a replay."""
    check = read_check(name)
    return {
        "check": name,
        "asked_at": now.isoformat(),
        "rows": select(url, check.query, now=now, since=since),
        "context": {
            part: select(url, _with_offending(check.query, query), now=now, since=since)
            for part, query in check.evidence.items()
        },
    }


def select(url: str, query: str, *, now: datetime, since: datetime) -> list[dict[str, Any]]:
    """The rows a query gives."""
    text = re.sub(r"(?<!:):(now|since)\b", r"%(\1)s", query.replace("%", "%%"))
    with psycopg.connect(url, row_factory=dict_row) as conn:
        conn.execute("set transaction read only")
        return conn.execute(text.encode(), {"now": now, "since": since}).fetchall()


def _with_offending(query: str, evidence: str) -> str:
    rest = evidence.strip()
    if rest.startswith("with "):
        return f"with offending as ({query}), {rest.removeprefix('with ')}"
    return f"with offending as ({query}) {rest}"
