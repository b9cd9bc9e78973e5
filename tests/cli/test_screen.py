"""What a person sees in a terminal: narrow, without colours, or none at all."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest
from feeds import Call

from andon.testing.repos import git

STYLE = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7]|38|48)[;m]")


def on_terminal(*words: str, cwd: Path, columns: int = 80, **environ: str) -> str:
    """Returns what `andon WORDS...` writes into a terminal of so many columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    started = subprocess.Popen(
        [sys.executable, "-m", "andon", *words],
        cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=env | {"TERM": "xterm"} | environ,
    )  # fmt: skip
    os.close(theirs)
    told = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed: that is how a terminal says that the program ended
            break
        if not part:
            break
        told += part
    os.close(ours)
    started.wait(timeout=60)
    return told.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 200])
def test_diff_in_a_terminal_of_any_width_can_be_copied_and_applied(columns: int, proven: Path) -> None:
    told = STYLE.sub("", on_terminal("review", "1", cwd=proven, columns=columns))
    diff = told[told.index("diff --git") : told.index("diff --git a/tests/test_ticket_1.json")]
    (proven / "copied.diff").write_text(diff, encoding="utf-8")
    git("apply", "--check", str(proven / "copied.diff"), cwd=proven / "tinyfeed")
    long = 'offending = store.execute(EVIDENCE["query"], {"since": "1970-01-01"}).fetchall()\n'
    assert long in told


def test_narrow_terminal_loses_nothing_of_the_packet(proven: Path, andon: Call) -> None:
    told = STYLE.sub("", on_terminal("show", "1", cwd=proven, columns=60))
    for value in ("run-0012", "north/gallery/N10", "2026-11-20 12:00:00", "tests/test_ticket_1.py", "http_status"):
        assert value in told
    assert "…" not in told
    words = set(re.findall(r"[\w/.:-]{4,}", andon("show", "1", cwd=proven).out))
    folded = re.sub(r"\s+", "", told)
    assert {word for word in words if word not in folded and set(word) - set("-:_")} <= {"diff", "python"}


def test_lines_of_prose_fit_the_terminal(proven: Path) -> None:
    told = STYLE.sub("", on_terminal("review", "1", cwd=proven, columns=80))
    before = told[: told.index("diff --git")]
    assert max(len(line) for line in before.splitlines()) <= 80


@pytest.mark.parametrize("words", [("tickets",), ("review", "1"), ("show", "7")])
def test_no_color_is_obeyed_by_every_command(words: tuple[str, ...], proven: Path) -> None:
    assert COLOUR.search(on_terminal(*words, cwd=proven))
    assert not COLOUR.search(on_terminal(*words, cwd=proven, NO_COLOR="1"))


def test_tickets_in_a_terminal_keep_to_its_width(proven: Path) -> None:
    told = STYLE.sub("", on_terminal("tickets", cwd=proven, columns=60))
    assert max(len(line) for line in told.splitlines()) <= 60
    assert "a person's word" in " ".join(told.split())


def test_pipe_gets_markdown_without_layout_or_colours(proven: Path, andon: Call) -> None:
    said = andon("review", "1", cwd=proven)
    assert said.out == andon("review", "1", "--markdown", cwd=proven).out
    assert "\x1b" not in said.out
    assert "```diff\n" in said.out
