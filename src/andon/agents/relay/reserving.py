"""Tells the most that a request can cost before it goes on; what it did cost, the provider tells afterwards."""

from __future__ import annotations

from typing import Any

from andon.agents.prices import Counted, Tariff
from andon.models import Spend

BESIDES = 2_000
"""Tokens that a provider adds to a request on its own, for tools and for the frame of messages."""
BOUNDS = {
    "/messages": ("max_tokens",),
    "/chat/completions": ("max_tokens", "max_completion_tokens"),
    "/responses": ("max_output_tokens",),
}
"""Where a request says how much may be written. Google's says it in `generationConfig`."""
GOOGLES = ("maxOutputTokens", "max_output_tokens")


def most_output(place: str, asked: dict[str, Any]) -> int | None:
    """Returns how many tokens an answer may have; None where the request does not say."""
    names = BOUNDS.get(place.partition("?")[0], GOOGLES)
    if names is GOOGLES:
        asked = asked.get("generationConfig", asked.get("generation_config"))  # type: ignore[assignment]
    given: list[Any] = [asked[name] for name in names if asked.get(name) is not None] if isinstance(asked, dict) else []
    if not given or not all(type(one) is int and one > 0 for one in given):
        return None
    return int(max(given))


def most_cost(size: int, output: int | None, tariff: Tariff) -> Spend | None:
    """Returns the most that a request of so many bytes can cost: no token is less than a byte. None: nobody knows."""
    if output is None:
        return None
    given = size + BESIDES
    ways = (Counted(given, output), Counted(given, output, cache_write=given))
    return Spend(tokens=given + output, usd=max(tariff.cost(one) or 0.0 for one in ways))
