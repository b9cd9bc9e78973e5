"""Keeps what agents cost within what is left of a cause and of the day; knows no model, no price and no store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from andon.errors import LimitError
from andon.models import Spend

SOFT = 0.8
"""Share of a limit from which on an agent is told to wrap up."""


FRESH = 1.0
"""Seconds after which a charge looks anew at what others have used; what the session itself uses, it knows."""


class Purse(NamedTuple):
    """One limit with what is used of it, by everyone and until now."""

    name: str
    """The setting, for people: `usd_per_ticket`."""
    unit: Literal["USD", "tokens"]
    used: float
    limit: float

    def after(self, cost: Spend) -> Purse:
        """Returns how it stands once this is used as well."""
        return self._replace(used=self.used + (cost.usd if self.unit == "USD" else cost.tokens))

    @property
    def words(self) -> str:
        """How it stands, in a sentence."""
        numbers = (
            f"{self.used:.2f} of {self.limit:.2f}" if self.unit == "USD" else f"{self.used:,.0f} of {self.limit:,.0f}"
        )
        return f"{numbers} {self.unit} are used (`{self.name}` in [budget])"


class Wallet:
    """What one session of an agent may still cost. Safe to use from any thread.

    Each charge is booked at once, so that it is not lost with the process, and so that agents that work side by side
    see what the others took, a second later at most.
    """

    def __init__(self, look: Callable[[], Sequence[Purse]], book: Callable[[int, Spend], None]) -> None:
        """`look` gives the limits as they stand; `book` keeps the n-th charge, the same n once however often told."""
        self._look = look
        self._book = book
        self._lock = threading.Lock()
        self._spent = Spend()
        self._booked = Spend()
        self._charges = 0
        self._purses = tuple(look())
        self._looked = time.monotonic()

    @property
    def spent(self) -> Spend:
        """What this session has cost so far."""
        return self._spent

    @property
    def booked(self) -> Spend:
        """What of it is kept already."""
        return self._booked

    @property
    def purses(self) -> tuple[Purse, ...]:
        """The limits as they stood at the last charge or check."""
        return self._purses

    @property
    def low(self) -> str:
        """The sentence of a limit that is nearly used up, which is when to wrap up; empty while there is enough."""
        return self._reached(SOFT)

    @property
    def empty(self) -> str:
        """The sentence of a limit that is used up; empty while something is left."""
        return self._reached(1.0)

    def is_emptied_by(self, cost: Spend) -> bool:
        """Tells whether a limit would be used up once this is used as well."""
        return any(purse.after(cost).used >= purse.limit for purse in self._purses)

    def charge(self, *, tokens: int = 0, usd: float = 0.0) -> None:
        """Counts a cost and keeps it. It may be the one that empties the wallet: what is used up is paid.

        Raises:
            ExternalError: it cannot be kept now; it is counted all the same.
        """
        with self._lock:
            cost = Spend(tokens=max(0, tokens), usd=max(0.0, usd))
            self._spent += cost
            self._charges += 1
            self._book(self._charges, cost)
            self._booked += cost
            self._purses = tuple(purse.after(cost) for purse in self._purses)
            if time.monotonic() - self._looked > FRESH:
                self._see()

    def check(self) -> None:
        """Looks how the limits stand now.

        Raises:
            LimitError: one is used up; says which.
        """
        with self._lock:
            self._see()
        if self.empty:
            raise LimitError(self.empty)

    def _see(self) -> None:
        self._purses = tuple(self._look())
        self._looked = time.monotonic()

    def _reached(self, share: float) -> str:
        return next((purse.words for purse in self._purses if purse.used >= purse.limit * share), "")


def wallet_with(*, tokens: int = 2_000_000, usd: float = 5.0) -> Wallet:
    """Returns a wallet that nothing else draws from and that keeps its charges for itself: for one session alone."""
    costs: list[Spend] = []

    def look() -> tuple[Purse, ...]:
        spent = sum(costs, Spend())
        return (
            Purse("usd_per_ticket", "USD", spent.usd, usd),
            Purse("tokens_per_ticket", "tokens", spent.tokens, tokens),
        )

    return Wallet(look, lambda _, cost: costs.append(cost))
