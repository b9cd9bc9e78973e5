"""The papers of a ticket, from evidence to release; what is saved twice is saved once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, JsonValue
from sqlalchemy import Connection, Table, func, insert, select

from andon.errors import ConflictError, NotFoundError
from andon.models import Approval, Attempt, Brief, Diagnosis, Event, Evidence, Release, Watched
from andon.store import tables as t
from andon.store.events import add_event
from andon.store.moving import get_ticket
from andon.store.papers import Part, dump, dump_value, load, load_value, sha256, upsert

M = TypeVar("M", bound=BaseModel)


class Note(NamedTuple):
    """A text that belongs to a ticket: a transcript, a report of what was tried."""

    name: str
    at: datetime
    text: str


class Work(Part):
    """What the stages found and decided about a ticket."""

    def save_evidence(self, ticket: int, evidence: Evidence) -> None:
        """Keeps evidence; every version is kept, so that a fix can be held against the old one too."""
        self._save_paper(t.evidence, ticket, evidence.check, evidence, evidence.asked_at)

    def find_evidence(self, ticket: int, check: str | None = None) -> Evidence | None:
        """Returns the newest evidence of a ticket: of its own check when none is named."""
        name = check or self._db.read(lambda connection: get_ticket(connection, ticket)).check
        return self._find_paper(Evidence, t.evidence, ticket, name)

    def get_evidence(self, ticket: int, check: str | None = None) -> Evidence:
        """Returns the newest evidence of a ticket: of its own check when none is named.

        Raises:
            NotFoundError: nothing was recorded.
        """
        return _there(self.find_evidence(ticket, check), f"ticket {ticket} has no evidence of {check or 'its check'}")

    def list_evidence(self, ticket: int) -> tuple[Evidence, ...]:
        """Returns all evidence of a ticket, of all checks and times, oldest first."""
        return self._list_papers(Evidence, t.evidence, ticket)

    def save_brief(self, ticket: int, brief: Brief, now: datetime) -> None:
        """Keeps a brief; the last one counts."""
        self._save_paper(t.briefs, ticket, "brief", brief, now)

    def find_brief(self, ticket: int) -> Brief | None:
        """Returns the last brief of a ticket."""
        return self._find_paper(Brief, t.briefs, ticket, "brief")

    def get_brief(self, ticket: int) -> Brief:
        """Returns the last brief of a ticket.

        Raises:
            NotFoundError: there is none.
        """
        return _there(self.find_brief(ticket), f"ticket {ticket} has no brief")

    def save_diagnosis(self, ticket: int, diagnosis: Diagnosis, now: datetime) -> None:
        """Keeps a diagnosis; earlier ones stay for the memory."""
        self._save_paper(t.diagnoses, ticket, diagnosis.lane.value, diagnosis, now)

    def find_diagnosis(self, ticket: int) -> Diagnosis | None:
        """Returns the last diagnosis of a ticket."""
        return self._find_paper(Diagnosis, t.diagnoses, ticket, None)

    def get_diagnosis(self, ticket: int) -> Diagnosis:
        """Returns the last diagnosis of a ticket.

        Raises:
            NotFoundError: there is none.
        """
        return _there(self.find_diagnosis(ticket), f"ticket {ticket} has no diagnosis")

    def list_diagnoses(self, ticket: int) -> tuple[Diagnosis, ...]:
        """Returns all diagnoses of a ticket, oldest first."""
        return self._list_papers(Diagnosis, t.diagnoses, ticket)

    def start_attempt(self, ticket: int, *, agent: str, now: datetime, number: int | None = None) -> Attempt:
        """Returns the ticket's next attempt; or, given a number, the attempt of that number: new, or as it is known."""

        def change(connection: Connection) -> Attempt:
            get_ticket(connection, ticket, lock=True)
            last = select(func.max(t.attempts.c.number)).where(t.attempts.c.ticket == ticket)
            chosen = number or (connection.execute(last).scalar_one() or 0) + 1
            attempt = Attempt(ticket=ticket, number=chosen, agent=agent, started_at=now)
            row = _attempt_row(connection, attempt)
            if upsert(connection, t.attempts, row, ("ticket", "number"), replace=False):
                return attempt
            return _get_attempt(connection, ticket, chosen)

        return self._db.write(change)

    def save_attempt(self, attempt: Attempt) -> None:
        """Writes what is now known of an attempt over what was known."""
        self._db.write(
            lambda connection: upsert(connection, t.attempts, _attempt_row(connection, attempt), ("ticket", "number"))
        )

    def get_attempt(self, ticket: int, number: int) -> Attempt:
        """Returns an attempt.

        Raises:
            NotFoundError: there is none of that number.
        """
        return self._db.read(lambda connection: _get_attempt(connection, ticket, number))

    def list_attempts(self, ticket: int) -> tuple[Attempt, ...]:
        """Returns the attempts of a ticket, in order."""
        query = select(t.attempts.c.doc).where(t.attempts.c.ticket == ticket).order_by(t.attempts.c.number)
        docs = self._db.read(lambda connection: connection.execute(query).scalars().all())
        return tuple(load(Attempt, doc) for doc in docs)

    def list_cause_attempts(self, cause: int) -> tuple[Attempt, ...]:
        """Returns the attempts of all tickets of a cause, in order."""
        c = t.attempts.c
        query = select(c.doc).where(c.cause == cause).order_by(c.ticket, c.number)
        docs = self._db.read(lambda connection: connection.execute(query).scalars().all())
        return tuple(load(Attempt, doc) for doc in docs)

    def fixes_on(self, day: date) -> int:
        """Returns how many tickets, over all systems, an attempt was started for on a day (UTC)."""
        start = datetime.combine(day, time(), UTC)
        c = t.attempts.c
        query = select(func.count(c.ticket.distinct())).where(
            c.started_at >= start, c.started_at < start + timedelta(days=1)
        )
        return int(self._db.read(lambda connection: connection.execute(query).scalar_one()))

    def save_approval(self, approval: Approval) -> Approval:
        """Returns the decision that stands: one a ticket's attempt, and the first one given.

        Raises:
            ConflictError: it was decided otherwise before; the message says by whom.
        """

        def change(connection: Connection) -> Approval:
            row: dict[str, object] = {
                "ticket": approval.ticket,
                "attempt": approval.attempt,
                "decision": approval.decision,
                "at": approval.at,
                "doc": dump(approval),
            }
            if upsert(connection, t.approvals, row, ("ticket", "attempt"), replace=False):
                return approval
            found = _find_approval(connection, approval.ticket, approval.attempt)
            assert found is not None
            if found.decision != approval.decision:
                raise ConflictError(
                    f"ticket {found.ticket}, attempt {found.attempt}: {found.who} chose {found.decision} before"
                )
            return found

        return self._db.write(change)

    def find_approval(self, ticket: int, attempt: int | None = None) -> Approval | None:
        """Returns the decision on an attempt, or the last one on the ticket when no attempt is named."""
        return self._db.read(lambda connection: _find_approval(connection, ticket, attempt))

    def list_approvals(self, ticket: int) -> tuple[Approval, ...]:
        """Returns the decisions on a ticket, by attempt."""
        query = select(t.approvals.c.doc).where(t.approvals.c.ticket == ticket).order_by(t.approvals.c.attempt)
        docs = self._db.read(lambda connection: connection.execute(query).scalars().all())
        return tuple(load(Approval, doc) for doc in docs)

    def save_release(self, release: Release) -> None:
        """Writes what is known of the release of an attempt: first the commit, later its deploy and its revert."""
        row: dict[str, object] = {
            "ticket": release.ticket,
            "attempt": release.attempt,
            "commit_hash": release.commit,
            "shipped_at": release.shipped_at,
            "doc": dump(release),
        }
        self._db.write(lambda connection: upsert(connection, t.releases, row, ("ticket", "attempt")))

    def get_release(self, ticket: int) -> Release:
        """Returns the last release of a ticket.

        Raises:
            NotFoundError: nothing of it shipped.
        """
        return _there(self.find_latest_release(ticket), f"nothing of ticket {ticket} has shipped")

    def find_latest_release(self, ticket: int) -> Release | None:
        """Returns the last release of a ticket."""
        return self._find_release(ticket, None)

    def find_release(self, ticket: int, commit: str) -> Release | None:
        """Returns the release of a ticket that is a certain commit."""
        return self._find_release(ticket, commit)

    def _find_release(self, ticket: int, commit: str | None) -> Release | None:
        c = t.releases.c
        query = select(c.doc).where(c.ticket == ticket).order_by(c.attempt.desc()).limit(1)
        if commit is not None:
            query = query.where(c.commit_hash == commit)
        doc = self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return load(Release, doc) if doc else None

    def list_releases(self, system: str | None = None, *, limit: int = 200) -> tuple[Release, ...]:
        """Returns releases, newest first."""
        query = select(t.releases.c.doc).order_by(t.releases.c.shipped_at.desc(), t.releases.c.id.desc()).limit(limit)
        if system is not None:
            query = query.join(t.tickets, t.tickets.c.id == t.releases.c.ticket).where(t.tickets.c.system == system)
        docs = self._db.read(lambda connection: connection.execute(query).scalars().all())
        return tuple(load(Release, doc) for doc in docs)

    def save_watched(self, ticket: int, watched: Watched) -> None:
        """Keeps what the last look at a shipped ticket saw."""
        row: dict[str, object] = {"ticket": ticket, "doc": dump(watched)}
        self._db.write(lambda connection: upsert(connection, t.watches, row, ("ticket",)))

    def find_watched(self, ticket: int) -> Watched | None:
        """Returns what the last look at a shipped ticket saw."""
        query = select(t.watches.c.doc).where(t.watches.c.ticket == ticket)
        doc = self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return load(Watched, doc) if doc else None

    def refute(self, ticket: int, now: datetime) -> None:
        """Marks the last root cause of a ticket as shown wrong, for the memory; twice is once."""

        def change(connection: Connection) -> None:
            get_ticket(connection, ticket, lock=True)
            query = select(t.diagnoses.c.doc).where(t.diagnoses.c.ticket == ticket).order_by(t.diagnoses.c.id.desc())
            doc = connection.execute(query.limit(1)).scalar_one_or_none()
            cause = load(Diagnosis, doc).root_cause if doc else ""
            if cause and cause not in refuted_causes(connection, [ticket]).get(ticket, set()):
                data: dict[str, JsonValue] = {"root_cause": cause}
                add_event(connection, ticket, "refuted", actor="loop", text=f"refuted: {cause}", data=data, now=now)

        self._db.write(change)

    def save_note(self, ticket: int, name: str, text: str, *, now: datetime) -> None:
        """Keeps a text of a ticket under a name; the last text of a name counts."""
        row: dict[str, object] = {"ticket": ticket, "name": name, "at": now, "doc": dump_value({"text": text})}
        self._db.write(lambda connection: upsert(connection, t.notes, row, ("ticket", "name")))

    def list_notes(self, ticket: int) -> tuple[Note, ...]:
        """Returns the texts of a ticket, oldest first."""
        query = select(t.notes).where(t.notes.c.ticket == ticket).order_by(t.notes.c.at, t.notes.c.name)
        rows = self._db.read(lambda connection: connection.execute(query).all())
        return tuple(Note(row.name, row.at, str(load_value(row.doc)["text"])) for row in rows)

    def _save_paper(self, table: Table, ticket: int, name: str, model: BaseModel, now: datetime) -> None:
        doc = dump(model)
        row = {"ticket": ticket, "name": name, "sha256": sha256(doc), "at": now, "doc": doc}

        def change(connection: Connection) -> None:
            get_ticket(connection, ticket, lock=True)
            query = select(table.c.sha256).where(table.c.ticket == ticket).order_by(table.c.id.desc())
            if table is t.evidence:
                known = connection.execute(query.where(table.c.name == name)).scalars().all()
            else:
                known = connection.execute(query.limit(1)).scalars().all()
            if row["sha256"] not in known:
                connection.execute(insert(table).values(**row))

        self._db.write(change)

    def _find_paper(self, kind: type[M], table: Table, ticket: int, name: str | None) -> M | None:
        query = select(table.c.doc).where(table.c.ticket == ticket).order_by(table.c.id.desc()).limit(1)
        if name is not None:
            query = query.where(table.c.name == name)
        doc = self._db.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return load(kind, doc) if doc else None

    def _list_papers(self, kind: type[M], table: Table, ticket: int) -> tuple[M, ...]:
        query = select(table.c.doc).where(table.c.ticket == ticket).order_by(table.c.id)
        docs = self._db.read(lambda connection: connection.execute(query).scalars().all())
        return tuple(load(kind, doc) for doc in docs)


def refuted_causes(connection: Connection, numbers: Sequence[int]) -> dict[int, set[str]]:
    """Returns ticket -> root causes that were marked as shown wrong."""
    query = select(t.events).where(t.events.c.ticket.in_(numbers), t.events.c.kind == "refuted")
    found: dict[int, set[str]] = {}
    for row in connection.execute(query).all():
        found.setdefault(row.ticket, set()).add(str(load(Event, row.doc).data["root_cause"]))
    return found


def _there(found: M | None, missing: str) -> M:
    if found is None:
        raise NotFoundError(missing)
    return found


def _attempt_row(connection: Connection, attempt: Attempt) -> dict[str, object]:
    return {
        "ticket": attempt.ticket,
        "number": attempt.number,
        "cause": get_ticket(connection, attempt.ticket).cause,
        "patch": attempt.patch.fingerprint if attempt.patch else None,
        "outcome": attempt.verdict.outcome.value if attempt.verdict else None,
        "started_at": attempt.started_at,
        "doc": dump(attempt),
    }


def _get_attempt(connection: Connection, ticket: int, number: int) -> Attempt:
    c = t.attempts.c
    doc = connection.execute(select(c.doc).where(c.ticket == ticket, c.number == number)).scalar_one_or_none()
    if doc is None:
        raise NotFoundError(f"ticket {ticket} has no attempt {number}")
    return load(Attempt, doc)


def _find_approval(connection: Connection, ticket: int, attempt: int | None) -> Approval | None:
    c = t.approvals.c
    query = select(c.doc).where(c.ticket == ticket).order_by(c.attempt.desc()).limit(1)
    if attempt is not None:
        query = query.where(c.attempt == attempt)
    doc = connection.execute(query).scalar_one_or_none()
    return load(Approval, doc) if doc else None
