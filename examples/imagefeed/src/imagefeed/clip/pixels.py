"""Turns pictures into what a vision model takes, by its preprocessor_config.json; it never runs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagefeed.clip.errors import ClipError

Pixels = NDArray[np.float32]
Channels = tuple[float, float, float]

# What the first CLIP was trained with; exports without a preprocessor_config.json mean these.
_MEAN: Channels = (0.48145466, 0.4578275, 0.40821073)
_STD: Channels = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Lens:
    """How pictures are made ready: short side scaled to `edge`, middle cut out, then normalised."""

    edge: int
    height: int
    width: int
    resample: Image.Resampling = Image.Resampling.BICUBIC
    rescale: float = 1 / 255
    mean: Channels = _MEAN
    std: Channels = _STD

    def batch(self, images: Sequence[Image.Image], *, first: int = 0) -> Pixels:
        """Gives (images, 3, height, width); `first` is the number of the first picture, for messages.

        Raises:
            ClipError: a picture is truncated, has no pixels or cannot be decoded; the message has its number.
        """
        rows = np.empty((len(images), self.height, self.width, 3), dtype=np.float32)
        for row, image in enumerate(images):
            rows[row] = np.asarray(self._cut(image, first + row))
        scale = np.asarray(self.rescale / np.asarray(self.std), dtype=np.float32)
        shift = np.asarray(np.asarray(self.mean) / np.asarray(self.std), dtype=np.float32)
        return np.ascontiguousarray((rows * scale - shift).transpose(0, 3, 1, 2))

    def _cut(self, image: Image.Image, number: int) -> Image.Image:
        if not isinstance(image, Image.Image):
            raise ClipError(f"picture {number} is a {type(image).__name__}, not a PIL image: open it first")
        if 0 in image.size:
            raise ClipError(f"picture {number} has no pixels: its size is {image.size}")
        try:
            image = image.convert("RGB")  # pictures are decoded here, not when they are opened
        except Exception as error:  # Pillow's decoders raise whatever the broken bytes make them trip over
            raise ClipError(f"picture {number} cannot be decoded: {error}") from error
        # One resize from the middle of the source: a very long picture then never takes a very large detour.
        unit = min(image.size) / self.edge
        wide, high = min(image.width, self.width * unit), min(image.height, self.height * unit)
        left, top = (image.width - wide) / 2, (image.height - high) / 2
        return image.resize((self.width, self.height), self.resample, box=(left, top, left + wide, top + high))


def read_lens(written: Mapping[str, object], *, model_edge: int | None) -> Lens:
    """Reads preprocessor_config.json; `model_edge`, the side the model fixes, stands in for a size left out.

    Raises:
        ClipError: a value has a form that is not known.
    """
    try:
        height, width = _sides(written.get("crop_size", written.get("size")), model_edge or 224)
        edge = min(_sides(written.get("size"), min(height, width)))
        return Lens(
            edge=edge if written.get("do_center_crop", True) else min(height, width),
            height=height,
            width=width,
            resample=Image.Resampling(int(str(written.get("resample", 3)))),
            rescale=float(str(written.get("rescale_factor", 1 / 255))),
            mean=_channels(written.get("image_mean"), _MEAN),
            std=_channels(written.get("image_std"), _STD),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ClipError(f"preprocessor_config.json cannot be used: {error!r}") from error


def _sides(written: object, otherwise: int) -> tuple[int, int]:
    """Height and width of a size that is written as a number, as height and width, or as shortest_edge."""
    if written is None:
        return otherwise, otherwise
    if isinstance(written, int):
        return written, written
    if isinstance(written, Mapping) and "shortest_edge" in written:
        return int(written["shortest_edge"]), int(written["shortest_edge"])
    if isinstance(written, Mapping):
        return int(written["height"]), int(written["width"])
    raise ValueError(f"size {written!r}")


def _channels(written: object, otherwise: Channels) -> Channels:
    if written is None:
        return otherwise
    if not isinstance(written, Sequence) or len(written) != 3:
        raise ValueError(f"three numbers are needed, one a channel, not {written!r}")
    red, green, blue = (float(value) for value in written)
    return red, green, blue
