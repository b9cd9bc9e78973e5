"""Tells whether a cause may cost more, in a sentence that says which limit is reached; spends and stops nothing itself.

Two kinds of limit. A hard limit is what `andon.toml` says: once it is reached nothing more starts, and an agent is
told beforehand when that will be (`deadline`). What has begun ends by its own limits, and a patch that was written is
judged: without a verdict its cost would be lost. A soft limit lies at four fifths of a hard one: `warns` says so, so
that a person can raise it in time.

A day may cost as much as `tickets_per_day` tickets may; its money has a limit of its own besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from andon.config import BudgetSettings
from andon.models import Grant, Spend
from andon.wallet import SOFT, Purse

NO_GRANT = Grant()


def allows(
    *,
    spend: Spend,
    attempts: int,
    day_spend: Spend,
    day_fixes: int,
    settings: BudgetSettings,
    grant: Grant = NO_GRANT,
) -> str:
    """Returns an empty text when one more attempt may start, or the sentence that says which limit is reached.

    `spend` and `attempts` are of the whole cause (its first ticket and all that descend from it), `day_spend` and
    `day_fixes` (tickets with an attempt today) of all systems today. `grant` is what people added for the cause.
    """
    if attempts >= settings.attempts + grant.attempts:
        return f"{attempts} attempts were made, as many as `attempts` in [budget] allows for one cause"
    if trouble := reached(spend=spend, day_spend=day_spend, settings=settings, grant=grant):
        return trouble
    if attempts == 0 and day_fixes >= settings.tickets_per_day:
        return f"{day_fixes} tickets were worked on today, as many as `tickets_per_day` in [budget] allows"
    return ""


def reached(*, spend: Spend, day_spend: Spend, settings: BudgetSettings, grant: Grant = NO_GRANT) -> str:
    """Returns the sentence of the first limit of time, tokens or money that is used up; empty when none is."""
    return next((sentence for _, sentence in _used(spend, day_spend, settings, grant, 1.0)), "")


def warns(*, spend: Spend, day_spend: Spend, settings: BudgetSettings, grant: Grant = NO_GRANT) -> dict[str, str]:
    """Returns a sentence for each limit that is nearly used up, by a name of its own."""
    return dict(_used(spend, day_spend, settings, grant, SOFT))


def deadline(*, spend: Spend, settings: BudgetSettings, now: datetime, grant: Grant = NO_GRANT) -> datetime:
    """Returns when the wall time of a cause is used up, if work on it goes on from now without a pause."""
    return now + timedelta(seconds=max(0.0, (settings.minutes_per_ticket + grant.minutes) * 60 - spend.seconds))


def of_cause(settings: BudgetSettings, grant: Grant = NO_GRANT) -> Grant:
    """Returns all that a cause may cost."""
    own = Grant(
        attempts=settings.attempts,
        minutes=settings.minutes_per_ticket,
        tokens=settings.tokens_per_ticket,
        usd=settings.usd_per_ticket,
    )
    return own + grant


def of_day(settings: BudgetSettings) -> Grant:
    """Returns all that a day may cost; its attempts are the tickets that are worked on."""
    tickets = max(1, settings.tickets_per_day)  # none a day: nothing is fixed, but causes are still looked for
    return Grant(
        attempts=settings.tickets_per_day,
        minutes=settings.minutes_per_ticket * tickets,
        tokens=settings.tokens_per_ticket * tickets,
        usd=settings.usd_per_day,
    )


def purses(*, spend: Spend, day_spend: Spend, settings: BudgetSettings, grant: Grant = NO_GRANT) -> Sequence[Purse]:
    """Returns the limits that an agent's wallet has to keep, as they stand: of the cause, and of the day."""
    cause, a_day = of_cause(settings, grant), of_day(settings)
    return (
        Purse("usd_per_ticket", "USD", spend.usd, cause.usd),
        Purse("tokens_per_ticket", "tokens", spend.tokens, cause.tokens),
        Purse("usd_per_day", "USD", day_spend.usd, a_day.usd),
        Purse("tickets_per_day` times `tokens_per_ticket", "tokens", day_spend.tokens, a_day.tokens),
    )


def _used(spend: Spend, day: Spend, settings: BudgetSettings, grant: Grant, share: float) -> Iterator[tuple[str, str]]:
    """Yields name and sentence of each limit of which this share is used."""
    cause, whole_day = of_cause(settings, grant), of_day(settings)
    a_day = "`tickets_per_day` times "
    limits = (
        (spend.seconds / 60, cause.minutes, "{:.1f} of {:.0f} minutes are used", "`minutes_per_ticket`"),
        (spend.tokens, cause.tokens, "{:,} of {:,} tokens are used", "`tokens_per_ticket`"),
        (spend.usd, cause.usd, "{:.2f} of {:.2f} USD are used", "`usd_per_ticket`"),
        (day.usd, whole_day.usd, "{:.2f} of {:.2f} USD are used today, over all tickets", "`usd_per_day`"),
        (
            day.seconds / 60,
            whole_day.minutes,
            "{:.1f} of {:.0f} minutes are used today",
            f"{a_day}`minutes_per_ticket`",
        ),
        (day.tokens, whole_day.tokens, "{:,} of {:,} tokens are used today", f"{a_day}`tokens_per_ticket`"),
    )
    for used, limit, words, name in limits:
        # A free agent (0 USD, 0 tokens) never reaches a limit of 0: that limit is how agents that cost are forbidden.
        if used >= limit * share and (used > 0 or name == "`minutes_per_ticket`"):
            yield name, f"{words.format(used, limit)} ({name} in [budget])"
