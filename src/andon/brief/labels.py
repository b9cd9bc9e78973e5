"""Tells offending rows of a population from healthy ones; where that cannot be told it says so and never guesses."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from andon.models import Row

MOST = 0.5
"""Share of the offending identities that must be found, or told apart, for a comparison to be worth something."""

Identity = Callable[[Row], str]


class Labelled(NamedTuple):
    """The rows of a population by what is known about them."""

    bad: list[Row]
    good: list[Row]
    unclear: int
    """Rows that may be either; they are in neither list."""
    remark: str
    """What about the labels makes a comparison weaker, or impossible; empty when nothing does."""


def split(population: Sequence[Row], offending: Sequence[Row], key: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """Returns the offending and the healthy rows of a population; rows that may be either are in neither.

    Whoever knows whether the check asks of groups calls `tell_apart`; here a column that only the offending rows have
    (a count, a sum), each with a key of its own, tells so.
    """
    found = tell_apart(population, offending, key, grouped=looks_grouped(population, offending, key))
    return found.bad, found.good


def tell_apart(population: Sequence[Row], offending: Sequence[Row], key: Sequence[str], *, grouped: bool) -> Labelled:
    """Returns a population's rows labelled, matched by key, or by all columns both have.

    A check that asks of groups (`grouped`) names with its key all rows of a group. Any other check means one row by
    each of its rows: where several share the key, the other columns that both sides have decide, and what they cannot
    decide is unclear. When the population does not hold most of the offending rows, these are taken as they are and
    both sides are cut down to the columns they share: a column that only one side has would separate them perfectly
    and say nothing.
    """
    if not population or not offending:
        return Labelled(list(offending), list(population), 0, "")
    common = sorted(set(population[0]) & set(offending[0]))
    lacking = [name for name in key if name not in common]
    shared = list(key) if key and not lacking else common
    if not shared:
        return Labelled([], [], len(population), "No contrast: the population has none of the offending rows' columns.")
    found = by_group(population, offending, shared) if grouped else by_row(population, offending, shared, common)
    remark = found.remark
    if lacking:
        words = f"The population lacks {', '.join(lacking)} of the key: matched by {', '.join(common)}."
        remark = f"{words} {remark}".strip()
    by_key = identity_by(shared)
    known = {by_key(row) for row in offending}
    unclear = known - {by_key(row) for row in found.bad} if found.unclear else set()
    if len(unclear) > MOST * len(known):
        return Labelled([], found.good, found.unclear, f"{remark} {cannot(shared)}".strip())
    if len({by_key(row) for row in found.bad}) >= MOST * len(known):
        return found._replace(remark=remark)
    bad, good = [project(row, common) for row in offending], [project(row, common) for row in found.good]
    return Labelled(bad, good, found.unclear, remark)


def by_group(population: Sequence[Row], offending: Sequence[Row], shared: Sequence[str]) -> Labelled:
    """Returns rows labelled by the group they are in."""
    identity = identity_by(shared)
    known = {identity(row) for row in offending}
    bad = [row for row in population if identity(row) in known]
    good = [row for row in population if identity(row) not in known]
    words = f"The check asks of groups: all rows of an offending {', '.join(shared)} count as offending."
    return Labelled(bad, good, 0, words if len(bad) > len(known) else "")


def by_row(
    population: Sequence[Row], offending: Sequence[Row], shared: Sequence[str], common: Sequence[str]
) -> Labelled:
    """Returns rows labelled one by one; a key that stands on several rows is told by the other common columns."""
    identity, exact = identity_by(shared), identity_by(common)
    wanted = defaultdict(list)
    for row in offending:
        wanted[identity(row)].append(exact(row))
    rows_of = defaultdict(list)
    for place, row in enumerate(population):
        rows_of[identity(row)].append(place)
    bad: set[int] = set()
    unclear: set[int] = set()
    for key, meant in wanted.items():
        places = rows_of.get(key, [])
        if len(places) <= len(meant):
            bad.update(places)
            continue
        sure, doubtful = decide([(place, exact(population[place])) for place in places], meant)
        bad.update(sure)
        unclear.update(doubtful)
    sides = [row for place, row in enumerate(population) if place in bad]
    good = [row for place, row in enumerate(population) if place not in bad and place not in unclear]
    return Labelled(sides, good, len(unclear), left_out(len(unclear), shared))


def decide(places: Sequence[tuple[int, str]], meant: Sequence[str]) -> tuple[list[int], list[int]]:
    """Returns which of the rows that share a key offend, and which of them may or may not."""
    want, have = Counter(meant), Counter(row for _, row in places)
    sure = [place for place, row in places if row in want and have[row] <= want[row]]
    twins = [place for place, row in places if row in want and have[row] > want[row]]
    strangers = sum(count for row, count in want.items() if row not in have)
    rest = [place for place, row in places if row not in want] if strangers else []
    return sure, twins + rest


def looks_grouped(population: Sequence[Row], offending: Sequence[Row], key: Sequence[str]) -> bool:
    """Tells whether offending rows look like groups: one a key, with a column that no row of the population has."""
    if not population or not offending or not key:
        return False
    identity = identity_by(key)
    return len({identity(row) for row in offending}) == len(offending) and bool(set(offending[0]) - set(population[0]))


def identity_by(columns: Sequence[str]) -> Identity:
    """Returns a function that gives a row's values in some columns as one text."""
    names = tuple(columns)
    return lambda row: json.dumps([row.get(name) for name in names], sort_keys=True)


def left_out(count: int, shared: Sequence[str]) -> str:
    """Returns the sentence about rows that are in neither list."""
    if not count:
        return ""
    rows = "1 row of the population shares" if count == 1 else f"{count:,} rows of the population share"
    return f"{rows} {', '.join(shared)} with an offending row and cannot be told from it: left out."


def cannot(shared: Sequence[str]) -> str:
    """Returns why there is no comparison when the key names several rows, and what to write."""
    return (
        f"No contrast: {', '.join(shared)} is not unique in the population, and no other column that both have tells "
        "offending rows from healthy ones. Name in `key` what identifies one row, and select it in both queries."
    )


def project(row: Row, columns: Sequence[str]) -> Row:
    """Returns a row with only some of its columns."""
    return {column: row.get(column) for column in columns}
