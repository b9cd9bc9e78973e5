"""Reads every table that a replay wrote and pairs the rows of two replays; it judges none of them."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from andon.judge.hearing import Hearing
from andon.judge.rows.queries import question
from andon.models import Check, CheckResult, CheckState, Replay, Row
from andon.protocols import Change

ROWS = 3000
"""Rows of each table that are read."""
MOST_TABLES = 60
MOST_PAIRS = 300
"""Rows of one table without a partner among which the most similar ones are sought."""
ALIKE = 0.5
"""Share of the columns that must be equal for two rows to be one row that changed."""
CLOSE = timedelta(hours=1)
"""Moments closer than this are one: a patch takes its own time."""
PLACES = re.compile(r"(?<=/)(?:run|tree|scratch|tmp)-?[0-9A-Za-z_]{6,}")
"""Folders of one replay, which have another name in the next."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
LISTINGS = (
    "select name as table_name, type as kind, '' as column_name, '' as data_type, '' as written"
    " from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by name",
    "select c.table_name, t.table_type as kind, c.column_name, c.data_type,"
    " c.is_generated || coalesce(c.identity_generation, '') as written"
    " from information_schema.columns c join information_schema.tables t"
    " on t.table_schema = c.table_schema and t.table_name = c.table_name"
    " where c.table_schema = 'public' order by c.table_name, c.ordinal_position",
)
"""Which tables there are, for each kind of database: one of the two can be asked."""


class Table(NamedTuple):
    """One table or view after a replay."""

    name: str
    view: bool
    rows: tuple[Row, ...]
    total: int
    types: dict[str, str]
    """Type of each column, where the database tells."""
    computed: frozenset[str]
    """Columns that cannot be written."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.rows[0]) if self.rows else tuple(self.types)

    @property
    def whole(self) -> bool:
        return len(self.rows) == self.total

    @property
    def serials(self) -> frozenset[str]:
        """Columns that only number the rows."""
        return frozenset(name for name in self.columns if is_serial([row[name] for row in self.rows]))


class Written(NamedTuple):
    """What one replay left behind."""

    replay: Replay
    tables: dict[str, Table]
    postgres: bool
    after: dict[str, Table]
    """The tables once they were touched; empty when nobody did."""
    again: CheckResult | None
    """The check's answer once the tables were touched."""

    @property
    def offending(self) -> tuple[Row, ...]:
        return self.replay.result.rows if self.replay.result else ()


class Paired(NamedTuple):
    """The rows of one table in two replays."""

    same: int
    changed: tuple[tuple[Row, Row], ...]
    lost: tuple[Row, ...]
    new: tuple[Row, ...]


Touch = Callable[[dict[str, Table], bool], Sequence[Change]]
"""(tables, are they Postgres's) -> changes to make in them."""


def write(hearing: Hearing, diff: str, touch: Touch | None = None) -> Written:
    """Returns what a replay with a diff leaves behind, every table of it, and what is there after a touch."""
    check = hearing.ticket_check.model_copy(update={"rows_kept": ROWS})
    listings = tuple(question(check, query, ROWS) for query in LISTINGS)

    def then(answers: Sequence[CheckResult]) -> Sequence[Check]:
        return [question(check, f"select * from {quoted(name)}", ROWS) for name in names_in(answers)]

    def touched(answers: Sequence[CheckResult]) -> Sequence[Change]:
        assert touch is not None
        return touch(tables_in(answers), is_postgres(answers))

    with hearing.at(diff) as tree:
        replay = tree.replay(
            check, hearing.recorded, more=listings, then=then, touch=touched if touch is not None else None
        )
    if not replay.answers:
        return Written(replay, {}, False, {}, None)
    count = len(LISTINGS) + len(names_in(replay.answers))
    after = replay.answers[count + 1 :]
    return Written(
        replay=replay,
        tables=tables_in(replay.answers[:count]),
        postgres=is_postgres(replay.answers),
        after=tables_in((*replay.answers[: len(LISTINGS)], *after)) if after else {},
        again=replay.answers[count] if len(replay.answers) > count else None,
    )


def is_postgres(answers: Sequence[CheckResult]) -> bool:
    return answers[0].state is CheckState.ERROR


def names_in(answers: Sequence[CheckResult]) -> tuple[str, ...]:
    """Returns the names of all tables, from the answers to the listings."""
    found = (str(row["table_name"]) for answer in answers[: len(LISTINGS)] for row in answer.rows)
    return tuple(dict.fromkeys(found))[:MOST_TABLES]


def tables_in(answers: Sequence[CheckResult]) -> dict[str, Table]:
    """Returns the tables, from the answers to the listings and one answer each."""
    listed = [row for answer in answers[: len(LISTINGS)] for row in answer.rows]
    tables = {}
    for name, answer in zip(names_in(answers), answers[len(LISTINGS) :], strict=False):
        of_table = [row for row in listed if row["table_name"] == name]
        tables[name] = Table(
            name=name,
            view=any("view" in str(row["kind"]).lower() for row in of_table),
            rows=answer.rows,
            total=answer.total,
            types={str(row["column_name"]): str(row["data_type"]) for row in of_table if row["column_name"]},
            computed=frozenset(str(row["column_name"]) for row in of_table if "ALWAYS" in str(row["written"])),
        )
    return tables


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def is_serial(values: Sequence[JsonValue]) -> bool:
    """Tells whether values are different whole numbers without great gaps."""
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) != len(values) or len(set(numbers)) != len(numbers) or len(numbers) < 2:
        return False
    return max(numbers) - min(numbers) < len(numbers) * 2 and min(numbers) >= 0


# --- pairing --------------------------------------------------------------------------------------------------------


def pair(before: Table, after: Table, *, ignored: Iterable[str] = (), key: Sequence[str] = ()) -> Paired:
    """Returns how the rows of two replays belong together: equal ones first, then by a key, then the most alike."""
    left_out = frozenset(ignored)
    columns = [name for name in before.columns if name not in left_out]
    old, new, same = without_equals(before.rows, after.rows, columns)
    changed: list[tuple[Row, Row]] = []
    for names in (key, *[(name,) for name in columns]):
        if names and set(names) <= set(columns):
            old, new = matched(old, new, names, changed)
    old, new = most_alike(old, new, columns, changed)
    real = tuple(one for one in changed if differing(*one, columns))
    return Paired(same + len(changed) - len(real), real, tuple(old), tuple(new))


def without_equals(old: Sequence[Row], new: Sequence[Row], columns: Sequence[str]) -> tuple[list[Row], list[Row], int]:
    """Returns the rows of both sides that have no equal on the other, and how many do."""
    waiting = Counter(known(row, columns) for row in new)
    lost = []
    for row in old:
        text = known(row, columns)
        if waiting[text]:
            waiting[text] -= 1
        else:
            lost.append(row)
    fresh = []
    for row in reversed(new):
        text = known(row, columns)
        if waiting[text]:
            waiting[text] -= 1
            fresh.append(row)
    return lost, fresh[::-1], len(old) - len(lost)


def known(row: Row, columns: Sequence[str]) -> str:
    """Returns what columns of a row hold, as text; names of a replay's own folders left out."""
    return PLACES.sub("-", json.dumps([row.get(name) for name in columns], sort_keys=True))


def differing(old: Row, new: Row, columns: Iterable[str]) -> tuple[str, ...]:
    """Returns the columns in which two rows differ; moments may be a little apart."""
    return tuple(
        name
        for name in columns
        if known(old, (name,)) != known(new, (name,)) and not close(old.get(name), new.get(name))
    )


def close(old: JsonValue, new: JsonValue) -> bool:
    """Tells whether two values are moments next to each other."""
    moments = []
    for value in (old, new):
        if not isinstance(value, str) or not MOMENT.fullmatch(value):
            return False
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return False
        moments.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return abs(moments[0] - moments[1]) < CLOSE


def matched(
    old: Sequence[Row], new: Sequence[Row], names: Sequence[str], changed: list[tuple[Row, Row]]
) -> tuple[list[Row], list[Row]]:
    """Pairs rows by columns whose values are texts and all different on both sides; returns the others."""
    there: dict[str, list[Row]] = defaultdict(list)
    for row in new:
        there[known(row, names)].append(row)
    here = Counter(known(row, names) for row in old)
    texts = all(isinstance(row.get(name), str) for row in (*old, *new) for name in names[:1])
    if not texts or any(count > 1 for count in here.values()) or any(len(rows) > 1 for rows in there.values()):
        return list(old), list(new)
    rest = []
    for row in old:
        partner = there.pop(known(row, names), None)
        if partner:
            changed.append((row, partner[0]))
        else:
            rest.append(row)
    return rest, [row for rows in there.values() for row in rows]


def most_alike(
    old: Sequence[Row], new: Sequence[Row], columns: Sequence[str], changed: list[tuple[Row, Row]]
) -> tuple[list[Row], list[Row]]:
    """Pairs rows that agree in most columns; returns the others."""
    left = list(new)
    rest = list(old[MOST_PAIRS:])
    for row in old[:MOST_PAIRS]:
        scored = [
            (sum(row.get(name) == other.get(name) for name in columns), place)
            for place, other in enumerate(left[:MOST_PAIRS])
        ]
        best = max(scored, default=(0, 0), key=lambda one: (one[0], -one[1]))
        if columns and best[0] / len(columns) > ALIKE:
            changed.append((row, left.pop(best[1])))
        else:
            rest.append(row)
    return rest, left
