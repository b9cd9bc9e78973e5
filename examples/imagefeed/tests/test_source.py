"""The shops are the same for the same seed, and misbehave exactly as told."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from datetime import timedelta

import pytest
from PIL import Image

from benches import NOON
from imagefeed.source.catalogue import SHOPS, WINDOW, Catalogue
from imagefeed.source.misbehave import KINDS, Misbehaviour, parse_misbehaviour
from imagefeed.source.pages import PAGE_SIZE, page_url
from imagefeed.source.pictures import draw_picture, look_of, picture_url
from imagefeed.source.server import Shops, SourceServer, healthy_answer

PAGE = page_url("lumen", NOON, 1)
PICTURE = picture_url("lumen", 7, "123451", "print")


@pytest.mark.parametrize("shop", SHOPS)
def test_same_seed_offers_the_same(shop: str) -> None:
    assert Catalogue(7).arrivals(shop, NOON) == Catalogue(7).arrivals(shop, NOON)
    assert Catalogue(7).arrivals(shop, NOON) != Catalogue(8).arrivals(shop, NOON)


def test_new_listings_appear_as_time_goes_on() -> None:
    before = Catalogue(7).arrivals("harbor", NOON)
    after = Catalogue(7).arrivals("harbor", NOON + timedelta(minutes=30))
    assert {offer.listing_id for offer in after} - {offer.listing_id for offer in before}
    assert {offer.listing_id for offer in after} & {offer.listing_id for offer in before}


def test_page_shows_what_appeared_within_the_window() -> None:
    for offer in Catalogue(7, late=1).arrivals("prairie", NOON):
        assert NOON - WINDOW < offer.appears_at <= NOON
        assert offer.published_at < offer.appears_at


def test_listing_may_come_in_two_editions() -> None:
    offers = Catalogue(7, editions=1).arrivals("lumen", NOON)
    assert {offer.edition for offer in offers} == {"print", "framed"}
    assert len(offers) == 2 * len({offer.listing_id for offer in offers})


def test_last_page_links_to_no_other() -> None:
    offers = Catalogue(7).arrivals("lumen", NOON)
    pages = -(-len(offers) // PAGE_SIZE)
    bodies = [healthy_answer(Catalogue(7), page_url("lumen", NOON, page)).body for page in range(1, pages + 1)]
    assert [b'rel="next"' in body for body in bodies] == [True] * (pages - 1) + [False]


@pytest.mark.parametrize(("large", "kind", "size"), [(False, "PNG", 96), (True, "JPEG", 160)])
def test_picture_is_drawn_from_its_address_alone(large: bool, kind: str, size: int) -> None:
    url = picture_url("harbor", 7, "123451", "print", large=large)
    drawn = draw_picture(url)
    assert drawn == draw_picture(url)
    assert drawn is not None
    picture = Image.open(io.BytesIO(drawn[0]))
    assert (picture.format, picture.size) == (kind, (size, size))


@pytest.mark.parametrize(
    "url", ["http://lumen.example/pictures/x.png?v=7", "http://lumen.example/pictures/123451-print.png"]
)
def test_no_picture_is_drawn_for_another_address(url: str) -> None:
    assert draw_picture(url) is None


def test_some_pictures_show_nothing() -> None:
    looks = [look_of("lumen.example", f"{slot:05d}", "0", "print", 7) for slot in range(23)]
    assert looks.count(None) == 1


def answers(text: str, url: str, times: int = 2) -> list[tuple[int, int, int]]:
    shops = Shops(Catalogue(7), [parse_misbehaviour(text)])
    replies = [shops.answer(url) for _ in range(times)]
    return [(reply.status, len(reply.body), reply.declared) for reply in replies]


def test_burst_of_429_ends_after_the_attempts_told() -> None:
    assert [status for status, _, _ in answers("429,share=1,times=2", PICTURE, 3)] == [429, 429, 200]


def test_cut_off_body_promises_more_than_it_gives() -> None:
    status, given, declared = answers("truncate,share=1", PICTURE)[0]
    assert (status, given) == (200, declared // 2)


def test_changed_markup_has_other_class_names() -> None:
    shops = Shops(Catalogue(7), [parse_misbehaviour("markup,share=1")])
    assert b'class="v2-offer"' in shops.answer(PAGE).body


def test_wrong_content_type_is_sent_as_told() -> None:
    assert Shops(Catalogue(7), [parse_misbehaviour("content-type,share=1")]).answer(PICTURE).content_type == "text/html"


def test_slow_answer_says_how_slow() -> None:
    assert Shops(Catalogue(7), [parse_misbehaviour("slow,share=1")]).answer(PICTURE).delay > 0


def test_listing_that_moved_to_the_next_page_is_on_both() -> None:
    until = next(
        moment
        for moment in (NOON + timedelta(minutes=30 * step) for step in range(40))
        if len(Catalogue(7).arrivals("lumen", moment)) > PAGE_SIZE
    )
    last = Catalogue(7).arrivals("lumen", until)[PAGE_SIZE - 1]
    shops = Shops(Catalogue(7), [parse_misbehaviour("duplicate,share=1")])
    assert f'data-id="{last.listing_id}"'.encode() in shops.answer(page_url("lumen", until, 2)).body


def test_share_picks_the_same_addresses_each_time() -> None:
    bad = Misbehaviour("429", share=0.5)
    urls = [picture_url("lumen", 7, f"{number:06d}", "print") for number in range(200)]
    hit = [url for url in urls if bad.hits(url, 1, 7)]
    assert hit == [url for url in urls if bad.hits(url, 1, 7)]
    assert 70 < len(hit) < 130


def test_path_limits_misbehaviour_to_some_addresses() -> None:
    bad = Misbehaviour("429", share=1, path="/large/")
    assert not bad.hits(PICTURE, 1, 7)
    assert bad.hits(picture_url("harbor", 7, "123451", "print", large=True), 1, 7)


@pytest.mark.parametrize("text", ["418", "429,share=2", "429,color=red", "429,times=0"])
def test_unknown_misbehaviour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no misbehaviour|is not known"):
        parse_misbehaviour(text)


def test_server_takes_orders_at_its_control_address() -> None:
    shops = Shops(Catalogue(7))
    with SourceServer(shops.answer, control=shops.control) as server:
        order = json.dumps({"misbehave": ["503,share=1"]}).encode()
        with urllib.request.urlopen(f"{server.url}/_control", order) as told:
            assert told.status == 200
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            urllib.request.urlopen(f"{server.url}/_control", b'{"misbehave": ["x"]}')
        refused.value.close()
    assert shops.answer(PICTURE).status == 503
    assert "503" in KINDS
