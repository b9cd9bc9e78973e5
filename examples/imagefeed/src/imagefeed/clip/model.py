"""Loads a CLIP export and says which of the given labels a picture fits best; it never downloads a model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagefeed.clip.errors import ClipError
from imagefeed.clip.pixels import Lens, read_lens
from imagefeed.clip.tokens import Tokens, read_tokens
from imagefeed.clip.tower import Tower, open_tower

Embeddings = NDArray[np.float32]

BUNDLED = Path(__file__).parent / "weights"
"""The folder of the tiny model that knows coloured shapes and blank pictures."""

_BATCH = 64  # a bound on memory, not on what callers may ask
_SCALE = 100.0  # what every published CLIP learnt its logit scale to be


@dataclass(frozen=True)
class Classification:
    """What one picture shows."""

    label: str
    """The label that fits best."""
    score: float
    """Its share of the softmax over all labels, 0 to 1."""
    scores: dict[str, float]
    """Every label's share, in the order given; they add up to 1."""


class Clip:
    """A loaded pair of towers that puts pictures and texts into one space; use `Clip.load`."""

    def __init__(self, name: str, vision: Tower, text: Tower, lens: Lens, tokens: Tokens, scale: float) -> None:
        self.name = name
        self.scale = scale
        self._vision, self._text, self._lens, self._tokens = vision, text, lens, tokens
        # One tuple, so that threads never see the labels of one call with the rows of another.
        self._kept: tuple[tuple[str, ...], Embeddings] | None = None

    @classmethod
    def load(cls, folder: Path | None = None, *, threads: int = 1) -> Self:
        """Loads the export in a folder, or the bundled tiny one, with `threads` cores a run.

        It holds vision_model.onnx, text_model.onnx and tokenizer.json (there or in its onnx folder), and may
        hold config.json and preprocessor_config.json: what the usual Hugging Face exports write.

        Raises:
            ClipError: a file is missing or broken, or a model does not take or give what a CLIP tower does.
        """
        folder = BUNDLED if folder is None else Path(folder)
        vision_file, text_file, words = _find_files(folder)
        config = _read_json(folder / "config.json")
        vision = open_tower(vision_file, takes="pixel_values", gives="image_embeds", threads=threads)
        text = open_tower(text_file, takes="input_ids", gives="text_embeds", threads=threads)
        lens = read_lens(_read_json(folder / "preprocessor_config.json"), model_edge=vision.last_side)
        tokens = read_tokens(words, context=_context(config, text))
        return cls(_name(config, folder), vision, text, lens, tokens, _scale(config, folder))

    def embed_images(self, images: Sequence[Image.Image]) -> Embeddings:
        """Embeds pictures, any mode and size, as rows of length 1: (images, dimensions).

        Raises:
            ClipError: a picture cannot be decoded; nothing is returned for the others.
        """
        parts = [
            self._vision.run({"pixel_values": self._lens.batch(images[part], first=part.start)})
            for part in _parts(len(images))
        ]
        return _unit(parts, self._vision)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embeds texts as rows of length 1: (texts, dimensions)."""
        if isinstance(texts, str):
            raise ClipError("texts is one string, not a sequence of strings: write [text]")
        parts = []
        for part in _parts(len(texts)):
            ids, mask = self._tokens.batch(texts[part])
            parts.append(self._text.run({"input_ids": ids, "attention_mask": mask}))
        return _unit(parts, self._text)

    def classify(self, images: Sequence[Image.Image], labels: Sequence[str]) -> list[Classification]:
        """Gives each picture the label whose embedding is nearest, with the softmax over all labels.

        Raises:
            ClipError: no labels, a label twice, or a picture that cannot be decoded.
        """
        rows = self._embed_labels(labels)
        logits = self.scale * (self.embed_images(images).astype(np.float64) @ rows.T.astype(np.float64))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = raised / raised.sum(axis=1, keepdims=True)
        return [_classification(labels, share) for share in shares]

    def _embed_labels(self, labels: Sequence[str]) -> Embeddings:
        """The rows of the labels; those asked last are kept, as a pipeline asks the same ones for ever."""
        if isinstance(labels, str) or not labels:
            raise ClipError("classify needs a sequence of labels, at least one")
        asked = tuple(labels)
        if len(set(asked)) < len(asked):
            twice = sorted({label for label in asked if asked.count(label) > 1})
            raise ClipError(f"labels given more than once: {', '.join(twice)}")
        kept = self._kept
        if kept is None or kept[0] != asked:
            kept = self._kept = (asked, self.embed_texts(asked))
        return kept[1]


def _classification(labels: Sequence[str], share: NDArray[np.float64]) -> Classification:
    best = int(share.argmax())
    return Classification(labels[best], float(share[best]), dict(zip(labels, share.tolist(), strict=True)))


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _BATCH, count)) for start in range(0, count, _BATCH))


def _unit(parts: list[Embeddings], tower: Tower) -> Embeddings:
    if not parts:
        return np.empty((0, tower.width), dtype=np.float32)
    rows = np.concatenate(parts)
    lengths: Embeddings = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise ClipError(f"{tower.path} gave embeddings that are zero or not finite: the export is broken")
    return rows / lengths


def _find_files(folder: Path) -> tuple[Path, Path, Path]:
    if not folder.is_dir():
        raise ClipError(f"no folder {folder}: give one that holds a CLIP export")
    names = ("vision_model.onnx", "text_model.onnx", "tokenizer.json")
    places = [[folder / name, folder / "onnx" / name] for name in names]
    found = [next((place for place in two if place.is_file()), None) for two in places]
    vision, text, words = found
    if vision is None or text is None or words is None:
        missing = ", ".join(name for name, place in zip(names, found, strict=True) if place is None)
        raise ClipError(f"{folder} is not a CLIP export: {missing} missing (neither there nor in its onnx folder)")
    return vision, text, words


def _read_json(path: Path) -> Mapping[str, object]:
    """The object in a file, or an empty one where there is no file."""
    if not path.is_file():
        return {}
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ClipError(f"{path} is not JSON: {error}") from error
    if not isinstance(written, dict):
        raise ClipError(f"{path} holds no JSON object")
    return written


def _context(config: Mapping[str, object], text: Tower) -> int:
    """Tokens a text: what the model fixes, else what its config says, else CLIP's 77."""
    of_text = config.get("text_config")
    written = of_text.get("max_position_embeddings") if isinstance(of_text, dict) else None
    return text.last_side or (written if isinstance(written, int) else 77)


def _scale(config: Mapping[str, object], folder: Path) -> float:
    """The learnt logit scale, from `logit_scale` in config.json, a logarithm as in the model's own parameter.

    The usual `logit_scale_init_value` is not read: it says where training began (14.3), not what was learnt.
    """
    written = config.get("logit_scale", math.log(_SCALE))
    if isinstance(written, bool) or not isinstance(written, int | float) or not 0 <= written < 10:
        raise ClipError(f"{folder / 'config.json'}: logit_scale is a logarithm from 0 to 10, not {written!r}")
    return math.exp(written)


def _name(config: Mapping[str, object], folder: Path) -> str:
    return str(config.get("_name_or_path") or folder.resolve().name)
