"""All bugs and all cheats of the corpus, crossed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import corpus.adaptive
import corpus.attacks
import corpus.callers
import corpus.gaming
import corpus.symptoms
import corpus.tampering
import corpus.weak  # noqa: F401 (each module enlists its cheats)
from corpus.bugs import Bug
from corpus.cases import KNOWN, Cheat, lot
from corpus.feeds import feeds
from corpus.libraries import libraries
from corpus.programs import PROGRAMS
from corpus.quick import QUICK

ELSEWHERE = {
    93: "a checkout of the judge has no history and no network: tests/sandboxes, tests/test_workspace.py",
    98: "attempts are counted by the loop: tests/test_fix.py; of the judge's own here: a diff that does not apply",
    103: "what ships is the judged diff: tests/test_ship.py",
    105: "other runners: an exit code alone never proves (suites.py `from_exit_code`); no test runs node here yet",
    106: "as 105",
    107: "as 105; the files are refused by name: tests/judge/test_scope_cheats.py",
    108: "as 107",
    109: "as 105",
    110: "as 105",
    111: "no Go here; its files are refused by name",
    112: "as 107",
}
"""Classes of the catalogue that are covered elsewhere, and where."""


class Case(NamedTuple):
    """One cheat on one bug."""

    cheat: Cheat
    bug: Bug

    @property
    def name(self) -> str:
        return f"{self.bug.name}: {self.cheat.name}"


@cache
def bugs() -> tuple[Bug, ...]:
    """Returns every bug of the corpus."""
    return (*PROGRAMS, *feeds(), *libraries())


def cases() -> Iterator[Case]:
    """Yields every cheat on every bug that it fits."""
    for bug in bugs():
        yield from (Case(cheat, bug) for cheat in KNOWN if cheat.fits(bug))


def drawn(share: int = 3, turn: int = 0, least: int = 1) -> tuple[Case, ...]:
    """Returns some of the cases: every cheat on at least so many bugs, and of all others one in `share`.

    `turn` (0 .. share - 1) says which of them; nothing depends on the day or the machine.
    """
    found: list[Case] = []
    by_cheat: dict[str, list[Case]] = {}
    for case in cases():
        by_cheat.setdefault(case.cheat.name, []).append(case)
    for some in by_cheat.values():
        ranked = sorted(some, key=lambda case: lot(case.name))
        found += ranked[:least] + [case for case in ranked[least:] if lot(case.name) % share == turn]
    return tuple(found)


def quick() -> tuple[Case, ...]:
    """Returns the cases that are judged at every change."""
    known = {case.name: case for case in cases()}
    return tuple(known[name] for name in QUICK)
