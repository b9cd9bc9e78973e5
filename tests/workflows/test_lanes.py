"""Where a diagnosis sends a ticket that is no bug of the code."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from stands import Stands, now_clock

from andon import lanes, workflows
from andon.app import App
from andon.config import load
from andon.models import Autonomy, Lane, Status
from andon.testing.agents import ScriptedAgent
from andon.testing.loops import BRIEF, moves
from andon.testing.waiting import Clock

AT = "2026-11-20 17:30:00"
LISTING = "insert into listings (run_id, shop, announced, listed_at) values ('run-0099', 'south', 9, ?)"
TOTAL = "insert into totals (run_id, shop, cents, items, made_at) values ('run-0099', 'south', 7, 1, ?)"
PRICE = "insert into items values ('run-0099', 'north', 'X1', 'lamp', 99999999, ?)"
Open = Callable[..., App]


@pytest.fixture
def clock() -> Clock:
    return now_clock()


@pytest.fixture
def open_(sqlite_stands: Stands, clock: Clock) -> Iterator[Open]:
    """Puts a state in place, with more rows, and gives its app with an agent."""
    opened: list[App] = []

    def give(state: str, agent: ScriptedAgent, *rows: str) -> App:
        folder = sqlite_stands.give(state)
        write(folder, *rows)
        app = App(load(folder / "andon.toml"), now=clock.now, agents=(agent,), proofs=BRIEF)
        opened.append(app)
        return app

    def write(folder: object, *rows: str) -> None:
        connection = sqlite3.connect(f"{folder}/live.db")
        for row in rows:
            connection.execute(row, (AT,) if "?" in row else ())
        connection.commit()
        connection.close()

    yield give
    for app in opened:
        app.close()


def ticket_on(app: App, check: str) -> int:
    made = app.store.create_ticket(
        system="tinyfeed", check=check, title=f"{check} is red", autonomy=Autonomy.PROPOSE, now=app.now()
    )
    return made.id


def diagnose(app: App, ticket: int) -> str:
    return workflows.run_phase(app, "diagnose", ticket, workflows.straight)


def waiting_for_upstream(open_: Open, agent: ScriptedAgent) -> tuple[App, int]:
    """Gives a ticket on a check whose upstream check is red, diagnosed as an outage."""
    app = open_("red", agent, LISTING)
    workflows.sweep(app, "tinyfeed", workflows.straight)
    with sqlite3.connect(app.config.home / "live.db") as connection:
        connection.execute(TOTAL, (AT,))
    connection.close()
    ticket = ticket_on(app, "totals-add-up")
    assert diagnose(app, ticket) == Status.OPEN
    return app, ticket


def test_outage_waits_and_looks_again_without_asking_an_agent(open_: Open, clock: Clock) -> None:
    agent = ScriptedAgent(lane=Lane.OUTAGE)
    app, ticket = waiting_for_upstream(open_, agent)
    assert workflows.due(app, [app.store.get_ticket(ticket)]) == []
    clock.forward(timedelta(minutes=1))
    (first,) = workflows.due(app, [app.store.get_ticket(ticket)])
    assert first.phase == "diagnose"
    agent.case = None
    assert diagnose(app, ticket) == Status.OPEN
    assert agent.case is None
    clock.forward(timedelta(minutes=2))
    (second,) = workflows.due(app, [app.store.get_ticket(ticket)])
    assert (second.phase, second.fact == first.fact) == ("diagnose", False)
    assert [event.text for event in app.store.list_events(ticket) if event.kind == "waits"][1:] == [
        "waits for no-items-missed, which is red"
    ]


def test_cause_is_looked_for_again_once_the_outage_is_over(open_: Open) -> None:
    agent = ScriptedAgent(lane=Lane.OUTAGE)
    app, ticket = waiting_for_upstream(open_, agent)
    with sqlite3.connect(app.config.home / "live.db") as connection:
        connection.execute("delete from listings where announced = 9")
    connection.close()
    agent.case, agent.lane = None, Lane.CODE_BUG
    assert diagnose(app, ticket) in (Status.DIAGNOSED, Status.ESCALATED)
    assert agent.case is not None


def test_outage_that_does_not_end_goes_to_a_person(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_WAITS", 2)
    app, ticket = waiting_for_upstream(open_, ScriptedAgent(lane=Lane.OUTAGE))
    assert diagnose(app, ticket) == Status.OPEN
    assert diagnose(app, ticket) == Status.ESCALATED
    assert app.store.get_ticket(ticket).reason.startswith("still down after 0 hours: waits for no-items-missed")


def test_outside_trouble_is_waited_for_as_long_as_ever_after_an_outage(open_: Open) -> None:
    app, ticket = waiting_for_upstream(open_, ScriptedAgent(lane=Lane.OUTAGE))
    for _ in range(workflows.WAITS + 2):
        assert diagnose(app, ticket) == Status.OPEN
    (app.config.home / "live.db").rename(app.config.home / "away.db")
    assert diagnose(app, ticket) == Status.OPEN
    assert workflows.pause(50) == workflows.LONGEST_WAIT


@pytest.mark.parametrize(
    ("lane", "words"),
    [
        (Lane.CHECK_WRONG, "mend it, or take it out"),
        (Lane.DATA_BUG, "andon writes no data"),
        (Lane.FLAKY, "a person decides"),
        (Lane.FEATURE, "nothing is broken"),
    ],
)
def test_what_is_no_bug_goes_to_a_person_with_what_is_to_be_done(open_: Open, lane: Lane, words: str) -> None:
    app = open_("open", ScriptedAgent(lane=lane))
    assert diagnose(app, 1) == Status.ESCALATED
    reason = app.store.get_ticket(1).reason
    assert reason.startswith(f"{lane.value}: ")
    assert words in reason


def test_duplicate_is_attached_to_the_ticket_of_the_same_cause(open_: Open) -> None:
    app = open_("open", ScriptedAgent(lane=Lane.DUPLICATE, duplicate=1), PRICE)
    ticket = ticket_on(app, "prices-in-range")
    assert diagnose(app, ticket) == Status.ABANDONED
    assert app.store.get_ticket(ticket).reason.startswith("duplicate of ticket 1: ")
    assert set(app.store.get_ticket(1).checks) == {"no-empty-pictures", "prices-in-range"}
    workflows.sweep(app, "tinyfeed", workflows.straight)
    assert [one.id for one in app.store.list_tickets() if one.status is Status.OPEN] == [1]


@pytest.mark.parametrize("other", [None, 2, 77])
def test_duplicate_of_nothing_is_a_doubt_for_a_person(open_: Open, other: int | None) -> None:
    app = open_("open", ScriptedAgent(lane=Lane.DUPLICATE, duplicate=other), PRICE)
    ticket = ticket_on(app, "prices-in-range")
    assert ticket == 2
    assert diagnose(app, ticket) == Status.ESCALATED
    assert "names no other open ticket" in app.store.get_diagnosis(ticket).refused[-1]


def test_duplicate_of_a_ticket_that_ends_meanwhile_goes_to_a_person(open_: Open) -> None:
    app = open_("open", ScriptedAgent(lane=Lane.DUPLICATE, duplicate=1), PRICE)
    ticket = ticket_on(app, "prices-in-range")

    def step(name: str, work: Callable[[], workflows.Result]) -> workflows.Result:
        if name == "attach":
            app.store.move(1, Status.OPEN, Status.ABANDONED, actor="somebody", reason="no", now=app.now())
        return work()

    assert workflows.run_phase(app, "diagnose", ticket, step) == Status.ESCALATED
    assert "ticket 1 is no open ticket" in app.store.get_ticket(ticket).reason


# --- pulled at --------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What an engine that dies looks like from inside: nothing may catch it."""


def dying(boundary: str, memory: dict[str, Any]) -> workflows.Step:
    """Returns what runs steps as the engine does, remembers their results, and dies once at a boundary."""

    def step(name: str, work: Callable[[], Any]) -> Any:
        if name in memory:
            return memory[name]
        if boundary == f"before {name}":
            raise Killed
        result = work()
        if boundary == f"done {name}":
            raise Killed
        memory[name] = result
        return result

    return step


def die_and_go_on(app: App, ticket: int, boundary: str) -> None:
    memory: dict[str, Any] = {}
    with pytest.raises(Killed):
        workflows.run_phase(app, "diagnose", ticket, dying(boundary, memory))
    workflows.run_phase(app, "diagnose", ticket, dying("", memory))


@pytest.mark.parametrize("boundary", ["before still out", "done still out", "before wait", "done wait"])
def test_outage_is_waited_for_after_a_kill(boundary: str, open_: Open) -> None:
    app, ticket = waiting_for_upstream(open_, ScriptedAgent(lane=Lane.OUTAGE))
    die_and_go_on(app, ticket, boundary)
    assert app.store.get_ticket(ticket).status is Status.OPEN
    assert moves(app.store, ticket) == ["> open"]
    assert len(lanes.outage_waits(app, ticket)) - 1 in (1, 2)  # a look more is an earlier end, and nothing else


@pytest.mark.parametrize("boundary", ["before attach", "done attach"])
def test_duplicate_is_attached_once_after_a_kill(boundary: str, open_: Open) -> None:
    app = open_("open", ScriptedAgent(lane=Lane.DUPLICATE, duplicate=1), PRICE)
    ticket = ticket_on(app, "prices-in-range")
    die_and_go_on(app, ticket, boundary)
    assert app.store.get_ticket(ticket).reason.startswith("duplicate of ticket 1: ")
    assert len(moves(app.store, ticket)) == 2
    assert app.store.get_ticket(1).checks.count("prices-in-range") == 1
