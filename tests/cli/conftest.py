"""A tinyfeed for every test, red or with a proven fix at the gate, and the command to call."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from feeds import Call, Kept, Said

from andon.cli import main


@pytest.fixture
def andon(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls `andon WORDS...` in a folder, through the very function that the installed command calls."""

    def call(*words: str, cwd: Path) -> Said:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["andon", *words])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("feeds"))


@pytest.fixture
def red(kept: Kept) -> Path:
    """Gives the folder of a tinyfeed that broke, with no state yet."""
    return kept.give("red")


@pytest.fixture
def proven(kept: Kept) -> Path:
    """Gives the folder of a tinyfeed whose ticket 1 waits at the gate."""
    return kept.give("proven")
