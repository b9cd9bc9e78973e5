"""The homework before any agent starts: what a machine can compute about a red check, and no guess beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from andon.brief.attributes import parse_time
from andon.brief.changes import rank_changes
from andon.brief.contrast import Found, find_contrasts
from andon.brief.labels import split, tell_apart
from andon.brief.onset import beginning, find_onset
from andon.brief.render import render_brief
from andon.brief.sql import asked_columns, asks_of_groups, columns_of, tables_of
from andon.errors import GitError
from andon.models import Brief, Check, Evidence, Memory, Row
from andon.protocols import Answer, DataSource, History

__all__ = [
    "asked_columns",
    "columns_of",
    "compute_brief",
    "deploys_of",
    "find_contrasts",
    "find_onset",
    "render_brief",
    "rules_of",
    "split",
    "tables_of",
]

RULES_LIMIT = 8 * 1024
"""Bytes of the system's rules that a brief carries."""
DEPLOYS_KEPT = 500
NONE_SURE = "No contrast: no row of the population is healthy for sure."
RULES_FILES = ("AGENTS.md", "rules.md")


def compute_brief(
    *,
    check: Check,
    evidence: Evidence,
    population: Answer | None,
    history: History,
    branch_head: str,
    deploys: Sequence[tuple[datetime, str]] = (),
    upstream_red: Sequence[str] = (),
    memories: Sequence[Memory] = (),
    rules: str = "",
    now: datetime,
    folder: str = "",
    dialect: str = "postgres",
    offending: Answer | None = None,
    first_red: datetime | None = None,
) -> Brief:
    """Returns what is known about a red check before an agent starts.

    `population` is the answer to the check's population query; `offending` its main query asked again with many rows
    kept, when the evidence holds only some of them. `first_red` is the first failing sweep, where it is known (the
    alert's `since`): it stands for the onset when the rows have no time. `history` is the only thing that is read.
    """
    grouped = asks_of_groups(check.query, dialect)
    bad, good, remark = labelled_rows(evidence, population, offending, grouped=grouped)
    asked = asked_columns(check.query, dialect)
    found = find_contrasts(bad, good, key=check.key, asked=asked) if bad and good else Found((), "")
    onset = find_onset(bad, good, check.at)
    began = beginning(onset, evidence, offending.rows if offending else evidence.rows, first_red)
    tables = tables_of(check.query, dialect) if check.query else ()
    changes = rank_changes(
        history,
        branch_head,
        onset=began,
        tables=tables,
        columns=columns_of(check.query, dialect) if check.query else (),
        deploys=deploys,
        now=now,
        folder=folder,
        without=check.path.rpartition("/")[0],
    )
    return Brief(
        contrasts=found.contrasts,
        contrast_note=" ".join(filter(None, (found.note, remark))),
        onset=onset,
        changes=changes,
        upstream_red=tuple(upstream_red),
        memories=tuple(memories),
        rules=capped(rules),
        tables=tables,
    )


def labelled_rows(
    evidence: Evidence, population: Answer | None, offending: Answer | None, *, grouped: bool = False
) -> tuple[list[Row], list[Row], str]:
    """Returns offending rows, healthy rows, and what about them makes a comparison weaker.

    `grouped`: the check asks of groups of the population's rows, not of the rows themselves.
    """
    rows = list(offending.rows) if offending else list(evidence.rows)
    total = offending.total if offending else evidence.total
    if population is None:
        return rows, [], "No contrast: the check has no population that could be asked, so nothing to compare with."
    if not population.rows:
        return rows, [], "No contrast: the population query gave no rows."
    if not rows:
        return [], list(population.rows), "No contrast: the offending rows themselves are not known."
    found = tell_apart(population.rows, rows, evidence.key, grouped=grouped)
    remarks = [found.remark] if found.remark else []
    if total > len(rows):
        remarks.append(f"Only {len(rows):,} of {total:,} offending rows are known; some counted as healthy may offend.")
    if population.total > len(population.rows):
        remarks.append(f"Compared with the first {len(population.rows):,} of {population.total:,} rows.")
    if not found.good and "No contrast" not in found.remark:
        remarks.append("No contrast: every row of the population offends." if not found.unclear else NONE_SURE)
    if evidence.at and found.bad and all(evidence.at not in row for row in population.rows[:1]):
        remarks.append(f"The population lacks {evidence.at}, so no change point in time can be looked for.")
    return found.bad, found.good, " ".join(remarks)


def rules_of(history: History, commit: str, folder: str = "", named: str = "") -> str:
    """Returns the system's rules for agents at a commit: the named file, or AGENTS.md or rules.md; empty for none."""
    home = f"{folder.strip('/')}/" if folder.strip("/.") else ""
    wanted = [named] if named else [prefix + name for prefix in dict.fromkeys((home, "")) for name in RULES_FILES]
    for path in wanted:
        try:
            return capped(history.show(commit, path))
        except GitError:  # not there: the next place
            continue
    return ""


def deploys_of(query: str, data: DataSource | None) -> tuple[tuple[datetime, str], ...]:
    """Returns (at, commit) of past deploys as the system's own query tells them; empty without a query or data.

    Raises:
        DataError: the query could not be asked.
    """
    if not query.strip() or data is None:
        return ()
    rows = data.ask(query, rows_kept=DEPLOYS_KEPT).rows
    timed = [(parse_time(row.get("at")), str(row.get("commit") or "")) for row in rows]
    return tuple((at if at.tzinfo else at.replace(tzinfo=UTC), commit) for at, commit in timed if at is not None)


def capped(text: str, limit: int = RULES_LIMIT) -> str:
    """Returns a text cut to so many bytes, saying so at its end."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    words = f"\n[cut: {len(data):,} bytes in all]"
    return data[: limit - len(words)].decode("utf-8", "ignore") + words
