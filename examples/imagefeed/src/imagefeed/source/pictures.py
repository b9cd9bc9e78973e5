"""Draws the picture that a recorded address names, the same for ever; it needs no server and no record."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from PIL.Image import Image

_PATH = re.compile(r"^/(pictures|large)/(?P<listing>\d{5})(?P<number>\d+)-(?P<edition>[a-z]+)\.(?P<kind>png|jpg)$")
_SIZES = {"pictures": 96, "large": 160}
_BLANK_EVERY = 23  # slots: shops put up a picture with nothing in it now and then


def picture_url(shop: str, seed: int, listing_id: str, edition: str, *, large: bool = False) -> str:
    """The address of a listing's picture; everything that decides its pixels is in it."""
    kind = "jpg" if shop == "lumen" or large else "png"
    folder = "large" if large else "pictures"
    return f"http://{shop}.example/{folder}/{listing_id}-{edition}.{kind}?v={seed}"


def draw_picture(url: str) -> tuple[bytes, str] | None:
    """The bytes and the content type of the picture at an address, or None where no picture is."""
    parts = urlsplit(url)
    found = _PATH.match(parts.path)
    version = parse_qs(parts.query).get("v", [""])[0]
    if found is None or not version.isdigit() or parts.hostname is None:
        return None
    size = _SIZES[found[1]]
    canvas = _draw(parts.hostname, found["listing"], found["number"], found["edition"], int(version), size)
    kept = io.BytesIO()
    if found["kind"] == "jpg":
        canvas.save(kept, "JPEG", quality=90)
        return kept.getvalue(), "image/jpeg"
    canvas.save(kept, "PNG", compress_level=1)
    return kept.getvalue(), "image/png"


def look_of(host: str, listing: str, number: str, edition: str, seed: int) -> tuple[str, str] | None:
    """Shape and colour of a listing's picture, or None when it shows nothing."""
    from imagefeed.clip.shapes import COLOURS, SHAPES

    if number == "0" and edition == "print" and (int(listing) + seed) % _BLANK_EVERY == 0:
        return None
    draw = _number(host, listing, number, seed)
    return SHAPES[draw % len(SHAPES)], COLOURS[draw // 64 % len(COLOURS)]


def _draw(host: str, listing: str, number: str, edition: str, seed: int, size: int) -> Image:
    from imagefeed.clip.shapes import draw, draw_blank

    look = look_of(host, listing, number, edition, seed)
    pixels = _number(host, listing, number, seed) % 1_000_000
    return draw_blank(seed=pixels, size=size) if look is None else draw(*look, seed=pixels, size=size)


def _number(host: str, listing: str, number: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{host}:{listing}{number}:{seed}".encode()).digest()[:6], "big")
