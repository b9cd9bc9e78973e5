"""What earlier tickets taught: finds them by check and by words, refuted causes included; judges nothing itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from andon.models import Diagnosis, Event, Memory, Status, Ticket
from andon.store import tables as t
from andon.store.papers import Part, load
from andon.store.work import refuted_causes

TICKETS_READ = 500
"""The newest tickets of a system that are compared."""
MEMORIES_KEPT = 8
SAME_CHECK = 0.5
"""Similarity that a shared check is worth by itself; words give the rest up to 1."""
LEAST_SIMILAR = 0.15
STOP_WORDS = frozenset(
    (
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "in",
        "is",
        "it",
        "no",
        "of",
        "on",
        "or",
        "to",
    )
)


class _Cause(NamedTuple):
    """A root cause that was named for a ticket, and whether it was shown wrong."""

    text: str
    refuted: bool


class MemoryShelf(Part):
    """Implements `protocols.Recall`."""

    def memories(self, system: str, checks: Sequence[str], text: str, *, without: int) -> tuple[Memory, ...]:
        """Returns what earlier tickets of a system taught, most similar first.

        A ticket is similar by a shared check and by words (TF-IDF, cosine) of its title, checks and root causes. A
        cause counts as refuted when the alert fired again after it was named, or `refute` said so. Of the ticket
        `without` itself only refuted causes are told: that is how a reopened ticket learns from its first life.
        """
        tickets, causes = self._db.read(lambda connection: _read(connection, system))
        words = {
            ticket.id: Counter(tokens([ticket.title, *ticket.checks, *(cause.text for cause in causes[ticket.id])]))
            for ticket in tickets
        }
        weights = _rarity(words.values())
        wanted = Counter(tokens([text, *checks]))
        found: list[Memory] = []
        for ticket in tickets:
            likeness = _cosine(wanted, words[ticket.id], weights)
            similarity = min(1.0, likeness + SAME_CHECK) if set(checks) & set(ticket.checks) else likeness
            if ticket.id == without:
                found += [_memory(ticket, cause, 1.0) for cause in causes[ticket.id] if cause.refuted]
            elif similarity >= LEAST_SIMILAR:
                named = causes[ticket.id] or [_Cause("", False)]
                found += [_memory(ticket, cause, similarity) for cause in named]
        found.sort(key=lambda memory: (-memory.similarity, -memory.ticket))
        return tuple(found[:MEMORIES_KEPT])


def tokens(texts: Iterable[str]) -> list[str]:
    """Returns the words of texts in lower case; `snake_case` and `kebab-case` give their parts too."""
    words: list[str] = []
    for word in re.findall(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", " ".join(texts).lower()):
        parts = re.split(r"[_-]", word)
        words += [word, *parts] if len(parts) > 1 else [word]
    return [word for word in words if len(word) > 1 and word not in STOP_WORDS]


def _read(connection: Connection, system: str) -> tuple[list[Ticket], dict[int, list[_Cause]]]:
    newest = (
        select(t.tickets.c.id).where(t.tickets.c.system == system).order_by(t.tickets.c.id.desc()).limit(TICKETS_READ)
    )
    numbers = [int(number) for number in connection.execute(newest).scalars()]
    docs = connection.execute(select(t.tickets.c.doc).where(t.tickets.c.id.in_(numbers))).scalars()
    tickets = sorted((load(Ticket, doc) for doc in docs), key=lambda ticket: ticket.id)
    papers = select(t.diagnoses).where(t.diagnoses.c.ticket.in_(numbers)).order_by(t.diagnoses.c.id)
    shown_wrong = refuted_causes(connection, numbers)
    moves = select(t.events).where(t.events.c.ticket.in_(numbers), t.events.c.kind == "moved").order_by(t.events.c.id)
    fired: dict[int, list[Event]] = {}
    for row in connection.execute(moves).all():
        event = load(Event, row.doc)
        if event.new is Status.OPEN and event.old in (Status.SHIPPED, Status.RESOLVED):
            fired.setdefault(row.ticket, []).append(event)
    causes: dict[int, list[_Cause]] = {ticket.id: [] for ticket in tickets}
    for row in connection.execute(papers).all():
        text = load(Diagnosis, row.doc).root_cause
        fired_after = any(event.at >= row.at for event in fired.get(row.ticket, []))
        refuted = fired_after or text in shown_wrong.get(row.ticket, set())
        known = [cause for cause in causes[row.ticket] if cause.text != text]
        causes[row.ticket] = [*known, _Cause(text, refuted)]
    return tickets, causes


def _memory(ticket: Ticket, cause: _Cause, similarity: float) -> Memory:
    return Memory(
        ticket=ticket.id,
        title=ticket.title,
        status=ticket.status,
        root_cause=cause.text,
        refuted=cause.refuted,
        similarity=round(similarity, 3),
    )


def _rarity(documents: Iterable[Counter[str]]) -> dict[str, float]:
    """Returns word -> smoothed inverse document frequency."""
    listed = list(documents)
    counts = Counter(word for document in listed for word in document)
    return {word: 1.0 + math.log((1 + len(listed)) / (1 + count)) for word, count in counts.items()}


def _cosine(one: Counter[str], other: Counter[str], weights: Mapping[str, float]) -> float:
    def size(words: Counter[str]) -> float:
        return math.sqrt(sum((count * weights.get(word, 1.0)) ** 2 for word, count in words.items()))

    shared = sum(one[word] * other[word] * weights.get(word, 1.0) ** 2 for word in one.keys() & other.keys())
    return shared / (size(one) * size(other)) if shared else 0.0
