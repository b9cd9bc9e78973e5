"""Where a diagnosis sends a ticket that is no bug of the code: to wait, to another ticket, or to a person."""

from __future__ import annotations

from andon import steps
from andon.app import App
from andon.asking import ask_now
from andon.cases import load
from andon.errors import ConflictError
from andon.models import CheckState, Event, Lane, Status

MOST_WAITS = 50
"""Looks at an outage before a person gets the ticket: about half a day, at a quarter of an hour each in the end."""
WORDS = {
    Lane.DATA_BUG: "the rows are for a person to correct: andon writes no data",
    Lane.CHECK_WRONG: "the check asks the wrong question: mend it, or take it out",
    Lane.FLAKY: "it comes and goes by itself: a person decides what is to be done",
    Lane.FEATURE: "nothing is broken: somebody wants something else, which is for a person",
    Lane.UNKNOWN: "the evidence ends there: a person has to look",
}
"""What a person has to do, by lane."""


def hand_over(app: App, ticket: int) -> str:
    """Gives a ticket to a person, with the cause and what is to be done."""
    lane = app.store.get_diagnosis(ticket).lane
    words = f"{steps.cause_of(app, ticket)} ({WORDS[lane]})" if lane in WORDS else steps.cause_of(app, ticket)
    return steps.move(app, ticket, Status.OPEN, Status.ESCALATED, words)


def attach(app: App, ticket: int) -> str:
    """Attaches a ticket's checks to the open ticket that has the same cause; a person gets it where there is none."""
    found = app.store.get_diagnosis(ticket)
    try:
        if found.duplicate is None:
            raise ConflictError("the diagnosis names no ticket")
        app.store.absorb(ticket, found.duplicate, reason=found.root_cause, now=app.now())
    except ConflictError as error:  # the other has ended meanwhile: its cure did not reach this one
        if app.store.get_ticket(ticket).status is not Status.OPEN:
            raise
        return steps.escalate(app, ticket, f"{steps.cause_of(app, ticket)}, but {error}")
    return app.store.get_ticket(ticket).status.value


def wait_for_upstream(app: App, ticket: int, reason: str) -> str:
    """Leaves a ticket open for as long as what it depends on is down; a person gets it when that takes too long.

    A sweep resolves it when its checks are green again.
    """
    waits = outage_waits(app, ticket)
    if len(waits) >= MOST_WAITS:
        hours = (app.now() - waits[0].at).total_seconds() / 3600
        return steps.escalate(app, ticket, f"still down after {hours:.0f} hours: {reason}")
    steps.standing(app, ticket, Status.OPEN)
    app.store.add_event(ticket, "waits", actor=steps.LOOP, text=reason, data={"outage": True}, now=app.now())
    app.progress(ticket, "waits for what it depends on")
    return Status.OPEN.value


def still_out(app: App, ticket: int) -> str:
    """Returns what is still down of that which a ticket waits for; empty when it waits for nothing, or that is back."""
    if not outage_waits(app, ticket):
        return ""
    it, check = load(app, ticket)
    above = tuple(one for one in app.checks(it.system) if one.name in check.upstream)
    results = ask_now(app, it.system, above, app.store.watermarks(it.system))
    down = [result.check for result in results if result.state is not CheckState.OK]
    return f"waits for {', '.join(down)}, which {'is' if len(down) == 1 else 'are'} red" if down else ""


def outage_waits(app: App, ticket: int) -> list[Event]:
    """Returns the looks at an outage since the ticket last moved."""
    events = app.store.list_events(ticket, after=app.store.last_move(ticket))
    return [event for event in events if event.kind == "waits" and event.data.get("outage")]
