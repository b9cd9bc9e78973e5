"""Puts the base's bad rows into what the patch wrote and asks the check again: it must still find them."""

from __future__ import annotations

from andon.judge.hearing import Hearing
from andon.judge.outcome import BrokenError, fails, holds, needs_eyes
from andon.judge.rows.both import both
from andon.judge.rows.queries import tables_read
from andon.judge.rows.tables import Table, Written, pair
from andon.models import CheckState, Proof

NAME = "sensitivity"


def sensitivity(hearing: Hearing) -> Proof | None:
    """Holds when the check turns red on the patched system's own database once that holds the base's rows again.

    Fails when it stays green because what the check reads is another thing now: a view, or a table that takes bad rows
    and shows none. A row that the database refuses (a new constraint) is no such thing.
    """
    if not hearing.replayable:
        return None
    base, head = both(hearing)
    if head.again is None or base.replay.result is None:
        raise BrokenError("one of the two replays crashed when it was run again: no row could be put back")
    if head.again.state is CheckState.ERROR:
        return fails(NAME, f"the check cannot be asked any more once bad rows are there: {head.again.message[:300]}")
    refused = head.again.message
    if head.again.total and not refused and head.again.total < base.replay.result.total:
        words = f"only {head.again.total} of {base.replay.result.total} bad rows are found when they are put back"
        return needs_eyes(NAME, words)
    if head.again.total:
        words = f"{head.again.total} of {base.replay.result.total} bad rows are found when they are put back"
        return holds(NAME, words, [f"refused: {refused}"] if refused else [])
    names = [name.rpartition(".")[2].strip('"') for name in tables_read(hearing.ticket_check)]
    return missed(base, head, names)


def missed(base: Written, head: Written, names: list[str]) -> Proof:
    """Returns what it means that the check stays green although the base's rows were put back."""
    turned = [name for name in names if name in head.tables and head.tables[name].view and not is_view(base, name)]
    if turned:
        return fails(NAME, f"{turned[0]} was a table and is a view now: the check stays green on bad rows")
    refused = head.again.message if head.again else ""
    if refused:
        return holds(NAME, "the database refuses the bad rows, so that the check has nothing to find", [refused])
    for name in names:
        if name in head.after and not as_wanted(head.after[name], base.tables[name]):
            return fails(NAME, f"bad rows that are put into {name} do not stay there: the check stays green on them")
    if not any(name in base.tables for name in names):
        return holds(NAME, "what the check reads lies where no row can be put in", names)
    return needs_eyes(NAME, "the check stays green although its tables hold the base's rows again")


def is_view(written: Written, name: str) -> bool:
    return name in written.tables and written.tables[name].view


def as_wanted(now: Table, wanted: Table) -> bool:
    """Tells whether a table holds the wanted rows, but for columns that only number them."""
    paired = pair(now, wanted, ignored=now.serials | wanted.serials | now.computed)
    return not (paired.changed or paired.lost or paired.new)
