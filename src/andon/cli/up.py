"""`andon up`: runs the loop with a live view, or prints a line for everything that happens; stops cleanly on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

import click

from andon.app import App, alone
from andon.cli.open import open_config
from andon.cli.tickets import STATUS_COLOURS, reason_of, waits_for
from andon.errors import ConfigError
from andon.models import CheckResult, CheckState, Status, Ticket
from andon.quoting import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from andon.engine import Engine
    from andon.store import Store

LAMPS = {CheckState.OK: ("●", "green"), CheckState.FAILING: ("●", "red"), CheckState.ERROR: ("●", "yellow")}


class Stop(threading.Event):
    """That the loop was asked to stop; before there is a loop, and for the second time, the asking itself stops it."""

    gently = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Takes a signal."""
        del frame
        if not self.gently or (self.is_set() and number == signal.SIGINT):
            raise KeyboardInterrupt
        self.set()


class Feed:
    """The last things that happened, from any thread."""

    def __init__(self, *, echo: bool) -> None:
        self.echo = echo
        self.lines: deque[tuple[datetime, int, str]] = deque(maxlen=200)
        self.now: dict[int, str] = {}

    def say(self, ticket: int, text: str) -> None:
        """Takes one line of progress."""
        from andon.app import utc_now

        self.lines.append((utc_now(), ticket, text))
        self.now[ticket] = text
        if self.echo:
            click.echo(
                f"{utc_now():%H:%M:%S}  ticket {ticket:<4} {text}" if ticket else f"{utc_now():%H:%M:%S}  {text}"
            )


@click.command()
@click.option("--once", is_flag=True, help="Sweep once, work until nothing is left to do without a person, and end.")
@click.option(
    "--role",
    type=click.Choice(["all", "worker"]),
    default="all",
    help="`worker` takes work but schedules no sweeps (several machines on one Postgres).",
)
@click.option("--plain", is_flag=True, help="Print lines instead of the live view.")
@click.pass_context
def up(ctx: click.Context, *, once: bool, role: str, plain: bool) -> None:
    """Run the loop until Ctrl-C: sweeps on schedule, one phase a ticket, everything durable."""
    live = sys.stdout.isatty() and not plain and not once
    feed = Feed(echo=not live)
    with stopping() as stop:
        try:
            config = open_config(ctx)
            with App(config, progress=feed.say) as app, alone(app):
                look_first(app)
                if once:
                    run_once(app)
                else:
                    run_loop(app, feed, stop, live=live, sweeps=role == "all")
        except KeyboardInterrupt:
            begun = once or stop.gently
            words = "what was under way is cut off; the next start goes on" if begun else "the loop had not begun"
            click.echo(f"stopped; {words}")
            ctx.exit(130 if begun else 0)


def look_first(app: App) -> None:
    """Looks at what would stop the third sweep as well: checks that do not load, logins that can write.

    Raises:
        AndonError: something does.
    """
    if not app.config.systems:
        app.config.system_name()  # says what to write
    for system, settings in app.config.systems.items():
        app.checks(system)
        if settings.data:
            app.find_data(system)


def run_loop(app: App, feed: Feed, stop: Stop, *, live: bool, sweeps: bool) -> None:
    """Runs the engine and shows what happens until told to stop."""
    from andon.engine import Engine

    engine = Engine(app, sweeps=sweeps)
    with listening(app):
        stop.gently = True  # from here on there is something to bring to an end
        try:
            engine.start()
            if not live:
                click.echo(f"andon watches {', '.join(app.config.systems)}; Ctrl-C stops it")
            show_live(app, engine, feed, stop) if live else report_moves(app, engine, feed, stop)
        finally:
            click.echo("stopping; work that is cut off goes on at the next start")
            engine.stop()


@contextmanager
def listening(app: App) -> Iterator[None]:
    """Receives the pings of heartbeat checks where the configuration says so."""
    if not app.config.pings:
        yield
        return
    from andon.asking import record_ping
    from andon.checks.heartbeat import PingServer

    host, _, port = app.config.pings.rpartition(":")
    if not port.isdigit():
        raise ConfigError("write host:port, for instance 127.0.0.1:8790", key="pings")
    with PingServer(lambda ping: record_ping(app, ping), host=host or "127.0.0.1", port=int(port)) as server:
        app.progress(0, f"pings are taken at {server.url}NAME")
        yield


@contextmanager
def stopping() -> Iterator[Stop]:
    """Gives what SIGINT and SIGTERM set; the second SIGINT ends the program at once."""
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_once(app: App) -> None:
    """Sweeps every system and runs phases until every ticket waits for a person, for time, or is done."""
    from andon import workflows

    for system in app.config.systems:
        app.progress(0, f"sweeps {system}")
        workflows.sweep(app, system, workflows.straight)
        for line in errors_of(app, system):
            click.echo(line)
    watched: set[int] = set()
    while True:
        asking = workflows.due(app, app.store.list_tickets())
        waiting = [one for one in asking if not (one.phase == "watch" and one.ticket.id in watched)]
        if not waiting:
            break
        ticket, phase, _ = waiting[0]
        ended = workflows.run_phase(app, phase, ticket.id, workflows.straight)
        now = app.store.get_ticket(ticket.id)
        app.progress(ticket.id, f"{phase}: {now.status.value}. {reason_of(app.store, now) or ended}")
        if phase == "watch" or now.status is ticket.status:
            watched.add(ticket.id)
        if phase != "watch" and now.status is ticket.status:
            break  # the phase could not move it (somebody else did, or an outage): the next sweep looks again
    for ticket in app.store.list_tickets():
        if command := waits_for(app.store, ticket):
            reason = visible(reason_of(app.store, ticket), 300)
            click.echo(f"ticket {ticket.id} waits for you: {ticket.status.value}. {reason} ({command})")


def errors_of(app: App, system: str) -> list[str]:
    """Returns a line for every check that could not be asked: it watches nothing until somebody mends it."""
    results = app.store.latest_results(system)
    asked = [one for one in results if one.state is CheckState.ERROR]
    return [f"{system}: {one.check} could not be asked: {visible(one.message, 200)}" for one in asked]


def report_moves(app: App, engine: Engine, feed: Feed, stop: threading.Event) -> None:
    """Prints a line for every move of a ticket until told to stop."""
    seen = app.store.last_event()
    trouble = ""
    told: set[str] = set()
    while not stop.wait(0.5):
        for event in app.store.events_after(seen):
            seen = event.id
            if event.kind in ("moved", "opened", "attached", "note", "stopped"):
                moved = f"{event.new.value}: " if event.new else ""
                feed.say(event.ticket, f"{moved}{visible(event.text, 300)}")
        errors = {line for system in app.config.systems for line in errors_of(app, system)}
        for line in sorted(errors - told):
            feed.say(0, line)
        told = errors
        if engine.trouble != trouble:
            trouble = engine.trouble
            feed.say(0, f"trouble: {trouble}" if trouble else "the trouble is over")


def show_live(app: App, engine: Engine, feed: Feed, stop: threading.Event) -> None:
    """Draws lamps, tickets and what is being done, twice a second, until told to stop."""
    from rich.live import Live

    with Live(refresh_per_second=4, screen=False, transient=True) as live:
        while not stop.wait(0.5):
            live.update(picture(app, engine, feed))


def picture(app: App, engine: Engine, feed: Feed) -> RenderableType:
    """Returns the live view: a lamp a check, a line a ticket, the last things that happened."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    tickets = app.store.list_tickets()
    for system in app.config.systems:
        results = app.store.latest_results(system)
        parts.append(Text.assemble((f"{system}  ", "bold"), *lamps(results)))
        parts.append(Text(summary(results), style="dim"))
    parts.append(tickets_table(app.store, tickets, feed, app.now()))
    for at, ticket, text in list(feed.lines)[-6:]:
        parts.append(Text(f"{at:%H:%M:%S} {ticket or '':>4} {visible(text, 110)}", style="dim"))
    if engine.trouble:
        parts.append(Text(f"trouble: {engine.trouble}", style="yellow"))
    return Group(*parts)


def lamps(results: tuple[CheckResult, ...]) -> list[tuple[str, str]]:
    """Returns one coloured lamp a check, in the order of their names."""
    return [(LAMPS[one.state][0] + " ", LAMPS[one.state][1]) for one in sorted(results, key=lambda one: one.check)]


def summary(results: tuple[CheckResult, ...]) -> str:
    """Returns in words what the lamps show."""
    failing = [one.check for one in results if one.state is CheckState.FAILING]
    errors = [one.check for one in results if one.state is CheckState.ERROR]
    words = [f"{len(results)} checks asked" if results else "no check asked yet"]
    if failing:
        words.append(f"failing: {', '.join(failing)}")
    if errors:
        words.append(f"could not be asked: {', '.join(errors)}")
    return "; ".join(words)


def tickets_table(store: Store, tickets: tuple[Ticket, ...], feed: Feed, now: datetime) -> RenderableType:
    """Returns the open tickets, and those that ended in the last hour."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=bool(tickets), header_style="dim")
    for name in ("ticket", "status", "what", "now"):
        table.add_column(name, overflow="ellipsis", no_wrap=name != "now")
    for one in sorted(tickets, key=lambda one: -one.id)[:12]:
        if one.status in (Status.RESOLVED, Status.ABANDONED) and now - one.updated_at > timedelta(hours=1):
            continue
        command = waits_for(store, one)
        doing = f"waits for you: {command}" if command else visible(feed.now.get(one.id, ""), 80)
        status = Text(one.status.value, style=STATUS_COLOURS.get(one.status, "blue"))
        # Texts, as rich would read a bracket in a string as markup of its own.
        table.add_row(str(one.id), status, Text(visible(one.title, 50)), Text(doing))
    return table
