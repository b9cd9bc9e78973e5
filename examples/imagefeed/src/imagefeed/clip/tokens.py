"""Turns texts into the token ids of a model folder's tokenizer.json; it never runs a model.

A word-level file, as the bundled one is, is read here with a regular expression and a dictionary. Every
other file, such as the byte-pair one of a full-size CLIP, is left to the `tokenizers` library, which is
imported only then. The file alone decides, never what happens to be installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagefeed.clip.errors import ClipError

Ids = NDArray[np.int64]

_WORD = re.compile(r"\w+|[^\w\s]+")  # what the pre-tokenizer that is named Whitespace splits on
_START, _END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True)
class Tokens:
    """Encodes texts for one model: `encode` gives ids with start and end, `pad` fills rows up."""

    encode: Callable[[str], Sequence[int]]
    context: int
    pad: int

    def batch(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Gives ids and mask, each (texts, context); texts that are too long lose words, never their end."""
        ids = np.full((len(texts), self.context), self.pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(texts):
            found = list(self.encode(text))
            if len(found) > self.context:
                found = [*found[: self.context - 1], found[-1]]
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        return ids, mask


def read_tokens(path: Path, *, context: int) -> Tokens:
    """Reads tokenizer.json for a text model that takes `context` tokens.

    Raises:
        ClipError: the file is broken, has no end token, or needs the `tokenizers` library, which is missing.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return _word_level(written, context) if _is_word_level(written) else _by_library(path, context)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClipError(f"{path} is not a tokenizer file that can be read: {error!r}") from error


def _is_word_level(written: Mapping[str, Mapping[str, object]]) -> bool:
    parts = [(written.get(part) or {}).get("type") for part in ("model", "normalizer", "pre_tokenizer")]
    return parts == ["WordLevel", "Lowercase", "Whitespace"]


def _word_level(written: Mapping[str, Mapping[str, Mapping[str, int]]], context: int) -> Tokens:
    vocabulary = written["model"]["vocab"]
    unknown = vocabulary[str(written["model"]["unk_token"])]
    start, end = vocabulary[_START], vocabulary[_END]

    def encode(text: str) -> list[int]:
        return [start, *(vocabulary.get(word, unknown) for word in _WORD.findall(text.lower())), end]

    return Tokens(encode=encode, context=context, pad=end)


def _by_library(path: Path, context: int) -> Tokens:
    try:
        from tokenizers import Tokenizer  # only full-size exports need it, and it is slow to import
    except ImportError as error:
        raise ClipError(f"{path} needs the tokenizers library: pip install tokenizers") from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every broken file
        raise ClipError(f"{path} is not a tokenizer file that can be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    end = tokenizer.token_to_id(_END)
    if end is None:
        raise ClipError(f"{path} has no {_END} token, so it is not the tokenizer of a CLIP text model")

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text).ids)

    return Tokens(encode=encode, context=context, pad=int(end))
