"""Tells whether a cause may cost more, in a sentence that says which limit is reached; spends and stops nothing itself.

Two kinds of limit. A hard limit is what `andon.toml` says: once it is reached nothing more starts, and what runs is cut
at `deadline`. A soft limit lies at four fifths of it: `warns` says so, so that a person can raise it in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from andon.config import BudgetSettings
from andon.models import Spend

SOFT = 0.8
"""Share of a limit from which on a warning is given."""


def allows(*, spend: Spend, attempts: int, day_spend: Spend, day_fixes: int, settings: BudgetSettings) -> str:
    """Returns an empty text when one more attempt may start, or the sentence that says which limit is reached.

    `spend` and `attempts` are of the whole cause (its first ticket and all that descend from it), `day_spend` and
    `day_fixes` (tickets with an attempt today) of all systems today.
    """
    if attempts >= settings.attempts:
        return f"{attempts} attempts were made, as many as `attempts` in [budget] allows for one cause"
    if reached := next(_reached(spend, day_spend, settings, 1.0), ""):
        return reached
    if attempts == 0 and day_fixes >= settings.tickets_per_day:
        return f"{day_fixes} tickets were worked on today, as many as `tickets_per_day` in [budget] allows"
    return ""


def warns(*, spend: Spend, day_spend: Spend, settings: BudgetSettings) -> str:
    """Returns the sentence of the first limit that is nearly reached; empty when none is."""
    return next(_reached(spend, day_spend, settings, SOFT), "")


def deadline(*, spend: Spend, settings: BudgetSettings, now: datetime) -> datetime:
    """Returns when the wall time of a cause is used up, if work on it goes on from now without a pause."""
    return now + timedelta(seconds=max(0.0, settings.minutes_per_ticket * 60 - spend.seconds))


def left(*, spend: Spend, day_spend: Spend, settings: BudgetSettings) -> Spend:
    """Returns what a cause may still cost: the hard limits for an agent's run. Never below zero."""
    return Spend(
        seconds=max(0.0, settings.minutes_per_ticket * 60 - spend.seconds),
        tokens=max(0, settings.tokens_per_ticket - spend.tokens),
        usd=max(0.0, min(settings.usd_per_ticket - spend.usd, settings.usd_per_day - day_spend.usd)),
    )


def _reached(spend: Spend, day_spend: Spend, settings: BudgetSettings, share: float) -> Iterator[str]:
    """Yields a sentence for each limit of which this share is used."""
    limits = (
        (spend.seconds / 60, settings.minutes_per_ticket, "{:.1f} of {:.0f} minutes", "minutes_per_ticket"),
        (spend.tokens, settings.tokens_per_ticket, "{:,} of {:,} tokens", "tokens_per_ticket"),
        (spend.usd, settings.usd_per_ticket, "{:.2f} of {:.2f} USD", "usd_per_ticket"),
        (day_spend.usd, settings.usd_per_day, "{:.2f} of {:.2f} USD today, over all tickets,", "usd_per_day"),
    )
    for used, limit, words, name in limits:
        # A free agent (0 USD) never reaches a limit of 0 USD: that limit is how paid agents are forbidden.
        if used >= limit * share and (used > 0 or (limit == 0 and name == "minutes_per_ticket")):
            yield f"{words.format(used, limit)} are used (`{name}` in [budget])"
