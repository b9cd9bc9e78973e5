"""`andon budget`: what a ticket's cause and the day have cost and may still cost, and more for a cause."""

from __future__ import annotations

import click
from pydantic import JsonValue

from andon import budget as limits
from andon.app import App
from andon.cli.open import NUMBER, open_app, print_json, some_words
from andon.config import person
from andon.errors import ConflictError
from andon.models import Grant, Spend, Status

MOST = 1_000_000_000


@click.command()
@click.argument("ticket", type=NUMBER, required=False)
@click.option("--usd", type=click.FloatRange(0, MOST), default=0.0, help="Add US dollars.")
@click.option("--tokens", type=click.IntRange(0, 10**12), default=0, help="Add tokens.")
@click.option("--minutes", type=click.FloatRange(0, MOST), default=0.0, help="Add wall time.")
@click.option("--attempts", type=click.IntRange(0, 1000), default=0, help="Add attempts at a patch.")
@click.option("--why", default="", callback=lambda c, p, v: some_words(c, p, v) if v else v, help="The reason, kept.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def budget(
    ctx: click.Context,
    ticket: int | None,
    usd: float,
    tokens: int,
    minutes: float,
    attempts: int,
    why: str,
    *,
    as_json: bool,
) -> None:
    """Show what is used and left of the day, and of a ticket's cause; or add to the cause's limits.

    A cause is a ticket with all that descend from it. What is added is kept in the ticket's history.
    """
    more = Grant(usd=usd, tokens=tokens, minutes=minutes, attempts=attempts)
    if more != Grant() and ticket is None:
        raise click.UsageError("limits are added to one cause: name a ticket. The day's stand in [budget]", ctx)
    with open_app(ctx) as app:
        if ticket is not None and more != Grant():
            add(app, ticket, more, why)
        stands = standing(app, ticket)
        hint = again(app, ticket) if ticket is not None and more != Grant() else ""
    if as_json:
        print_json(stands)
        return
    for title, rows in stands.items():
        click.echo(title)
        assert isinstance(rows, dict)
        for name, row in rows.items():
            assert isinstance(row, dict)
            click.echo(line(name, row))
    if hint:
        click.echo(hint)


def add(app: App, ticket: int, more: Grant, why: str) -> None:
    """Adds to the limits of a ticket's cause, in the name of the person at the keyboard.

    Raises:
        ConflictError: the ticket has ended.
    """
    it = app.store.get_ticket(ticket)
    if it.status in (Status.RESOLVED, Status.ABANDONED):
        raise ConflictError(f"ticket {ticket} is {it.status.value}: it costs nothing more")
    parts = {"USD": more.usd, "tokens": more.tokens, "minutes": more.minutes, "attempts": more.attempts}
    added = ", ".join(f"{value:,} {unit}" for unit, value in parts.items() if value)
    app.store.grant(ticket, more, actor=person(), why=f"added {added}" + (f": {why}" if why else ""), now=app.now())


def standing(app: App, ticket: int | None) -> dict[str, JsonValue]:
    """Returns title -> limit -> used, limit and left: of the cause where a ticket is named, and of the day."""
    from andon.steps import attempts_of

    settings, store, now = app.config.budget, app.store, app.now()
    found: dict[str, JsonValue] = {}
    if ticket is not None:
        it = store.get_ticket(ticket)
        title = f"cause {it.cause}" if it.cause != ticket else f"ticket {ticket}"
        spent, grant = store.spent(it.cause), store.granted(it.cause)
        rows = of_cause(spent, attempts_of(app, it.cause), grant, limits.of_cause(settings, grant))
        found[title] = {**rows}
    found["today"] = {**of_day(store.spent_on(now.date()), store.fixes_on(now.date()), limits.of_day(settings))}
    return found


def of_cause(spent: Spend, attempts: int, grant: Grant, limit: Grant) -> dict[str, JsonValue]:
    """Returns each limit of a cause with what is used of it and what of it was added."""
    return {
        "usd": row(spent.usd, limit.usd, grant.usd),
        "tokens": row(spent.tokens, limit.tokens, grant.tokens),
        "minutes": row(spent.seconds / 60, limit.minutes, grant.minutes),
        "attempts": row(attempts, limit.attempts, grant.attempts),
    }


def of_day(spent: Spend, tickets: int, limit: Grant) -> dict[str, JsonValue]:
    """Returns each limit of the day with what is used of it."""
    return {
        "usd": row(spent.usd, limit.usd),
        "tokens": row(spent.tokens, limit.tokens),
        "minutes": row(spent.seconds / 60, limit.minutes),
        "tickets": row(tickets, limit.attempts),
    }


def row(used: float, limit: float, added: float = 0) -> dict[str, JsonValue]:
    """Returns how one limit stands."""
    return {"used": round(used, 4), "limit": limit, "left": round(max(0.0, limit - used), 4), "added": added}


def line(name: str, row: dict[str, JsonValue]) -> str:
    """Returns how one limit stands, for people."""
    used, limit, left, added = (float(str(row[key])) for key in ("used", "limit", "left", "added"))
    form = "{:,.2f}" if name == "usd" else "{:,.1f}" if name == "minutes" else "{:,.0f}"
    more = f"  (with {form.format(added)} added)" if added else ""
    return f"  {name:<9}{form.format(used):>12} of {form.format(limit):>12}, {form.format(left):>12} left{more}"


def again(app: App, ticket: int) -> str:
    """Returns what a person does next so that the loop uses what was added; empty when it goes on by itself."""
    if app.store.get_ticket(ticket).status is not Status.ESCALATED:
        return ""
    return f'ticket {ticket} is escalated: `andon reopen {ticket} --why "..."` lets the loop go on'
