"""Builds a CLIP export with the structure of a full-size one, only thinner; nothing trains it, it knows nothing.

Same files, names, picture side (224), patches (32), context (77), special tokens and byte-pair tokenizer as the
exports of openai/clip-vit-base-patch32; random weights, and 32 numbers where the real one has 512 or 768.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WIDTH, PATCH, SIDE, CONTEXT = 32, 32, 224, 77
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = [("r", "e"), ("re", "d</w>"), ("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>")]
# The pattern of the real tokenizer.json.
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
PREPROCESSOR = {
    "crop_size": {"height": SIDE, "width": SIDE},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": SIDE},
}
CONFIG = {
    "_name_or_path": "openai/clip-vit-base-patch32",
    "model_type": "clip",
    "logit_scale_init_value": 2.6592,
    "projection_dim": WIDTH,
    "text_config": {"max_position_embeddings": CONTEXT},
}


def write_export(folder: Path, *, below: str = "", half: bool = False, mask: bool = True) -> Path:
    """Writes a whole export; its models go into the folder `below`, take float16 pixels when `half`, and a mask."""
    (folder / below).mkdir(parents=True, exist_ok=True)
    size = write_tokenizer(folder / "tokenizer.json")
    onnx.save(vision_model(half=half), folder / below / "vision_model.onnx")
    onnx.save(text_model(size, mask=mask), folder / below / "text_model.onnx")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR), encoding="utf-8")
    return folder


def write_tokenizer(path: Path) -> int:
    """Writes CLIP's byte-pair tokenizer with a handful of merges, and gives the number of its tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in MERGES), START, END]
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(
        models.BPE(vocabulary, MERGES, unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix="")
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        (END, vocabulary[END]), (START, vocabulary[START]), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([START, END])
    tokenizer.save(str(path))
    return len(names)


def vision_model(*, half: bool) -> onnx.ModelProto:
    """A vision transformer of one layer: patches, class token, places, attention, projection of the class token."""
    number = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    patches = (SIDE // PATCH) ** 2
    weights = {
        "patch": _random(1, WIDTH, 3, PATCH, PATCH) * 0.02,
        "class": _random(2, 1, 1, WIDTH),
        "places": _random(3, 1, patches + 1, WIDTH),
        "flat": np.asarray([0, WIDTH, patches]),
        "batch_of_class": np.asarray([1, WIDTH]),
        "zero": np.asarray(0),
        **_attention_weights(4),
    }
    nodes = [
        helper.make_node("Cast", ["pixel_values"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "patch"], ["grid"], strides=[PATCH, PATCH]),
        helper.make_node("Reshape", ["grid", "flat"], ["row"]),
        helper.make_node("Transpose", ["row"], ["patches"], perm=[0, 2, 1]),
        helper.make_node("Shape", ["pixels"], ["batch"], start=0, end=1),
        helper.make_node("Concat", ["batch", "batch_of_class"], ["class_shape"], axis=0),
        helper.make_node("Expand", ["class", "class_shape"], ["classes"]),
        helper.make_node("Concat", ["classes", "patches"], ["joined"], axis=1),
        helper.make_node("Add", ["joined", "places"], ["words"]),
        *_attention_nodes(mask=None),
        helper.make_node("Gather", ["seen", "zero"], ["pooled"], axis=1),
        helper.make_node("MatMul", ["pooled", "project"], ["image_embeds"]),
    ]
    inputs = [helper.make_tensor_value_info("pixel_values", number, ["batch", 3, "height", "width"])]
    return _model(nodes, inputs, "image_embeds", weights)


def text_model(size: int, *, mask: bool) -> onnx.ModelProto:
    """A text transformer of one layer, read at the highest token id, which is the end token, as CLIP does."""
    later = np.triu(np.full((CONTEXT, CONTEXT), -1e4, dtype=np.float32), 1)
    weights = {
        "embed": _random(11, size, WIDTH),
        "places": _random(12, 1, CONTEXT, WIDTH),
        "later": later,
        "one_zero": np.asarray([0.0, 1.0], dtype=np.float32),
        "context": np.asarray(CONTEXT),
        "one": np.asarray(1.0, dtype=np.float32),
        "much": np.asarray(1e4, dtype=np.float32),
        "last": np.asarray([-1]),
        "middle": np.asarray([1]),
        **_attention_weights(13),
    }
    nodes = [
        helper.make_node("Gather", ["embed", "input_ids"], ["tokens"]),
        helper.make_node("Add", ["tokens", "places"], ["words"]),
        *(_mask_nodes() if mask else []),
        *_attention_nodes(mask="hidden" if mask else "later"),
        helper.make_node("ArgMax", ["input_ids"], ["end"], axis=1, keepdims=0),
        helper.make_node("OneHot", ["end", "context", "one_zero"], ["at_end"], axis=-1),
        helper.make_node("Unsqueeze", ["at_end", "last"], ["picked"]),
        helper.make_node("Mul", ["seen", "picked"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["pooled"], keepdims=0),
        helper.make_node("MatMul", ["pooled", "project"], ["text_embeds"]),
    ]
    names = ["input_ids", "attention_mask"] if mask else ["input_ids"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in names]
    return _model(nodes, inputs, "text_embeds", weights)


def _attention_weights(seed: int) -> dict[str, np.ndarray]:
    names = ("query", "key", "value", "project")
    return {name: _random(seed + place, WIDTH, WIDTH) * 0.2 for place, name in enumerate(names)}


def _mask_nodes() -> list[onnx.NodeProto]:
    """Hides later words and padding: (texts, words, words)."""
    return [
        helper.make_node("Cast", ["attention_mask"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["real", "one"], ["missing"]),
        helper.make_node("Mul", ["missing", "much"], ["penalty"]),
        helper.make_node("Unsqueeze", ["penalty", "middle"], ["padding"]),
        helper.make_node("Add", ["padding", "later"], ["hidden"]),
    ]


def _attention_nodes(*, mask: str | None) -> list[onnx.NodeProto]:
    """Attention of one head from `words` to `seen`, with what was there before added."""
    masked = [helper.make_node("Add", ["raw", mask], ["masked"])] if mask else []
    return [
        helper.make_node("MatMul", ["words", "query"], ["asked"]),
        helper.make_node("MatMul", ["words", "key"], ["keys"]),
        helper.make_node("MatMul", ["words", "value"], ["values"]),
        helper.make_node("Transpose", ["keys"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["asked", "turned"], ["raw"]),
        *masked,
        helper.make_node("Softmax", ["masked" if mask else "raw"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "values"], ["heard"]),
        helper.make_node("Add", ["words", "heard"], ["seen"]),
    ]


def _model(
    nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], gives: str, weights: dict[str, np.ndarray]
) -> onnx.ModelProto:
    outputs = [helper.make_tensor_value_info(gives, TensorProto.FLOAT, ["batch", WIDTH])]
    kept = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tower", inputs, outputs, kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
