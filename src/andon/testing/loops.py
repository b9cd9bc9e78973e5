"""Runs the real loop on tinyfeed for tests, in this process or in one that is to be killed at a step's boundary."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypedDict

from pydantic import JsonValue

from andon.app import App, alone
from andon.config import load
from andon.engine import Engine
from andon.models import Lane, Status
from andon.protocols import Agent
from andon.store import Store
from andon.testing.agents import ScriptedAgent, mended
from andon.testing.waiting import Clock, wait_until

POLL = timedelta(seconds=0.2)


class Order(TypedDict):
    """What a child process is to do: run the engine until `until`, or be killed at a boundary before."""

    folder: str
    offset: float
    """Seconds that its clock is ahead of real time."""
    bug: str
    lane: str
    abstains: bool
    """The agent names a cause and no fix."""
    sweeps: bool
    kill: str
    """Boundary at which it kills itself, such as `done ship`; empty for none."""
    moves: int
    """Ends when the first ticket's history holds so many moves (opening counts); at once when 0."""
    record: str
    """File that gets one line a boundary; empty for none."""


BRIEF = ("scope", "symptom on base", "symptom on head", "new test on base", "new test on head", "suite on head")
"""Proofs that are enough where a test is about the loop: a verdict is given from what really ran, and soon."""
TOP = ("database", "budget", "agent", "workers")
"""Keys of andon.toml that stand in no system's table."""


def use(folder: Path, **settings: str) -> None:
    """Sets keys in a folder's andon.toml, in tinyfeed's table or at the top; numbers, lists and tables as in TOML."""
    path = folder / "andon.toml"
    text = path.read_text(encoding="utf-8")
    for key, value in settings.items():
        plain = value.isdigit() or value[:1] in ("[", "{")
        line = f"{key} = {value if plain else json.dumps(value)}\n"
        text = re.sub(rf"^{key} = .*\n", "", text, flags=re.MULTILINE)
        text = line + text if key in TOP else text + line
    path.write_text(text, encoding="utf-8")


@contextmanager
def open_loop(
    folder: Path, *, clock: Clock, agents: tuple[Agent, ...] | None = None, proofs: tuple[str, ...] = BRIEF
) -> Iterator[App]:
    """Gives the app of a folder's andon.toml, alone on its state; with `proofs=()` the judge asks all it has."""
    with App(load(folder / "andon.toml"), now=clock.now, agents=agents, proofs=proofs) as app, alone(app):
        yield app


@contextmanager
def running(app: App, *, sweeps: bool = False) -> Iterator[Engine]:
    """Gives a running engine with a quick pace, and stops it."""
    engine = Engine(app, poll=POLL, sweeps=sweeps)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def moves(store: Store, ticket: int) -> list[str]:
    """Returns a ticket's way as `old > new`, oldest first; its opening is `> open`."""
    return [
        f"{event.old.value if event.old else ''} > {event.new.value}".strip()
        for event in store.list_events(ticket)
        if event.new is not None
    ]


def wait_for(app: App, ticket: int, *statuses: Status, seconds: float = 120.0) -> Status:
    """Returns a ticket's status as soon as it is one of these."""

    def look() -> Status | None:
        status = app.store.get_ticket(ticket).status
        return status if status in statuses else None

    found = wait_until(look, seconds=seconds, what=f"ticket {ticket} to be {' or '.join(statuses)}")
    assert found is not None
    return found


def live(order: dict[str, JsonValue]) -> None:
    """Is a child process: runs the engine as an order says."""
    told = Order(**order)  # type: ignore[typeddict-item]
    clock = Clock()
    clock.forward(timedelta(seconds=told["offset"]))
    agent = ScriptedAgent([] if told["abstains"] else [mended(told["bug"])], lane=Lane(told["lane"]))
    app = App(load(Path(told["folder"]) / "andon.toml"), now=clock.now, agents=(agent,), proofs=BRIEF)

    def boundary(name: str) -> None:
        if told["record"]:
            with open(told["record"], "a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if name == told["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)

    with alone(app):
        engine = Engine(app, poll=POLL, sweeps=told["sweeps"], boundary=boundary)
        engine.start()

        def there() -> bool:
            tickets = app.store.list_tickets()
            return not told["moves"] or (bool(tickets) and len(moves(app.store, tickets[-1].id)) >= told["moves"])

        try:
            wait_until(there, seconds=120.0, pause=0.1, what=f"{told['moves']} moves")
        except AssertionError:
            for one in app.store.list_tickets():
                print(one.status, moves(app.store, one.id), one.reason, engine.trouble, file=sys.stderr)
            raise
        os._exit(0)  # no clean stop: what comes next must find its way from the store alone
