"""Says what each picture shows, with CLIP; it never fetches a picture again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from imagefeed.clock import Clock
from imagefeed.identity import fingerprint
from imagefeed.store import Connection, Row, Run, log_stage

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefeed.clip import Classification

BLANK_SHARE_HELD = 0.5
"""A batch with a larger share of blank pictures is held back: something is wrong with the pictures, not the goods."""
SMALLEST_JUDGED = 3
"""Fewer pictures than this say nothing about a batch."""
GIVE_UP = timedelta(hours=24)


class Classifier(Protocol):
    """What says what pictures show; imagefeed.clip.Clip is one."""

    name: str

    def classify(self, images: Sequence[Image], labels: Sequence[str]) -> list[Classification]:
        """The best label of each picture, in the order given."""
        ...


def classify(conn: Connection, clip: Classifier, clock: Clock, run: Run) -> int:
    """Writes what the pictures without a label show, batch by batch, and says how many there were."""
    from imagefeed.clip.shapes import BLANK, captions

    labelled = 0
    for batch_id, group in groupby(pictures_without_label(conn, run), key=lambda row: str(row["batch_id"])):
        pictures = list(group)
        seen = clip.classify([open_picture(Path(row["path"])) for row in pictures], captions())
        blanks = sum(one.label == BLANK for one in seen)
        if len(seen) >= SMALLEST_JUDGED and blanks > BLANK_SHARE_HELD * len(seen):
            note = f"{batch_id}: {blanks} of {len(seen)} pictures are blank"
            log_stage(conn, run, clock, "classify", status="held", rows=len(seen), note=note)
            continue
        write_labels(conn, clock, run, clip.name, pictures, seen)
        labelled += len(seen)
    return labelled


def pictures_without_label(conn: Connection, run: Run) -> list[Row]:
    """The pictures of the last day without a label, by batch."""
    return conn.execute(
        "select i.fingerprint, i.batch_id, i.origin, i.path from images i"
        " left join classifications c on c.image_fingerprint = i.fingerprint"
        " where c.fingerprint is null and i.fetched_at > %s order by i.batch_id, i.fetched_at",
        [run.as_of - GIVE_UP],
    ).fetchall()


def open_picture(path: Path) -> Image:
    """The picture in a file, or an empty grey one when the file holds none, so that one bad file stops no batch."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            return picture.convert("RGB")
    except (UnidentifiedImageError, OSError):
        return Image.new("RGB", (96, 96), "grey")


def write_labels(
    conn: Connection,
    clock: Clock,
    run: Run,
    model: str,
    pictures: Sequence[Row],
    seen: Sequence[Classification],
) -> None:
    """Writes one label a picture, all or none."""
    with conn.transaction():
        for row, one in zip(pictures, seen, strict=True):
            conn.execute(
                "insert into classifications (fingerprint, run_id, image_fingerprint, origin, label, score, model,"
                " classified_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    fingerprint("classification", row["fingerprint"], model),
                    run.run_id,
                    row["fingerprint"],
                    row["origin"],
                    one.label,
                    one.score,
                    model,
                    clock.now(),
                ],
            )
