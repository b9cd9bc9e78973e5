"""Reads the settings from the environment, and nothing else does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagefeed.errors import SettingError


@dataclass(frozen=True)
class Settings:
    """Where the pipeline finds what it stands on."""

    url: str | None
    """IMAGEFEED_URL: the Postgres to write to; none means the embedded one in `home`."""
    source: str | None
    """IMAGEFEED_SOURCE: address of the source server; none means one of its own, in this program."""
    seed: int
    """IMAGEFEED_SEED: what the own source server offers; only used when there is no IMAGEFEED_SOURCE."""
    clip: Path | None
    """IMAGEFEED_CLIP: folder of a full-size CLIP export; none means the bundled tiny one."""
    home: Path
    """IMAGEFEED_HOME: folder for the pictures and the embedded Postgres."""
    code_version: str
    """IMAGEFEED_CODE_VERSION: what `runs.code_version` says; by default the commit that is checked out."""

    @property
    def pictures(self) -> Path:
        """The folder the pictures are kept in."""
        return self.home / "pictures"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this program.

    Raises:
        SettingError: IMAGEFEED_SEED is no number, or IMAGEFEED_CLIP is no folder.
    """
    clip = Path(environ["IMAGEFEED_CLIP"]) if environ.get("IMAGEFEED_CLIP") else None
    if clip is not None and not clip.is_dir():
        raise SettingError(f"IMAGEFEED_CLIP: {clip} is no folder; give one that holds a CLIP export")
    seed = environ.get("IMAGEFEED_SEED", "7")
    if not seed.isdigit():
        raise SettingError(f"IMAGEFEED_SEED: {seed!r} is no whole number from 0 up")
    return Settings(
        url=environ.get("IMAGEFEED_URL") or None,
        source=environ.get("IMAGEFEED_SOURCE") or None,
        seed=int(seed),
        clip=clip,
        home=Path(environ.get("IMAGEFEED_HOME") or ".imagefeed").absolute(),
        code_version=environ.get("IMAGEFEED_CODE_VERSION") or checked_out_commit(),
    )


def checked_out_commit() -> str:
    """The short name of the commit this code is checked out at, or `unknown` outside a repository."""
    try:
        told = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # no git on this machine: the version is a remark, not a need
        return "unknown"
    return told.stdout.strip() or "unknown"
