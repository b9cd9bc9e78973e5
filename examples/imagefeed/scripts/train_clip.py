"""Trains the tiny CLIP on drawn shapes, exports it as a full-size one is exported, and measures the export.

    pip install torch onnx onnxscript onnxruntime numpy pillow
    PYTHONPATH=src python scripts/train_clip.py src/imagefeed/clip/weights

Seeds are fixed; another number of threads changes the last digits.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from imagefeed.clip import Clip
from imagefeed.clip.measure import LEARNT, MEASURED_SEEDS, NOTHING, TRAINING_SEEDS, phrase, report, sketch
from imagefeed.clip.pixels import Lens
from imagefeed.clip.shapes import COLOURS, SHAPES
from imagefeed.clip.tokens import Tokens, read_tokens

EDGE, CONTEXT, WIDTH, HEADS, BATCH = 64, 16, 64, 4, 256
HALF = (0.5, 0.5, 0.5)  # mean and deviation of a channel: pixels become -1 to 1
LENS = Lens(edge=EDGE, height=EDGE, width=EDGE, mean=HALF, std=HALF)
START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"
STRANGE = "zzz"  # in no caption, so it becomes the unknown token
KEYWORDS = {*SHAPES, *COLOURS, "blank", "empty", "nothing"}


class Vision(nn.Module):
    """The image tower: convolutions, then the mean and the largest answer over the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((3, 24, 2), (24, 48, 2), (48, 48, 1), (48, 96, 2), (96, 128, 1))
        self.layers = nn.Sequential(*(layer(*width) for width in widths))
        self.out = nn.Linear(2 * 128, WIDTH, bias=False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        found = self.layers(pixel_values)
        embeds: Tensor = self.out(torch.cat([found.mean((2, 3)), found.amax((2, 3))], 1))
        return embeds


def layer(taken: int, given: int, stride: int) -> nn.Sequential:
    """A convolution that halves the picture when stride is 2."""
    return nn.Sequential(nn.Conv2d(taken, given, 3, stride, 1, bias=False), nn.BatchNorm2d(given), nn.ReLU())


class Block(nn.Module):
    """One transformer layer over the words of a text; padding is never looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query_key_value, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, words: Tensor, hidden: Tensor) -> Tensor:
        parts = self.query_key_value(self.before(words)).reshape(-1, CONTEXT, 3, HEADS, WIDTH // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + hidden).softmax(-1)
        words = words + self.out((weights @ value).transpose(1, 2).reshape(-1, CONTEXT, WIDTH))
        answer: Tensor = words + self.wide(self.between(words))
        return answer


class Text(nn.Module):
    """The text tower: embeddings of words and places, two layers, read at the end token as CLIP does."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.out = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH, bias=False))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = (1.0 - attention_mask[:, None, None, :].float()) * -1e4
        found = self.words(input_ids) + self.places.weight
        for block in self.blocks:
            found = block(found, hidden)
        at_end = one_hot(attention_mask.sum(1) - 1, CONTEXT).float()
        embeds: Tensor = self.out((found * at_end[:, :, None]).sum(1))
        return embeds


@dataclass(frozen=True)
class Pictures:
    """Pictures made ready for the model, (n, 3, EDGE, EDGE) bytes, with what each shows, by number."""

    pixels: NDArray[np.uint8]
    shapes: NDArray[np.int64]
    colours: NDArray[np.int64]


def draw_all(count: int, threads: int) -> Pictures:
    """Draws the training pictures, in parallel."""
    with multiprocessing.Pool(threads) as pool:
        rows = pool.map(_row, TRAINING_SEEDS[:count], chunksize=200)
    pixels, shapes, colours = zip(*rows, strict=True)
    return Pictures(np.stack(pixels), np.asarray(shapes), np.asarray(colours))


def _row(seed: int) -> tuple[NDArray[np.uint8], int, int]:
    picture, shape, colour = sketch(seed)
    return np.rint((LENS.batch([picture])[0] + 1) * 127.5).astype(np.uint8), shape, colour


def train(folder: Path, *, pictures: int, epochs: int, threads: int) -> None:
    """Trains both towers with the contrastive loss and a learnt temperature, and writes the export."""
    torch.manual_seed(7)
    torch.set_num_threads(threads)
    rng, began = random.Random(7), time.monotonic()
    drawn = draw_all(pictures, threads)
    print(f"drew {pictures} pictures in {time.monotonic() - began:.0f} s", flush=True)
    vocabulary = write_tokenizer(folder / "tokenizer.json")
    tokens = read_tokens(folder / "tokenizer.json", context=CONTEXT)
    vision, text, log_scale = Vision(), Text(vocabulary), nn.Parameter(torch.tensor(math.log(1 / 0.07)))
    optimiser = torch.optim.AdamW([*vision.parameters(), *text.parameters(), log_scale], weight_decay=0.02)
    steps = epochs * (pictures // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps, pct_start=0.1)
    for step, chosen in enumerate(_batches(pictures, epochs)):
        pixels = torch.from_numpy(drawn.pixels[chosen]).float() / 127.5 - 1
        images = normalize(vision(pixels.flip(3) if step % 2 else pixels), dim=1)  # mirrored: the same shape
        scaled = log_scale.clamp(max=math.log(100)).exp() * images
        loss = torch.stack([_loss(scaled, text, tokens, *said) for said in _captions(drawn, chosen, rng)]).sum()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if step % 40 == 0:
            print(f"step {step}/{steps}: loss {loss:.3f}, {time.monotonic() - began:.0f} s", flush=True)
    export(folder, vision.eval(), text.eval(), min(log_scale.item(), math.log(100)))


def _loss(scaled: Tensor, text: Text, tokens: Tokens, said: list[str], same: NDArray[np.float32]) -> Tensor:
    """The contrastive loss both ways; all right pairings of a row have an equal share of its target."""
    ids, mask = (torch.from_numpy(part) for part in tokens.batch(said))
    logits = scaled @ normalize(text(ids, mask), dim=1).T
    target = torch.from_numpy(same / same.sum(1, keepdims=True))
    return cross_entropy(logits, target) + cross_entropy(logits.T, target)


def _batches(count: int, epochs: int) -> Iterator[NDArray[np.int64]]:
    rng = np.random.default_rng(7)
    for _ in range(epochs):
        order = rng.permutation(count)
        yield from (order[start : start + BATCH] for start in range(0, count - BATCH + 1, BATCH))


def _captions(
    drawn: Pictures, chosen: NDArray[np.int64], rng: random.Random
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """For both, colour and shape: a caption for each picture, and which pictures each caption is true of."""
    shapes, colours = drawn.shapes[chosen], drawn.colours[chosen]
    for about, shows in (("both", shapes * len(COLOURS) + colours), ("colour", colours), ("shape", shapes)):
        said = [
            _blur(phrase(rng.choice(LEARNT["blank" if shape == NOTHING else about]), shape, colour), rng)
            for shape, colour in zip(shapes.tolist(), colours.tolist(), strict=True)
        ]
        yield said, (shows[:, None] == shows[None, :]).astype(np.float32)


def _blur(text: str, rng: random.Random) -> str:
    """Swaps words without meaning for strange ones and slips more in: new phrasings must not matter."""
    words = [word if word in KEYWORDS or rng.random() > 0.15 else STRANGE for word in text.split()]
    while rng.random() < 0.2 and len(words) < CONTEXT - 2:
        words.insert(rng.randrange(len(words) + 1), STRANGE)
    return " ".join(words)


def write_tokenizer(path: Path) -> int:
    """Writes a word-level tokenizer.json, which `tokenizers` reads too, and gives the number of its words."""
    forms = [form for forms in LEARNT.values() for form in forms]
    words = {word for form in forms for word in form.split() if "{" not in word} | KEYWORDS
    names = [START, END, UNKNOWN, *sorted(words)]
    flags: dict[str, object] = {
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    text = [
        {"SpecialToken": {"id": START, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": END, "type_id": 0}},
    ]
    written: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, "content": names[number], **flags} for number in range(3)],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": text,
            "pair": [*text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                name: {"id": name, "ids": [names.index(name)], "tokens": [name]} for name in (START, END)
            },
        },
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {name: number for number, name in enumerate(names)},
            "unk_token": UNKNOWN,
        },
    }
    _write(path, written)
    return len(names)


def export(folder: Path, vision: Vision, text: Text, log_scale: float) -> None:
    """Writes both towers, config.json and preprocessor_config.json, named as full-size exports name them."""
    ids = torch.zeros(2, CONTEXT, dtype=torch.int64)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    _save_tower(folder / "vision_model.onnx", vision, {"pixel_values": torch.zeros(2, 3, EDGE, EDGE)}, "image_embeds")
    _save_tower(folder / "text_model.onnx", text, inputs, "text_embeds")
    config = {
        "_name_or_path": "tiny-shapes-clip",
        "model_type": "clip",
        "projection_dim": WIDTH,
        "logit_scale": log_scale,
        "text_config": {"max_position_embeddings": CONTEXT},
        "vision_config": {"image_size": EDGE},
    }
    preprocessor = {
        "do_resize": True,
        "size": {"shortest_edge": EDGE},
        "do_center_crop": True,
        "crop_size": {"height": EDGE, "width": EDGE},
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": HALF,
        "image_std": HALF,
    }
    _write(folder / "config.json", config)
    _write(folder / "preprocessor_config.json", preprocessor)


def _save_tower(path: Path, tower: nn.Module, inputs: dict[str, Tensor], gives: str) -> None:
    torch.onnx.export(
        tower,
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=[gives],
        dynamic_shapes={name: {0: torch.export.Dim("batch", min=1)} for name in inputs},
        external_data=False,
        dynamo=True,
        verbose=False,
    )
    # The exporter notes the source line of every node: these are paths of one machine, and half of the file.
    model = onnx.load(path)
    graph = model.graph
    for part in (
        model,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    ):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def _write(path: Path, written: dict[str, object]) -> None:
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Trains, measures the export, and writes report.json beside it."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path, help="where the export goes")
    asked.add_argument("--pictures", type=int, default=24_000)
    asked.add_argument("--epochs", type=int, default=6)
    asked.add_argument("--threads", type=int, default=2)
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    train(given.folder, pictures=given.pictures, epochs=given.epochs, threads=given.threads)
    training = {
        "seeds": f"{TRAINING_SEEDS.start} to {TRAINING_SEEDS.start + given.pictures - 1}",
        "epochs": given.epochs,
        "seconds": round(time.monotonic() - began),
    }
    found = {"training": training, **report(Clip.load(given.folder, threads=given.threads), MEASURED_SEEDS)}
    _write(given.folder / "report.json", found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
