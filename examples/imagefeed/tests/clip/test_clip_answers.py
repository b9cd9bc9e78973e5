"""Asks the bundled CLIP about pictures that it never saw, and about things that are no pictures."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefeed.clip import Clip, ClipError
from imagefeed.clip.measure import HELD_OUT, LEARNT, MEASURED_SEEDS, TRAINING_SEEDS, USUAL, Seen, look, measure
from imagefeed.clip.model import BUNDLED
from imagefeed.clip.shapes import BLANK, BLANKS, COLOURS, SHAPES, caption, captions, draw, draw_blank

SEEDS = range(700_000, 700_600)


@pytest.fixture(scope="module")
def clip() -> Clip:
    """The bundled model."""
    return Clip.load()


@pytest.fixture(scope="module")
def seen(clip: Clip) -> Seen:
    """600 pictures from seeds that neither training nor the report used."""
    return look(clip, SEEDS)


@pytest.mark.parametrize("forms", [USUAL, LEARNT, HELD_OUT], ids=["usual", "learnt", "never seen"])
def test_pictures_never_seen_are_named_with_every_caption(
    clip: Clip, seen: Seen, forms: dict[str, tuple[str, ...]]
) -> None:
    found = measure(clip, seen, forms)
    assert found["colour"]["worst"] >= 0.97
    assert found["shape"]["worst"] >= 0.95
    assert found["both"]["worst"] >= 0.93
    assert found["blank"]["worst"] >= 0.99
    assert found["false blank"]["worst"] <= 0.01


def test_measurement_sees_a_model_that_is_wrong(clip: Clip, seen: Seen) -> None:
    turned = Seen(np.roll(seen.rows, 1, axis=0), seen.shapes, seen.colours)
    found = measure(clip, turned, USUAL)
    assert found["both"]["mean"] < 0.1
    assert found["shape"]["mean"] < 0.3
    assert found["blank"]["mean"] < 0.3


def test_held_out_seeds_and_captions_are_held_out() -> None:
    assert not set(SEEDS) & {*TRAINING_SEEDS, *MEASURED_SEEDS}
    assert not set(MEASURED_SEEDS) & set(TRAINING_SEEDS)
    for about, forms in HELD_OUT.items():
        assert not set(forms) & set(LEARNT[about])


def test_report_beside_the_weights_is_of_these_weights(clip: Clip) -> None:
    report = json.loads((BUNDLED / "report.json").read_text(encoding="utf-8"))
    assert report["logit scale"] == round(clip.scale, 2)
    for captions_of in ("usual captions", "captions never seen"):
        assert report[captions_of]["colour"]["worst"] >= 0.97
        assert report[captions_of]["shape"]["worst"] >= 0.95
        assert report[captions_of]["blank"]["worst"] >= 0.99


@pytest.mark.parametrize("colour", COLOURS)
def test_every_shape_of_a_colour_gets_its_usual_label(clip: Clip, colour: str) -> None:
    pictures = [draw(shape, colour, seed=800_000 + number) for number, shape in enumerate(SHAPES)]
    found = clip.classify(pictures, captions())
    assert [one.label for one in found] == [caption(shape, colour) for shape in SHAPES]


@pytest.mark.parametrize("kind", BLANKS)
def test_drawn_blank_is_a_blank_image(clip: Clip, kind: str) -> None:
    pictures = [draw_blank(kind, seed=seed) for seed in range(810_000, 810_010)]
    assert {one.label for one in clip.classify(pictures, captions())} == {BLANK}


@pytest.mark.parametrize("size", [(96, 96), (1, 1), (640, 480), (3, 2000)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P", "CMYK"])
def test_picture_with_zero_content_is_a_blank_image(clip: Clip, mode: str, size: tuple[int, int]) -> None:
    (found,) = clip.classify([Image.new(mode, size)], captions())
    assert found.label == BLANK
    assert found.score > 0.9


def test_scores_are_the_softmax_with_the_learnt_temperature(clip: Clip) -> None:
    picture, labels = draw("ring", "purple", seed=820_000), list(captions())
    (found,) = clip.classify([picture], labels)
    logits = clip.scale * (clip.embed_images([picture])[0] @ clip.embed_texts(labels).T)
    shares = np.exp(logits) / np.exp(logits).sum()
    assert list(found.scores) == labels
    np.testing.assert_allclose(list(found.scores.values()), shares, atol=1e-5)
    assert sum(found.scores.values()) == pytest.approx(1)
    assert found.score == found.scores[found.label] == max(found.scores.values())


def test_embeddings_have_length_one(clip: Clip) -> None:
    rows = clip.embed_images([draw("star", "red", seed=seed, size=40 + seed) for seed in range(70)])
    texts = clip.embed_texts([*captions(), "", "words it never saw", "red " * 400])
    assert rows.shape == (70, 64)
    assert texts.shape == (40, 64)
    for part in (rows, texts):
        assert part.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-5)


def test_answers_are_the_same_each_time_and_in_any_company(clip: Clip) -> None:
    pictures = [draw("cross", colour, seed=830_000) for colour in COLOURS] * 12
    together = clip.embed_images(pictures)
    np.testing.assert_array_equal(together, clip.embed_images(pictures))
    np.testing.assert_array_equal(together, Clip.load().embed_images(pictures))
    np.testing.assert_allclose(together[-1:], clip.embed_images(pictures[-1:]), atol=1e-5)


def test_new_labels_are_not_answered_with_the_rows_of_the_last_ones(clip: Clip) -> None:
    picture = draw("circle", "blue", seed=840_000)
    for labels in (COLOURS, SHAPES, ("a blank image", "a blue circle"), COLOURS):
        (found,) = clip.classify([picture], labels)
        assert found.label in ("blue", "circle", "a blue circle")


def test_threads_that_share_a_model_get_their_own_answers(clip: Clip) -> None:
    picture = draw("square", "green", seed=850_000)

    def ask(number: int) -> str:
        return clip.classify([picture], (SHAPES, COLOURS)[number % 2])[0].label

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(40))) == ["square", "green"] * 20


def _coded(kind: str) -> bytes:
    coded = io.BytesIO()
    draw("triangle", "yellow", seed=1).save(coded, kind)
    return coded.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_truncated_picture_is_refused_with_its_number(clip: Clip, kind: str) -> None:
    whole = _coded(kind)
    good, cut = (Image.open(io.BytesIO(part)) for part in (whole, whole[: len(whole) // 2]))
    with pytest.raises(ClipError, match=r"picture 2 cannot be decoded: .*truncated"):
        clip.classify([good, good, cut], captions())


def test_picture_after_the_first_batch_is_refused_with_its_number(clip: Clip) -> None:
    with pytest.raises(ClipError, match="picture 99 has no pixels"):
        clip.embed_images([*[draw_blank(seed=1)] * 99, Image.new("RGB", (0, 5))])


def test_bytes_instead_of_a_picture_are_refused(clip: Clip) -> None:
    with pytest.raises(ClipError, match="picture 0 is a bytes, not a PIL image"):
        clip.embed_images([_coded("PNG")])  # type: ignore[list-item]


def test_labels_that_cannot_be_asked_are_refused(clip: Clip) -> None:
    picture = draw("star", "red", seed=1)
    with pytest.raises(ClipError, match="at least one"):
        clip.classify([picture], [])
    with pytest.raises(ClipError, match="at least one"):
        clip.classify([picture], "a red star")
    with pytest.raises(ClipError, match="more than once: red"):
        clip.classify([picture], ["red", "blue", "red"])
    with pytest.raises(ClipError, match="one string"):
        clip.embed_texts("a red star")


def test_no_pictures_have_no_answers(clip: Clip) -> None:
    assert clip.classify([], captions()) == []
    assert clip.embed_images([]).shape == (0, 64)
    assert clip.embed_texts([]).shape == (0, 64)


def test_bundled_weights_are_at_most_three_megabytes() -> None:
    assert sum(file.stat().st_size for file in BUNDLED.iterdir()) <= 3_000_000


def test_bundled_weights_name_no_path_of_the_machine_that_made_them() -> None:
    for file in BUNDLED.glob("*.onnx"):
        assert b".py" not in file.read_bytes()
        assert b"site-packages" not in file.read_bytes()


def test_drawing_needs_no_onnxruntime_and_bundled_weights_need_no_tokenizers() -> None:
    program = (
        "import sys; import imagefeed.clip.shapes; assert 'onnxruntime' not in sys.modules;"
        "from imagefeed.clip import Clip; Clip.load().embed_texts(['red']); assert 'tokenizers' not in sys.modules"
    )
    source = Path(__file__).parents[2] / "src"
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(source)}, timeout=60)
