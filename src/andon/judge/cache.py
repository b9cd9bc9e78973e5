"""Keeps the base's suite results between verdicts; a result counts only for the base, command and judge it is of."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from pydantic import JsonValue, ValidationError

from andon.config import SystemSettings
from andon.judge.wholesuite import ending, whole_suite
from andon.models import Model, TestEvent, TestRun, digest
from andon.protocols import Workspace

MOST_LOST = 3
"""Tests of a base that end the whole run, each of which costs another run."""
JUDGE_VERSION = 3
"""Counts up whenever the judge would read the same run differently."""


class Kept(Model):
    """A run with what it is a run of. Written by the judge alone, in a folder that no sandbox sees."""

    key: str
    run: TestRun


def suite_of(
    base: Workspace, settings: SystemSettings, *, isolation: str, cache: Path | None, stop: Event | None = None
) -> TestRun:
    """Returns the whole suite's run on a checkout without a diff: run now, or kept of the very same commit.

    Tests in which the process ends are told as failed, and the others ran without them. A run that did not reach its
    end is not kept: it says more about the machine than about the base.
    """
    key = run_key(base.commit, settings, isolation)
    known = find_run(cache, key)
    if known is None:
        known = whole_suite(base, settings, stop=stop)
        lost: list[TestEvent] = []
        while len(lost) < MOST_LOST and not (stop and stop.is_set()) and (more := ending(known)):
            lost += more
            known = whole_suite(base, settings, without=lost, stop=stop)
        known = known.model_copy(update={"events": (*known.events, *lost)})
        if known.complete and not known.ran.timed_out:
            save_run(cache, key, known)
    return known


def run_key(commit: str, settings: SystemSettings, isolation: str) -> str:
    """Returns the identity of a base run: commit, command, interpreter's packages, sandbox, judge version."""
    packages: list[JsonValue] = [
        f"{folder} {folder.stat().st_mtime_ns}"
        for root in settings.runtime
        for folder in sorted(Path(root).expanduser().glob("lib/python*/site-packages"))
    ]
    return digest(
        [
            JUDGE_VERSION,
            commit,
            settings.folder,
            settings.test,
            settings.junit,
            settings.test_seconds,
            list(settings.runtime),
            packages,
            isolation,
        ]
    )


def find_run(cache: Path | None, key: str) -> TestRun | None:
    """Returns the kept run of a key; None when there is none that can be trusted."""
    if cache is None:
        return None
    try:
        kept = Kept.model_validate_json((cache / f"suite-{key}.json").read_bytes())
    except (OSError, ValidationError):  # absent, half-written or of another version: the suite simply runs again
        return None
    return kept.run if kept.key == key else None


def save_run(cache: Path | None, key: str, run: TestRun) -> None:
    """Keeps a run under its key."""
    if cache is None:
        return
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"suite-{key}.json"
    fresh = target.with_suffix(f".{id(run)}.new")
    fresh.write_text(Kept(key=key, run=run).model_dump_json(), encoding="utf-8")
    fresh.replace(target)
