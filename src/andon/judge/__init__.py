"""The judge: decides whether a patch is proven, by running things itself. It trusts nobody and asks no model.

It takes a text diff and never a tree; every run happens in the sandbox, on the judge's own clean checkout of the base.
What decides is asked from outside the process that loads the patched code: the check, of the database that the replay
filled. The proofs below run in this order, cheap and telling ones first, and stop at the first that fails.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from andon.config import SystemSettings
from andon.errors import AndonError
from andon.judge.asserts import asserts_executed
from andon.judge.cache import suite_of
from andon.judge.canaries import canary_birds
from andon.judge.conditions import every_condition_needed
from andon.judge.covered import changed_lines_run
from andon.judge.diagnosed import diagnosis_replayed, same_lines
from andon.judge.differential import differential
from andon.judge.errors import errors_accounted
from andon.judge.flags import special_case
from andon.judge.hearing import Hearing
from andon.judge.hunks import every_hunk_needed
from andon.judge.leftbehind import no_use_left_behind
from andon.judge.perturbed import perturbed_replay
from andon.judge.record import Tape
from andon.judge.repeat import repeat
from andon.judge.sameness import behaviour_not_text
from andon.judge.scope import scope
from andon.judge.sensitivity import sensitivity
from andon.judge.split import split_symptom
from andon.judge.suites import base_is_green, new_test_on_base, new_test_on_head, no_test_lost, suite_on_head
from andon.judge.symptom import old_evidence, symptom_on_base, symptom_on_head
from andon.judge.telling.render import render_verdict
from andon.judge.testflags import reads_straight
from andon.judge.unasked import no_answer_changed_unasked
from andon.judge.wrongfix import wrong_fix_noticed
from andon.models import Check, Diagnosis, Evidence, Outcome, Patch, Proof, Verdict, VerdictOutcome
from andon.protocols import History, Workspace

__all__ = ["PROOFS", "Rule", "hear", "judge", "render_verdict", "suite_of"]


class Rule(NamedTuple):
    """One proof: what it is called, what establishes it, and what its failing means for the patch."""

    name: str
    prove: Callable[[Hearing], Proof | None]
    reason: str
    """The class of the reason, all that an agent is told, so that it cannot learn to please the judge."""
    verdict: VerdictOutcome = VerdictOutcome.REJECTED
    for_people: VerdictOutcome | None = None
    """The verdict where the patch is a person's, if it is another."""
    suites_ahead: bool = False
    """Few patches are turned away from here on: the suites are started beside this and what follows."""


PROOFS = (
    Rule("scope", scope, "it touches what a fix may not touch, or is not a plain text diff with a new test"),
    Rule("special case", special_case, "it detects that it is tested, or hides instead of fixing"),
    Rule("test reads straight", reads_straight, "the regression test does not look at what the code does"),
    Rule("symptom on base", symptom_on_base, "the symptom could not be reproduced", VerdictOutcome.NOT_REPRODUCED),
    Rule("symptom on head", symptom_on_head, "the check is still red on the recorded evidence"),
    Rule("differential", differential, "the symptom was hidden and not mended: rows are lost, painted over or changed"),
    Rule("sensitivity", sensitivity, "the check no longer sees bad rows"),
    Rule("old evidence", old_evidence, "the symptom is not steady", VerdictOutcome.NOT_REPRODUCED),
    Rule("perturbed replay", perturbed_replay, "it knows the recorded rows and does not fix their cause"),
    Rule(
        "new test on base",
        new_test_on_base,
        "the regression test does not fail without the fix, for the right reason",
        for_people=VerdictOutcome.NOT_REPRODUCED,  # many a good change says fix and has nothing to show red
    ),
    Rule("new test on head", new_test_on_head, "the regression test does not pass with the fix"),
    Rule("flip seen from outside", split_symptom, "seen from outside, the regression test is red with the fix"),
    Rule("canaries", canary_birds, "the runner's word is forged", suites_ahead=True),
    Rule("asserts executed", asserts_executed, "the regression test comes to none of its assertions"),
    Rule("errors accounted", errors_accounted, "an error is still raised and only taken"),
    Rule("changed lines run", changed_lines_run, "the regression test does not run the change"),
    Rule("every hunk needed", every_hunk_needed, "the change is not what makes the symptom go away"),
    Rule("every condition needed", every_condition_needed, "the fix holds only under a condition that no test misses"),
    Rule("no answer changed unasked", no_answer_changed_unasked, "a part of the change does what no test asks for"),
    Rule("wrong fix noticed", wrong_fix_noticed, "the regression test does not notice when the fix is wrong"),
    Rule("behaviour not text", behaviour_not_text, "the regression test asks how the fix is written, not what it does"),
    Rule("no use left behind", no_use_left_behind, "others use what is mended at one use only"),
    Rule("repeat", repeat, "the result does not repeat"),
    Rule("base is green", base_is_green, "the suite was red before anyone touched it", VerdictOutcome.JUDGE_BROKEN),
    Rule("suite on head", suite_on_head, "tests that held before fail with the fix"),
    Rule("no test lost", no_test_lost, "tests that ran before do not run any more"),
    Rule("diagnosis replayed", diagnosis_replayed, "the diagnosis does not hold"),
    Rule("same lines", same_lines, "diagnosis and diff speak of different code"),
)


def judge(
    patch: Patch,
    *,
    history: History,
    workspace: Workspace,
    settings: SystemSettings,
    ticket_check: Check | None = None,
    evidence: Evidence | None = None,
    symptom_command: str = "",
    diagnosis: Diagnosis | None = None,
    people: bool = False,
    seed: int = 0,
    isolation: str = "",
    progress: Callable[[str], None] = lambda _: None,
    cache: Path | None = None,
    workers: int = 2,
    heard: Callable[[Proof], None] = lambda _: None,
    tape: Tape | None = None,
    rules: Sequence[Rule] = (),
) -> Verdict:
    """Returns the verdict on a patch: proven when every proof holds, needs eyes when none fails.

    The symptom is the ticket's check on its evidence; without a ticket the command of the person who asks, or else
    the new tests themselves. `people` says that the diff is a person's pull request. `workspace` is a checkout of the
    patch's base, used to make others from; `cache` is a folder that only the judge writes. Trouble of the machine
    (git, sandbox, a replay that crashes without the patch) gives `judge broken`. `heard` is told each proof as it
    comes; `tape` then holds the record of the verdict. `rules` are the only ones asked; all of them when empty.
    """
    hearing = Hearing(
        patch=patch,
        history=history,
        workspace=workspace,
        settings=settings,
        check=ticket_check,
        evidence=evidence,
        symptom_command=symptom_command,
        diagnosis=diagnosis,
        people=people,
        cache=cache,
        isolation=isolation,
        workers=workers,
        seed=seed,
        progress=progress,
    )
    return hear(hearing, rules, heard=heard, tape=tape)


def hear(
    hearing: Hearing,
    rules: Sequence[Rule] = (),
    *,
    heard: Callable[[Proof], None] = lambda _: None,
    tape: Tape | None = None,
) -> Verdict:
    """Returns the verdict of some rules on a patch; of all of them when none are named.

    `heard` is told each proof as it comes; `tape` then holds the record of the verdict.
    """
    began = time.monotonic()
    if tape is not None:
        hearing.workspace = tape.watching(hearing.workspace)
    try:
        verdict = verdict_of(hearing, rules or PROOFS, heard)
    finally:
        hearing.end()
    verdict = verdict.model_copy(update={"seconds": round(time.monotonic() - began, 3)})
    return tape.sealed(hearing, verdict) if tape is not None else verdict


def verdict_of(hearing: Hearing, rules: Sequence[Rule], heard: Callable[[Proof], None]) -> Verdict:
    """Returns what rules say of a patch, up to the first that fails."""
    proofs: list[Proof] = []
    outcome, reason = VerdictOutcome.PROVEN, ""
    for rule in rules:
        if rule.suites_ahead:
            hearing.begin_suites()
        hearing.progress(f"judge: {rule.name}")
        try:
            proof = timed(rule, hearing)
        except AndonError as error:  # a fact that could not be established is neither for nor against the patch
            outcome, reason = VerdictOutcome.JUDGE_BROKEN, f"{rule.name}: {error}"
            break
        except Exception as error:  # noqa: BLE001
            # A fault of the judge's own, which a patch may have provoked, decides nothing either.
            where = traceback.extract_tb(error.__traceback__)[-1]
            words = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            outcome, reason = VerdictOutcome.JUDGE_BROKEN, f"{rule.name}: a fault in andon: {words}"
            break
        if proof is None:
            continue
        proofs.append(proof)
        heard(proof)
        if proof.outcome is Outcome.FAILS:
            outcome = (rule.for_people if hearing.people else None) or rule.verdict
            reason = rule.reason
            break
    eyes = [proof.name for proof in proofs if proof.outcome is Outcome.NEEDS_EYES]
    if outcome is VerdictOutcome.PROVEN and eyes:
        outcome, reason = VerdictOutcome.NEEDS_EYES, f"a person should look at: {', '.join(eyes)}"
    return Verdict(
        outcome=outcome,
        reason=reason,
        patch=hearing.patch.fingerprint,
        base=hearing.patch.base,
        proofs=tuple(proofs),
        seconds=0.0,
        isolation=hearing.isolation,
    )


def timed(rule: Rule, hearing: Hearing) -> Proof | None:
    """Returns a proof with the seconds it took; None when the rule does not apply."""
    began = time.monotonic()
    proof = rule.prove(hearing)
    return proof and proof.model_copy(update={"seconds": round(time.monotonic() - began, 3)})
