"""Runs the replays that a diagnosis asks for, each once, side by side; it draws no conclusion from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from andon.agents.search.bisect import Colour
from andon.errors import GitError
from andon.models import Evidence, Replay
from andon.protocols import Case

RESERVE = timedelta(seconds=20)
"""Nothing new is started this near the deadline: the chain still has to be told."""


class Asked(NamedTuple):
    """One replay that is wanted."""

    commit: str
    diff: str = ""
    evidence: Evidence | None = None
    """None: the ticket's own."""
    trace: bool = False


Name = tuple[str, str, str]


class Replays:
    """The replays of one case. Keeps what ran; a traced replay also answers for the same one without a trace."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.kept: dict[Name, tuple[bool, Replay | None]] = {}
        self.count = 0

    def run(self, wanted: Sequence[Asked]) -> list[Replay | None]:
        """Returns the replays, in order; None where a diff does not apply, a commit is gone, or the time is up."""
        fresh: dict[Name, Asked] = {}
        for asked in wanted:
            name = name_of(asked)
            trace = asked.trace or (name in fresh and fresh[name].trace)
            if name not in self.kept or (trace and not self.kept[name][0]):
                fresh[name] = asked._replace(trace=trace)
        if fresh and seconds_left(self.case) > RESERVE.total_seconds():
            with ThreadPoolExecutor(max_workers=max(1, self.case.workers)) as pool:
                for name, replay in zip(fresh, pool.map(self.one, fresh.values()), strict=True):
                    self.kept[name] = (fresh[name].trace, replay)
                    self.count += 1
        return [self.kept.get(name_of(asked), (False, None))[1] for asked in wanted]

    def one(self, asked: Asked) -> Replay | None:
        workspace, check = self.case.workspace, self.case.check
        evidence = asked.evidence or self.case.evidence
        if asked.commit == workspace.commit and asked.diff == workspace.diff:
            return workspace.replay(check, evidence, trace=asked.trace)
        try:
            with workspace.at(asked.commit, asked.diff) as other:
                return other.replay(check, evidence, trace=asked.trace)
        except GitError:
            return None  # nothing to replay there: the caller sees that it has no answer

    def colours(self, commits: Sequence[str], *, traced: Sequence[str] = ()) -> Mapping[str, Colour]:
        """Returns how the evidence replays at commits; one that has no answer counts as crashed."""
        replays = self.run([Asked(commit, trace=commit in traced) for commit in commits])
        return {commit: colour(replay) for commit, replay in zip(commits, replays, strict=True)}


def name_of(asked: Asked) -> Name:
    return asked.commit, asked.diff, asked.evidence.fingerprint if asked.evidence else ""


def colour(replay: Replay | None) -> Colour:
    """Returns how a replay ended: a crash, or a check that could not be asked, is neither red nor green."""
    if replay is None:
        return Colour.CRASHED
    return Colour.RED if replay.red else Colour.GREEN if replay.green else Colour.CRASHED


def seconds_left(case: Case) -> float:
    """Returns the seconds until the ticket's time is used up."""
    return (case.deadline - datetime.now(UTC)).total_seconds()
