"""Decides what of an agent's diagnosis stands: cuts the chain where no fact holds, and sends doubt to a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from andon.agents.search.source import is_test
from andon.facts import Again, recheck
from andon.models import Diagnosis, Fact, Lane, LinesFact, Location, Replay, ReplayFact, Row, Why
from andon.protocols import Case
from andon.terms import literal, meets_all

MOST = 7
"""Whys of a chain; the fewest are two."""
MOST_FACTS = 80
LOCATIONS = 30
EXPLAINED = 0.5
"""Share of a contrast's support that the replayed rows must show for the code to explain it."""


def is_unknown(why: Why) -> bool:
    """Tells whether an answer says that the evidence ends."""
    return why.answer.strip().lower().startswith("unknown")


def check_diagnosis(claimed: Diagnosis, case: Case, agent: str) -> Diagnosis:
    """Returns what stands of a diagnosis when each of its facts is run again.

    An answer without a fact that holds ends the chain in unknown. A code bug stands only when the engine's own replay
    is red, the last answer points at lines of production code, and the replayed rows show the contrast.
    """
    again = Again(case)
    claimed_facts = [fact for why in claimed.whys[:MOST] for fact in why.facts][:MOST_FACTS]
    head = ReplayFact(commit=case.workspace.commit, total=0)
    again.ready([*claimed_facts, *([head] if claimed.lane is Lane.CODE_BUG else [])])
    refused: list[str] = []
    whys, held = standing(claimed.whys[:MOST], claimed_facts, again, refused)
    if len(claimed.whys) > MOST:
        refused.append(f"more than {MOST} whys: {len(claimed.whys)}")
    lane, doubt = lane_of(claimed, whys, again, case)
    if doubt:
        refused.append(f"{claimed.lane.value}: {doubt}")
        whys = [*whys[: MOST - 1], Why(question="And is that the cause?", answer=f"unknown: {doubt}")]
    for question in (f"Why is {case.check.name} red?", "And why is that?")[len(whys) :]:
        lane = Lane.UNKNOWN
        whys = [*whys, Why(question=question, answer="unknown: the agent gave no further answer")]
    culprit = claimed.culprit if claimed.culprit and is_culprit(claimed.culprit, held, case) else None
    if claimed.culprit and culprit is None:
        refused.append("culprit: no pair of replays shows it red and an ancestor green")
    return claimed.model_copy(
        update={
            "whys": tuple(whys),
            "lane": lane,
            "agent": agent,
            "culprit": culprit,
            "locations": real_locations(claimed.locations, case),
            "refused": tuple(refused),
        }
    )


def standing(
    whys: Sequence[Why], allowed: Sequence[Fact], again: Again, refused: list[str]
) -> tuple[list[Why], list[Fact]]:
    """Returns the whys up to the first that nothing holds up, with only the facts that hold, and all those facts."""
    kept: list[Why] = []
    held: list[Fact] = []
    for number, why in enumerate(whys, 1):
        good: list[Fact] = []
        for fact in why.facts:
            differs = recheck(fact, again.case, again) if fact in allowed else f"more than {MOST_FACTS} facts"
            if differs:
                refused.append(f"why {number}, {fact.kind}: {differs}")
            else:
                good.append(fact)
        held += good
        if is_unknown(why):
            return [*kept, why.model_copy(update={"facts": tuple(good)})], held
        if not good:
            answer = "unknown: none of the evidence given for an answer here held when it was run again"
            return [*kept, Why(question=why.question, answer=answer)], held
        kept.append(why.model_copy(update={"facts": tuple(good)}))
    return kept, held


def lane_of(diagnosis: Diagnosis, whys: Sequence[Why], again: Again, case: Case) -> tuple[Lane, str]:
    """Returns the lane that stands, and the doubt when it is not the claimed one and the chain does not show it yet."""
    if not whys or is_unknown(whys[-1]):
        return Lane.UNKNOWN, ""
    claimed, doubt = diagnosis.lane, ""
    if claimed is Lane.CODE_BUG:
        doubt = doubt_of_code(whys, again, case)
    elif claimed is Lane.OUTAGE and not case.brief.upstream_red:
        doubt = "no upstream check is red"
    elif claimed is Lane.DUPLICATE and diagnosis.duplicate not in {one.id for one in case.others}:
        doubt = "it names no other open ticket of the system"
    return (Lane.UNKNOWN, doubt) if doubt else (claimed, "")


def doubt_of_code(whys: Sequence[Why], again: Again, case: Case) -> str:
    """Returns why a chain does not show a bug in the code; empty when it does."""
    replay = again.replay(case.workspace.commit)
    if isinstance(replay, str) or not replay.red:
        seen = replay if isinstance(replay, str) else "the replay on the head commit does not bring the rows back"
        return f"{seen}, so the code is not shown to write them"
    lines = [fact for fact in whys[-1].facts if isinstance(fact, LinesFact) and is_code(fact.path)]
    if not any(names(whys[-1].answer, fact.path) for fact in lines):
        return "the last answer names no code that it shows"
    return explains(replay, case)


def names(answer: str, path: str) -> bool:
    return path in answer or PurePosixPath(path).name in answer


def is_code(path: str) -> bool:
    return not is_test(path)


def explains(replay: Replay, case: Case) -> str:
    """Returns why replayed rows do not show the contrast of the offending ones; empty when they do or cannot tell."""
    best = next((contrast for contrast in case.brief.contrasts if contrast.support >= EXPLAINED), None)
    rows = replay.result.rows if replay.result else ()
    if best is None or not rows:
        return ""
    recorded = {identity(row, case.evidence.key): row for row in case.evidence.rows} if case.evidence.key else {}
    answers = [
        answer
        for row in rows
        for answer in [meets_all({**recorded.get(identity(row, case.evidence.key), {}), **row}, best.terms)]
        if answer is not None
    ]
    if not answers or sum(answers) / len(answers) >= best.support * EXPLAINED:
        return ""
    return (
        f"{' and '.join(best.terms)} marks the offending rows, but only {sum(answers)} of {len(answers)} replayed ones"
    )


def identity(row: Row, key: Sequence[str]) -> tuple[str, ...]:
    return tuple(literal(row.get(column)) for column in key)


def is_culprit(commit: str, held: Sequence[Fact], case: Case) -> bool:
    """Tells whether facts that hold show the commit red and an ancestor of it green, on the plain trees."""
    totals = {fact.commit: fact.total for fact in held if isinstance(fact, ReplayFact) and not fact.diff}
    if not totals.get(commit):
        return False
    older = {entry.commit for entry in case.history.log(commit, limit=500)} - {commit}
    return any(total == 0 and other in older for other, total in totals.items())


def real_locations(locations: Sequence[Location], case: Case) -> tuple[Location, ...]:
    """Returns the locations that lie in production files of the branch, most suspicious first."""
    files = set(case.history.files(case.workspace.commit))
    real = [
        place.model_copy(update={"suspicion": min(1.0, max(0.0, place.suspicion))})
        for place in locations
        if place.path in files and is_code(place.path) and 0 < place.start <= place.end
    ]
    return tuple(sorted(real, key=lambda place: -place.suspicion))[:LOCATIONS]
