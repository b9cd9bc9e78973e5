"""What every sandbox promises of a command that is talked to, beyond what it promises of all commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from talking import grows, python_command

from andon.errors import SandboxError
from andon.protocols import Command, Sandbox
from andon.sandboxes import open_sandbox

ECHO = "import sys\nfor line in sys.stdin: print('heard', line, end='', flush=True)"
BEATING = (
    "import os, time\n"
    "if os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
    "  while True: open('beat', 'a').write('.'); time.sleep(0.01)\n"
    " os._exit(0)\n"
    "while not os.path.exists('beat'): pass\n"
    "print('up', flush=True); time.sleep(60)"
)


def test_command_is_asked_and_answers_while_it_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.start(python_command(ECHO, tmp_path / "room")) as running:
        for word in (b"one\n", b"two\n"):
            running.stdin.write(word)
            running.stdin.flush()
            assert running.stdout.readline() == b"heard " + word
        running.stdin.close()
        assert running.wait().code == 0


def test_tree_of_processes_is_dead_when_nobody_talks_to_it_any_more(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.start(python_command(BEATING, tmp_path / "room")) as running:
        assert running.stdout.readline() == b"up\n"
    beat = tmp_path / "room" / "beat"
    assert not grows(beat, beat.stat().st_size)


def test_tree_of_processes_is_dead_when_whoever_talks_to_it_fails(sandbox: Sandbox, tmp_path: Path) -> None:
    def talk() -> None:
        with sandbox.start(python_command(BEATING, tmp_path / "room")) as running:
            running.stdout.readline()
            raise KeyError("the one who talks")

    with pytest.raises(KeyError, match="the one who talks"):
        talk()
    beat = tmp_path / "room" / "beat"
    assert not grows(beat, beat.stat().st_size)


def test_reader_sees_the_end_at_the_time_limit(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.start(python_command(BEATING, tmp_path / "room", seconds=1.0)) as running:
        assert running.stdout.read() == b"up\n"
        ran = running.wait()
    assert ran.timed_out
    assert ran.seconds < 5


def test_command_is_killed_from_another_thread(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.start(python_command(BEATING, tmp_path / "room")) as running:
        assert running.stdout.readline() == b"up\n"
        killer = threading.Thread(target=running.kill)
        killer.start()
        assert running.stdout.read() == b""
        killer.join()
        assert running.wait().code > 128
        running.kill()


def test_what_it_says_on_stderr_is_read_all_the_time_and_kept_head_and_tail(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "import sys\nprint('first', file=sys.stderr)\n"
        "for _ in range(100): print('x' * 60000, file=sys.stderr)\n"
        "print('last', file=sys.stderr); print('done')"
    )
    with sandbox.start(python_command(code, tmp_path / "room", output_bytes=20_000)) as running:
        assert running.stdout.read() == b"done\n"
        said = running.wait().stderr
    assert said.startswith("first\n")
    assert said.endswith("last\n")
    assert len(said) < 21_000


def test_command_that_does_not_listen_does_not_hold_its_end_up(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.start(python_command("print('up', flush=True)", tmp_path / "room")) as running:
        assert running.stdout.readline() == b"up\n"
        running.stdin.write(b"nobody hears this")
    # Leaving the context closes a pipe whose reader has gone.


def test_socket_outside_that_is_shown_to_it_answers(
    sandbox: Sandbox, tmp_path: Path, answering: Callable[[Path], None]
) -> None:
    """A Unix socket is the one way out: what listens there decides what goes on."""
    place = tmp_path / "outside.sock"
    answering(place)
    code = f"import socket\ns = socket.socket(socket.AF_UNIX); s.connect({str(place)!r}); print(s.recv(9).decode())"
    command = python_command(code, tmp_path / "room")
    with sandbox.start(command._replace(writable=(*command.writable, place))) as running:
        assert running.stdout.read() == b"welcome\n"


def test_writable_folder_that_does_not_exist_is_told_at_the_end(tmp_path: Path) -> None:
    command = Command(argv=("/bin/true",), cwd=Path("/"), writable=(tmp_path / "missing",))
    with open_sandbox("bubblewrap").start(command) as running:
        assert running.stdout.read() == b""
        with pytest.raises(SandboxError, match="could not be started in isolation"):
            running.wait()


def test_start_that_is_talked_to_is_quick() -> None:
    sandbox = open_sandbox("bubblewrap")
    times = []
    for _ in range(5):
        began = time.monotonic()
        with sandbox.start(Command(argv=("/bin/cat",), cwd=Path("/"))) as running:
            running.stdin.write(b"x\n")
            running.stdin.flush()
            assert running.stdout.readline() == b"x\n"
        times.append(time.monotonic() - began)
    assert min(times) < 0.1
