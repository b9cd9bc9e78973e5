"""Measures how often a CLIP is right about drawn shapes it never saw; it never trains and changes no weights.

python -m imagefeed.clip.measure [--folder FOLDER] [--pictures N]
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagefeed.clip.model import Clip
from imagefeed.clip.shapes import BLANKS, COLOURS, SHAPES, draw, draw_blank

NOTHING = -1
"""The shape and the colour, by number, of a picture or caption that has none."""

TRAINING_SEEDS = range(1_000_000, 2_000_000)
"""The seeds that training may use; all others are held out."""
MEASURED_SEEDS = range(10_000, 14_000)

_SIZES = (96, 96, 96, 64, 128, 192)  # pixels; the source mostly draws 96

Forms = dict[str, tuple[str, ...]]
Report = dict[str, dict[str, float]]

LEARNT: Forms = {
    "both": (
        "{a} {colour} {shape}",
        "{colour} {shape}",
        "a picture of {a} {colour} {shape}",
        "a photo of {a} {colour} {shape}",
        "an image of one {colour} {shape}",
        "a drawing of the {colour} {shape}",
        "a {shape} in {colour}",
        "a {shape} that is {colour}",
        "this is {a} {colour} {shape}",
        "the {shape} is {colour}",
    ),
    "colour": (
        "{a} {colour} shape",
        "{colour}",
        "something {colour}",
        "{a} {colour} thing",
        "a picture of something {colour}",
        "a photo of {a} {colour} shape",
        "this is {colour}",
        "the colour is {colour}",
    ),
    "shape": (
        "a {shape}",
        "{shape}",
        "a picture of a {shape}",
        "a photo of one {shape}",
        "an image of a {shape}",
        "a drawing of the {shape}",
        "this is a {shape}",
        "the shape is a {shape}",
    ),
    "blank": (
        "a blank image",
        "blank",
        "a blank picture",
        "a blank photo",
        "an empty image",
        "an empty picture",
        "nothing",
        "a picture of nothing",
        "an image with nothing in it",
        "this is blank",
    ),
}
"""The captions of training: about both, colour alone, shape alone, nothing. {a} is the colour's article."""

USUAL: Forms = {about: forms[:1] for about, forms in LEARNT.items()}
"""The captions that the pipeline asks for."""

HELD_OUT: Forms = {
    "both": (
        "there is {a} {colour} {shape} here",
        "i can see one {colour} {shape} on the table",
        "a {shape} painted {colour}",
        "snapshot, {colour} {shape}",
    ),
    "colour": ("it looks {colour} to me", "an object which is {colour}", "mostly {colour}"),
    "shape": ("there is a {shape} here", "i can see one {shape} on the table", "look, a {shape}!"),
    "blank": ("there is nothing here", "a completely empty photo", "just a blank page"),
}
"""Captions that training never sees, most with words that it never sees either."""

_PAIRS = [(shape, colour) for shape in range(len(SHAPES)) for colour in range(len(COLOURS))]


@dataclass(frozen=True)
class Seen:
    """Embedded pictures with what each really shows."""

    rows: NDArray[np.float32]
    shapes: NDArray[np.int64]
    colours: NDArray[np.int64]

    def only(self, chosen: NDArray[np.bool_]) -> Seen:
        """Gives the chosen pictures."""
        return Seen(self.rows[chosen], self.shapes[chosen], self.colours[chosen])


def sketch(seed: int) -> tuple[Image.Image, int, int]:
    """Draws the picture of a seed, about one in ten blank; gives it with its shape and colour by number."""
    rng = random.Random(seed)
    size = rng.choice(_SIZES)
    if rng.random() < 0.1:
        return draw_blank(rng.choice(BLANKS), seed=seed, size=size), NOTHING, NOTHING
    shape, colour = rng.randrange(len(SHAPES)), rng.randrange(len(COLOURS))
    return draw(SHAPES[shape], COLOURS[colour], seed=seed, size=size), shape, colour


def phrase(form: str, shape: int, colour: int) -> str:
    """Gives the caption in this form, with shape and colour by number; NOTHING fills nothing in."""
    hue = "" if colour == NOTHING else COLOURS[colour]
    outline = "" if shape == NOTHING else SHAPES[shape]
    return form.format(a="an" if hue[:1] == "o" else "a", colour=hue, shape=outline)


def look(clip: Clip, seeds: Iterable[int]) -> Seen:
    """Embeds the pictures of the seeds."""
    pictures, shapes, colours = zip(*(sketch(seed) for seed in seeds), strict=True)
    return Seen(clip.embed_images(pictures), np.asarray(shapes), np.asarray(colours))


def measure(clip: Clip, seen: Seen, forms: Forms) -> Report:
    """Gives the share of right zero-shot answers to each question: its captions' mean and the worst of them.

    Shape and colour are asked with 6 labels each, both with 36, blank with these 36 and one more. "false
    blank" is the share of shapes that this last question takes for blank.
    """
    blank, drawn = seen.only(seen.shapes == NOTHING), seen.only(seen.shapes != NOTHING)
    pairs = drawn.shapes * len(COLOURS) + drawn.colours
    shapes = [(number, NOTHING) for number in range(len(SHAPES))]
    colours = [(NOTHING, number) for number in range(len(COLOURS))]
    usual = [phrase(forms["both"][0], *pair) for pair in _PAIRS]
    found: dict[str, list[float]] = {
        "shape": [_right(clip, drawn.rows, _said(form, shapes), drawn.shapes) for form in forms["shape"]],
        "colour": [_right(clip, drawn.rows, _said(form, colours), drawn.colours) for form in forms["colour"]],
        "both": [_right(clip, drawn.rows, _said(form, _PAIRS), pairs) for form in forms["both"]],
        "blank": [_right(clip, blank.rows, [*usual, form], len(usual)) for form in forms["blank"]],
        "false blank": [_right(clip, drawn.rows, [*usual, form], len(usual)) for form in forms["blank"]],
    }
    return {
        about: {
            "mean": round(sum(shares) / len(shares), 4),
            "worst": round((max if about == "false blank" else min)(shares), 4),
        }
        for about, shares in found.items()
    }


def _said(form: str, options: Sequence[tuple[int, int]]) -> list[str]:
    return [phrase(form, shape, colour) for shape, colour in options]


def _right(clip: Clip, rows: NDArray[np.float32], labels: Sequence[str], truth: NDArray[np.int64] | int) -> float:
    return float(((rows @ clip.embed_texts(labels).T).argmax(axis=1) == truth).mean())


def main() -> None:
    """Prints the measurement as JSON."""
    asked = argparse.ArgumentParser(description="Measure a CLIP on drawn shapes that it never saw.")
    asked.add_argument("--folder", type=Path, help="an export; the bundled one if left out")
    asked.add_argument("--pictures", type=int, default=len(MEASURED_SEEDS))
    given = asked.parse_args()
    clip = Clip.load(given.folder, threads=2)
    print(json.dumps(report(clip, MEASURED_SEEDS[: given.pictures]), indent=1))


def report(clip: Clip, seeds: range) -> dict[str, object]:
    """Measures with the usual captions, with all of training's, and with those that training never saw."""
    seen = look(clip, seeds)
    return {
        "seeds": f"{seeds.start} to {seeds.stop - 1}",
        "shapes": int((seen.shapes != NOTHING).sum()),
        "blanks": int((seen.shapes == NOTHING).sum()),
        "logit scale": round(clip.scale, 2),
        "usual captions": measure(clip, seen, USUAL),
        "captions of training": measure(clip, seen, LEARNT),
        "captions never seen": measure(clip, seen, HELD_OUT),
    }


if __name__ == "__main__":
    main()
