"""The loop as straight functions: each phase of a ticket is a list of steps, and every step may die and run again.

    sweep -> diagnose_ticket -> fix_ticket -> (a person) -> ship_ticket -> watch_ticket

A phase gets the app, a ticket's number and `step`, which runs a piece of work once and remembers its result. Results
are ids, words and numbers; everything else lies in the store. A phase ends when it has to wait for a person or for
time; `next_phase` tells what a ticket's status asks for, so the decision starts the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol, TypeVar

from andon import lanes, steps
from andon.app import App
from andon.errors import AndonError, ConflictError, ExternalError
from andon.models import Autonomy, Lane, Status, Ticket, VerdictOutcome
from andon.store import LastMove

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
    if outage := step("still out", lambda: lanes.still_out(app, ticket)):
        return step("wait", lambda: lanes.wait_for_upstream(app, ticket, outage))
    step("evidence", lambda: steps.record_evidence(app, ticket))
    step("brief", lambda: steps.write_brief(app, ticket))
    lane = step("diagnose", lambda: steps.diagnose(app, ticket))
    return after_diagnosis(app, ticket, lane, step)


def after_diagnosis(app: App, ticket: int, lane: str, step: Step) -> str:
    """Sends a ticket where its lane says; returns the status that it then has."""
    if lane == Lane.CODE_BUG:
        return step(
            "diagnosed", lambda: steps.move(app, ticket, Status.OPEN, Status.DIAGNOSED, steps.cause_of(app, ticket))
        )
    if lane == Lane.OUTAGE:
        return step("wait", lambda: lanes.wait_for_upstream(app, ticket, steps.cause_of(app, ticket)))
    if lane == Lane.DUPLICATE:
        return step("attach", lambda: lanes.attach(app, ticket))
    return step("hand over", lambda: lanes.hand_over(app, ticket))


def fix_ticket(app: App, ticket: int, step: Step) -> str:
    """Writes a patch and proves it, until one is proven, or attempts, time or money are used up."""
    if trouble := step("suite before", lambda: steps.suite_before(app, ticket)):
        return step("red before", lambda: steps.move(app, ticket, Status.DIAGNOSED, Status.ESCALATED, trouble))
    while number := step("begin", lambda: steps.begin_attempt(app, ticket)):
        if not step(f"patch {number}", lambda number=number: steps.write_patch(app, ticket, number)):  # type: ignore[misc]
            continue
        step(
            f"patched {number}", lambda: steps.move(app, ticket, Status.DIAGNOSED, Status.PATCHED, "a patch is written")
        )
        ended = prove(app, ticket, number, step)
        if ended is not Status.DIAGNOSED:
            return ended
    return step("give up", lambda: steps.give_up(app, ticket))


def prove(app: App, ticket: int, number: int, step: Step) -> Status:
    """Judges an attempt and moves the ticket to where the verdict sends it; `diagnosed` asks for another attempt."""
    outcome = step(f"judge {number}", lambda: steps.judge(app, ticket, number))
    status, reason = VERDICT_MOVES[VerdictOutcome(outcome)]
    if status is not Status.PATCHED:
        step(
            f"judged {number}",
            lambda: steps.move(app, ticket, Status.PATCHED, status, steps.verdict_reason(app, ticket, reason)),
        )
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
                return step(
                    "deploy failed", lambda: steps.move(app, ticket, Status.APPROVED, Status.ESCALATED, trouble)
                )
            return step(
                "shipped", lambda: steps.move(app, ticket, Status.APPROVED, Status.SHIPPED, "watched until quiet")
            )
        if shipped == "conflict":
            break
        number = step("rebase", lambda: steps.begin_rebased(app, ticket))
        step(
            "rebased",
            lambda: steps.move(app, ticket, Status.APPROVED, Status.PATCHED, "the branch moved; judged again"),
        )
        if prove(app, ticket, number, step) not in (Status.PROVEN, Status.APPROVED):
            return step(
                "moved", lambda: steps.escalate(app, ticket, "the branch moved and the patch no longer proves itself")
            )
        step("still approved", lambda number=number: steps.approve_again(app, ticket, number))  # type: ignore[misc]
    return step(
        "conflict", lambda: steps.escalate(app, ticket, "the branch moved and the patch no longer applies to it")
    )


def watch_ticket(app: App, ticket: int, step: Step) -> str:
    """Looks once at a shipped ticket: resolved when quiet for long enough, reverted when it fires again."""
    state = step("watch", lambda: steps.watch(app, ticket))
    if state == "quiet":
        step("settle", lambda: steps.settle_residue(app, ticket))
        return step(
            "resolved",
            lambda: steps.move(app, ticket, Status.SHIPPED, Status.RESOLVED, steps.quiet_reason(app, ticket)),
        )
    if state != "fired":
        return Status.SHIPPED
    step("revert", lambda: steps.revert(app, ticket))
    trouble = step("redeploy", lambda: steps.deploy(app, ticket))
    return step("reopen", lambda: steps.reopen(app, ticket, trouble))


PHASES: dict[str, Callable[[App, int, Step], str]] = {
    "diagnose": diagnose_ticket,
    "fix": fix_ticket,
    "ship": ship_ticket,
    "watch": watch_ticket,
}


WAIT = timedelta(seconds=30)
"""How long a phase waits before it tries again what the world refused; doubled each time, up to `LONGEST_WAIT`."""
LONGEST_WAIT = timedelta(minutes=15)
WAITS = 6
"""After so many waits in a row (about half an hour) a person gets the ticket."""


class Due(NamedTuple):
    """A ticket that asks for a phase."""

    ticket: Ticket
    phase: str
    fact: str
    """Name of what asks. The same fact has the same name for ever: whatever starts it twice has started it once."""


def due(app: App, tickets: Sequence[Ticket]) -> list[Due]:
    """Returns those of some tickets that ask for a phase now; the store is asked once for all of them."""
    asking = [
        (ticket, phase)
        for ticket in tickets
        if ticket.system in app.config.systems and (phase := next_phase(ticket, ticket.autonomy))
    ]
    moves = app.store.last_moves([ticket.id for ticket, _ in asking])
    found = [(ticket, phase, fact_of(app, ticket, phase, moves[ticket.id])) for ticket, phase in asking]
    return [Due(ticket, phase, fact) for ticket, phase, fact in found if fact]


def fact_of(app: App, ticket: Ticket, phase: str, last: LastMove) -> str:
    """Returns the name of the fact for which a ticket asks for a phase; empty while it waits."""
    fact = f"ticket-{ticket.id}-{phase}-{last.event}"
    now = app.now()
    if phase == "watch" or (phase == "ship" and ticket.autonomy is Autonomy.PROPOSE):
        pace = min(60.0, max(1.0, app.config.systems[ticket.system].every.total_seconds()))
        return f"{fact}-{int(now.timestamp() / pace)}"
    if last.waits and now < last.waits[-1] + pause(len(last.waits)):
        return ""
    return f"{fact}-{len(last.waits)}" if last.waits else fact


def pause(waits: int) -> timedelta:
    """Returns how long a phase waits that has waited so often."""
    return min(LONGEST_WAIT, WAIT * (1 << min(10, waits - 1)))


def run_phase(app: App, phase: str, ticket: int, step: Step) -> str:
    """Runs one phase of a ticket; whatever fails for good is written into the ticket, for a person.

    Returns the status that the ticket then has, or why the phase ended without moving it. An outside thing that
    cannot be reached now is nobody's bug: the ticket stays as it is and the phase is tried again later.
    """
    try:
        return str(PHASES[phase](app, ticket, step))
    except ConflictError as error:
        return f"someone moved first: {error}"
    except ExternalError as error:
        if phase == "watch" and not error.permanent:
            return f"could not look: {error}"  # the next watch looks again; nothing was established
        if not error.permanent and steps.wait(app, ticket, f"{phase} could not go on: {error}") <= WAITS:
            return f"waits: {error}"
        return steps.escalate(app, ticket, f"{phase} stopped: {error}")
    except AndonError as error:
        return steps.escalate(app, ticket, f"{phase} stopped: {error}")
    except Exception as error:
        # A fault of andon's own must not leave a ticket that looks as if somebody worked on it.
        steps.escalate(app, ticket, f"{phase} stopped by a fault in andon: {type(error).__name__}: {error}")
        raise


def straight(name: str, work: Callable[[], Result]) -> Result:
    """Runs a step by hand, without an engine: for `andon diagnose`, `andon fix` and tests."""
    del name
    return work()
