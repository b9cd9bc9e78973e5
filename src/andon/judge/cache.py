"""Keeps the base's suite results between verdicts; a result counts only for the base, command and judge it is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue, ValidationError

from andon.models import Model, TestRun, digest

if TYPE_CHECKING:
    from andon.judge.hearing import Hearing

JUDGE_VERSION = 1
"""Counts up whenever the judge would read the same run differently."""


class Kept(Model):
    """A run with what it is a run of. Written by the judge alone, in a folder that no sandbox sees."""

    key: str
    run: TestRun


def run_key(hearing: Hearing) -> str:
    """Returns the identity of a base run: commit, command, interpreter's packages, sandbox, judge version."""
    packages: list[JsonValue] = [
        f"{folder} {folder.stat().st_mtime_ns}"
        for root in hearing.settings.runtime
        for folder in sorted(Path(root).expanduser().glob("lib/python*/site-packages"))
    ]
    return digest(
        [
            JUDGE_VERSION,
            hearing.patch.base,
            hearing.settings.folder,
            hearing.settings.test,
            hearing.settings.test_seconds,
            list(hearing.settings.runtime),
            packages,
            hearing.isolation,
        ]
    )


def find_run(hearing: Hearing) -> TestRun | None:
    """Returns the kept run of this very base; None when there is none that can be trusted."""
    if hearing.cache is None:
        return None
    key = run_key(hearing)
    try:
        kept = Kept.model_validate_json((hearing.cache / f"suite-{key}.json").read_bytes())
    except (OSError, ValidationError):  # absent, half-written or of another version: the suite simply runs again
        return None
    return kept.run if kept.key == key else None


def save_run(hearing: Hearing, run: TestRun) -> None:
    """Keeps a run that reached its end; one that did not says more about the machine than about the base."""
    if hearing.cache is None or not run.complete or run.ran.timed_out:
        return
    key = run_key(hearing)
    hearing.cache.mkdir(parents=True, exist_ok=True)
    target = hearing.cache / f"suite-{key}.json"
    fresh = target.with_suffix(f".{id(run)}.new")
    fresh.write_text(Kept(key=key, run=run).model_dump_json(), encoding="utf-8")
    fresh.replace(target)
