"""Asks the history which commit turned the replay red; it names none that its own parent does not clear."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from andon.agents.search.bisect import Bisected, Colour, bisect, confirm
from andon.agents.search.lanes import time_of
from andon.agents.search.replays import Replays
from andon.errors import GitError
from andon.protocols import Case, CommitEntry

COMMITS = 200
"""Commits of the past that a bisect reaches."""
CONFIRMED = 2
"""Suspicious changes of the brief that are tried before bisecting."""


def find_change(case: Case, replays: Replays) -> Bisected | None:
    """Returns the bisect of the history with the replay as the test; None when there is one commit only."""
    entries = case.history.log(case.workspace.commit, limit=COMMITS)[::-1]
    commits = [entry.commit for entry in entries]
    if len(commits) < 2:
        return None
    named = [change.commit for change in case.brief.changes if change.kind == "commit" and change.commit in commits]
    for suspect in named[:CONFIRMED]:
        found = confirm(commits, suspect, lambda asked: replays.colours(asked, traced=asked[:1]))
        if found is not None:
            return settled(case, replays, found)
    return settled(case, replays, bisect(commits, replays.colours, start=before_onset(case, entries)))


def settled(case: Case, replays: Replays, found: Bisected) -> Bisected:
    """Returns a bisect whose good commit is the culprit's own parent; without a culprit when that parent is not green.

    The log puts branches that ran side by side into one line, in which a neighbour need not be a parent.
    """
    if found.culprit is None:
        return found
    try:
        parent = case.history.log(f"{found.culprit}^", limit=1)[0].commit
    except GitError:
        return found._replace(culprit=None)  # a root commit: nothing came before it
    if parent == found.good:
        return found
    colours = replays.colours([parent])
    if colours[parent] is not Colour.GREEN:
        return found._replace(culprit=None, colours={**found.colours, **colours})
    return found._replace(good=parent, colours={**found.colours, **colours})


def before_onset(case: Case, entries: Sequence[CommitEntry]) -> int:
    """Returns the index of the newest commit older than the first offending row; the last but one when none is."""
    began = onset_of(case)
    older = [index for index, entry in enumerate(entries[:-1]) if began is not None and entry.at < began]
    # The commit that was running when it began is itself a suspect: the one before it is the likely good one.
    return max(older[-1] - 1, 0) if older else len(entries) - 2


def onset_of(case: Case) -> datetime | None:
    """Returns when it began: the brief's change point, else the oldest recorded offending row."""
    if case.brief.onset is not None:
        return case.brief.onset.at
    times = [time_of(row.get(case.evidence.at)) for row in case.evidence.rows] if case.evidence.at else []
    return min((time for time in times if time is not None), default=None)
