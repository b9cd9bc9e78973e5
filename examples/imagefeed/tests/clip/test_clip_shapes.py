"""Draws pictures and looks at their pixels."""

from __future__ import annotations

import numpy as np
import pytest

from imagefeed.clip.shapes import BLANKS, COLOURS, SHAPES, caption, captions, draw, draw_blank


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_arguments_give_equal_pixels(shape: str) -> None:
    assert draw(shape, "red", seed=7).tobytes() == draw(shape, "red", seed=7).tobytes()
    assert draw(shape, "red", seed=7).tobytes() != draw(shape, "red", seed=8).tobytes()
    assert draw(shape, "red", seed=7).tobytes() != draw(shape, "blue", seed=7).tobytes()


@pytest.mark.parametrize("kind", BLANKS)
def test_blanks_with_equal_arguments_have_equal_pixels(kind: str) -> None:
    assert draw_blank(kind, seed=7).tobytes() == draw_blank(kind, seed=7).tobytes()


def test_some_blanks_have_one_value_in_every_pixel() -> None:
    ranges = [np.ptp(np.asarray(draw_blank("grey", seed=seed)), axis=(0, 1)).max() for seed in range(40)]
    assert 8 <= ranges.count(0) <= 32


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_shape_has_the_colour_it_was_asked_in(colour: str, channel: int) -> None:
    for seed in range(20):
        pixels = np.asarray(draw("square", colour, seed=seed)).reshape(-1, 3).astype(int)
        vivid = pixels[np.ptp(pixels, axis=1) > 100]
        assert len(vivid) > 96 * 96 / 20
        assert (vivid.argmax(axis=1) == channel).mean() > 0.95


@pytest.mark.parametrize("size", [16, 64, 300])
def test_picture_has_the_size_it_was_asked_in(size: int) -> None:
    picture = draw("star", "orange", seed=1, size=size)
    assert (picture.mode, picture.size) == ("RGB", (size, size))
    assert draw_blank("black", seed=1, size=size).size == (size, size)


def test_captions_name_all_that_can_be_drawn() -> None:
    assert len(set(captions())) == len(SHAPES) * len(COLOURS) + 1
    assert caption("star", "orange") == "an orange star"
    assert caption("ring", "blue") in captions()


def test_unknown_words_and_tiny_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown shape 'hexagon': one of circle"):
        draw("hexagon", "red", seed=1)
    with pytest.raises(ValueError, match="unknown colour 'pink'"):
        draw("star", "pink", seed=1)
    with pytest.raises(ValueError, match="unknown kind 'void'"):
        draw_blank("void", seed=1)
    with pytest.raises(ValueError, match="at least 16"):
        draw("star", "red", seed=1, size=8)
