"""Draws the coloured shapes that the source serves and the tiny CLIP learnt from; it never reads a file."""

from __future__ import annotations

import colorsys
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
BLANKS = ("black", "white", "grey", "colour", "backdrop")
"""The kinds of picture with nothing in it: four uniform ones, and an empty backdrop."""
BLANK = "a blank image"
"""The label of every picture with nothing in it."""

_SMALLEST = 16
_SMOOTH = 3  # shapes are drawn this many times larger and averaged down, for smooth edges
_HUES = {  # degrees
    "red": (-7, 5),
    "orange": (23, 33),
    "yellow": (50, 60),
    "green": (100, 140),
    "blue": (212, 236),
    "purple": (270, 292),
}

Pixels = NDArray[np.float32]
Point = tuple[float, float]


def draw(shape: str, colour: str, *, seed: int, size: int = 96) -> Image.Image:
    """Draws one shape on a backdrop, size x size pixels, RGB; equal arguments give equal pixels.

    The seed picks place, radius, turn, exact tint, backdrop, noise, and whether JPEG has been over it.

    Raises:
        ValueError: the shape or colour is not known, or the size is under 16.
    """
    _one_of("shape", shape, SHAPES)
    _one_of("colour", colour, COLOURS)
    rng = _stream(seed, size, SHAPES.index(shape), COLOURS.index(colour))
    backdrop = _backdrop(rng, size)
    mask = _mask(rng, shape, size)[..., None]
    tint = _tint(rng, _HUES[colour])
    shade = 1.0 + rng.uniform(-0.12, 0.0) * np.linspace(0.0, 1.0, size, dtype=np.float32)[:, None, None]
    pixels = backdrop * (1 - mask) + tint * shade.astype(np.float32) * mask
    return _finish(rng, pixels, noise=11.0)


def draw_blank(kind: str = "grey", *, seed: int, size: int = 96) -> Image.Image:
    """Draws a picture with nothing in it, size x size pixels, RGB; equal arguments give equal pixels.

    Half of them are perfectly uniform, as a zero-content picture is; the rest saw a noisy camera or JPEG.

    Raises:
        ValueError: the kind is not known, or the size is under 16.
    """
    _one_of("kind", kind, BLANKS)
    rng = _stream(seed, size, len(SHAPES), BLANKS.index(kind))
    if kind == "backdrop":
        return _finish(rng, _backdrop(rng, size), noise=11.0)
    level = {"black": 0.0, "white": 255.0, "grey": float(rng.integers(30, 226))}.get(kind)
    tone = rng.uniform(0, 255, 3).astype(np.float32) if level is None else np.full(3, level, dtype=np.float32)
    pixels = np.broadcast_to(tone, (size, size, 3)).astype(np.float32)
    return _image(pixels) if rng.random() < 0.5 else _finish(rng, pixels, noise=6.0)


def caption(shape: str, colour: str) -> str:
    """Gives the label of a drawn picture, such as "a red circle" or "an orange star"."""
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"


def captions() -> tuple[str, ...]:
    """Gives every label that a drawn picture can have: 36 captions and BLANK."""
    return (*(caption(shape, colour) for colour in COLOURS for shape in SHAPES), BLANK)


def _one_of(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise ValueError(f"unknown {what} {given!r}: one of {', '.join(known)}")


def _stream(seed: int, size: int, first: int, second: int) -> np.random.Generator:
    if size < _SMALLEST:
        raise ValueError(f"size is {size}: at least {_SMALLEST} pixels")
    return np.random.Generator(np.random.PCG64([seed, first, second]))


def _backdrop(rng: np.random.Generator, size: int) -> Pixels:
    """A nearly neutral backdrop, (size, size, 3): plain, a gradient, or soft blotches."""
    low, high = ((185, 255), (0, 70), (90, 150))[rng.choice(3, p=[0.5, 0.25, 0.25])]
    start = rng.uniform(low, high) + rng.uniform(-9, 9, 3)
    kind = rng.choice(3, p=[0.4, 0.35, 0.25])
    if kind == 0:
        field = np.zeros((size, size), dtype=np.float32)
    elif kind == 1:
        ramp = np.linspace(0.0, 1.0, size, dtype=np.float32)
        angle = rng.uniform(0, 2 * math.pi)
        field = (ramp[:, None] - 0.5) * math.sin(angle) + (ramp[None, :] - 0.5) * math.cos(angle)
    else:
        coarse = Image.fromarray(rng.normal(0, 0.35, (6, 6)).astype(np.float32))
        field = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
    return (start + field[..., None] * rng.uniform(15, 55)).astype(np.float32)


def _tint(rng: np.random.Generator, hues: tuple[int, int]) -> Pixels:
    hue = (rng.uniform(*hues) % 360) / 360
    rgb = colorsys.hsv_to_rgb(hue, rng.uniform(0.78, 1.0), rng.uniform(0.78, 1.0))
    return np.asarray([part * 255 for part in rgb], dtype=np.float32)


def _mask(rng: np.random.Generator, shape: str, size: int) -> Pixels:
    """How far each pixel is covered by the shape, (size, size), 0 to 1."""
    canvas = size * _SMOOTH
    radius = rng.uniform(0.24, 0.42) * canvas
    x, y = rng.uniform(radius + 2, canvas - radius - 2, 2)
    turn = rng.uniform(0, 2 * math.pi)
    sheet = Image.new("L", (canvas, canvas), 0)
    pen = ImageDraw.Draw(sheet)
    if shape in ("circle", "ring"):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        hole = radius * rng.uniform(0.5, 0.68)
        if shape == "ring":
            pen.ellipse((x - hole, y - hole, x + hole, y + hole), fill=0)
    else:
        pen.polygon([_turned(point, turn, radius, x, y) for point in _outline(rng, shape)], fill=255)
    return np.asarray(sheet.reduce(_SMOOTH), dtype=np.float32) / np.float32(255)


def _outline(rng: np.random.Generator, shape: str) -> list[Point]:
    """The corners of a shape within the unit circle."""
    if shape == "star":
        inner = rng.uniform(0.38, 0.45)
        return [_on_circle(step / 10, 1.0 if step % 2 == 0 else inner) for step in range(10)]
    if shape == "cross":
        arm = rng.uniform(0.26, 0.34)
        tip = math.sqrt(1 - arm * arm)
        quarter = [(tip, -arm), (tip, arm), (arm, arm)]
        return [_turned(point, step * math.pi / 2, 1.0, 0.0, 0.0) for step in range(4) for point in quarter]
    corners = {"triangle": 3, "square": 4}[shape]
    return [_on_circle(step / corners, 1.0) for step in range(corners)]


def _on_circle(part: float, radius: float) -> Point:
    return radius * math.cos(2 * math.pi * part), radius * math.sin(2 * math.pi * part)


def _turned(point: Point, angle: float, scale: float, x: float, y: float) -> Point:
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    return x + point[0] * cos - point[1] * sin, y + point[0] * sin + point[1] * cos


def _finish(rng: np.random.Generator, pixels: Pixels, *, noise: float) -> Image.Image:
    """Adds the grain of a camera and, for half of the pictures, what JPEG leaves behind."""
    grain = np.float32(rng.uniform(0, noise))
    picture = _image(pixels + grain * rng.standard_normal(pixels.shape, dtype=np.float32))
    if rng.random() < 0.5:
        return picture
    coded = io.BytesIO()
    picture.save(coded, "JPEG", quality=int(rng.integers(45, 93)))
    return Image.open(coded).convert("RGB")


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
