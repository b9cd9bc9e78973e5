"""`andon budget`: what is used and left, and a person's word that more may be spent."""

from __future__ import annotations

import json
from pathlib import Path

from feeds import Call

from andon.models import Spend
from andon.testing.loops import open_loop
from andon.testing.waiting import Clock


def ticket(andon: Call, folder: Path) -> None:
    andon("tickets", "--new", "Holes", "--check", "no-empty-pictures", cwd=folder)


def test_day_is_shown_without_a_ticket(andon: Call, red: Path) -> None:
    said = andon("budget", cwd=red)
    assert said.code == 0
    assert "today" in said.out
    assert "50.00 left" in said.out


def test_what_a_cause_used_and_has_left_is_told(andon: Call, red: Path) -> None:
    ticket(andon, red)
    with open_loop(red, clock=Clock()) as app:
        app.store.add_spend(1, "diagnose", Spend(seconds=90, tokens=1000, usd=1.25), app.now())
    told = json.loads(andon("budget", "1", "--json", cwd=red).out)
    assert told["ticket 1"]["usd"] == {"used": 1.25, "limit": 5.0, "left": 3.75, "added": 0}
    assert told["ticket 1"]["minutes"]["used"] == 1.5
    assert told["today"]["tokens"]["used"] == 1000


def test_added_limits_are_kept_with_who_and_why(andon: Call, red: Path) -> None:
    ticket(andon, red)
    said = andon("budget", "1", "--usd", "5", "--tokens", "1000", "--why", "nearly there", cwd=red)
    assert said.code == 0, said.err
    assert "10.00" in said.out
    assert "added 5.0 USD, 1,000 tokens: nearly there" in andon("show", "1", cwd=red).out.replace("\\", "")
    again = json.loads(andon("budget", "1", "--attempts", "1", "--json", cwd=red).out)
    assert again["ticket 1"]["usd"]["added"] == 5.0
    assert again["ticket 1"]["attempts"]["limit"] == 4


def test_limits_are_not_added_to_no_ticket_nor_to_an_ended_one(andon: Call, red: Path) -> None:
    assert andon("budget", "--usd", "5", cwd=red).code == 2
    ticket(andon, red)
    andon("close", "1", "--why", "gone", cwd=red)
    said = andon("budget", "1", "--usd", "5", cwd=red)
    assert said.code == 2
    assert "abandoned" in said.err


def test_nothing_is_added_below_nothing(andon: Call, red: Path) -> None:
    ticket(andon, red)
    assert andon("budget", "1", "--usd", "-5", cwd=red).code == 2
