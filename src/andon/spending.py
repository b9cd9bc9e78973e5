"""Books what work on a ticket costs, and says how its limits stand; what a limit is, `budget` decides."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from andon import budget
from andon.app import App
from andon.models import Grant, Spend
from andon.wallet import Purse, Wallet

LOOP = "loop"


class Bill:
    """What a piece of work costs while it runs: wall time since it began, and what its agent used."""

    def __init__(self, wallet: Wallet) -> None:
        self.began = time.monotonic()
        self.wallet = wallet
        self.claimed = Spend()

    def add(self, cost: Spend) -> None:
        """Notes what an agent says that it used; its seconds are counted here."""
        self.claimed += cost

    @property
    def spend(self) -> Spend:
        """The bill as it stands: what the wallet saw, or what the agent says where that is more."""
        seen, said = self.wallet.spent, self.claimed
        return Spend(
            seconds=time.monotonic() - self.began,
            tokens=max(seen.tokens, said.tokens),
            usd=max(seen.usd, said.usd),
        )

    @property
    def unbooked(self) -> Spend:
        """What of it is not kept yet."""
        whole, kept = self.spend, self.wallet.booked
        return Spend(seconds=whole.seconds, tokens=whole.tokens - kept.tokens, usd=max(0.0, whole.usd - kept.usd))


@contextmanager
def spending(app: App, ticket: int, what: str) -> Iterator[Bill]:
    """Books what a piece of work costs on the ticket, also when it fails or runs again; tells a limit that is near."""
    bill = Bill(wallet_of(app, ticket, what))
    try:
        yield bill
    finally:
        app.store.add_spend(ticket, f"{what} {app.now().isoformat()}", bill.unbooked, app.now())
        warn(app, ticket)


def wallet_of(app: App, ticket: int, what: str) -> Wallet:
    """Returns the wallet of one session: what is left of its cause, and of the day over all tickets."""
    began = app.now().isoformat()

    def book(number: int, cost: Spend) -> None:
        app.store.add_spend(ticket, f"{what} {began} request {number}", cost, app.now())

    return Wallet(lambda: purses(app, ticket), book)


def purses(app: App, ticket: int) -> Sequence[Purse]:
    """Returns the limits of tokens and money that a session for a ticket has to keep, as they stand."""
    spent, today = costs(app, ticket)
    return budget.purses(spend=spent, day_spend=today, settings=app.config.budget, grant=granted(app, ticket))


def used_up(app: App, ticket: int) -> str:
    """Returns which limit of time, tokens or money keeps anything more from starting for a cause, or nothing."""
    spent, today = costs(app, ticket)
    return budget.reached(spend=spent, day_spend=today, settings=app.config.budget, grant=granted(app, ticket))


def warn(app: App, ticket: int) -> None:
    """Notes each limit that is nearly used up in the ticket's history, once for each size that it has had."""
    spent, today = costs(app, ticket)
    grant = granted(app, ticket)
    near = budget.warns(spend=spent, day_spend=today, settings=app.config.budget, grant=grant)
    if not near:
        return
    told = {
        (event.data.get("limit"), event.data.get("grant"))
        for event in app.store.list_events(ticket)
        if event.kind == "note"
    }
    size = grant.model_dump_json()
    for limit, sentence in near.items():
        if (limit, size) not in told:
            words = f"running out: {sentence}"
            app.store.add_event(
                ticket, "note", actor=LOOP, text=words, data={"limit": limit, "grant": size}, now=app.now()
            )


def costs(app: App, ticket: int) -> tuple[Spend, Spend]:
    """Returns what a ticket's cause has cost so far, and what all systems have cost today."""
    return app.store.spent(app.store.get_ticket(ticket).cause), app.store.spent_on(app.now().date())


def granted(app: App, ticket: int) -> Grant:
    """Returns what people added to the limits of a ticket's cause."""
    return app.store.granted(app.store.get_ticket(ticket).cause)
