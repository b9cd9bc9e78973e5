"""`andon tickets`, `show`, `review`, `approve`, `reject`, `close`, `reopen`: the tickets, and the gate."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from andon.app import App
from andon.asking import ask_now
from andon.cli.open import NUMBER, open_app, print_json, some_words
from andon.config import person
from andon.errors import AndonError, ConflictError
from andon.models import MOVES, Autonomy, Check, CheckState, Severity, Status, Ticket
from andon.quoting import visible

if TYPE_CHECKING:
    from andon.store import Store

STATUS_COLOURS = {
    Status.OPEN: "red",
    Status.ESCALATED: "magenta",
    Status.PROVEN: "yellow",
    Status.PATCHED: "yellow",
    Status.RESOLVED: "green",
}


@click.command()
@click.option("--system", "-s", help="Only this system's.")
@click.option("--all", "everything", is_flag=True, help="Resolved and abandoned ones too.")
@click.option(
    "--new",
    "title",
    metavar="TITLE",
    callback=some_words,
    help="Keep a new ticket, for people: the loop never picks it up ...",
)
@click.option("--body", help="More words for the new ticket.")
@click.option("--check", "check_name", help="... unless this failing check is attached.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def tickets(
    ctx: click.Context,
    system: str | None,
    *,
    everything: bool,
    title: str | None,
    body: str | None,
    check_name: str | None,
    as_json: bool,
) -> None:
    """List tickets, those that wait for a person first; or keep a new one."""
    if title is None and (body is not None or check_name is not None):
        option = "--body" if body is not None else "--check"
        raise click.UsageError(f"{option} says more about a new ticket: give its title with --new", ctx)
    with open_app(ctx) as app:
        if title is not None:
            it = keep(app, app.config.system_name(system), title.strip(), body or "", check_name)
            picked = (
                "the loop works on it"
                if it.check
                else "kept for people; attach a failing check with --check for the loop"
            )
            click.echo(f"ticket {it.id}: {picked}" if not as_json else it.model_dump_json(indent=2))
            return
        found = app.store.list_tickets(system=system)
        if not found and system is not None:
            app.config.system_name(system)  # a name that nobody knows is a slip of the hand
        waiting = {one.id for one in found if waits_for(app.store, one)}
        ended = (Status.RESOLVED, Status.ABANDONED)
        shown = [one for one in found if everything or one.status not in ended]
        reasons = {one.id: reason_of(app.store, one) for one in shown}
    if as_json:
        print_json([one.model_dump(mode="json") for one in shown])
    elif not shown:
        click.echo("no open tickets" if not everything else "no tickets")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for one in sorted(shown, key=lambda one: (one.id not in waiting, -one.id)):
            click.echo(line(one, reasons[one.id], width))


def keep(app: App, system: str, title: str, body: str, check_name: str | None) -> Ticket:
    """Returns a new ticket of a person's; with a failing check the loop takes it.

    Raises:
        ConfigError: there is no such check.
        ConflictError: the check is not failing now, or already has an open ticket.
    """
    check: Check | None = app.check(system, check_name) if check_name else None
    if check is not None:
        result = ask_now(app, system, (check,), {})[0]
        if result.state is not CheckState.FAILING:
            raise ConflictError(
                f"{check.name} is {result.state.value}, not failing: {result.message or 'nothing to fix'}"
            )
    settings = app.config.system(system)
    autonomy = (check.autonomy if check else None) or settings.autonomy
    return app.store.create_ticket(
        system=system,
        check=check.name if check else None,
        title=title,
        body=body,
        severity=check.severity if check else Severity.MEDIUM,
        autonomy=autonomy if check else Autonomy.REPORT,
        actor=person(),
        now=app.now(),
    )


def waits_for(store: Store, ticket: Ticket) -> str:
    """Returns the command with which a person goes on with a ticket that stands still; empty when the loop has it."""
    from andon.packet import is_at_gate

    attempts = store.list_attempts(ticket.id) if ticket.status is Status.PATCHED else ()
    if is_at_gate(ticket, attempts):
        return f"andon review {ticket.id}"
    if ticket.status is Status.ESCALATED:
        return f"andon show {ticket.id}"
    return ""


def reason_of(store: Store, ticket: Ticket) -> str:
    """Returns why a ticket stands where it does; of a patch that a person has to look at, what the judge said."""
    verdict = store.list_attempts(ticket.id)[-1].verdict if ticket.status is Status.PATCHED else None
    return f"{verdict.outcome.value}: {verdict.reason}" if verdict is not None else ticket.reason


def line(ticket: Ticket, reason: str, width: int | None = None) -> str:
    """Returns a ticket as one line; in a terminal of this many columns its reason stands below, wrapped."""
    status = click.style(f"{ticket.status.value:<10}", fg=STATUS_COLOURS.get(ticket.status, "blue"))
    reason = visible(reason, 90 if width is None else 300)
    if width is None:
        title = visible(ticket.title, 60) + (f"  {reason}" if reason else "")
        return f"{ticket.id:>4}  {status} {ticket.system:<12} {title}"
    system = textwrap.shorten(ticket.system, 12, placeholder="…")
    first = f"{ticket.id:>4}  {status} {system:<12} {visible(ticket.title, max(20, width - 31))}"
    below = textwrap.wrap(reason, max(20, width - 6), initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join([first, *below])


@click.command()
@click.argument("ticket", type=NUMBER)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--markdown", is_flag=True, help="Print as Markdown text, also in a terminal.")
@click.option("--transcript", is_flag=True, help="Print what agents did and said for it, instead.")
@click.pass_context
def show(ctx: click.Context, ticket: int, *, as_json: bool, markdown: bool, transcript: bool) -> None:
    """Show everything known about a ticket: the packet, the brief, the history."""
    if transcript:
        show_transcript(ctx, ticket, as_json=as_json)
        return
    show_packet(ctx, ticket, as_json=as_json, markdown=markdown, full=True)


@click.command()
@click.argument("ticket", type=NUMBER)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--markdown", is_flag=True, help="Print as Markdown text, also in a terminal.")
@click.pass_context
def review(ctx: click.Context, ticket: int, *, as_json: bool, markdown: bool) -> None:
    """Show the one packet that a person signs: check, cause, diff, proofs, cost, and what was not checked."""
    show_packet(ctx, ticket, as_json=as_json, markdown=markdown, full=False)


def show_packet(ctx: click.Context, ticket: int, *, as_json: bool, markdown: bool, full: bool) -> None:
    """Prints the packet of a ticket."""
    from andon.cli.screen import print_markdown
    from andon.packet import collect, render_packet

    with open_app(ctx) as app:
        packet = collect(app.store, ticket, find_check(app, app.store.get_ticket(ticket)))
    if as_json:
        print_json(packet.model_dump(mode="json"))
    elif markdown:
        click.echo(render_packet(packet, full=full), nl=False)
    else:
        print_markdown(render_packet(packet, full=full))


def show_transcript(ctx: click.Context, ticket: int, *, as_json: bool) -> None:
    """Prints what agents did and said for a ticket, oldest first."""
    with open_app(ctx) as app:
        app.store.get_ticket(ticket)
        lines = app.store.list_lines(ticket)
    if as_json:
        print_json([one.model_dump(mode="json") for one in lines])
        return
    if not lines:
        click.echo(f"no agent has said anything for ticket {ticket} yet")
    for one in lines:
        click.echo(
            click.style(f"{one.at:%Y-%m-%d %H:%M:%S}  {visible(one.actor, 40)}  {visible(one.kind, 40)}", dim=True)
        )
        for words in one.text.splitlines():
            click.echo(f"    {visible(words, 2000)}")


def find_check(app: App, ticket: Ticket) -> Check | None:
    """Returns a ticket's check as it stands now, or None when it has none or it no longer loads."""
    if ticket.check is None or ticket.system not in app.config.systems:
        return None
    try:
        return app.check(ticket.system, ticket.check)
    except AndonError:
        return None  # the packet must stay readable when somebody removed the check


@click.command()
@click.argument("ticket", type=NUMBER)
@click.option("--note", default="", help="Words to keep with the decision.")
@click.pass_context
def approve(ctx: click.Context, ticket: int, note: str) -> None:
    """Sign a ticket's patch. The running loop ships it; without one, `andon up --once` does."""
    from andon import steps

    with open_app(ctx) as app:
        it = steps.approve(app, ticket, note=note)
        branch = app.config.system(it.system).branch
    proposed = f"the loop pushes it as the branch andon/ticket-{it.id}; merge that into {branch} to ship it"
    then = proposed if it.autonomy is Autonomy.PROPOSE else "the loop ships what was judged"
    click.echo(f"ticket {it.id} is approved by {person()}; {then}")


@click.command()
@click.argument("ticket", type=NUMBER)
@click.option("--why", required=True, callback=some_words, help="The reason: the next attempt is told.")
@click.pass_context
def reject(ctx: click.Context, ticket: int, why: str) -> None:
    """Send a ticket's patch back with the reason; another attempt follows while any is left."""
    from andon import steps

    with open_app(ctx) as app:
        it = steps.reject(app, ticket, why=why)
    next_words = "another attempt follows" if it.status is Status.DIAGNOSED else "no attempt is left: it is yours"
    click.echo(f"ticket {it.id} is {it.status.value}; {next_words}")


@click.command()
@click.argument("ticket", type=NUMBER)
@click.option("--why", required=True, callback=some_words, help="The reason, kept with the ticket.")
@click.pass_context
def close(ctx: click.Context, ticket: int, why: str) -> None:
    """End a ticket: nothing more is to be done. Its check stays silent until it has been green once."""
    from andon import steps

    with open_app(ctx) as app:
        now = app.store.get_ticket(ticket)
        if Status.ABANDONED not in MOVES[now.status]:
            since = f"{now.status.value} since {now.updated_at:%Y-%m-%d %H:%M} UTC"
            raise ConflictError(
                f"ticket {ticket} has ended already: it is {since} "
                f'({visible(now.reason, 100)}). `andon reopen {ticket} --why "..."` opens it again'
            )
        it = steps.close(app, ticket, why=why.strip())
    click.echo(f"ticket {it.id} is {it.status.value}")


@click.command()
@click.argument("ticket", type=NUMBER)
@click.option("--why", required=True, callback=some_words, help="What is known now that was not before.")
@click.pass_context
def reopen(ctx: click.Context, ticket: int, why: str) -> None:
    """Open an ended or escalated ticket again; the loop diagnoses it anew."""
    from andon import steps

    with open_app(ctx) as app:
        now = app.store.get_ticket(ticket)
        if now.status not in (Status.RESOLVED, Status.ESCALATED, Status.ABANDONED):
            raise ConflictError(
                f"ticket {ticket} is {now.status.value}: only an ended or escalated one is opened again"
            )
        it = steps.open_again(app, ticket, why=why.strip())
    then = "the loop takes it from here" if it.check else "it is kept for people"
    click.echo(f"ticket {it.id} is {it.status.value}; {then}")
