"""Holds what is signed and shipped to the record of its verdict, and judges a record's inputs again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from andon.errors import ConfigError, ConflictError, NotFoundError
from andon.judge.record import Origin, Record, Tape, differing_inputs, differing_proofs, read_record, write_record
from andon.models import Attempt, Proof, Verdict
from andon.quoting import visible

if TYPE_CHECKING:
    from andon.app import App
    from andon.protocols import Sandbox


class Again(NamedTuple):
    """What came of judging a record's inputs again."""

    verdict: Verdict
    inputs: tuple[str, ...]
    """Names of the inputs that are other ones by now."""
    proofs: tuple[str, ...]
    """What the two verdicts say differently; empty when they are the same."""
    record: Record | None
    """The record of the new verdict."""

    @property
    def same(self) -> bool:
        """Tells whether both say the same in every outcome."""
        return not self.proofs


def save_record(app: App, ticket: int, attempt: int, record: Record) -> None:
    """Keeps the record of an attempt's verdict."""
    app.store.save_record(ticket, attempt, write_record(record), sha256=record.sha256, now=record.made_at)


def find_record(app: App, ticket: int, attempt: int | None = None) -> Record | None:
    """Returns the record of an attempt's verdict, or of the ticket's last one."""
    kept = app.store.find_record(ticket, attempt)
    return read_record(kept.text, f"the record of ticket {ticket}") if kept else None


def on_record(app: App, attempt: Attempt) -> str:
    """Returns the hash of the record on which an attempt's verdict stands; empty for one made before records were kept.

    Raises:
        ConflictError: patch, verdict and record are not of one piece.
    """
    what = f"attempt {attempt.number} of ticket {attempt.ticket}"
    verdict, patch = attempt.verdict, attempt.patch
    if verdict is None or patch is None or verdict.patch != patch.fingerprint:
        raise ConflictError(f"{what} is not what was judged")
    if not verdict.record:
        return ""
    kept = app.store.find_record(attempt.ticket, attempt.number)
    try:
        record = read_record(kept.text) if kept else None
    except ConfigError as error:
        raise ConflictError(f"{what}: its record cannot be read: {error}") from error
    if kept is None or record is None or {kept.sha256, record.sha256} != {verdict.record}:
        raise ConflictError(
            f"{what}: its verdict is not the one on record; `andon judge {attempt.ticket}` judges again"
        )
    if record.patch.fingerprint != patch.fingerprint or record.verdict != verdict.model_copy(update={"record": ""}):
        raise ConflictError(f"{what} is not what its record says was judged")
    return verdict.record


# --- judging again ----------------------------------------------------------------------------------------------------


def load_record(path: Path) -> Record:
    """Returns the record in a file.

    Raises:
        ConfigError: it cannot be read, or is no record.
    """
    try:
        return read_record(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", file=path) from error


def judge_change_again(
    record: Record,
    repository: Path,
    *,
    cache: Path,
    sandbox: Sandbox,
    at: datetime,
    heard: Callable[[Proof], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> Again:
    """Returns what the judge says of a person's change now, with the seed of a record.

    Raises:
        ConflictError: the commits do not bring the change that was judged.
        GitError: they are not in the repository.
    """
    from andon.pullrequest import Asked, judge_change

    origin = record.origin
    asked = Asked(
        repository, record.inputs.base, origin.head, record.patch.tests, record.inputs.symptom,
        Path(origin.python) if origin.python else None, origin.suite, origin.junit,
    )  # fmt: skip
    tape = Tape(origin, at=at)
    judged = judge_change(
        asked, cache=cache, sandbox=sandbox, seed=record.secret, tape=tape, heard=heard, progress=progress
    )
    return compared(record, judged, tape)


def judge_ticket_again(app: App, record: Record, *, heard: Callable[[Proof], None] = lambda _: None) -> Again:
    """Returns what the judge says of a ticket's patch now, on the evidence and with the seed of a record.

    Raises:
        NotFoundError: the ticket, or the evidence that was judged, is not in this store.
    """
    from andon import steps
    from andon.models import digest

    ticket = record.origin.ticket
    if ticket is None:
        raise NotFoundError("the record is of no ticket")
    known = app.store.list_evidence(ticket)
    evidence = next((one for one in known if digest(one.model_dump(mode="json")) == record.inputs.evidence), None)
    if evidence is None:
        raise NotFoundError(f"ticket {ticket} has not the evidence that the record speaks of: it is of another store")
    tape = Tape(Origin(system=record.origin.system, ticket=ticket, attempt=record.origin.attempt), at=app.now())
    judged = steps.verdict_on(app, ticket, record.patch, seed=record.secret, evidence=evidence, tape=tape, heard=heard)
    return compared(record, judged, tape)


def compared(record: Record, judged: Verdict, tape: Tape) -> Again:
    """Returns how a new verdict differs from a record's.

    Raises:
        ConflictError: it is of another patch.
    """
    if judged.patch != record.patch.fingerprint:
        raise ConflictError("the commits do not bring the change that was judged then")
    now = tape.record
    inputs = differing_inputs(record.inputs, now.inputs) if now else ()
    return Again(judged, inputs, tuple(visible(line, 400) for line in differing_proofs(record.verdict, judged)), now)
