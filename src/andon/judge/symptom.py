"""Rebuilds the symptom without and with the patch and asks the judge's own check of it, from outside the process."""

from __future__ import annotations

import hashlib

from andon.errors import GitError
from andon.judge.hearing import Hearing, identity
from andon.judge.outcome import BrokenError, fails, holds, needs_eyes
from andon.judge.rows.both import both
from andon.judge.symptom_command import command_on_base, command_on_head
from andon.models import Proof, Replay

NO_REPLAY = "there is no replay for this check, so the symptom itself was never seen: {}"


def symptom_on_base(hearing: Hearing) -> Proof | None:
    """Holds when the recorded evidence, replayed on the base, makes the check red."""
    name = "symptom on base"
    if hearing.check is None:
        return command_on_base(hearing)
    if not hearing.replayable:
        return needs_eyes(name, NO_REPLAY.format("the base was not shown to be red"))
    replay = both(hearing).base.replay
    if not replay.red and not replay.green:
        raise BrokenError(f"the replay crashed on the base: {crash(replay)}")
    if replay.green:
        return fails(name, "the recorded evidence, replayed on the base, makes no offending row")
    return holds(
        name, f"{rows(replay)} offend when the evidence is replayed on the base; {hearing.recorded.total} were recorded"
    )


def symptom_on_head(hearing: Hearing) -> Proof | None:
    """Holds when the same replay with the patch's source, and no test of it, makes the check green."""
    name = "symptom on head"
    if hearing.check is None:
        return command_on_head(hearing)
    if not hearing.replayable:
        return needs_eyes(name, NO_REPLAY.format("the head was not shown to be green"))
    base, head = both(hearing).base.replay, both(hearing).head.replay
    if head.red:
        return fails(name, f"{rows(head)} still offend with the patch")
    if not head.green:
        return fails(name, f"the replay crashed with the patch: {crash(head)}")
    before = base.result.total if base.result else 0
    return holds(name, f"{before} offending rows on the base, none with the patch")


def old_evidence(hearing: Hearing) -> Proof | None:
    """Holds when the check that opened the ticket still goes red on the old evidence, for the same rows.

    The check comes from the judge's hands; whatever the patch's tree says about it is never read.
    """
    name = "old evidence"
    if hearing.check is None:
        return None
    if not hearing.replayable:
        return needs_eyes(name, NO_REPLAY.format("the check's own sharpness was not shown"))
    pinned = is_pinned(hearing)
    with hearing.at("") as base:
        replay = base.replay(hearing.ticket_check, hearing.recorded)
    if replay.green:
        return fails(name, "the check was red on the evidence once and green the second time: it is not steady")
    if not replay.red or replay.result is None:
        raise BrokenError(f"the replay crashed on the base: {crash(replay)}")
    key = hearing.recorded.key
    recorded = {identity(row, key) for row in hearing.recorded.rows}
    same = [row for row in replay.result.rows if identity(row, key) in recorded]
    if not pinned:
        return needs_eyes(
            name, f"red again, but {hearing.ticket_check.path} at the base is not the check that opened the ticket"
        )
    if not same:
        return needs_eyes(name, f"red again ({rows(replay)}), but none of them is a row that was recorded")
    sha = hearing.ticket_check.sha256[:12]
    return holds(name, f"still red: {rows(replay)}, {len(same)} of those shown as recorded; the check is {sha}")


def is_pinned(hearing: Hearing) -> bool:
    """Tells whether the base holds the very check that opened the ticket; true when it lies elsewhere."""
    check = hearing.ticket_check
    for path in (check.path, f"{hearing.settings.folder.strip('/')}/{check.path}".lstrip("/")):
        if path in hearing.existing:
            try:
                text = hearing.history.show(hearing.patch.base, path)
            except GitError as error:
                raise BrokenError(f"{path} cannot be read at the base: {error}") from error
            return hashlib.sha256(text.encode()).hexdigest() == check.sha256
    return True


def rows(replay: Replay) -> str:
    """Returns how many rows offend, in words."""
    total = replay.result.total if replay.result else 0
    return "1 row" if total == 1 else f"{total} rows"


def crash(replay: Replay) -> str:
    """Returns why a replay gave neither red nor green."""
    if replay.result is not None and replay.result.message:
        return replay.result.message
    return replay.ran.words or f"it exited with {replay.ran.code}"
