"""Takes an agent's diagnosis or patch, or sends it back with what to mend; it believes nothing that it is told."""

from __future__ import annotations

from andon.agents.search.source import is_test
from andon.agents.tools.arguments import DiagnosisGiven, PatchGiven
from andon.agents.tools.bench import Bench, Refused
from andon.agents.tools.citing import fact_of
from andon.models import Diagnosis, Fact, Lane, Location, Patch, Why
from andon.quoting import counted, quote

MOST_REASONS = 12
DONE = "Nothing more is to be done: end your session."


def submit_diagnosis(bench: Bench, given: DiagnosisGiven) -> str:
    """Takes a diagnosis when all of it holds as the engine runs it again."""
    bench.in_time()
    claimed = claimed_by(bench, given)
    bench.case.progress("running every fact of the diagnosis again")
    stands = bench.case.weigh(claimed)
    reasons = doubts(claimed, stands)
    if reasons:
        bench.stands = stands
        raise Refused(listed("The diagnosis is not accepted", reasons))
    bench.diagnosis = stands
    facts = sum(len(why.facts) for why in stands.whys)
    return f"Accepted: {stands.lane.value}; {counted(facts, 'fact')} held when they were run again. {DONE}"


def claimed_by(bench: Bench, given: DiagnosisGiven) -> Diagnosis:
    """Returns what the agent says as a diagnosis whose evidence are facts.

    Raises:
        Refused: something that is cited does not exist; tells all of it.
    """
    reasons: list[str] = []
    whys = []
    for number, why in enumerate(given.whys, 1):
        facts: list[Fact] = []
        for place, cited in enumerate(why.facts, 1):
            try:
                facts.append(fact_of(bench, cited))
            except Refused as refused:
                reasons.append(f"why {number}, fact {place} ({cited.kind}): {refused}")
        whys.append(Why(question=why.question, answer=why.answer, facts=tuple(facts)))
    if reasons:
        raise Refused(listed("The diagnosis cites what is not there", reasons))
    return Diagnosis(
        whys=tuple(whys),
        root_cause=given.root_cause,
        lane=given.lane,
        locations=tuple(
            # Only their order is known, and whoever asks for the likeliest asks by this number.
            Location(path=one.path, start=one.start, end=one.end, function=one.function, suspicion=1 / place)
            for place, one in enumerate(given.locations, 1)
        ),
        culprit=bench.commit(given.culprit) if given.culprit else None,
        duplicate=given.duplicate,
        agent=bench.agent,
    )


def doubts(claimed: Diagnosis, stands: Diagnosis) -> list[str]:
    """Returns why a diagnosis is not accepted, from what the engine found when it ran it again."""
    reasons = list(stands.refused)
    for number, (why, kept) in enumerate(zip(claimed.whys, stands.whys, strict=False), 1):
        if not why.facts and not why.answer.strip().lower().startswith("unknown"):
            reasons.append(f"why {number}: its answer has no evidence. Cite some, or answer `unknown`")
        elif kept.answer != why.answer and why.facts:
            reasons.append(f"why {number}: none of its evidence holds, so the chain ends there")
    if stands.lane is not claimed.lane and not reasons:
        reasons.append(
            f"the chain ends in unknown, and you call it {claimed.lane.value}: answer it, or say lane `unknown`"
        )
    if claimed.lane is Lane.UNKNOWN and len(stands.whys) < len(claimed.whys) and not reasons:
        reasons.append("answers come after an `unknown` one")
    return list(dict.fromkeys(reasons))


def submit_patch(bench: Bench, given: PatchGiven) -> str:
    """Takes what the agent changed in its tree as the patch, when it has the form of one."""
    bench.in_time()
    diff = bench.changes()
    if not diff.strip():
        raise Refused("the tree is unchanged: there is nothing to submit")
    touched = [line.rpartition(" b/")[2] for line in diff.split("\n") if line.startswith("diff --git a/")]
    tests = given.tests or tuple(path for path in touched if path.endswith(".py") and is_test(path))
    patch = Patch(base=bench.head, diff=diff, tests=tests, summary=given.summary, strategy=bench.agent)
    trouble = bench.case.examine(patch) or handed_in_before(bench, patch)
    if trouble:
        raise Refused(f"The patch is not taken: {trouble}.")
    bench.patch = patch
    return f"Taken: {counted(len(touched), 'file')}. The judge proves it on a checkout of its own. {DONE}"


def handed_in_before(bench: Bench, patch: Patch) -> str:
    """Returns which earlier attempt was the very same; empty when none was."""
    for attempt in bench.earlier:
        if attempt.patch is not None and attempt.patch.fingerprint == patch.fingerprint:
            return f"attempt {attempt.number} handed in the same, and it did not hold ({quote(attempt.feedback, 200)})"
    return ""


def listed(head: str, reasons: list[str]) -> str:
    """Returns reasons below a head, a bounded number of them."""
    more = f"\n- and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return f"{head}:\n" + "\n".join(f"- {reason}" for reason in reasons[:MOST_REASONS]) + more
