"""Pictures get the label of what they show; a batch that is mostly blank is held back."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from benches import Bench
from imagefeed.classify import Classifier, classify, open_picture
from imagefeed.clip.shapes import BLANK, caption, captions, draw, draw_blank
from imagefeed.download import keep_picture, listings_without_picture
from imagefeed.fetch import Answer
from imagefeed.scrape import scrape


def keep(bench: Bench, bodies: list[bytes]) -> None:
    """Keeps these as the pictures of the first listings of lumen."""
    scrape(bench.conn, bench.session, bench.clock, bench.run)
    listings = [row for row in listings_without_picture(bench.conn, bench.run) if "lumen" in row["picture_url"]]
    for listing, body in zip(listings, bodies, strict=False):
        answer = Answer(
            listing["picture_url"], "test", 200, "image/png", body, len(body), None, None, bench.clock.now()
        )
        keep_picture(bench.conn, bench.run, listing, answer)


def png(shape: str | None = None, colour: str = "red", seed: int = 5) -> bytes:
    picture = draw(shape, colour, seed=seed) if shape else draw_blank("grey", seed=seed)
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return kept.getvalue()


def labels(bench: Bench) -> list[str]:
    return [row["label"] for row in bench.conn.execute("select label from classifications order by classified_at")]


def test_pictures_get_the_label_of_what_they_show(bench: Bench, clip: Classifier) -> None:
    keep(bench, [png("circle", "red"), png("star", "blue"), png("cross", "green")])
    assert classify(bench.conn, clip, bench.clock, bench.run) == 3
    assert labels(bench) == ["a red circle", "a blue star", "a green cross"]


def test_picture_is_labelled_once(bench: Bench, clip: Classifier) -> None:
    keep(bench, [png("circle"), png("square"), png("ring")])
    classify(bench.conn, clip, bench.clock, bench.run)
    assert classify(bench.conn, clip, bench.clock, bench.run) == 0


def test_single_blank_picture_is_labelled_blank(bench: Bench, clip: Classifier) -> None:
    keep(bench, [png(), png("circle"), png("ring"), png("star")])
    classify(bench.conn, clip, bench.clock, bench.run)
    assert labels(bench).count(BLANK) == 1


def test_batch_that_is_mostly_blank_is_held(bench: Bench, clip: Classifier) -> None:
    keep(bench, [png(), b"", png("circle")])
    assert classify(bench.conn, clip, bench.clock, bench.run) == 0
    held = bench.conn.execute("select note from stages where status = 'held'").fetchall()
    assert held == [{"note": "20260302T120000Z/lumen: 2 of 3 pictures are blank"}]


def test_two_pictures_say_nothing_about_a_batch(bench: Bench, clip: Classifier) -> None:
    keep(bench, [png(seed=1), png(seed=2)])
    assert classify(bench.conn, clip, bench.clock, bench.run) == 2


@pytest.mark.parametrize("body", [b"", b"not a picture", png("circle")[:60]])
def test_file_without_a_picture_opens_as_an_empty_one(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(body)
    assert open_picture(tmp_path / "file").getcolors() == [(96 * 96, (128, 128, 128))]


def test_bundled_clip_knows_nearly_all_pictures_of_the_shops(clip: Classifier) -> None:
    wanted = [(shape, colour) for shape in ("circle", "square", "star") for colour in ("red", "blue", "green")]
    seen = clip.classify([draw(*look, seed=900_000 + n) for n, look in enumerate(wanted)], captions())
    right = sum(one.label == caption(*look) for one, look in zip(seen, wanted, strict=True))
    assert right >= 8
