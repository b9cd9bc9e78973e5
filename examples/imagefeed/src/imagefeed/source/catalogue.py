"""Decides which listings a shop offers at which time; it never draws a picture or writes markup."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

SHOPS = ("lumen", "harbor", "prairie")
SLOT = timedelta(minutes=15)
"""New listings come by slots of this length."""
WINDOW = timedelta(minutes=60)
"""A shop's page of new arrivals goes back so far: runs overlap, and what one misses the next one sees."""
EUR_PER = {"lumen": Decimal("1.17"), "harbor": Decimal(1), "prairie": Decimal("0.92")}
_ADJECTIVES = ("Quiet", "Early", "Late", "Northern", "Small", "Paper", "Second", "Winter", "Loud", "Plain")
_NOUNS = ("Study", "Figure", "Sign", "Mark", "Emblem", "Shape", "Print", "Token", "Field", "Form")


@dataclass(frozen=True)
class Offer:
    """One edition of one listing, as the shop knows it."""

    shop: str
    listing_id: str
    edition: str
    title: str
    euro: Decimal
    width_mm: int
    height_mm: int
    published_at: datetime
    appears_at: datetime


@dataclass(frozen=True)
class Catalogue:
    """Everything the shops will ever offer, as a function of the seed."""

    seed: int = 7
    editions: float = 0.2
    """Share of the listings that come framed as well."""
    late: float = 0.1
    """Share of the listings that appear some minutes after they were published (a person looks at them first)."""
    slot: timedelta = SLOT
    """How long a slot is; a short one makes a day's worth of arrivals pass before one's eyes."""

    def arrivals(self, shop: str, until: datetime) -> list[Offer]:
        """What the shop's page of new arrivals shows at that time, newest first."""
        since = until - WINDOW * self.pace
        shown = [offer for offer in self._offers(shop, since, until) if since < offer.appears_at <= until]
        return sorted(shown, key=lambda offer: (offer.appears_at, offer.listing_id, offer.edition), reverse=True)

    @property
    def pace(self) -> float:
        """A slot's length as a share of the usual one."""
        return self.slot / SLOT

    def rates(self, day: str) -> dict[str, str]:
        """How much of each currency one euro buys on that day."""
        chance = random.Random(f"{self.seed}:rates:{day}")
        drift = Decimal(chance.randint(-80, 80)) / 10_000
        return {
            currency: str(round((1 / euro) * (1 + drift), 4))
            for currency, euro in (("GBP", EUR_PER["lumen"]), ("USD", EUR_PER["prairie"]))
        }

    def _offers(self, shop: str, since: datetime, until: datetime) -> Iterator[Offer]:
        first = int((since - self.slot).timestamp() // self.slot.total_seconds())
        last = int(until.timestamp() // self.slot.total_seconds())
        for slot in range(first, last + 1):
            yield from self._slot(shop, slot)

    def _slot(self, shop: str, slot: int) -> Iterator[Offer]:
        chance = random.Random(f"{self.seed}:{shop}:{slot}")
        start = datetime.fromtimestamp(slot * self.slot.total_seconds(), UTC)
        for number in range(chance.choice((1, 2, 2))):
            published = start + timedelta(seconds=chance.randrange(int(SLOT.total_seconds()))) * self.pace
            delay = timedelta(seconds=chance.randint(60, 480)) * self.pace if chance.random() < self.late else timedelta()
            euro = Decimal(chance.randint(900, 24_000)) / 100
            width, height = chance.randint(100, 600), chance.randint(100, 600)
            title = f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} No. {slot % 1000}{number}"
            name = f"{slot % 10_000_000:05d}{number}" if self.pace < 1 else f"{slot % 100_000:05d}{number}"
            framed = chance.random() < self.editions
            yield Offer(shop, name, "print", title, euro, width, height, published, published + delay)
            if framed:
                price = round(euro * Decimal("1.6"), 2)
                yield Offer(shop, name, "framed", title, price, width + 60, height + 60, published, published + delay)
