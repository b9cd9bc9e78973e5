from __future__ import annotations

from pathlib import Path

import pytest
from rooms import Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "code.py").write_text("one\ntwo\nthree\n")
    return Room(root)
