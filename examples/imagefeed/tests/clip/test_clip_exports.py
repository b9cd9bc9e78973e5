"""Loads exports in the layout of full-size CLIPs, and folders that are not exports."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from full_size import CONTEXT, PREPROCESSOR, WIDTH, write_export
from PIL import Image
from tokenizers import Tokenizer

from imagefeed.clip import Clip, ClipError
from imagefeed.clip.measure import HELD_OUT, phrase
from imagefeed.clip.model import BUNDLED
from imagefeed.clip.shapes import captions, draw
from imagefeed.clip.tokens import read_tokens
from imagefeed.clip.tower import open_tower


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole export of full-size structure."""
    return write_export(tmp_path_factory.mktemp("clip-vit-base-patch32"))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the bundled export, to break."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "broken"))


def test_full_size_export_classifies_with_the_published_logit_scale(export: Path) -> None:
    clip = Clip.load(export)
    found = clip.classify([draw("star", "red", seed=1, size=300)], ["a red cat", "a dog"])
    assert clip.name == "openai/clip-vit-base-patch32"
    # Not exp(2.6592), which config.json names as the value that training began with.
    assert clip.scale == pytest.approx(100)
    cosines = clip.embed_images([draw("star", "red", seed=1, size=300)]) @ clip.embed_texts(["a red cat", "a dog"]).T
    odds = math.exp(100 * float(cosines[0, 0] - cosines[0, 1]))
    assert found[0].scores["a red cat"] == pytest.approx(odds / (1 + odds), rel=1e-3)


def test_pictures_reach_a_full_size_model_as_its_preprocessor_says(export: Path) -> None:
    picture = draw("ring", "green", seed=4, size=224)
    mean, std = (np.asarray(PREPROCESSOR[key], dtype=np.float32) for key in ("image_mean", "image_std"))
    pixels = ((np.asarray(picture) / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
    tower = open_tower(export / "vision_model.onnx", takes="pixel_values", gives="image_embeds", threads=1)
    straight = tower.run({"pixel_values": pixels})
    ours = Clip.load(export).embed_images([picture])
    np.testing.assert_allclose(ours, straight / np.linalg.norm(straight), atol=1e-5)


def test_texts_reach_a_full_size_model_as_byte_pairs_padded_with_the_end_token(export: Path) -> None:
    tokenizer = Tokenizer.from_file(str(export / "tokenizer.json"))
    end = tokenizer.token_to_id("<|endoftext|>")
    tokenizer.enable_padding(length=CONTEXT, pad_id=end, pad_token="<|endoftext|>")
    encoded = [tokenizer.encode(text) for text in ("A red   CAT", "dog's 77 Ünïcode 🟥")]
    ids, mask = read_tokens(export / "tokenizer.json", context=CONTEXT).batch(["A red   CAT", "dog's 77 Ünïcode 🟥"])
    assert ids.tolist() == [one.ids for one in encoded]
    assert mask.tolist() == [one.attention_mask for one in encoded]
    assert encoded[0].tokens[:6] == ["<|startoftext|>", "a</w>", "red</w>", "cat</w>", *["<|endoftext|>"] * 2]


def test_text_longer_than_the_context_keeps_its_end_token(export: Path) -> None:
    tokens = read_tokens(export / "tokenizer.json", context=CONTEXT)
    ids, mask = tokens.batch(["dog " * 500])
    assert ids.shape == (1, CONTEXT)
    assert mask.sum() == CONTEXT
    assert ids[0, -1] == tokens.pad
    assert (ids[0, 1:-1] != tokens.pad).all()
    rows = Clip.load(export).embed_texts(["dog " * 500, "dog"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_wide_picture_is_cut_in_the_middle(export: Path) -> None:
    clip = Clip.load(export)
    middle = draw("cross", "blue", seed=2, size=224)
    wide = Image.new("RGB", (1000, 224), "white")
    wide.paste(middle, (388, 0))
    np.testing.assert_allclose(clip.embed_images([wide]), clip.embed_images([middle]), atol=1e-5)


@pytest.mark.parametrize(
    ("write", "close"),
    [
        (partial(write_export, below="onnx"), 1e-5),
        (partial(write_export, mask=False), 1e-5),
        (partial(write_export, half=True), 5e-3),
    ],
    ids=["onnx folder", "no mask", "float16"],
)
def test_variants_of_the_usual_export_give_the_same_answers(
    export: Path, tmp_path: Path, write: Callable[[Path], Path], close: float
) -> None:
    pictures, texts = [draw("square", "purple", seed=3)], ["a red cat", "dog"]
    usual, other = Clip.load(export), Clip.load(write(tmp_path))
    np.testing.assert_allclose(other.embed_images(pictures), usual.embed_images(pictures), atol=close)
    np.testing.assert_allclose(other.embed_texts(texts), usual.embed_texts(texts), atol=1e-5)
    assert other.embed_images([]).shape == (0, WIDTH)


def test_export_without_configuration_files_is_read_as_the_first_clip_was(export: Path, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(export, tmp_path / "bare-clip"))
    (bare / "config.json").unlink()
    (bare / "preprocessor_config.json").unlink()
    pictures = [draw("circle", "orange", seed=5)]
    clip = Clip.load(bare)
    assert clip.name == "bare-clip"
    np.testing.assert_array_equal(clip.embed_images(pictures), Clip.load(export).embed_images(pictures))


def test_bundled_words_get_the_ids_that_the_tokenizers_library_gives() -> None:
    tokens = read_tokens(BUNDLED / "tokenizer.json", context=16)
    library = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    forms = [phrase(form, 3, 5) for forms in HELD_OUT.values() for form in forms]
    odd = ["", "  A RED\tcircle!! ", "Ünïcode 🟥 red", "it's 7_red-circle", "ring\x00ring", "красный star"]
    for text in [*captions(), *forms, *odd]:
        assert list(tokens.encode(text)) == library.encode(text).ids, text


@pytest.mark.parametrize("name", ["vision_model.onnx", "text_model.onnx", "tokenizer.json"])
def test_missing_file_of_an_export_is_named(broken: Path, name: str) -> None:
    (broken / name).unlink()
    with pytest.raises(ClipError, match=f"{name} missing"):
        Clip.load(broken)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"no folder .*/nowhere"):
        Clip.load(tmp_path / "nowhere")


def _cut_vision(folder: Path) -> None:
    whole = (folder / "vision_model.onnx").read_bytes()
    (folder / "vision_model.onnx").write_bytes(whole[: len(whole) // 2])


def _swap_towers(folder: Path) -> None:
    shutil.copy(folder / "text_model.onnx", folder / "vision_model.onnx")


def _rename_output(folder: Path) -> None:
    model = onnx.load(folder / "text_model.onnx")
    name = model.graph.output[0].name
    model.graph.output[0].name = "last_hidden_state"
    for node in model.graph.node:
        node.output[:] = ["last_hidden_state" if output == name else output for output in node.output]
    onnx.save(model, folder / "text_model.onnx")


def _write(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    return write


@pytest.mark.parametrize(
    ("hurt", "says"),
    [
        (_cut_vision, r"vision_model.onnx is not an ONNX model that can be opened"),
        (_swap_towers, r"takes input_ids, attention_mask and gives text_embeds: a CLIP tower takes pixel_values"),
        (_rename_output, r"text_model.onnx .* gives last_hidden_state: a CLIP tower .* gives text_embeds"),
        (_write("tokenizer.json", "{"), r"tokenizer.json is not a tokenizer file"),
        (_write("tokenizer.json", '{"model": {"type": "Nonsense"}}'), r"tokenizer.json is not a tokenizer file"),
        (_write("tokenizer.json", "[1]"), r"tokenizer.json is not a tokenizer file"),
        (_write("config.json", "not json"), r"config.json is not JSON"),
        (_write("config.json", '{"logit_scale": 100}'), r"logit_scale is a logarithm from 0 to 10, not 100"),
        (_write("preprocessor_config.json", '{"image_mean": [1]}'), r"preprocessor_config.json cannot be used"),
        (_write("preprocessor_config.json", '{"size": {}}'), r"preprocessor_config.json cannot be used"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_broken_export_is_refused_with_what_is_wrong(broken: Path, hurt: Callable[[Path], None], says: str) -> None:
    hurt(broken)
    with pytest.raises(ClipError, match=says):
        Clip.load(broken)


def test_model_with_numbers_that_are_not_finite_is_refused(broken: Path) -> None:
    model = onnx.load(broken / "vision_model.onnx")
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT:
            values = np.full(list(weight.dims), np.nan, dtype=np.float32)
            weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, broken / "vision_model.onnx")
    with pytest.raises(ClipError, match="zero or not finite"):
        Clip.load(broken).embed_images([draw("star", "red", seed=1)])


def test_bundled_configuration_says_its_learnt_temperature() -> None:
    config = json.loads((BUNDLED / "config.json").read_text(encoding="utf-8"))
    assert Clip.load().scale == pytest.approx(math.exp(config["logit_scale"]))
    assert 1 < Clip.load().scale < 100
