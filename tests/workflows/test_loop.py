"""The loop on a real watched system, from red to resolved, and every way in which it stops or turns back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stands import BUG, LATER, MINUTE, Stands, andon_commits, deploys, now_clock, offend

from andon import steps, workflows
from andon.app import App
from andon.config import load
from andon.errors import ConflictError
from andon.models import Autonomy, CheckState, Lane, Status
from andon.protocols import Agent
from andon.testing.agents import ScriptedAgent, mended
from andon.testing.loops import BRIEF, moves, open_loop, running, use, wait_for
from andon.testing.repos import git
from andon.testing.waiting import Clock, wait_until

Open = Callable[..., App]


@pytest.fixture
def clock() -> Clock:
    return now_clock()


@pytest.fixture
def open_(sqlite_stands: Stands, clock: Clock) -> Iterator[Open]:
    """Puts a state in place and gives its app, with an agent that writes the right fix unless another is given."""
    opened: list[App] = []

    def give(state: str, *, agent: Agent | None = None, **settings: str) -> App:
        folder = sqlite_stands.give(state)
        use(folder, **settings)
        app = App(
            load(folder / "andon.toml"), now=clock.now, agents=(agent or ScriptedAgent([mended(BUG)]),), proofs=BRIEF
        )
        opened.append(app)
        return app

    yield give
    for app in opened:
        app.close()


def go(app: App, phase: str, ticket: int = 1) -> str:
    return workflows.run_phase(app, phase, ticket, workflows.straight)


def sweep(app: App) -> list[int]:
    return workflows.sweep(app, "tinyfeed", workflows.straight)


# --- all of it ------------------------------------------------------------------------------------------------------


def test_search_agent_takes_a_bug_from_red_to_resolved(sqlite_stands: Stands, clock: Clock) -> None:
    folder = sqlite_stands.give("red")
    with open_loop(folder, clock=clock, proofs=()) as app, running(app, sweeps=True):
        wait_until(app.store.list_tickets, what="a ticket")
        status = wait_for(app, 1, Status.PROVEN, Status.ESCALATED, seconds=240)
        assert status is Status.PROVEN, app.store.get_ticket(1).reason
        steps.approve(app, 1, note="looks right")
        wait_for(app, 1, Status.SHIPPED)
        clock.forward(LATER)
        wait_for(app, 1, Status.RESOLVED)
        assert len(app.store.list_tickets()) == 1
    fixed = git("show", "main:tinyfeed/fetch.py", cwd=folder / "origin.git")
    assert "@retrying\ndef fetch_gallery" in fixed
    message = git("log", "-1", "--format=%B", "main", cwd=folder / "origin.git")
    assert "\nTicket: 1\nCheck: no-empty-pictures\nRoot-cause: " in message
    assert deploys(folder) == 1
    assert nothing_pickled(folder / ".andon" / "andon-engine.db") > 10


def nothing_pickled(path: Path) -> int:
    """Counts the values that the engine keeps of workflows and steps, each of which must be JSON and a small thing."""
    connection = sqlite3.connect(path)
    found = 0
    for table, columns in (
        ("workflow_status", ("inputs", "output", "error")),
        ("operation_outputs", ("output", "error")),
    ):
        for column in columns:
            for (value,) in connection.execute(f"select {column} from {table} where {column} is not null"):
                told = json.loads(value)
                assert len(value) < 2000, f"{table}.{column} holds more than ids and words: {value[:200]}"
                assert told is None or isinstance(told, (str, int, bool, list, dict))
                found += 1
    connection.close()
    return found


def test_loop_runs_on_postgres(postgres_stands: Stands) -> None:
    folder = postgres_stands.give("approved")
    clock = postgres_stands.clock()
    clock.forward(MINUTE)  # the worker of the state died when it had moved the ticket, perhaps within its phase
    with open_loop(folder, clock=clock, agents=(ScriptedAgent(),)) as app, running(app):
        wait_for(app, 1, Status.SHIPPED)
        clock.forward(LATER)
        wait_for(app, 1, Status.RESOLVED)
        assert moves(app.store, 1)[-2:] == ["approved > shipped", "shipped > resolved"]


# --- attempts -------------------------------------------------------------------------------------------------------


def test_rejected_patch_is_followed_by_an_attempt_that_is_told_why(sqlite_stands: Stands, clock: Clock) -> None:
    folder = sqlite_stands.give("diagnosed")
    agent = ScriptedAgent([mended(BUG, wrong=True), mended(BUG)])
    with open_loop(folder, clock=clock, agents=(agent,)) as app, running(app):
        wait_for(app, 1, Status.PROVEN, Status.ESCALATED, seconds=240)
        first, second = app.store.list_attempts(1)
        assert first.feedback
        assert [one.feedback for one in agent.earlier] == [first.feedback]
        assert second.verdict is not None
        assert second.verdict.outcome == "proven"
        assert moves(app.store, 1)[2:] == [
            "diagnosed > patched", "patched > diagnosed", "diagnosed > patched", "patched > proven",
        ]  # fmt: skip
        # The rejection put the ticket back to where a fix begins: no second fix may start beside the first.
        wait_until(lambda: not pending(app), what="the queues to be empty")
        assert len(app.store.list_attempts(1)) == 2


def pending(app: App) -> int:
    """Counts the workflows that are not done."""
    path = app.config.home / ".andon" / "andon-engine.db"
    connection = sqlite3.connect(path)
    query = "select count(*) from workflow_status where status in ('PENDING', 'ENQUEUED')"
    count = int(connection.execute(query).fetchone()[0])
    connection.close()
    return count


def test_ticket_whose_attempts_are_used_up_is_escalated_with_what_is_known(open_: Open) -> None:
    app = open_("diagnosed", agent=ScriptedAgent([mended(BUG, wrong=True), mended(BUG)]), budget="{attempts = 1}")
    assert go(app, "fix") == Status.ESCALATED
    reason = app.store.get_ticket(1).reason
    feedback = app.store.list_attempts(1)[0].feedback
    assert feedback
    assert feedback in reason
    assert "attempts" in reason
    assert app.store.get_diagnosis(1).root_cause in reason


def test_agent_that_dies_leaves_the_ticket_waiting_and_then_to_a_person(open_: Open, clock: Clock) -> None:
    app = open_("diagnosed", agent=ScriptedAgent(["!out of memory"] * 20))
    for _ in range(workflows.WAITS):
        assert go(app, "fix").startswith("waits")
        assert workflows.due(app, [app.store.get_ticket(1)]) == []
        clock.forward(LATER)
        assert workflows.due(app, [app.store.get_ticket(1)])[0].phase == "fix"
    assert go(app, "fix") == Status.ESCALATED
    assert "out of memory" in app.store.get_ticket(1).reason


def test_suite_that_is_red_before_anyone_touched_it_is_said_and_not_fixed_on_top(open_: Open) -> None:
    app = open_("red suite")
    assert go(app, "fix") == Status.ESCALATED
    reason = app.store.get_ticket(1).reason
    assert "before anyone touched it" in reason
    assert "test_hope" in reason
    assert app.store.list_attempts(1) == ()


def test_cause_that_is_no_code_bug_goes_to_a_person(open_: Open) -> None:
    app = open_("open", agent=ScriptedAgent([mended(BUG)], lane=Lane.DATA_BUG))
    assert go(app, "diagnose") == Status.ESCALATED
    assert app.store.get_ticket(1).reason.startswith("data bug: ")


def test_ticket_that_moved_on_while_its_fix_waited_gets_no_attempt(open_: Open) -> None:
    app = open_("proven")
    assert go(app, "fix").startswith("someone moved first")
    assert len(app.store.list_attempts(1)) == 1


# --- autonomy and the gate ------------------------------------------------------------------------------------------


def test_report_ends_with_the_diagnosis(open_: Open) -> None:
    app = open_("red", autonomy="report")
    sweep(app)
    assert go(app, "diagnose") == Status.DIAGNOSED
    assert workflows.due(app, [app.store.get_ticket(1)]) == []


def test_proposal_waits_on_a_branch_until_a_person_merges_it(open_: Open, sqlite_stands: Stands) -> None:
    app = open_("proven")
    origin = sqlite_stands.here / "origin.git"
    before = git("rev-parse", "main", cwd=origin)
    app.store.update_ticket(1, autonomy=Autonomy.PROPOSE, now=app.now())
    steps.approve(app, 1)
    for _ in range(2):
        assert go(app, "ship") == Status.APPROVED
    assert git("rev-parse", "main", cwd=origin) == before
    assert git("for-each-ref", "--format=%(refname:short)", cwd=origin).split() == ["andon/ticket-1", "main"]
    git("update-ref", "refs/heads/main", "andon/ticket-1", cwd=origin)
    assert go(app, "ship") == Status.SHIPPED
    assert andon_commits(sqlite_stands.here) == ["fix"]


def test_proven_patch_ships_by_itself_where_that_is_allowed(sqlite_stands: Stands) -> None:
    sqlite_stands.give("unsigned")
    ended = sqlite_stands.run(moves=6, later=timedelta(minutes=5))
    assert ended.code == 0, ended.output
    with sqlite_stands.open() as app:
        (approval,) = app.store.list_approvals(1)
        assert (approval.who, approval.decision) == ("loop", "approve")
    assert andon_commits(sqlite_stands.here) == ["fix"]


def test_rejection_by_a_person_reaches_the_next_attempt(open_: Open) -> None:
    agent = ScriptedAgent()
    app = open_("proven", agent=agent)
    assert steps.reject(app, 1, why="retry on the caller's side").status is Status.DIAGNOSED
    assert go(app, "fix") == Status.ESCALATED
    assert agent.earlier[-1].feedback == "a person rejected it: retry on the caller's side"
    assert "retry on the caller's side" in app.store.get_ticket(1).reason


def test_rejection_with_no_attempt_left_is_the_persons(open_: Open) -> None:
    app = open_("proven", budget="{attempts = 1}")
    assert steps.reject(app, 1, why="no").status is Status.ESCALATED


def test_nothing_is_approved_twice_or_after_it_was_rejected(open_: Open) -> None:
    app = open_("proven")
    steps.approve(app, 1)
    with pytest.raises(ConflictError, match="nothing waits"):
        steps.approve(app, 1)
    with pytest.raises(ConflictError, match="nothing waits"):
        steps.reject(app, 1, why="changed my mind")
    assert len(app.store.list_approvals(1)) == 1


# --- shipping and watching ------------------------------------------------------------------------------------------


def test_push_that_is_refused_goes_to_a_person_with_the_remotes_words(open_: Open, sqlite_stands: Stands) -> None:
    app = open_("approved")
    hook = sqlite_stands.here / "origin.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is frozen until Monday' >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    assert go(app, "ship") == Status.ESCALATED
    assert "main is frozen until Monday" in app.store.get_ticket(1).reason
    assert andon_commits(sqlite_stands.here) == []


def test_deploy_that_fails_goes_to_a_person_with_its_words(open_: Open) -> None:
    app = open_("approved", deploy="sh -c 'echo no room on host 7 >&2; exit 3'")
    assert go(app, "ship") == Status.ESCALATED
    assert "no room on host 7" in app.store.get_ticket(1).reason


def test_release_that_fires_again_is_taken_back_and_its_cause_refuted(open_: Open, sqlite_stands: Stands) -> None:
    app = open_("fired")
    cause = app.store.get_diagnosis(1).root_cause
    assert go(app, "watch") == Status.OPEN
    assert andon_commits(sqlite_stands.here) == ["fix", "revert"]
    assert deploys(sqlite_stands.here) == 2
    text = git("show", "main:tinyfeed/fetch.py", cwd=sqlite_stands.here / "origin.git")
    assert "@retrying\ndef fetch_gallery" not in text
    assert (
        app.store.get_release(1).reverted_by == git("rev-parse", "main", cwd=sqlite_stands.here / "origin.git").strip()
    )
    assert go(app, "diagnose") == Status.DIAGNOSED
    memories = app.store.get_brief(1).memories
    assert any(memory.refuted and cause in memory.root_cause for memory in memories)


def test_rows_from_before_the_release_are_residue_and_do_not_fire_again(open_: Open, clock: Clock) -> None:
    app = open_("shipped")
    clock.forward(LATER)
    assert go(app, "watch") == Status.RESOLVED
    assert "26 rows that the bug wrote before remain" in app.store.get_ticket(1).reason
    clock.forward(LATER)
    assert sweep(app) == []
    assert app.store.get_ticket(1).status is Status.RESOLVED
    offend(app.config.home, clock)
    clock.forward(LATER)
    assert sweep(app) == [1]
    assert app.store.get_ticket(1).status is Status.OPEN


def test_release_is_not_quiet_before_its_time(open_: Open) -> None:
    app = open_("shipped")
    assert go(app, "watch") == Status.SHIPPED
    assert app.store.get_ticket(1).status is Status.SHIPPED


# --- sweeps ---------------------------------------------------------------------------------------------------------


def test_database_that_goes_away_in_a_sweep_opens_no_ticket(open_: Open, sqlite_stands: Stands) -> None:
    app = open_("red")
    (sqlite_stands.here / "live.db").rename(sqlite_stands.here / "away.db")
    assert sweep(app) == []
    assert {result.state for result in app.store.latest_results("tinyfeed")} == {CheckState.ERROR}
    assert app.store.list_tickets() == ()
    (sqlite_stands.here / "away.db").rename(sqlite_stands.here / "live.db")


def test_database_that_goes_away_before_the_diagnosis_is_waited_for(
    open_: Open, sqlite_stands: Stands, clock: Clock
) -> None:
    app = open_("open")
    (sqlite_stands.here / "live.db").rename(sqlite_stands.here / "away.db")
    assert "waits" in go(app, "diagnose")
    assert app.store.get_ticket(1).status is Status.OPEN
    (sqlite_stands.here / "away.db").rename(sqlite_stands.here / "live.db")
    app.close()
    clock.forward(LATER)
    assert go(app, "diagnose") == Status.DIAGNOSED


def test_many_causes_at_once_become_one_ticket_for_a_person(open_: Open, sqlite_stands: Stands) -> None:
    app = open_("red", storm="3")
    connection = sqlite3.connect(sqlite_stands.here / "live.db")
    at = "2026-11-20 17:30:00"
    connection.execute("insert into items values ('run-0099', 'north', ' X ', 'lamp', 5, ?)", (at,))
    connection.execute("insert into listings values ('run-0099', 'south', 9, ?)", (at,))
    connection.commit()
    connection.close()
    assert sweep(app) == [1]
    ticket = app.store.get_ticket(1)
    assert (ticket.status, ticket.check) == (Status.ESCALATED, None)
    assert {"no-empty-pictures", "no-padded-skus", "prices-in-range", "no-items-missed"} <= set(ticket.checks)
    assert workflows.due(app, [ticket]) == []
    app.now = now_clock().now
    assert sweep(app) == []


def test_ticket_without_a_check_is_never_picked_up(sqlite_stands: Stands, clock: Clock) -> None:
    folder = sqlite_stands.give("red")
    with open_loop(folder, clock=clock, agents=(ScriptedAgent(),)) as app, running(app):
        wish = app.store.create_ticket(system="tinyfeed", title="Show pictures larger", now=app.now())
        red = app.store.create_ticket(
            system="tinyfeed", title="Holes", check="no-empty-pictures", now=app.now(), autonomy=Autonomy.REPORT
        )
        wait_for(app, red.id, Status.DIAGNOSED)  # so the engine has looked at both
        assert app.store.get_ticket(wish.id).status is Status.OPEN
        assert [event.kind for event in app.store.list_events(wish.id)] == ["opened"]


# --- processes ------------------------------------------------------------------------------------------------------


def test_second_process_on_the_same_sqlite_state_is_refused(sqlite_stands: Stands, clock: Clock) -> None:
    folder = sqlite_stands.give("red")
    with open_loop(folder, clock=clock):
        ended = sqlite_stands.run()
    assert ended.code != 0
    assert "already works with this state" in ended.output
    assert 'database = "postgresql://' in ended.output


def test_phase_that_keeps_killing_its_process_goes_to_a_person(stands: Stands) -> None:
    stands.give("open")
    minute = timedelta(minutes=1)
    for times in range(30):
        ended = stands.run(kill="before brief", moves=2, later=times * minute)
        if ended.code == 0:
            break
        assert ended.code == -9, ended.output
    with stands.open() as app:
        assert moves(app.store, 1) == ["> open", "open > escalated"]
        assert "ended its process" in app.store.get_ticket(1).reason
        app.store.move(1, Status.ESCALATED, Status.OPEN, actor="person", reason="mended the machine", now=app.now())
    ended = stands.run(moves=4, later=times * minute + 2 * minute)
    assert ended.code == 0, ended.output
    assert stands.facts().moves[2:4] == ["escalated > open", "open > diagnosed"]
