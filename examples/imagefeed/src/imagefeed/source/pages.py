"""Writes each shop's markup in that shop's own words, units, currency and time; it never decides what is offered."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from imagefeed.source.catalogue import EUR_PER, Offer
from imagefeed.source.pictures import picture_url

PAGE_SIZE = 6
_BERLIN = ZoneInfo("Europe/Berlin")
_CENTRAL = timezone(timedelta(hours=-6))


def page_url(shop: str, until: datetime, page: int) -> str:
    """The address of one page of a shop's new arrivals."""
    return f"http://{shop}.example/new?until={until:%Y-%m-%dT%H:%M:%SZ}&page={page}"


def write_page(shop: str, offers: Sequence[Offer], *, seed: int, next_url: str | None) -> str:
    """One page of a shop, as HTML."""
    body = {"lumen": _table, "harbor": _cards, "prairie": _linked_data}[shop](offers, seed)
    more = f'<a rel="next" href="{html.escape(next_url)}">Older</a>' if next_url else ""
    return f"<!doctype html><html><head><title>{shop}: new</title></head><body>\n{body}\n{more}</body></html>\n"


def _table(offers: Sequence[Offer], seed: int) -> str:
    rows = "\n".join(
        f'<tr class="offer" data-id="{offer.listing_id}" data-edition="{offer.edition}">'
        f'<td><img src="{picture_url(offer.shop, seed, offer.listing_id, offer.edition)}"></td>'
        f'<td class="title">{html.escape(offer.title)}</td>'
        f'<td class="price">&pound;{_in_currency(offer):,.2f}</td>'
        f'<td class="size">{offer.width_mm / 10:g} &times; {offer.height_mm / 10:g} cm</td>'
        f'<td class="listed">{offer.published_at:%d %b %Y %H:%M:%S +0000}</td></tr>'
        for offer in offers
    )
    return f"<table id='offers'>\n{rows}\n</table>"


def _cards(offers: Sequence[Offer], seed: int) -> str:
    cards = []
    for offer in offers:
        price = f"{_in_currency(offer):,.2f}".translate(str.maketrans(",.", ".,"))
        large = picture_url(offer.shop, seed, offer.listing_id, offer.edition, large=True)
        cards.append(
            f'<div class="card" id="item-{offer.listing_id}" data-edition="{offer.edition}">'
            f'<img src="{picture_url(offer.shop, seed, offer.listing_id, offer.edition)}" data-large="{large}">'
            f"<h3>{html.escape(offer.title)}</h3><span class='cost'>{price} &euro;</span>"
            f"<span class='dims'>{offer.width_mm / 25.4:.2f} x {offer.height_mm / 25.4:.2f} in</span>"
            f"<time>{offer.published_at.astimezone(_BERLIN):%Y-%m-%d %H:%M:%S}</time></div>"
        )
    return "<main>\n" + "\n".join(cards) + "\n</main>"


def _linked_data(offers: Sequence[Offer], seed: int) -> str:
    return "\n".join(
        '<script type="application/ld+json">'
        + json.dumps(
            {
                "@type": "Product",
                "sku": offer.listing_id,
                "model": offer.edition,
                "name": offer.title,
                "image": picture_url(offer.shop, seed, offer.listing_id, offer.edition),
                "width": f"{offer.width_mm} mm",
                "height": f"{offer.height_mm} mm",
                "datePublished": offer.published_at.astimezone(_CENTRAL).isoformat(),
                "offers": {
                    "price": str(int(_in_currency(offer) * 100)),
                    "unit": "cent",
                    "priceCurrency": "USD",
                },
            }
        )
        + "</script>"
        for offer in offers
    )


def _in_currency(offer: Offer) -> Decimal:
    return round(offer.euro / EUR_PER[offer.shop], 2)
