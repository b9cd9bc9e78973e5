"""Compares all that two replays wrote, row by row: what was healthy stays, and no row is lost on the way to green."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from andon.judge.hearing import Hearing
from andon.judge.outcome import BrokenError, fails, holds, needs_eyes
from andon.judge.rows.both import Both, both
from andon.judge.rows.queries import tables_read
from andon.judge.rows.tables import Paired, Table, Written, differing, known, pair
from andon.models import Check, Outcome, Proof, Row

NAME = "differential"
LEAST = 3
"""Fewer rows than this may share a value by chance."""
SHOWN = 3
"""Of the differences, the largest are shown."""
LOUD = ("CRITICAL", "ERROR", "WARNING", "WARN")
NUMBERS = re.compile(r"\d+")
LEVELS = re.compile(r"\b(CRITICAL|ERROR|WARNING|WARN|INFO|DEBUG)\b")


class Compared(NamedTuple):
    """One table of both replays, and what the check has to do with it."""

    base: Table
    head: Table
    rows: Paired
    read: bool
    """The check reads it."""
    home: bool
    """Its rows are those that offend: they hold the key of an offending row."""
    offending: frozenset[str]
    """Keys of the offending rows."""
    key: tuple[str, ...]
    columns: tuple[str, ...]
    """Columns that are compared."""

    def offends(self, row: Row) -> bool:
        """Whether a row of the base offends."""
        return self.home and known(row, self.key) in self.offending

    @property
    def gone(self) -> tuple[Row, ...]:
        """Rows of the base whose key is nowhere in the table with the patch."""
        there = {known(row, self.key) for row in self.head.rows} if self.home else set()
        return tuple(row for row in self.rows.lost if not self.home or known(row, self.key) not in there)

    @property
    def mended(self) -> tuple[tuple[Row, Row], ...]:
        """Offending rows that are otherwise now."""
        return tuple(one for one in self.rows.changed if self.offends(one[0]))

    @property
    def words(self) -> str:
        """What became of the table, for a person."""
        parts = [f"{self.base.name}: {self.base.total} rows, {self.head.total} with the patch"]
        parts += [f"{count} {what}" for what, count in self._counts() if count]
        return ", ".join(parts)

    def _counts(self) -> list[tuple[str, int]]:
        return [("changed", len(self.rows.changed)), ("gone", len(self.gone)), ("new", len(self.rows.new))]


class Finding(NamedTuple):
    """One thing that a fix does not do, or seldom does."""

    outcome: Outcome
    words: str


def differential(hearing: Hearing) -> Proof | None:
    """Holds when the patch makes the offending rows right, keeps them, and leaves the healthy ones as they were.

    Fails where nothing is left to ask about, or where every offending row is simply gone. Rows that are gone, healthy
    rows that changed, and offending rows that all hold one new constant are for a person's eyes, and so is trouble that
    is logged in the same words at a lower level.
    """
    if not hearing.replayable:
        return None
    wrote = both(hearing)
    if wrote.base.replay.result is None or wrote.head.replay.result is None:
        raise BrokenError("one of the two replays crashed when it was run again: there is nothing to compare")
    compared = compare(hearing.ticket_check, wrote)
    details = [one.words for one in compared if one.rows.changed or one.rows.lost or one.rows.new]
    details += logged(wrote)
    found = [*findings_in(hearing.ticket_check, compared), *hushed(wrote)]
    findings = sorted(found, key=lambda one: one.outcome is not Outcome.FAILS)
    lines = [*[one.words for one in findings], *details]
    if findings and findings[0].outcome is Outcome.FAILS:
        return fails(NAME, findings[0].words, lines)
    if findings:
        return needs_eyes(NAME, findings[0].words, lines)
    rows = sum(table.total for table in wrote.base.tables.values())
    mended = sum(len(one.mended) for one in compared)
    gone = sum(len(one.gone) for one in compared)
    return holds(
        NAME,
        f"{rows} rows in {len(compared)} tables compared: {mended} offending rows made right, {gone or 'no'} rows gone",
        lines,
    )


def compare(check: Check, wrote: Both) -> list[Compared]:
    """Returns every table of the base beside what it is with the patch; those that the check reads first."""
    order = [name.rpartition(".")[2].strip('"') for name in tables_read(check)]
    offending = frozenset(known(row, check.key) for row in wrote.base.offending) if check.key else frozenset()
    found = []
    for name in {**wrote.base.tables, **wrote.head.tables}:
        base, head = beside(wrote.base.tables.get(name), wrote.head.tables.get(name))
        serials = base.serials | head.serials
        keyed = bool(check.key) and set(check.key) <= set(base.columns)
        home = keyed and name in order and any(known(row, check.key) in offending for row in base.rows)
        columns = tuple(column for column in base.columns if column not in serials)
        rows = pair(base, head, ignored=serials, key=check.key if keyed else ())
        found.append(Compared(base, head, rows, name in order, home, offending, check.key, columns))
    return sorted(found, key=lambda one: (not one.home, not one.read))


def beside(base: Table | None, head: Table | None) -> tuple[Table, Table]:
    """Returns a table of both sides; one that is not there is empty."""
    there = base or head
    assert there is not None
    empty = there._replace(rows=(), total=0)
    return base or empty, head or empty


def findings_in(check: Check, compared: Sequence[Compared]) -> Iterator[Finding]:
    """Yields everything that speaks against the patch, or that a person should see."""
    for one in compared:
        if one.base.total and not one.head.total:
            outcome = Outcome.FAILS if one.read else Outcome.NEEDS_EYES
            yield Finding(outcome, f"nothing is left in {one.base.name}: {one.base.total} rows on the base")
        elif one.home:
            yield from losses(check, one, compared)
            yield from changes(one)
            yield from painted(one)
        elif one.read and one.gone:
            yield Finding(Outcome.NEEDS_EYES, f"{len(one.gone)} rows that the check reads are gone: {one.words}")
        elif len(one.gone) - len(one.rows.new) > len(one.offending):
            yield Finding(Outcome.NEEDS_EYES, f"more rows are gone than offended: {one.words}")


def losses(check: Check, one: Compared, compared: Sequence[Compared]) -> Iterator[Finding]:
    """Yields what it means that rows of the table that offended are gone."""
    bad = [row for row in one.gone if one.offends(row)]
    healthy = len(one.gone) - len(bad)
    keys = {known(row, one.key) for row in bad}
    if healthy:
        yield Finding(Outcome.NEEDS_EYES, f"{healthy} healthy rows are gone: {one.words}")
    if not bad:
        return
    words = f"{len(keys)} of {len(one.offending)} offending rows are gone from {one.base.name}"
    grouped = is_grouped(check)
    if len(keys) < len({known(row, one.key) for row in one.base.rows if one.offends(row)}):
        if not grouped:  # a sum over rows that should not have been there may rightly be gone
            yield Finding(Outcome.NEEDS_EYES, words)
    elif grouped or kept_elsewhere(bad, one, compared):
        yield Finding(Outcome.NEEDS_EYES, f"{words}, all of them")
    else:
        yield Finding(Outcome.FAILS, f"{words}, all of them: they were left out and not made right")


def is_grouped(check: Check) -> bool:
    """Tells whether a check asks of groups: its rows are sums over other rows."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(check.query, dialect="postgres")
    except sqlglot.errors.SqlglotError:
        return True
    return tree.find(exp.Group, exp.AggFunc) is not None


def kept_elsewhere(bad: Sequence[Row], one: Compared, compared: Sequence[Compared]) -> bool:
    """Tells whether new rows in other tables name at least half of those that are gone: put aside with a reason."""
    texts = "\n".join(
        str(value) for other in compared if other is not one for row in other.rows.new for value in row.values()
    )
    named = [row for row in bad if any(len(str(row[name])) > LEAST and str(row[name]) in texts for name in one.key)]
    return len(named) * 2 >= len(bad)


def changes(one: Compared) -> Iterator[Finding]:
    """Yields the healthy rows that changed, unless they are a few that were wrong in the same way as the offending."""
    healthy = [pair for pair in one.rows.changed if not one.offends(pair[0])]
    if not healthy:
        return
    wrong = {name for pair in one.mended for name in differing(*pair, one.columns)}
    touched = Counter(name for pair in healthy for name in differing(*pair, one.columns))
    if set(touched) <= wrong and len(healthy) * 2 <= len(one.mended):
        return
    told = "; ".join(
        f"{name}: {example[0].get(name)!r} became {example[1].get(name)!r}"
        for name, _ in touched.most_common(SHOWN)
        for example in [next(pair for pair in healthy if name in differing(*pair, one.columns))]
    )
    yield Finding(Outcome.NEEDS_EYES, f"{len(healthy)} healthy rows of {one.base.name} changed ({told[:400]})")


def painted(one: Compared) -> Iterator[Finding]:
    """Yields the columns in which all mended rows hold one and the same value that no healthy row holds."""
    healthy = [row for row in one.base.rows if not one.offends(row)]
    for name in one.columns:
        now = {known(new, (name,)) for old, new in one.mended if name in differing(old, new, (name,))}
        count = sum(name in differing(old, new, (name,)) for old, new in one.mended)
        others = {known(row, (name,)) for row in healthy}
        if count >= LEAST and len(now) == 1 and len(others) > 1 and not now & others:
            words = f"all {count} rows that offended now hold {name} = {now.pop()[1:-1]}, which no healthy row holds"
            yield Finding(Outcome.NEEDS_EYES, words)


def hushed(wrote: Both) -> Iterator[Finding]:
    """Yields what the base logs as trouble and the patch says in the same words at a lower level, or not as often."""

    def loud(written: Written) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for line in (written.replay.ran.stdout + written.replay.ran.stderr).splitlines():
            if level := LEVELS.search(line):
                words = " ".join(NUMBERS.sub("#", line[: level.start()] + line[level.end() :]).split())
                found.setdefault(words, Counter())[level[1]] += 1
        return found

    before, after = loud(wrote.base), loud(wrote.head)
    for words, levels in before.items():
        now = after.get(words, Counter())
        was = [level for level in LOUD if levels[level]]
        if was and now and sum(now[level] for level in LOUD) < sum(levels[level] for level in LOUD) <= now.total():
            less = next(level for level in now if level not in LOUD)
            yield Finding(Outcome.NEEDS_EYES, f"what was logged as {was[0]} is logged as {less}: {words[:200]}")


def logged(wrote: Both) -> list[str]:
    """Returns how often each level of a log was written, where it changed."""

    def levels(written: Written) -> Counter[str]:
        ran = written.replay.ran
        return Counter(LEVELS.findall(ran.stdout + ran.stderr))

    before, after = levels(wrote.base), levels(wrote.head)
    return [
        f"log level {level}: {before[level]} lines on the base, {after[level]} with the patch"
        for level in sorted({*before, *after})
        if before[level] != after[level]
    ]
