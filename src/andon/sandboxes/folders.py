"""Measures and removes folders that foreign code has filled; it never follows a link out of them."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from andon.errors import SandboxError

COUNTING = 60.0
"""Seconds."""


def remove_tree(folder: Path) -> None:
    """Removes a folder however deep it is and whatever its modes are."""
    if not folder.exists():
        return
    with contextlib.suppress(OSError, RecursionError):  # quick; what is too deep or may not be read is for the others
        shutil.rmtree(folder)
        return
    remove = ["/bin/rm", "-rf", "--", str(folder)]
    if subprocess.run(remove, check=False, capture_output=True).returncode:
        subprocess.run(["/bin/chmod", "-R", "u+rwX", "--", str(folder)], check=False, capture_output=True)
        subprocess.run(remove, check=False, capture_output=True)


def size_of(folder: Path) -> int:
    """Returns how many bytes of the disk a folder takes, however deep it is.

    Raises:
        SandboxError: it cannot be counted in time.
    """
    count = ["/usr/bin/du", "-s", "--block-size=1", "--", str(folder)]
    try:
        ran = subprocess.run(count, check=False, capture_output=True, text=True, timeout=COUNTING)
        return int(ran.stdout.split()[0])  # what went away meanwhile makes its exit code 1
    except (OSError, subprocess.TimeoutExpired, LookupError, ValueError) as error:
        raise SandboxError(f"the size of {folder} cannot be counted: {error}") from error
