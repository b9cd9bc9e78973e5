"""`andon diagnose`, `fix`: one phase by hand, with progress; the same stages that the loop calls."""

from __future__ import annotations

import click

from andon.app import App, alone
from andon.asking import ask_now
from andon.cli.check import choose
from andon.cli.open import NUMBER, open_app, print_json, say_progress, ticket_number
from andon.errors import ConflictError
from andon.models import Autonomy, Brief, CheckState, Diagnosis, Status


@click.command()
@click.argument("name", metavar="CHECK|TICKET")
@click.option("--system", "-s", help="The system of the check.")
@click.option("--json", "as_json", is_flag=True, help="Print brief and diagnosis as JSON.")
@click.pass_context
def diagnose(ctx: click.Context, name: str, system: str | None, *, as_json: bool) -> None:
    """Find the cause of a failing check: brief and five whys. Touches no code and opens no ticket.

    With a ticket's number instead of a check's name, the ticket's own diagnosis is made now.
    """
    from andon.brief import render_brief
    from andon.diagnose import render_diagnosis

    with open_app(ctx, say_progress) as app:
        if (number := ticket_number(name)) is not None:
            found, brief = diagnose_ticket(app, number)
        else:
            found, brief = diagnose_check(app, app.config.system_name(system), name)
    if as_json:
        print_json({"brief": brief.model_dump(mode="json"), "diagnosis": found.model_dump(mode="json")})
        return
    from andon.cli.screen import print_markdown

    print_markdown(render_brief(brief) + "\n\n" + render_diagnosis(found))


def diagnose_ticket(app: App, ticket: int) -> tuple[Diagnosis, Brief]:
    """Returns the diagnosis and brief of an open ticket, made now and kept.

    Raises:
        ConflictError: it is not open, or no diagnosis came of it; says what stands in the way.
    """
    from andon.workflows import run_phase, straight

    with alone(app):
        it = app.store.get_ticket(ticket)
        if it.check is None:
            raise ConflictError(f"ticket {ticket} has no check, so there is nothing to diagnose; it is for people")
        if it.status is not Status.OPEN:
            raise ConflictError(
                f"ticket {ticket} is {it.status.value}; only an open ticket is diagnosed. `andon diagnose {it.check}` "
                "looks for the cause of its check and changes nothing"
            )
        ended = run_phase(app, "diagnose", ticket, straight)
    click.echo(f"ticket {ticket}: {ended}", err=True)
    found, brief = app.store.find_diagnosis(ticket), app.store.find_brief(ticket)
    if found is None or brief is None:
        raise ConflictError(f"ticket {ticket} has no diagnosis: {app.store.get_ticket(ticket).reason or ended}")
    return found, brief


def diagnose_check(app: App, system: str, name: str) -> tuple[Diagnosis, Brief]:
    """Returns the diagnosis and brief of a check that is failing now; everything lives in a store that is thrown away.

    Raises:
        ConflictError: the check is green.
        DataError: it could not be asked.
    """
    import tempfile

    from andon import steps
    from andon.errors import DataError
    from andon.store import Store

    check = choose(app.checks(system), (name,))[0]
    result = ask_now(app, system, (check,), {})[0]
    if result.state is CheckState.ERROR:
        raise DataError(f"{name} could not be asked: {result.message}")
    if result.state is CheckState.OK:
        raise ConflictError(f"{name} is ok now: there is nothing to diagnose")
    with tempfile.TemporaryDirectory() as folder:
        memory = App(app.config, now=app.now, progress=lambda _, text: app.progress(0, text))
        memory._store = Store.open(f"sqlite:///{folder}/by-hand.db")
        with memory:
            ticket = memory.store.create_ticket(
                system=system,
                check=name,
                title=f"{name} is failing",
                severity=check.severity,
                autonomy=Autonomy.REPORT,
                now=app.now(),
            )
            steps.record_evidence(memory, ticket.id)
            steps.write_brief(memory, ticket.id)
            steps.diagnose(memory, ticket.id)
            return memory.store.get_diagnosis(ticket.id), memory.store.get_brief(ticket.id)


@click.command()
@click.argument("ticket", type=NUMBER)
@click.pass_context
def fix(ctx: click.Context, ticket: int) -> None:
    """Write and prove a fix for a diagnosed ticket now, without waiting for the loop."""
    from andon.workflows import run_phase, straight

    with open_app(ctx, say_progress) as app, alone(app):
        it = app.store.get_ticket(ticket)
        if it.status is not Status.DIAGNOSED:
            why = f"ticket {ticket} is {it.status.value}; only a diagnosed ticket can be fixed"
            raise ConflictError(f"{why}; `andon show {ticket}` tells what can be done")
        run_phase(app, "fix", ticket, straight)
        it = app.store.get_ticket(ticket)
    click.echo(f"ticket {ticket} is {it.status.value}: {it.reason}")
    ctx.exit(0 if it.status in (Status.PROVEN, Status.APPROVED) else 1)
