"""Limits per cause and per day: the sums, and that each of them really stops the loop and keeps its work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from andon import steps, workflows
from andon.app import App
from andon.budget import allows, deadline, reached, warns
from andon.config import BudgetSettings, load
from andon.models import Lane, Spend, Status
from andon.protocols import Agent
from andon.testing.agents import ScriptedAgent, mended
from andon.testing.loops import BRIEF
from andon.testing.repos import NOW as TINYFEED_ENDS
from andon.testing.repos import make_tinyfeed
from andon.testing.waiting import Clock

BUG = "unwrapped-call"

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS = BudgetSettings(
    attempts=3, minutes_per_ticket=60, tokens_per_ticket=1000, usd_per_ticket=5, usd_per_day=50, tickets_per_day=2
)


NOTHING = Spend()


def ask(spend: Spend = NOTHING, *, attempts: int = 0, day: Spend = NOTHING, fixes: int = 0) -> str:
    return allows(spend=spend, attempts=attempts, day_spend=day, day_fixes=fixes, settings=LIMITS)


def test_fresh_cause_may_start() -> None:
    assert ask() == ""


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (ask(attempts=3), "attempts"),
        (ask(Spend(seconds=3600)), "minutes_per_ticket"),
        (ask(Spend(tokens=1000)), "tokens_per_ticket"),
        (ask(Spend(usd=5.0)), "usd_per_ticket"),
        (ask(day=Spend(usd=50.0)), "usd_per_day"),
        (ask(fixes=2), "tickets_per_day"),
    ],
)
def test_each_limit_stops_with_its_name(said: str, name: str) -> None:
    assert f"`{name}`" in said


def test_just_below_every_limit_goes_on() -> None:
    assert ask(Spend(seconds=3599, tokens=999, usd=4.99), attempts=2, day=Spend(usd=49.99), fixes=1) == ""


def test_ticket_that_was_begun_today_may_go_on_when_the_day_is_full() -> None:
    assert ask(attempts=1, fixes=2) == ""


def test_free_agent_may_work_where_money_is_forbidden() -> None:
    limits = LIMITS.model_copy(update={"usd_per_ticket": 0.0, "usd_per_day": 0.0})
    assert allows(spend=Spend(seconds=5), attempts=0, day_spend=Spend(), day_fixes=0, settings=limits) == ""
    assert "usd_per_ticket" in allows(
        spend=Spend(usd=0.01), attempts=0, day_spend=Spend(), day_fixes=0, settings=limits
    )


def test_warning_comes_at_four_fifths() -> None:
    assert warns(spend=Spend(usd=3.99), day_spend=Spend(), settings=LIMITS) == {}
    found = warns(spend=Spend(usd=4.0, seconds=3000), day_spend=Spend(), settings=LIMITS)
    assert list(found) == ["`minutes_per_ticket`", "`usd_per_ticket`"]
    assert found["`usd_per_ticket`"] == "4.00 of 5.00 USD are used (`usd_per_ticket` in [budget])"


def test_deadline_is_what_is_left_of_the_minutes_and_never_in_the_past() -> None:
    assert deadline(spend=Spend(seconds=600), settings=LIMITS, now=NOON) == NOON + timedelta(minutes=50)
    assert deadline(spend=Spend(seconds=9999), settings=LIMITS, now=NOON) == NOON


def test_day_on_which_nothing_may_be_fixed_still_finds_causes() -> None:
    limits = LIMITS.model_copy(update={"tickets_per_day": 0})
    day = Spend(seconds=60, tokens=10)
    assert reached(spend=Spend(), day_spend=day, settings=limits) == ""
    assert "tickets_per_day" in allows(spend=Spend(), attempts=0, day_spend=day, day_fixes=0, settings=limits)


# --- the limits in the loop -----------------------------------------------------------------------------------------

USED = (
    ("minutes_per_ticket", Spend(seconds=60 * 60), False),
    ("tokens_per_ticket", Spend(tokens=1000), False),
    ("usd_per_ticket", Spend(usd=5.0), False),
    ("usd_per_day", Spend(usd=50.0), True),
    ("`tickets_per_day` times `minutes_per_ticket`", Spend(seconds=2 * 60 * 60), True),
    ("`tickets_per_day` times `tokens_per_ticket`", Spend(tokens=2000), True),
)
"""Limit, what uses it up, and whether another cause may have used it."""


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives a red tinyfeed."""
    folder = tmp_path_factory.mktemp("feed")
    make_tinyfeed(folder, bug=BUG)
    return folder


Open = Callable[..., App]


@pytest.fixture
def opened(feed: Path, tmp_path: Path) -> Iterator[Open]:
    """Gives the app of a state of its own with one open ticket, and 1 to 3 agents."""
    apps: list[App] = []

    def give(*agents: Agent, limits: BudgetSettings = LIMITS) -> App:
        settings = load(feed / "andon.toml")
        settings = settings.model_copy(update={"database": f"sqlite:///{tmp_path}/andon.db", "budget": limits})
        app = App(settings, now=now_clock().now, agents=agents, proofs=BRIEF)
        apps.append(app)
        workflows.sweep(app, "tinyfeed", workflows.straight)
        return app

    yield give
    for app in apps:
        app.close()


def now_clock() -> Clock:
    """Returns a clock that stands after tinyfeed's last run."""
    clock = Clock()
    return clock if clock.now() > TINYFEED_ENDS else Clock(TINYFEED_ENDS)


def go(app: App, phase: str) -> str:
    return workflows.run_phase(app, phase, 1, workflows.straight)


def book(app: App, spend: Spend, *, elsewhere: bool = False) -> None:
    """Books a cost on the ticket, or on another cause."""
    ticket = app.store.create_ticket(system="other", title="red", check="c", now=app.now()).id if elsewhere else 1
    app.store.add_spend(ticket, "before", spend, app.now())


@pytest.mark.parametrize(("limit", "spend", "elsewhere"), USED, ids=[one[0] for one in USED])
def test_used_up_limit_stops_the_diagnosis_and_tells_what_is_known(
    opened: Open, limit: str, spend: Spend, elsewhere: bool
) -> None:
    agent = ScriptedAgent()
    app = opened(agent)
    book(app, spend, elsewhere=elsewhere)
    assert go(app, "diagnose") == Status.ESCALATED
    assert agent.case is None
    reason = app.store.get_ticket(1).reason
    assert limit in reason
    assert f"{app.store.get_evidence(1).total} rows offend" in reason
    assert app.store.get_brief(1).tables


@pytest.mark.parametrize(("limit", "spend", "elsewhere"), USED, ids=[one[0] for one in USED])
def test_used_up_limit_stops_the_fix_and_keeps_the_cause(
    opened: Open, limit: str, spend: Spend, elsewhere: bool
) -> None:
    app = opened(ScriptedAgent([mended(BUG)]))
    assert go(app, "diagnose") == Status.DIAGNOSED
    book(app, spend, elsewhere=elsewhere)
    assert go(app, "fix") == Status.ESCALATED
    assert app.store.list_attempts(1) == ()
    reason = app.store.get_ticket(1).reason
    assert limit in reason
    assert app.store.get_diagnosis(1).root_cause in reason


def test_full_day_stops_a_fix_that_has_not_begun(opened: Open) -> None:
    app = opened(ScriptedAgent([mended(BUG)]))
    assert go(app, "diagnose") == Status.DIAGNOSED
    for number in range(LIMITS.tickets_per_day):
        other = app.store.create_ticket(system="other", title="red", check=f"c{number}", now=app.now())
        app.store.start_attempt(other.id, agent="scripted", now=app.now())
    assert go(app, "fix") == Status.ESCALATED
    assert "tickets_per_day" in app.store.get_ticket(1).reason
    assert app.store.list_attempts(1) == ()


def test_what_the_agents_cost_stops_the_next_attempt_and_keeps_the_first(opened: Open) -> None:
    app = opened(ScriptedAgent([None, mended(BUG)], spend=Spend(tokens=400, usd=0.1)), ScriptedAgent(name="second"))
    assert go(app, "diagnose") == Status.DIAGNOSED
    book(app, Spend(tokens=200))
    assert go(app, "fix") == Status.ESCALATED
    (attempt,) = app.store.list_attempts(1)
    assert attempt.spend.tokens == 400
    assert attempt.notes == "the script has no more to say"
    assert app.store.spent(1).tokens == 1000
    assert app.store.spent(1).usd == pytest.approx(0.2)
    assert "1,000 of 1,000 tokens are used" in app.store.get_ticket(1).reason


def test_diagnosis_of_a_first_agent_stands_when_there_is_nothing_left_for_a_second(opened: Open) -> None:
    second = ScriptedAgent(name="second")
    app = opened(ScriptedAgent(lane=Lane.UNKNOWN, spend=Spend(usd=6.0)), second)
    assert go(app, "diagnose") == Status.ESCALATED
    assert second.case is None
    assert app.store.get_diagnosis(1).agent == "scripted"
    assert [event.text for event in app.store.list_events(1) if event.kind == "stopped"] == [
        "6.00 of 5.00 USD are used (`usd_per_ticket` in [budget])"
    ]


def test_second_diagnosis_of_a_ticket_costs_again(opened: Open) -> None:
    app = opened(ScriptedAgent(spend=Spend(tokens=300)))
    for _ in range(2):
        assert go(app, "diagnose") == Status.DIAGNOSED
        app.store.move(1, Status.DIAGNOSED, Status.OPEN, actor="test", reason="again", now=app.now())
    assert app.store.spent(1).tokens == 600


def test_attempt_that_was_cut_off_does_not_go_on_without_time(opened: Open) -> None:
    app = opened(ScriptedAgent([mended(BUG)]))
    assert go(app, "diagnose") == Status.DIAGNOSED
    app.store.start_attempt(1, agent="scripted", now=app.now())
    assert steps.begin_attempt(app, 1) == 1
    book(app, Spend(seconds=3600))
    assert steps.begin_attempt(app, 1) == 0


def test_agent_is_told_the_causes_own_deadline(opened: Open) -> None:
    agent = ScriptedAgent()
    app = opened(agent)
    book(app, Spend(seconds=3000))
    before = app.now()
    assert go(app, "diagnose") == Status.DIAGNOSED
    assert agent.case is not None
    assert before + timedelta(minutes=9) < agent.case.deadline < app.now() + timedelta(minutes=10)


def test_limit_that_is_nearly_used_up_is_told_once(opened: Open) -> None:
    app = opened(ScriptedAgent())
    book(app, Spend(seconds=3000))
    assert go(app, "diagnose") == Status.DIAGNOSED
    notes = [event.text for event in app.store.list_events(1) if event.kind == "note"]
    assert len(notes) == 1
    assert notes[0].startswith("running out: 50.")
    assert "minutes_per_ticket" in notes[0]


def test_patch_that_was_carried_to_a_moved_branch_is_no_attempt_of_its_own(opened: Open) -> None:
    app = opened(ScriptedAgent())
    for agent in ("scripted", "rebase", "rebase"):
        app.store.start_attempt(1, agent=agent, now=app.now())
    assert steps.attempts_of(app, 1) == 1
