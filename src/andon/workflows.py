"""The loop as straight functions: each phase of a ticket is a list of steps, and every step may die and run again.

    sweep -> diagnose_ticket -> fix_ticket -> (a person) -> ship_ticket -> watch_ticket

A phase gets the app, a ticket's number and `step`, which runs a piece of work once and remembers its result. Results
are ids, words and numbers; everything else lies in the store. A phase ends when it has to wait for a person or for
time; `next_phase` tells what a ticket's status asks for, so the decision starts the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from andon import steps
from andon.app import App
from andon.errors import AndonError, ConflictError, ExternalError
from andon.models import Autonomy, Lane, Status, Ticket, VerdictOutcome

Result = TypeVar("Result", str, int, bool, list[int])


class Step(Protocol):
    """Runs a piece of work once, remembers its result, and gives that result when the phase runs again."""

    def __call__(self, name: str, work: Callable[[], Result]) -> Result: ...


def next_phase(ticket: Ticket, autonomy: Autonomy) -> str:
    """Returns the phase that a ticket's status asks for: `diagnose`, `fix`, `ship`, `watch`, or empty for none."""
    if ticket.check is None:
        return ""
    if ticket.status is Status.OPEN:
        return "diagnose"
    if ticket.status is Status.DIAGNOSED:
        return "" if autonomy is Autonomy.REPORT else "fix"
    return {Status.APPROVED: "ship", Status.SHIPPED: "watch"}.get(ticket.status, "")


def sweep(app: App, system: str, step: Step) -> list[int]:
    """Asks the checks that are due and returns the tickets that came of it."""
    step("ask", lambda: steps.ask_due(app, system))
    return step("detect", lambda: steps.detect(app, system))


def diagnose_ticket(app: App, ticket: int, step: Step) -> str:
    """Finds the root cause; returns the status that the ticket then has."""
    step("evidence", lambda: steps.record_evidence(app, ticket))
    step("brief", lambda: steps.write_brief(app, ticket))
    lane = step("diagnose", lambda: steps.diagnose(app, ticket))
    if lane == Lane.CODE_BUG:
        return step("diagnosed", lambda: steps.move(app, ticket, Status.OPEN, Status.DIAGNOSED, steps.cause_of(app, ticket)))
    return step("hand over", lambda: steps.move(app, ticket, Status.OPEN, Status.ESCALATED, steps.cause_of(app, ticket)))


def fix_ticket(app: App, ticket: int, step: Step) -> str:
    """Writes a patch and proves it, until one is proven, or attempts, time or money are used up."""
    if trouble := step("suite before", lambda: steps.suite_before(app, ticket)):
        return step("red before", lambda: steps.move(app, ticket, Status.DIAGNOSED, Status.ESCALATED, trouble))
    while number := step("begin", lambda: steps.begin_attempt(app, ticket)):
        if not step(f"patch {number}", lambda number=number: steps.write_patch(app, ticket, number)):  # type: ignore[misc]
            continue
        step(f"patched {number}", lambda: steps.move(app, ticket, Status.DIAGNOSED, Status.PATCHED, "a patch is written"))
        ended = prove(app, ticket, number, step)
        if ended is not Status.DIAGNOSED:
            return ended
    return step("give up", lambda: steps.give_up(app, ticket))


def prove(app: App, ticket: int, number: int, step: Step) -> Status:
    """Judges an attempt and moves the ticket to where the verdict sends it; `diagnosed` asks for another attempt."""
    outcome = step(f"judge {number}", lambda: steps.judge(app, ticket, number))
    status, reason = VERDICT_MOVES[VerdictOutcome(outcome)]
    if status is not Status.PATCHED:
        step(f"judged {number}", lambda: steps.move(app, ticket, Status.PATCHED, status, steps.verdict_reason(app, ticket, reason)))
    else:
        step(f"judged {number}", lambda: steps.note(app, ticket, steps.verdict_reason(app, ticket, reason)))
    if status is Status.PROVEN and step(f"sign {number}", lambda: steps.may_ship_unsigned(app, ticket, number)):
        step(f"signed {number}", lambda: steps.move(app, ticket, Status.PROVEN, Status.APPROVED, "ships when proven"))
        return Status.APPROVED
    return status


VERDICT_MOVES = {
    VerdictOutcome.PROVEN: (Status.PROVEN, "proven; waits for `andon review` and a person's word"),
    VerdictOutcome.NEEDS_EYES: (Status.PATCHED, "needs eyes; waits for `andon review` and a person's word"),
    VerdictOutcome.REJECTED: (Status.DIAGNOSED, "the judge rejected the patch"),
    VerdictOutcome.NOT_REPRODUCED: (Status.ESCALATED, "the symptom could not be reproduced on the base commit"),
    VerdictOutcome.JUDGE_BROKEN: (Status.ESCALATED, "the judge could not work"),
}
"""Where a verdict sends a patched ticket."""


def ship_ticket(app: App, ticket: int, step: Step) -> str:
    """Brings the judged patch to the branch and into production; judges again when the branch has moved."""
    for _ in range(3):
        shipped = step("ship", lambda: steps.ship(app, ticket))
        if shipped == "waits":
            return Status.APPROVED
        if shipped == "shipped":
            if trouble := step("deploy", lambda: steps.deploy(app, ticket)):
                return step("deploy failed", lambda: steps.move(app, ticket, Status.APPROVED, Status.ESCALATED, trouble))
            return step("shipped", lambda: steps.move(app, ticket, Status.APPROVED, Status.SHIPPED, "watched until quiet"))
        if shipped == "conflict":
            break
        number = step("rebase", lambda: steps.begin_rebased(app, ticket))
        step("rebased", lambda: steps.move(app, ticket, Status.APPROVED, Status.PATCHED, "the branch moved; judged again"))
        if prove(app, ticket, number, step) not in (Status.PROVEN, Status.APPROVED):
            return step("moved", lambda: steps.escalate(app, ticket, "the branch moved and the patch no longer proves itself"))
        step("still approved", lambda: steps.approve_again(app, ticket, number))
    return step("conflict", lambda: steps.escalate(app, ticket, "the branch moved and the patch no longer applies to it"))


def watch_ticket(app: App, ticket: int, step: Step) -> str:
    """Looks once at a shipped ticket: resolved when quiet for long enough; reverted and reopened when it fires again."""
    state = step("watch", lambda: steps.watch(app, ticket))
    if state == "quiet":
        step("settle", lambda: steps.settle_residue(app, ticket))
        return step("resolved", lambda: steps.move(app, ticket, Status.SHIPPED, Status.RESOLVED, steps.quiet_reason(app, ticket)))
    if state != "fired":
        return Status.SHIPPED
    step("revert", lambda: steps.revert(app, ticket))
    step("redeploy", lambda: steps.deploy(app, ticket))
    return step("reopen", lambda: steps.reopen(app, ticket))


PHASES: dict[str, Callable[[App, int, Step], str]] = {
    "diagnose": diagnose_ticket,
    "fix": fix_ticket,
    "ship": ship_ticket,
    "watch": watch_ticket,
}


def run_phase(app: App, phase: str, ticket: int, step: Step) -> str:
    """Runs one phase of a ticket; whatever fails for good is written into the ticket, for a person.

    Returns the status that the ticket then has, or why the phase ended without moving it.
    """
    try:
        return str(PHASES[phase](app, ticket, step))
    except ConflictError as error:
        return f"someone moved first: {error}"
    except AndonError as error:
        if phase == "watch" and isinstance(error, ExternalError) and not error.permanent:
            return f"could not look: {error}"  # the next watch looks again; nothing was established
        return steps.escalate(app, ticket, f"{phase} stopped: {error}")
    except Exception as error:
        # A fault of andon's own must not leave a ticket that looks as if somebody worked on it.
        steps.escalate(app, ticket, f"{phase} stopped by a fault in andon: {type(error).__name__}: {error}")
        raise


def straight(name: str, work: Callable[[], Result]) -> Result:
    """Runs a step by hand, without an engine: for `andon diagnose`, `andon fix` and tests."""
    del name
    return work()

