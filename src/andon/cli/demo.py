"""`andon demo`: breaks a real pipeline and runs the loop on it, from red to resolved, asking at the gate."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path

import click

from andon.app import App, alone
from andon.config import load
from andon.errors import AndonError
from andon.models import Status, Ticket, Verdict
from andon.quoting import visible

LIMIT = 600.0
"""Seconds after which the demonstration gives up waiting."""
ENDED = (Status.RESOLVED, Status.ESCALATED, Status.ABANDONED)


@click.command()
@click.option("--fault", "name", default="retry-429", show_default=True, help="Which fault; `--list` names them.")
@click.option("--list", "list_them", is_flag=True, help="List the faults and end.")
@click.option("--yes", is_flag=True, help="Approve at the gate without asking; exit 0 only when resolved.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to build it; a new folder in /tmp."
)
@click.option("--agent", type=click.Choice(["search", "model"]), default="search", show_default=True, help="Who looks.")
@click.option("--model", envvar="ANDON_DEMO_MODEL", default="", help="For `model`: `anthropic:NAME` or `openai:NAME`.")
@click.option("--url", envvar="ANDON_DEMO_URL", default="", help="Its address, such as http://127.0.0.1:8000/v1.")
@click.option("--key", envvar="ANDON_DEMO_KEY", default="", metavar="NAME", help="Variable that holds its key.")
@click.option("--json", "as_json", is_flag=True, help="Print times and the outcome as one JSON line at the end.")
@click.pass_context
def demo(
    ctx: click.Context,
    name: str,
    folder: Path | None,
    agent: str,
    model: str,
    url: str,
    key: str,
    *,
    list_them: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Break a real pipeline (scrape, download, CLIP, ETL, Postgres) and watch the loop mend it.

    With `--agent model` a model looks for the cause and writes the patch: that of `--model`, at any address that is
    compatible with OpenAI or Anthropic.
    """
    from andon import demo as stage

    if not stage.faults():
        raise AndonError("the demo needs a checkout of andon with examples/imagefeed")
    if list_them:
        for one in stage.faults():
            click.echo(f"{one:<20} {stage.read_fault(one).title}")
        return
    fault = stage.read_fault(name)
    if agent == "model" and not model:
        raise click.UsageError("--agent model needs --model, and --url or --key", ctx)
    place = folder or Path(tempfile.mkdtemp(prefix="andon-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    if any(place.iterdir()):
        raise AndonError(f"{place} is not empty: give --folder a new one")
    heading(f"imagefeed breaks: {fault.title}")
    table = stage.agent_table(agent, model=model, url=url, key=key)
    with stage.world(place, fault, say=say, agent=table) as world:
        os.environ.update(world.environ)
        outcome, times, verdict = watch_loop(place, yes=yes)
    report(place, outcome, times, verdict, as_json=as_json)
    ctx.exit(0 if outcome is not None and outcome.status is Status.RESOLVED else 1)


def heading(text: str) -> None:
    """Prints a heading."""
    click.echo(click.style(f"\n== {text}", bold=True))


def say(text: str) -> None:
    """Prints one line of what is being done."""
    click.echo(click.style(f"   {text}", dim=True))


def watch_loop(place: Path, *, yes: bool) -> tuple[Ticket | None, dict[str, float], Verdict | None]:
    """Runs the loop until the first ticket has ended.

    Returns it, when each status was reached, in seconds, and the verdict on its last patch.
    """
    from andon.engine import Engine

    began = time.monotonic()
    times: dict[str, float] = {}

    def progress(ticket: int, text: str) -> None:
        del ticket
        say(f"{time.monotonic() - began:6.1f} s  {visible(text, 150)}")

    heading(f"andon up (its folder: {place})")
    with App(load(place / "andon.toml"), progress=progress) as app, alone(app):
        engine = Engine(app)
        engine.start()
        try:
            ticket = follow(app, began, times, yes=yes)
        finally:
            engine.stop()
        verdicts = [one.verdict for one in app.store.list_attempts(ticket.id) if one.verdict] if ticket else []
    return ticket, times, verdicts[-1] if verdicts else None


def follow(app: App, began: float, times: dict[str, float], *, yes: bool) -> Ticket | None:
    """Prints every move, asks at the gate, and returns the first ticket when it has ended."""
    seen, asked = 0, 0
    pause = threading.Event()
    while time.monotonic() - began < LIMIT:
        for event in app.store.list_events(after=seen):
            seen = event.id
            if event.new is not None:
                times.setdefault(f"{event.ticket}:{event.new.value}", round(time.monotonic() - began, 1))
                heading(f"ticket {event.ticket} is {event.new.value}: {visible(event.text, 400)}")
        tickets = app.store.list_tickets()
        first = min(tickets, key=lambda one: one.id) if tickets else None
        if first is not None and first.status in ENDED:
            return first
        attempts = app.store.list_attempts(first.id) if first is not None else ()
        waits = first is not None and attempts and attempts[-1].verdict is not None and attempts[-1].number > asked
        if first is not None and waits and first.status in (Status.PROVEN, Status.PATCHED):
            asked = attempts[-1].number
            times.setdefault("gate", round(time.monotonic() - began, 1))
            gate(app, first, yes=yes)
        pause.wait(0.3)
    return first


def gate(app: App, ticket: Ticket, *, yes: bool) -> None:
    """Shows the packet and takes the person's decision."""
    from andon import steps
    from andon.cli.screen import print_markdown
    from andon.cli.tickets import find_check
    from andon.packet import collect, render_packet

    heading(f"the gate: andon review {ticket.id}")
    print_markdown(render_packet(collect(app.store, ticket.id, find_check(app, ticket))))
    if yes or click.confirm(click.style("Ship it?", bold=True), default=True):
        steps.approve(app, ticket.id, note="approved in the demonstration")
        return
    why = click.prompt("Why not? (the next attempt is told)")
    steps.reject(app, ticket.id, why=why)


def report(
    place: Path, ticket: Ticket | None, times: dict[str, float], verdict: Verdict | None, *, as_json: bool
) -> None:
    """Prints how it ended, and how to look further."""
    import json

    if ticket is None:
        heading(f"no ticket within {LIMIT:.0f} s; look into {place}")
        return
    heading(f"ticket {ticket.id} ended {ticket.status.value}: {visible(ticket.reason, 500)}")
    say(f"look further: cd {place} && andon show {ticket.id}; git -C {place}/origin.git log -3")
    if as_json:
        told = {
            "outcome": ticket.status.value,
            "verdict": verdict and verdict.outcome.value,
            "verdict_reason": verdict and verdict.reason,
            "red_to_gate_seconds": times.get("gate"),
            "seconds": times,
        }
        click.echo(json.dumps(told))
