"""Decides the lane of a ticket from what replays showed: only facts send a ticket to a fix, and only to the code."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import JsonValue

from andon.agents.search import whys
from andon.agents.search.bisect import Colour, bisect
from andon.agents.search.cause import plural, root_cause
from andon.agents.search.findings import Findings, strong_contrasts
from andon.agents.search.replays import Asked, Replays
from andon.errors import DataError
from andon.models import CommitFact, Diagnosis, Fact, Lane, QueryFact, Replay, ReplayFact, Row, Why
from andon.protocols import Case
from andon.quoting import visible

NAME = "search"
COMMITS = 200


def reproduced(found: Findings) -> Diagnosis:
    """Returns the diagnosis of a symptom that the replay brings back."""
    case = found.case
    broke = whys.why_broke(found)
    chain = [whys.why_red(case), whys.why_written(found), whys.why_came(found), whys.why_since(found), broke]
    if found.change is not None and found.locations:
        return coded(found, chain)
    if not found.wrote and not found.writers:
        return copied(found, chain)
    population = never_healthy(case)
    if found.change is None and population is not None and is_red_everywhere(found):
        return always_red(found, chain, population)
    old = found.locations and found.wrote and (strong_contrasts(case.brief.contrasts) or is_green(found.healthy))
    if old and not whys.is_unknown(broke):
        return coded(found, chain)
    missing = "unknown: no commit, contrast or healthy replay separates the fault from what works"
    chain[-1] = Why(question=broke.question, answer=f"{missing}. Found: {broke.answer}", facts=broke.facts)
    return ended(case, chain, Lane.UNKNOWN, f"Unknown. {root_cause(found)}, but nothing proves it", found)


def coded(found: Findings, chain: list[Why]) -> Diagnosis:
    """Returns the diagnosis of a bug in the code; a middle why without facts is left out, the code must be named."""
    kept = [why for why in chain[:-1] if not whys.is_unknown(why)]
    lane = Lane.UNKNOWN if whys.is_unknown(chain[-1]) else Lane.CODE_BUG
    return ended(found.case, [*kept, chain[-1]], lane, root_cause(found), found)


def copied(found: Findings, chain: list[Why]) -> Diagnosis:
    """Returns the diagnosis of rows that no code here writes: they came as they are."""
    tables = visible(", ".join(found.case.brief.tables) or "the check's tables")
    answer = f"Nothing in this repository writes {tables}: the replay only puts the recorded rows back."
    head = found.case.workspace.commit
    since = Why(
        question="Where are those rows written?",
        answer=answer,
        facts=(ReplayFact(commit=head, total=whys.rows_found(found.head)),),
    )
    cause = f"Rows of {tables} come from outside this repository with wrong values"
    return ended(found.case, [chain[0], since], Lane.DATA_BUG, cause, None)


def always_red(found: Findings, chain: list[Why], population: QueryFact) -> Diagnosis:
    """Returns the diagnosis of a check that no row has ever passed."""
    answer = (
        f"All {plural(population.total, 'row')} that the check asks of offend, and every commit that replays "
        "is red: the check has never been green."
    )
    last = Why(question="Is there a row that the check accepts?", answer=answer, facts=(population,))
    kept = [why for why in chain[:-1] if not whys.is_unknown(why)]
    cause = f"{found.case.check.name} asks for what the system has never done: nothing it looks at passes"
    return ended(found.case, [*kept, last], Lane.CHECK_WRONG, cause, found)


def not_reproduced(case: Case, replays: Replays) -> Diagnosis:
    """Returns the diagnosis of a symptom that today's code does not bring back: never a bug of today's code."""
    commit = case.workspace.commit
    case.progress("the replay is green: asking once more, and older commits")
    again = case.workspace.replay(case.check, case.evidence)
    first = whys.why_red(case)
    question = "Does today's code write such rows from the recorded input?"
    if again.red:
        answer = "Now and then: one replay on the same commit found none, the next one found some."
        chain = [first, Why(question=question, answer=answer, facts=first.facts)]
        return ended(case, chain, Lane.FLAKY, "The same code gives different rows for the same input", None)
    green: tuple[Fact, ...] = (ReplayFact(commit=commit, total=0),)
    chain = [first, Why(question=question, answer="No: two replays on the head commit found none.", facts=green)]
    if case.brief.upstream_red:
        names = visible(", ".join(case.brief.upstream_red))
        answer = f"An upstream check is red as well ({names}): the rows follow from it, the code does what it should."
        chain.append(Why(question="What else was wrong at that time?", answer=answer, facts=green))
        return ended(case, chain, Lane.OUTAGE, f"{names} is red: what comes from there is broken", None)
    fixed = fixed_since(case, replays)
    if fixed is not None:
        return ended(case, [*chain, fixed[0]], Lane.DATA_BUG, fixed[1], None)
    answer = "unknown: the code writes healthy rows from the recorded input, and no older commit writes bad ones. "
    answer += "Missing: what the input was when the rows were written, or who else writes them."
    chain.append(Why(question="Then where do those rows come from?", answer=answer))
    cause = "Unknown: the rows are there, but replaying what was recorded does not bring them back"
    return ended(case, chain, Lane.UNKNOWN, cause, None)


def fixed_since(case: Case, replays: Replays) -> tuple[Why, str] | None:
    """Returns the why and the cause when an older commit writes such rows and a later one ended it; None otherwise."""
    entries = case.history.log(case.workspace.commit, limit=COMMITS)[::-1]
    times = [time_of(row.get(case.evidence.at)) for row in case.evidence.rows] if case.evidence.at else []
    newest = max((time for time in times if time is not None), default=None)
    running = [index for index, entry in enumerate(entries[:-1]) if newest is None or entry.at <= newest]
    if not running:
        return None
    commits = [entry.commit for entry in entries]
    swapped = {Colour.RED: Colour.GREEN, Colour.GREEN: Colour.RED, Colour.CRASHED: Colour.CRASHED}
    found = bisect(
        commits,
        lambda asked: {commit: swapped[colour] for commit, colour in replays.colours(asked).items()},
        start=running[-1],
        most=10,
    )
    if found.culprit is None or found.good is None:
        return None
    entry = next(entry for entry in entries if entry.commit == found.culprit)
    red = replays.run([Asked(found.good)])[0]
    subject = visible(entry.subject, 100)
    answer = (
        f"Older code wrote them; commit {entry.commit[:10]} ({subject}) ended it. What it wrote before is still there."
    )
    facts: tuple[Fact, ...] = (
        CommitFact(commit=entry.commit, subject=entry.subject, files=entry.files),
        ReplayFact(commit=found.good, total=whys.rows_found(red)),
        ReplayFact(commit=entry.commit, total=0),
    )
    why = Why(question="Did older code write such rows?", answer=answer, facts=facts)
    return why, f"Rows that code before commit {entry.commit[:10]} wrote are still there; today's code writes none"


def crashed(case: Case, head: Replay) -> Diagnosis:
    """Returns the diagnosis of a ticket whose replay cannot be run: nothing is known of the code."""
    seen = head.ran.words if head.result is None else head.result.message
    last = " | ".join(seen.strip().splitlines()[-3:])[-400:]
    answer = f"unknown: the replay itself failed on the head commit, which proves nothing: {visible(last, 400)}"
    chain = [whys.why_red(case), Why(question="Does today's code write such rows?", answer=answer)]
    return ended(case, chain, Lane.UNKNOWN, "Unknown: the replay cannot be run, repair it first", None)


def ended(case: Case, chain: list[Why], lane: Lane, cause: str, found: Findings | None) -> Diagnosis:
    case.progress(f"{lane.value}: {cause}")
    return Diagnosis(
        whys=tuple(chain),
        root_cause=cause.rstrip(".") + ".",
        lane=lane,
        locations=found.locations if found else (),
        culprit=found.change.entry.commit if found and found.change else None,
        agent=NAME,
    )


def is_green(replay: Replay | None) -> bool:
    return replay is not None and replay.green


def is_red_everywhere(found: Findings) -> bool:
    """Tells whether at least one older commit was replayed, and none was green."""
    colours = list(found.bisected.colours.values()) if found.bisected else []
    return colours.count(Colour.RED) > 1 and Colour.GREEN not in colours


def never_healthy(case: Case) -> QueryFact | None:
    """Returns the population as a fact when it holds no healthy row; None when it does, or cannot be asked."""
    if case.data is None or not case.check.population:
        return None
    sql = case.check.population
    params = {"since": datetime.min.replace(tzinfo=UTC), "now": case.evidence.asked_at}
    try:
        answer = case.data.ask(sql, {name: at for name, at in params.items() if f":{name}" in sql}, rows_kept=5)
        offending = case.data.ask(
            case.check.query, {name: at for name, at in params.items() if f":{name}" in case.check.query}, rows_kept=1
        )
    except DataError:
        return None  # without the data nothing can be said of the check
    rows: tuple[Row, ...] = answer.rows
    return QueryFact(sql=sql, rows=rows, total=answer.total) if 0 < answer.total <= offending.total else None


def time_of(value: JsonValue | None) -> datetime | None:
    """Returns the time that an ISO 8601 text stands for; one without an offset is taken for UTC."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=time.tzinfo or UTC) if time else None
