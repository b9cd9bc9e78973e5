"""Removes folders that foreign code has filled; it never follows a link out of them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Removes a folder however deep it is and whatever its modes are."""
    if not folder.exists():
        return
    remove = ["/bin/rm", "-rf", "--", str(folder)]
    if subprocess.run(remove, check=False, capture_output=True).returncode:
        subprocess.run(["/bin/chmod", "-R", "u+rwX", "--", str(folder)], check=False, capture_output=True)
        subprocess.run(remove, check=False, capture_output=True)
