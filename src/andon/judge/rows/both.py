"""Runs the two replays whose every row is compared, once for all the proofs that look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from andon.judge.hearing import Hearing
from andon.judge.rows.restore import restoring
from andon.judge.rows.tables import Table, Written, write
from andon.protocols import Change


class Both(NamedTuple):
    """What the replay wrote on the base and with the patch, where it was then given the base's rows."""

    base: Written
    head: Written


def both(hearing: Hearing) -> Both:
    """Returns what both replays wrote; the second ends with the tables filled as the base filled them."""
    kept = vars(hearing)  # like a cached property of the hearing, which need not know who looks at tables
    if "both" not in kept:
        base = write(hearing, "")

        def touch(tables: dict[str, Table], postgres: bool) -> Sequence[Change]:
            return restoring(tables, base.tables, postgres=postgres)

        kept["both"] = Both(base, write(hearing, hearing.source_diff, touch))
    found = kept["both"]
    assert isinstance(found, Both)
    return found
