"""Limits per cause and per day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from andon.budget import allows, deadline, left, warns
from andon.config import BudgetSettings
from andon.models import Spend

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
    assert warns(spend=Spend(usd=3.99), day_spend=Spend(), settings=LIMITS) == ""
    assert "usd_per_ticket" in warns(spend=Spend(usd=4.0), day_spend=Spend(), settings=LIMITS)


def test_deadline_is_what_is_left_of_the_minutes_and_never_in_the_past() -> None:
    assert deadline(spend=Spend(seconds=600), settings=LIMITS, now=NOON) == NOON + timedelta(minutes=50)
    assert deadline(spend=Spend(seconds=9999), settings=LIMITS, now=NOON) == NOON


def test_what_is_left_is_bounded_by_the_day_as_well() -> None:
    assert left(spend=Spend(seconds=600, tokens=400, usd=1.0), day_spend=Spend(usd=48.0), settings=LIMITS) == Spend(
        seconds=3000, tokens=600, usd=2.0
    )
