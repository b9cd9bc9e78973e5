"""Ranks the commits and deploys before the onset by what they touch; it points, and never accuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import NamedTuple

from andon.brief.onset import Beginning
from andon.errors import GitError
from andon.models import Change
from andon.protocols import CommitEntry, History
from andon.quoting import counted

WINDOW = timedelta(days=14)
"""How long before the onset a change is still looked at."""
SLACK = timedelta(minutes=5)
"""Clocks of a committer and a database differ: so much after the onset a commit still counts as before."""
COMMITS = 200
DIFFS = 30
"""Commits, the nearest first, whose diff is read."""
FILES = 500
"""Source files that are read to find out who writes the check's tables."""
FILE_LIMIT = 300_000
SOURCE = re.compile(r"\.(py|sql|js|ts|go|rs|rb|java|kt|scala|sh|toml|ya?ml|json|cfg|ini)$")
TESTLIKE = re.compile(r"(^|/)(tests?|docs?|examples?)/|(^|/)test_[^/]*$|_test\.\w+$|\.(md|rst|txt)$|^\.github/")
SHOWN = 10


class Roles(NamedTuple):
    """What files have to do with a check's tables."""

    writers: frozenset[str]
    """Files that write one of the tables."""
    readers: frozenset[str]
    """Files that only name one."""
    near: frozenset[str]
    """Files that a writer imports, directly or through one other, or that import one."""


def rank_changes(
    history: History,
    head: str,
    *,
    onset: Beginning | None,
    tables: Sequence[str],
    columns: Sequence[str],
    deploys: Sequence[tuple[datetime, str]] = (),
    now: datetime,
    folder: str = "",
    without: str = "",
) -> tuple[Change, ...]:
    """Returns commits and deploys of the window before the onset (or before now), most suspicious first.

    What came after the onset cannot have caused it and is left out; each change tells what it came before. `without`
    is a folder whose files ask about the tables and write none: that of the checks.
    """
    began = onset or Beginning(now, "now")
    until = began.at
    commits = [entry for entry in history.log(head, limit=COMMITS, since=until - WINDOW) if entry.at <= until + SLACK]
    roles = file_roles(history, head, tables, folder, without)
    shipped = deployed_commits(deploys, commits, until)
    scored = [
        scored_commit(history, entry, roles, columns, began, shipped, read=place < DIFFS)
        for place, entry in enumerate(commits)
    ]
    scored += [scored_deploy(at, commit, began) for at, commit in deploys if until - WINDOW <= at <= until + SLACK]
    return tuple(sorted(scored, key=lambda change: (-change.score, -change.at.timestamp()))[:SHOWN])


def file_roles(history: History, head: str, tables: Sequence[str], folder: str, without: str) -> Roles:
    """Returns which source files write the tables, name them, or lie one import away from a writer."""
    names = [re.escape(table) for table in tables]
    if not names:
        return Roles(frozenset(), frozenset(), frozenset())
    named = re.compile(rf"\b({'|'.join(names)})\b", re.IGNORECASE)
    written = re.compile(
        rf"\b(insert\s+(or\s+\w+\s+)?into|update|merge\s+into|copy|truncate|delete\s+from)[\s\"'`(]{{1,6}}(\w+\.)?"
        rf"[\"'`]?({'|'.join(names)})\b"
        rf"|\b\w*(insert|write|save|append|to_sql|upsert|add)\w*\(\s*([\w.]+\s*,\s*)?[\"'](\w+\.)?({'|'.join(names)})[\"']",
        re.IGNORECASE,
    )
    texts = dict(source_texts(history, head, folder, without))
    readers = {path for path, text in texts.items() if named.search(text)}
    writers = {path for path in readers if written.search(texts[path])}
    return Roles(frozenset(writers), frozenset(readers - writers), frozenset(neighbours(texts, writers)))


def source_texts(history: History, head: str, folder: str, without: str) -> Iterable[tuple[str, str]]:
    """Yields (path, text) of the source files of the system, tests and documents aside."""
    prefix = f"{folder.strip('/')}/" if folder.strip("/.") else ""
    paths = [path for path in history.files(head) if path.startswith(prefix) and SOURCE.search(path)]
    paths = [path for path in paths if not TESTLIKE.search(path) and not (without and f"/{without}/" in f"/{path}")]
    for path in paths[:FILES]:
        try:
            yield path, history.show(head, path)[:FILE_LIMIT]
        except (GitError, UnicodeDecodeError):  # a submodule or a binary file: names no table
            continue


def neighbours(texts: Mapping[str, str], writers: set[str]) -> set[str]:
    """Returns the Python files that writers import, directly or through one other, and those that import a writer."""
    module_of = {PurePosixPath(path).stem: path for path in texts if path.endswith(".py")}
    imports = {
        path: {module_of[word] for word in imported_words(text) if word in module_of} for path, text in texts.items()
    }
    direct = {other for path in writers for other in imports[path]}
    through = {other for path in direct for other in imports[path]}
    return (direct | through | {path for path, others in imports.items() if others & writers}) - writers


def imported_words(text: str) -> set[str]:
    """Returns every word of a file's import statements."""
    return set(re.findall(r"\w+", " ".join(re.findall(r"^\s*(?:from|import)\s+.*", text, re.MULTILINE))))


def deployed_commits(
    deploys: Sequence[tuple[datetime, str]], commits: Sequence[CommitEntry], until: datetime
) -> frozenset[str]:
    """Returns the commits that the last deploy before the onset brought in; empty when that is not known."""
    before = sorted(item for item in deploys if item[0] <= until + SLACK)
    if len(before) < 2:
        return frozenset()
    order = [entry.commit for entry in commits]

    def place(commit: str) -> int:
        found = [index for index, full in enumerate(order) if commit and full.startswith(commit)]
        return found[0] if found else len(order)

    last, earlier = place(before[-1][1]), place(before[-2][1])
    return frozenset(order[last:earlier])


def scored_commit(
    history: History,
    entry: CommitEntry,
    roles: Roles,
    columns: Sequence[str],
    began: Beginning,
    shipped: frozenset[str],
    *,
    read: bool,
) -> Change:
    """Returns a commit with its score, and the score in words."""
    files = set(entry.files)
    reasons: list[tuple[float, str]] = []
    if hit := sorted(files & roles.writers):
        reasons.append((4.0, f"touches {hit[0]}, which writes the check's tables"))
    if hit := sorted(files & roles.near):
        reasons.append((2.0, f"touches {hit[0]}, at most two imports away from what writes them"))
    if hit := sorted(files & roles.readers):
        reasons.append((1.5, f"touches {hit[0]}, which names them"))
    if read and (words := mentioned(history, entry.commit, columns)):
        reasons.append((min(2.0, 0.7 * len(words)), f"its changed lines mention {', '.join(words[:4])}"))
    if entry.commit in shipped:
        reasons.append((1.5, "came with the last deploy before it"))
    if files and all(TESTLIKE.search(path) for path in files):
        reasons.append((-1.0, "touches only tests or documents"))
    hours = max(0.0, (began.at - entry.at).total_seconds() / 3600)
    return Change(
        kind="commit",
        at=entry.at,
        commit=entry.commit,
        title=entry.subject,
        files=entry.files,
        score=round(max(0.1, 1.0 + sum(points for points, _ in reasons)) * nearness(hours), 3),
        why="; ".join([*(words for _, words in reasons), before(entry.at, began)]),
    )


def mentioned(history: History, commit: str, columns: Sequence[str]) -> list[str]:
    """Returns the columns that the changed lines of a commit name."""
    try:
        diff = history.diff(f"{commit}^", commit)
    except GitError:  # the first commit has nothing before it
        return []
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    words = set(re.findall(r"\w+", "\n".join(lines).lower()))
    return [column for column in columns if column in words]


def scored_deploy(at: datetime, commit: str, began: Beginning) -> Change:
    """Returns a deploy with its score: nearness alone, as what it brought is scored as commits."""
    hours = max(0.0, (began.at - at).total_seconds() / 3600)
    return Change(
        kind="deploy",
        at=at,
        commit=commit,
        title=f"deploy of {commit[:12] or 'an unknown commit'}",
        score=round(2.0 * nearness(hours), 3),
        why=before(at, began),
    )


def nearness(hours: float) -> float:
    """Returns how much a change counts by its age: 1 at the onset, a half three days before, never nothing."""
    return 0.1 + 0.9 / (1.0 + hours / 72)


def before(at: datetime, began: Beginning) -> str:
    """Returns how long before the beginning a change came, and what tells the beginning."""
    what = began.basis if began.basis == "now" else f"{began.basis} at {began.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    hours = (began.at - at).total_seconds() / 3600
    return f"{ago(hours)} before {what}" if hours >= 0 else f"{ago(-hours)} after {what}, as far as clocks agree"


def ago(hours: float) -> str:
    """Returns a span in the unit that a person would say."""
    if hours < 1.5:
        return counted(round(hours * 60), "minute")
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
