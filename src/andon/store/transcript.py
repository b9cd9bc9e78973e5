"""What agents did and said for a ticket, for people who look later; bounded, and never a fact."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from andon.models import Line
from andon.store import tables as t
from andon.store.papers import Part, whole

MOST_LINES = 5000
"""Lines of one ticket; the last one kept says that it is full."""
MOST_CHARACTERS = 4000
"""Of one line."""
FULL = "the transcript is full: nothing more of this ticket is kept"


class Transcripts(Part):
    """Lines of tickets, in the order in which they came."""

    def add_line(self, ticket: int, actor: str, kind: str, text: str, *, now: datetime) -> None:
        """Keeps a line; a long one is cut, and nothing is kept once the ticket has as many as it may."""

        def change(connection: Connection) -> None:
            counted = select(func.count()).select_from(t.transcripts).where(t.transcripts.c.ticket == ticket)
            lines = int(connection.execute(counted).scalar_one())
            if lines >= MOST_LINES:
                return
            said = FULL if lines == MOST_LINES - 1 else whole(cut(text))
            row = {"ticket": ticket, "at": now, "actor": actor[:100], "kind": kind[:40], "text": said}
            connection.execute(insert(t.transcripts).values(**row))

        self._db.write(change)

    def list_lines(self, ticket: int, *, after: int = 0, limit: int = MOST_LINES) -> tuple[Line, ...]:
        """Returns a ticket's lines after the last one seen, oldest first."""
        query = (
            select(t.transcripts)
            .where(t.transcripts.c.ticket == ticket, t.transcripts.c.id > after)
            .order_by(t.transcripts.c.id)
            .limit(limit)
        )

        def ask(connection: Connection) -> tuple[Line, ...]:
            rows = connection.execute(query).all()
            return tuple(
                Line(id=row.id, ticket=row.ticket, at=row.at, actor=row.actor, kind=row.kind, text=row.text)
                for row in rows
            )

        return self._db.read(ask)


def cut(text: str) -> str:
    """Returns a text of bounded length; what is left out of its middle is said."""
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out ...]\n{text[-half:]}"
