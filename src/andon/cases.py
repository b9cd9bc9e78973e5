"""Puts together all that an agent gets of a ticket: values, and faces that only read; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from andon import budget
from andon.app import App
from andon.asking import ask_now
from andon.errors import NotFoundError
from andon.models import Check, CheckResult, Diagnosis, Memory, Patch, Status, Ticket
from andon.protocols import Case
from andon.wallet import Wallet


def load(app: App, ticket: int) -> tuple[Ticket, Check]:
    """Returns a ticket with its check.

    Raises:
        NotFoundError: no such ticket, or it has no check.
    """
    it = app.store.get_ticket(ticket)
    if it.check is None:
        raise NotFoundError(f"ticket {ticket} has no check: a machine cannot tell when it is done")
    return it, app.check(it.system, it.check)


@contextmanager
def case(app: App, ticket: int, agent: str, wallet: Wallet) -> Iterator[Case]:
    """Gives all that an agent gets of a ticket; what it says and does is kept under its name."""
    it, check = load(app, ticket)
    settings = app.config.system(it.system)
    repo = app.repo(it.system)
    repo.fetch()
    with app.workspace(it.system) as workspace:
        given = Case(
            ticket=it,
            check=check,
            evidence=app.store.get_evidence(ticket),
            brief=app.store.get_brief(ticket),
            workspace=workspace,
            history=repo,
            data=app.find_data(it.system),
            replay_argv=settings.argv("replay") if settings.replay else (),
            test_argv=settings.argv("test"),
            scratch_fixture=settings.scratch_fixture,
            deadline=budget.deadline(
                spend=app.store.spent(it.cause),
                settings=app.config.budget,
                now=app.now(),
                grant=app.store.granted(it.cause),
            ),
            wallet=wallet,
            progress=lambda text: app.progress(ticket, text),
            transcript=lambda kind, text: app.store.add_line(ticket, agent, kind, text, now=app.now()),
            weigh=lambda claimed: weighed(given, claimed),
            examine=lambda patch: examined(given, patch),
            checks=tuple(one.name for one in app.checks(it.system)),
            run_check=lambda name: asked(app, it, name),
            recall=lambda words: recalled(app, it, words),
            others=others(app, it),
            logs=tuple(str(app.config.home / pattern) for pattern in settings.logs),
            workers=2,
        )
        yield given


def others(app: App, ticket: Ticket) -> tuple[Ticket, ...]:
    """Returns the other tickets of the system that are being worked on, or wait to be."""
    ended = (Status.RESOLVED, Status.ABANDONED)
    found = app.store.list_tickets(system=ticket.system)
    return tuple(one for one in found if one.id != ticket.id and one.check and one.status not in ended)


def weighed(case: Case, claimed: Diagnosis) -> Diagnosis:
    """Returns what stands of a diagnosis."""
    from andon.diagnose import check_diagnosis

    return check_diagnosis(claimed, case, claimed.agent)


def examined(case: Case, patch: Patch) -> str:
    """Returns why a patch has not the form of one; empty when it has."""
    from andon.fix import malformed

    return malformed(case, patch)


def asked(app: App, ticket: Ticket, name: str) -> CheckResult:
    """Returns what a check of a ticket's system says now; its watermark stays where it is.

    Raises:
        NotFoundError: there is no such check.
    """
    check = next((one for one in app.checks(ticket.system) if one.name == name), None)
    if check is None:
        raise NotFoundError(f"there is no check {name!r}")
    return ask_now(app, ticket.system, (check,), app.store.watermarks(ticket.system))[0]


def recalled(app: App, ticket: Ticket, words: str) -> tuple[Memory, ...]:
    """Returns what earlier tickets of the system taught that these words fit."""
    return app.store.memories(ticket.system, (), words, without=ticket.id)
