"""Reads listings out of each shop's markup, as written; it never converts a price, a size or a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from selectolax.parser import HTMLParser, Node


@dataclass(frozen=True)
class Listing:
    """One edition of one listing, in the shop's own words."""

    listing_id: str
    edition: str
    title: str
    price_text: str
    price_unit: str
    """`major` (pounds, euros) or `minor` (pence, cents): what the number in `price_text` counts."""
    currency: str
    size_text: str
    published_text: str
    picture_url: str
    large_url: str | None = None
    """A larger picture, where the shop has one."""


@dataclass(frozen=True)
class Page:
    """What one page of new arrivals says."""

    listings: tuple[Listing, ...]
    next_url: str | None


def read_page(origin: str, text: str) -> Page:
    """The listings on a page of that origin, and the address of the next page if there is one."""
    tree = HTMLParser(text)
    link = tree.css_first("a[rel=next]")
    listings = tuple(READERS[origin](tree))
    return Page(listings, link.attributes.get("href") if link else None)


def read_lumen(tree: HTMLParser) -> list[Listing]:
    """Rows of a table; pounds, centimetres, times with an offset."""
    return [
        Listing(
            listing_id=_attribute(row, "data-id"),
            edition=_attribute(row, "data-edition"),
            title=_text(row, ".title"),
            price_text=_text(row, ".price"),
            price_unit="major",
            currency="GBP",
            size_text=_text(row, ".size"),
            published_text=_text(row, ".listed"),
            picture_url=_attribute(_first(row, "img"), "src"),
        )
        for row in tree.css("tr.offer")
    ]


def read_harbor(tree: HTMLParser) -> list[Listing]:
    """Cards; euros with a comma, inches, Berlin time without saying so; a larger picture."""
    return [
        Listing(
            listing_id=_attribute(card, "id").removeprefix("item-"),
            edition=_attribute(card, "data-edition"),
            title=_text(card, "h3"),
            price_text=_text(card, ".cost"),
            price_unit="major",
            currency="EUR",
            size_text=_text(card, ".dims"),
            published_text=_text(card, "time"),
            picture_url=_attribute(_first(card, "img"), "src"),
            large_url=_first(card, "img").attributes.get("data-large"),
        )
        for card in tree.css("div.card")
    ]


def read_prairie(tree: HTMLParser) -> list[Listing]:
    """JSON-LD; US cents, millimetres, ISO times with an offset."""
    found = []
    for script in tree.css('script[type="application/ld+json"]'):
        product = json.loads(script.text())
        offer = product["offers"]
        found.append(
            Listing(
                listing_id=product["sku"],
                edition=product["model"],
                title=product["name"],
                price_text=offer["price"],
                price_unit="minor" if offer["unit"] == "cent" else "major",
                currency=offer["priceCurrency"],
                size_text=f"{product['width']} x {product['height']}",
                published_text=product["datePublished"],
                picture_url=product["image"],
            )
        )
    return found


READERS: dict[str, Callable[[HTMLParser], list[Listing]]] = {
    "lumen": read_lumen,
    "harbor": read_harbor,
    "prairie": read_prairie,
}


def _first(node: Node, selector: str) -> Node:
    found = node.css_first(selector)
    if found is None:
        raise ValueError(f"no {selector} in {node.html or ''!r:.200}")
    return found


def _text(node: Node, selector: str) -> str:
    return _first(node, selector).text(strip=True)


def _attribute(node: Node, name: str) -> str:
    value = node.attributes.get(name)
    if value is None:
        raise ValueError(f"no {name} in {node.html or ''!r:.200}")
    return value
