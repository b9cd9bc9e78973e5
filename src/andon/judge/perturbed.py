"""Replays evidence with fresh values: what only knows the recorded rows, ids or days by heart is still red on it."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from typing import NamedTuple

from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.rows.both import both
from andon.judge.rows.perturb import Perturbed, perturb
from andon.models import Proof, Replay

NAME = "perturbed replay"
GENTLER = ("names", "times", "numbers")
MEASURES = frozenset({"numbers"})
"""Kinds that may set numbers at odds with each other (a sum, a checksum): red after them is for a person to judge."""
SAME = 0.2
"""Where numbers moved, the base may make so much more or fewer rows red, as a share."""


class Tried(NamedTuple):
    """One perturbation, replayed on the base and with the patch."""

    kind: str
    perturbed: Perturbed
    base: Replay
    head: Replay
    expected: int
    """Rows that offend when the evidence is replayed on the base as it was recorded."""

    @property
    def shown(self) -> bool:
        """Whether the base is red on it and the patch green."""
        return self.base.red and self.head.green

    @property
    def travels(self) -> bool:
        """Whether the very same symptom came along: as many rows offend on the base as before."""
        total = self.base.result.total if self.base.red and self.base.result else 0
        slack = self.expected * SAME if self.perturbed.numbers else 0
        return total > 0 and abs(total - self.expected) <= slack

    @property
    def words(self) -> str:
        def said(replay: Replay) -> str:
            crashed = replay.result is None or not (replay.red or replay.green)
            return "crashed" if crashed else f"{replay.result.total if replay.result else 0} rows"

        fresh = self.perturbed
        what = f"{fresh.names} names, {fresh.days} days and {fresh.numbers} numbers new"
        return f"{self.kind} ({what}): {said(self.base)} on the base, {said(self.head)} with the patch"


def perturbed_replay(hearing: Hearing) -> Proof | None:
    """Holds when the patch is green on the evidence with fresh names, days and numbers too.

    A perturbation counts where the base is red on it. It counts against the patch only where the base makes as many
    rows red as before, twice with other values: then the very same symptom is there, with other names or days.
    """
    if not hearing.replayable:
        return None
    seed = secret(hearing)
    proof = proven(hearing, random.Random(seed))
    known = hashlib.sha256(seed.encode()).hexdigest()[:12]
    return proof.model_copy(update={"details": (*proof.details, f"seed {known}: its hash, the record keeps the seed")})


def proven(hearing: Hearing, rng: random.Random) -> Proof:
    """Returns what perturbations of one seed show."""
    tried: list[Tried] = []
    for one in attempts(hearing, rng):
        tried.append(one)
        if one.travels and not one.head.green:
            return refuted(hearing, rng, tried)
        if one.kind == "everything" and one.shown:
            break
    words = [one.words for one in tried]
    doubtful = [one for one in tried if one.base.red and one.head.red and one.kind in ("names", "times")]
    if doubtful:
        return needs_eyes(NAME, f"fresh values leave other rows red with the patch: {doubtful[0].words}", words)
    shown = [one for one in tried if one.shown]
    if shown:
        what = "all of it" if shown[0].kind == "everything" else " and ".join(one.kind for one in shown)
        return holds(NAME, f"green with fresh values too ({what}): {shown[0].words}", words)
    if not any(one.perturbed.changed for one in tried):
        return holds(NAME, "the evidence holds no name, day or measure that code could know by heart", words)
    return needs_eyes(NAME, "with fresh values the symptom did not come back on the base, so nothing was shown", words)


def attempts(hearing: Hearing, rng: random.Random) -> Iterator[Tried]:
    """Yields perturbations with their replays: everything at once, and, as long as asked on, one thing at a time."""
    for kind in ("everything", *GENTLER):
        found = attempt(hearing, kind, rng)
        if found is not None:
            yield found


def attempt(hearing: Hearing, kind: str, rng: random.Random) -> Tried | None:
    """Returns one perturbation with its two replays; None when the evidence has nothing of its kind."""
    base = both(hearing).base.replay
    expected = base.result.total if base.result else 0
    perturbed = perturb(hearing.recorded, kind, rng)
    if not perturbed.changed:
        return None

    def replay(diff: str) -> Replay:
        with hearing.at(diff) as tree:
            return tree.replay(hearing.ticket_check, perturbed.evidence)

    on_base, on_head = hearing.side_by_side(lambda: replay(""), lambda: replay(hearing.source_diff))
    return Tried(kind, perturbed, on_base, on_head, expected)


def refuted(hearing: Hearing, rng: random.Random, tried: list[Tried]) -> Proof:
    """Returns what a red head means: tried again one thing at a time, as a number may contradict another one."""
    words = [one.words for one in tried]
    for kind in GENTLER:
        again = attempt(hearing, kind, rng)
        if again is None:
            continue
        tried.append(again)
        words = [one.words for one in tried]
        if kind not in MEASURES and again.travels and not again.head.green:
            return fails(NAME, f"the same symptom with other {kind} is not gone: {again.words}", words)
    red = next(one for one in reversed(tried) if one.travels and not one.head.green)
    return needs_eyes(NAME, f"the symptom comes back with fresh values: {red.words}", words)


def secret(hearing: Hearing) -> str:
    """Returns the seed of this hearing's perturbations: the given one, or one that nobody knows beforehand."""
    known = hearing.seed or int.from_bytes(os.urandom(8), "big")
    return hashlib.sha256(f"{NAME} {known}".encode()).hexdigest()
