"""Each shop's page is read in its own words."""

from __future__ import annotations

import pytest

from benches import NOON
from imagefeed.markup import Listing, read_page
from imagefeed.origins import ORIGINS
from imagefeed.source.catalogue import Catalogue
from imagefeed.source.misbehave import Reply, spoil
from imagefeed.source.pages import page_url
from imagefeed.source.server import healthy_answer


def page_of(shop: str) -> Reply:
    return healthy_answer(Catalogue(7), page_url(shop, NOON, 1))


def first(shop: str) -> Listing:
    return read_page(shop, page_of(shop).body.decode()).listings[0]


def test_lumen_writes_pounds_centimetres_and_an_offset() -> None:
    listing = first("lumen")
    assert (listing.currency, listing.price_unit, listing.price_text[0]) == ("GBP", "major", "£")
    assert listing.size_text.endswith("cm")
    assert listing.published_text.endswith("+0000")
    assert listing.large_url is None


def test_harbor_writes_euros_inches_and_no_offset() -> None:
    listing = first("harbor")
    assert (listing.currency, listing.price_unit, listing.price_text[-1]) == ("EUR", "major", "€")
    assert listing.size_text.endswith("in")
    assert listing.published_text[-6:-3].startswith(":")
    assert listing.large_url is not None
    assert "/large/" in listing.large_url


def test_prairie_writes_cents_millimetres_and_an_offset() -> None:
    listing = first("prairie")
    assert (listing.currency, listing.price_unit) == ("USD", "minor")
    assert listing.price_text.isdigit()
    assert listing.size_text.endswith("mm")
    assert listing.published_text.endswith("-06:00")


@pytest.mark.parametrize("origin", [origin.name for origin in ORIGINS])
def test_every_offer_on_the_page_is_read(origin: str) -> None:
    offers = Catalogue(7).arrivals(origin, NOON)[:6]
    listings = read_page(origin, page_of(origin).body.decode()).listings
    assert [(one.listing_id, one.edition, one.title) for one in listings] == [
        (one.listing_id, one.edition, one.title) for one in offers
    ]


@pytest.mark.parametrize("origin", [origin.name for origin in ORIGINS])
def test_page_in_new_markup_has_no_listings(origin: str) -> None:
    changed = spoil(page_of(origin), "markup").body.decode()
    assert read_page(origin, changed).listings == ()


def test_card_without_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no img"):
        read_page("harbor", "<div class='card' id='item-1' data-edition='print'><h3>a</h3>"
                            "<span class='cost'>1</span><span class='dims'>1</span><time>1</time></div>")  # fmt: skip
