"""Opens a hearing on a stand's patch, for proofs that are asked by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grounds import Stand

from andon.judge.hearing import Hearing
from andon.models import Diagnosis, Patch
from andon.workspace import open_workspace


@contextmanager
def heard(ground: Stand, patch: Patch, *, diagnosis: Diagnosis | None = None, seed: int = 11) -> Iterator[Hearing]:
    """Gives the hearing of a patch."""
    with open_workspace(ground.means, ground.base, "") as workspace:
        yield Hearing(
            patch=patch,
            check=ground.check,
            evidence=ground.evidence,
            diagnosis=diagnosis,
            history=ground.repo,
            workspace=workspace,
            settings=ground.settings,
            cache=ground.cache,
            seed=seed,
        )
