"""Tells what a request cost at a provider's list price; what it does not know it says, and never guesses."""

from __future__ import annotations

from typing import NamedTuple

PROVIDERS = {"gemini": "google"}
"""Names that a list of prices has for a provider, where they are others."""


class Counted(NamedTuple):
    """What a provider counted for one request, in tokens."""

    input: int = 0
    """All that was read, what came from a cache or went into one included."""
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    estimated: bool = False
    """The provider did not say, or not all of it: told from the size of what was sent and came."""

    @property
    def tokens(self) -> int:
        """All tokens, cached ones too."""
        return self.input + self.output


class Tariff(NamedTuple):
    """Whose list prices hold."""

    wire: str
    model: str
    url: str = ""
    """Empty for the provider's own address."""

    @property
    def known(self) -> bool:
        """Tells whether the model has a price there."""
        return self.cost(Counted(input=1)) is not None

    def cost(self, counted: Counted) -> float | None:
        """Returns US dollars; None where the address or the model is not known."""
        from genai_prices import Usage, calc_price

        read = min(counted.cache_read, counted.input)
        usage = Usage(
            input_tokens=counted.input,
            output_tokens=counted.output,
            cache_read_tokens=read,
            cache_write_tokens=min(counted.cache_write, counted.input - read),
        )
        try:
            if self.url:
                return float(calc_price(usage, self.model, provider_api_url=self.url).total_price)
            return float(calc_price(usage, self.model, provider_id=PROVIDERS.get(self.wire, self.wire)).total_price)
        except (LookupError, ValueError):
            return None
