"""Looks for the cause of a red check by replays, lineage and history; it writes nothing, and `whys` words it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as Collection
from contextlib import suppress

from andon.agents.search import lanes
from andon.agents.search.bisect import Bisected
from andon.agents.search.deviance import deviations
from andon.agents.search.findings import (
    Change,
    Findings,
    call_path,
    functions_ran,
    functions_with_values,
)
from andon.agents.search.lineage import Writer, bare, executed_writers, find_writers
from andon.agents.search.localise import Spectrum, less, localise, spectrum
from andon.agents.search.replays import Asked, Replays, seconds_left
from andon.agents.search.reverts import reverts
from andon.agents.search.since import find_change
from andon.agents.search.slices import healthy_part
from andon.agents.search.source import (
    Lines,
    Sources,
    diff_blocks,
    functions,
    map_lines,
    read_sources,
    replay_paths,
)
from andon.agents.search.suspicion import hints_for, suspects_of, with_untraced
from andon.errors import AgentError, GitError
from andon.models import Diagnosis, Replay, Spend
from andon.protocols import Case

SUITE_SECONDS = 60.0
"""Most that the suite may take when its coverage is asked for."""
SUITE_SHARE = 0.2
"""Share of the time left that the suite may take."""


def diagnose(case: Case) -> tuple[Diagnosis, Spend]:
    """Returns the chain of whys of a red check, as far as facts carry it.

    Raises:
        AgentError: there is no time left for a single replay.
    """
    began = time.monotonic()
    replays = Replays(case)
    case.progress("replaying the evidence on the head commit")
    head = replays.run([Asked(case.workspace.commit, case.workspace.diff, trace=True)])[0]
    if head is None:
        raise AgentError("the ticket's time is used up before the first replay", permanent=True)
    if head.result is None or not (head.red or head.green):
        diagnosis = lanes.crashed(case, head)
    elif head.green:
        diagnosis = lanes.not_reproduced(case, replays)
    else:
        diagnosis = lanes.reproduced(gather(case, replays, head))
    return diagnosis, Spend(seconds=round(time.monotonic() - began, 3))


def gather(case: Case, replays: Replays, head: Replay) -> Findings:
    """Returns everything that replays, history and text tell about a failure that reproduces."""
    sources = read_tree(case)
    known = functions(sources)
    trace = {path: {line for line in lines if line > 0} for path, lines in head.trace.items() if path in sources}
    writers = in_order_of(case.check.query, find_writers(sources, case.brief.tables))
    wrote = executed_writers(writers, trace)
    case.progress(f"{len(wrote)} of {len(writers)} places that write the check's tables ran; looking for the change")
    bisected = find_change(case, replays)
    change, good, healthy = compare(case, replays, bisected, sources)
    passing = [spectrum("healthy evidence", healthy.trace, failed=False)] if healthy and healthy.green else []
    if good is not None and bisected is not None and bisected.good is not None:
        passing.append(spectrum("good commit", moved(case, good.trace, bisected.good, sources), failed=False))
    if change is None:
        passing += suite_spectra(case)
    ran = functions_ran(known, trace)
    origins = tuple(function for function, _ in functions_with_values(sources, case.brief.contrasts, trace))
    path = call_path(head.calls, wrote[0].function, known) if wrote and wrote[0].function else ()
    suspects = suspects_of(change, ran, origins, path)
    odd = deviations(known, suspects)
    hints = hints_for(change, path, origins, odd, ran)
    locations = with_untraced(
        localise(
            [spectrum("evidence", trace, failed=True), *passing],
            sources,
            hints=hints,
            culprits=change.touched if change else (),
        ),
        change,
    )
    seen: dict[str, set[int]] = {}
    for one in passing:
        for name, numbers in one.lines.items():
            seen.setdefault(name, set()).update(numbers)
    return Findings(
        case=case,
        sources=sources,
        head=head,
        writers=writers,
        wrote=wrote,
        path=path,
        origins=origins,
        bisected=bisected,
        change=change,
        healthy=healthy,
        only_failing=less(trace, seen) if passing else {},
        passing=len(passing),
        deviations=odd,
        suspects=suspects,
        locations=tuple(place for place in locations if place.path in sources),
    )


def in_order_of(query: str, writers: Sequence[Writer]) -> tuple[Writer, ...]:
    """Returns the writers of the table that a query names first in front: it is what the rows are of."""
    places = {bare(writer.table): re.search(rf"\b{re.escape(bare(writer.table))}\b", query, re.I) for writer in writers}
    first = {table: found.start() if found else len(query) for table, found in places.items()}
    return tuple(sorted(writers, key=lambda writer: (first[bare(writer.table)], writer.path, writer.start)))


def read_tree(case: Case) -> dict[str, str]:
    """Returns the production files of head, without those of the replay command itself."""
    paths = case.history.files(case.workspace.commit)
    sources = read_sources(case.workspace.root, paths)
    own = replay_paths(case.replay_argv, sources)
    return {path: text for path, text in sources.items() if path not in own}


def compare(
    case: Case, replays: Replays, bisected: Bisected | None, sources: Sources
) -> tuple[Change | None, Replay | None, Replay | None]:
    """Returns the culprit as seen from head, the traced replay of the good commit, and that of healthy evidence."""
    commit = case.workspace.commit
    culprit, good = (bisected.culprit, bisected.good) if bisected else (None, None)
    rest = healthy_part(case.evidence, case.brief.contrasts)
    blocks = diff_blocks(case.history.diff(good, culprit)) if culprit and good else ()
    then = texts_at(case, culprit, {block.path for block in blocks}, sources) if culprit else {}
    pieces = reverts(blocks, then, sources)
    asked = {
        "good": Asked(good, trace=True) if good else None,
        "healthy": Asked(commit, evidence=rest, trace=True) if rest else None,
        "culprit": Asked(culprit) if culprit else None,
        **{piece.diff: Asked(commit, piece.diff) for piece in pieces},
    }
    wanted = {name: one for name, one in asked.items() if one is not None}
    case.progress(f"comparing with {len(wanted)} more replays, {len(pieces)} of them without a piece of the change")
    ran = dict(zip(wanted, replays.run(list(wanted.values())), strict=True))
    before, after = ran.get("good"), ran.get("culprit")
    entry = next(iter(case.history.log(culprit, limit=1)), None) if culprit else None
    if not culprit or not good or entry is None or before is None or after is None:
        return None, before, ran.get("healthy")
    deciding = [piece for piece in pieces if lanes.is_green(ran.get(piece.diff))]
    whole = "" if deciding else case.history.diff(culprit, good)
    if whole and not lanes.is_green(replays.run([Asked(commit, whole)])[0]):
        whole = ""
    change = Change(
        entry=entry,
        parent=good,
        red=after,
        green=before,
        touched=at_head(then, sources, [(block.path, block.lines) for block in blocks]),
        added=at_head(then, sources, [(block.path, block.added) for block in blocks]),
        blocks=tuple(piece.block for piece in pieces),
        deciding=tuple(piece.block for piece in deciding),
        reverse=deciding[0].diff if deciding else whole,
    )
    return change, before, ran.get("healthy")


def texts_at(case: Case, commit: str, paths: Collection[str], sources: Sources) -> dict[str, str]:
    """Returns files as they were at a commit; those that head does not have are left out."""
    if commit == case.workspace.commit:
        return {path: sources[path] for path in paths if path in sources}
    found: dict[str, str] = {}
    for path in paths & set(sources):
        with suppress(GitError):  # the change took the file away, and head has it again
            found[path] = case.history.show(commit, path)
    return found


def at_head(then: Mapping[str, str], sources: Sources, places: Sequence[tuple[str, range]]) -> dict[str, set[int]]:
    """Returns lines of files as they were right after a change (`then`) as lines of head."""
    found: dict[str, set[int]] = {}
    for path, lines in places:
        if path in then:
            found.setdefault(path, set()).update(map_lines(then[path], sources[path], lines))
    return {path: lines for path, lines in found.items() if lines}


def moved(case: Case, trace: Lines, commit: str, sources: Sources) -> dict[str, set[int]]:
    """Returns lines traced at another commit as lines of head."""
    found: dict[str, set[int]] = {}
    for path, lines in trace.items():
        if path in sources:
            try:
                found[path] = map_lines(case.history.show(commit, path), sources[path], lines)
            except GitError:
                continue  # the trace names a file that the commit does not hold: nothing to compare
    return found


def suite_spectra(case: Case) -> list[Spectrum]:
    """Returns what each passing test of the suite executes; none when there is no time for it."""
    seconds = min(SUITE_SECONDS, seconds_left(case) * SUITE_SHARE)
    if seconds < 5 or not case.test_argv:
        return []
    case.progress("running the suite with coverage")
    run = case.workspace.test(coverage=True, seconds=seconds)
    passed = {event.id for event in run.events if event.outcome == "passed"}
    return [spectrum(name, lines, failed=False) for name, lines in run.covered.items() if name in passed]
