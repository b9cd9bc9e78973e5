"""Rebuilds a symptom: today's code, over the answers that the sources gave then, into a scratch database.

It reads the recorded runs and fetches from $ANDON_EVIDENCE, answers as recorded from a loopback server, and runs the
pipeline's own passes at the recorded times into $ANDON_SCRATCH_URL. It asserts nothing.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from imagefeed.clock import RecordedClock, parse_moment
from imagefeed.errors import ImagefeedError
from imagefeed.pipeline import Pipeline, load_clip, opened_client
from imagefeed.settings import read_settings
from imagefeed.source.misbehave import Reply
from imagefeed.source.server import NOT_FOUND, SourceServer
from imagefeed.store import connected, migrate


class ReplayError(ImagefeedError):
    """The evidence cannot be replayed: the message says what is missing."""


@dataclass(frozen=True)
class RecordedRun:
    """One pass as it was: when, how it ended, and every answer it got."""

    run_id: str
    as_of: datetime
    status: str
    fetches: tuple[Mapping[str, Any], ...]


class RecordedAnswers:
    """Gives each attempt at an address the answer that it got in the run being replayed.

    An address that is asked once more than it was then gets what a well behaved source would say: the last good
    answer on record in any run, or the picture drawn again from its address.
    """

    def __init__(self, runs: Sequence[RecordedRun]) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, deque[Reply]] = {}
        self._good: dict[str, Reply] = {}
        for fetch in (fetch for run in runs for fetch in run.fetches):
            if fetch["status"] == 200 and not fetch.get("error"):
                self._good[fetch["url"]] = recorded_reply(fetch)

    def start(self, run: RecordedRun) -> None:
        """Goes to the answers of the next run."""
        left: dict[str, deque[Reply]] = defaultdict(deque)
        for fetch in run.fetches:
            left[fetch["url"]].append(recorded_reply(fetch))
        with self._lock:
            self._left = dict(left)

    def answer(self, url: str) -> Reply:
        """The answer to the next attempt at an address."""
        with self._lock:
            left = self._left.get(url)
            if left:
                return left.popleft()
        return self._good.get(url) or _drawn(url) or NOT_FOUND


def main() -> int:
    """Replays the evidence the environment names; 0 when the replay ran, 1 with the reason on stderr when not."""
    try:
        runs = read_evidence(Path(_variable("ANDON_EVIDENCE")))
        scratch = Path(os.environ.get("ANDON_SCRATCH") or os.environ.get("TMPDIR") or "/tmp")
        replay(runs, _variable("ANDON_SCRATCH_URL"), scratch)
    except ImagefeedError as error:
        print(f"imagefeed.replay: {error}", file=sys.stderr)
        return 1
    return 0


def replay(runs: Sequence[RecordedRun], url: str, scratch: Path) -> None:
    """Runs the recorded passes again, oldest first, with the code as it is now.

    Raises:
        ReplayError: a pass that finished then does not finish now.
    """
    answers = RecordedAnswers(runs)
    with (
        SourceServer(answers.answer) as server,
        connected(url) as conn,
        opened_client(server.url) as client,
    ):
        migrate(conn)
        clip = load_clip(read_settings({"IMAGEFEED_CODE_VERSION": "replay", **os.environ}).clip)
        pipeline = Pipeline(conn, client, clip, scratch / "pictures", "replay")
        for run in runs:
            answers.start(run)
            _pass(pipeline, run)


def _pass(pipeline: Pipeline, run: RecordedRun) -> None:
    try:
        pipeline.run_once(run.as_of, RecordedClock(run.as_of), run_id=run.run_id)
    except Exception as error:  # a run that failed then may fail now, of anything: its log is the symptom
        if run.status != "failed":
            raise ReplayError(f"run {run.run_id} finished then, and now: {type(error).__name__}: {error}") from error


def read_evidence(path: Path) -> list[RecordedRun]:
    """The recorded runs, oldest first, with the fetches of each in the order they were made.

    Raises:
        ReplayError: no such file, or no runs in it.
    """
    try:
        context = json.loads(path.read_text(encoding="utf-8"))["context"]
        runs, fetches = context["runs"], context.get("fetches", [])
    except (OSError, ValueError, KeyError) as error:
        raise ReplayError(f"{path}: no evidence with runs and fetches in its context ({error!r})") from error
    by_run: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for fetch in sorted(fetches, key=lambda fetch: (fetch["at"], fetch["attempt"])):
        by_run[fetch["run_id"]].append(fetch)
    found = {run["run_id"]: run for run in runs}.values()
    recorded = [
        RecordedRun(
            run["run_id"],
            parse_moment(run["as_of"]),
            run.get("status", "finished"),
            tuple(by_run[run["run_id"]]),
        )
        for run in found
    ]
    if not recorded:
        raise ReplayError(f"{path}: its context holds no runs")
    return sorted(recorded, key=lambda run: (run.as_of, run.run_id))


def recorded_reply(fetch: Mapping[str, Any]) -> Reply:
    """The answer one fetch got: markup as recorded, a picture drawn again and cut where it was cut."""
    status, size = int(fetch["status"]), int(fetch["bytes"])
    body = _recorded_body(fetch)
    if body is None:
        drawn = _drawn(fetch["url"])
        body = drawn.body[:size] if drawn and size else b"\x00" * size
    declared = fetch.get("declared_bytes")
    return Reply(
        status if status else 503,  # nothing came at all: to the pipeline the same as "not now"
        fetch.get("content_type") or "application/octet-stream",
        body,
        max(len(body), len(body) if declared is None else int(declared)),
        fetch.get("retry_after"),
    )


def _recorded_body(fetch: Mapping[str, Any]) -> bytes | None:
    kept = fetch.get("body")
    if kept is None:
        return None
    if isinstance(kept, dict) and "base64" in kept:
        return base64.b64decode(kept["base64"])
    return str(kept).encode()


def _drawn(url: str) -> Reply | None:
    """What a well behaved shop serves at a picture's address."""
    from imagefeed.source.pictures import draw_picture

    drawn = draw_picture(url)
    return Reply(200, drawn[1], drawn[0], len(drawn[0])) if drawn else None


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ReplayError(f"{name} is not set")
    return value


if __name__ == "__main__":
    sys.exit(main())
