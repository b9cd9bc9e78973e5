"""Follows a started command to its end: feeds it, keeps the head and the tail of what it says, and calls time."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from threading import Event
from typing import IO, NamedTuple

from andon.ending import ENDING

CHUNK = 1 << 16
STOPS = 0.2
"""Seconds until a command that is to stop is seen to."""
PATIENCE = 5.0
"""Seconds that a killed command may keep its pipes open before they are let go."""


class Captured(NamedTuple):
    """What a followed command left behind."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool


class HeadAndTail:
    """Keeps the first and the last bytes of a stream of any length, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self.half = max(limit // 2, 1)
        self.head = bytearray()
        self.tail = bytearray()
        self.dropped = 0

    def add(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        room = self.half - len(self.head)
        self.head += data[:room] if room > 0 else b""
        rest = data[max(room, 0) :]
        self.tail += rest
        if len(self.tail) > 2 * self.half:
            self._trim()

    def text(self) -> str:
        """Returns what was kept, with a line in between that says how much was left out."""
        self._trim()
        head, tail = self.head.decode("utf-8", "replace"), self.tail.decode("utf-8", "replace")
        return f"{head}\n[... {self.dropped} bytes left out ...]\n{tail}" if self.dropped else head + tail

    def _trim(self) -> None:
        surplus = len(self.tail) - self.half
        if surplus > 0:
            del self.tail[:surplus]
            self.dropped += surplus


def follow(
    started: subprocess.Popen[bytes],
    *,
    stdin: bytes,
    seconds: float,
    output_bytes: int,
    kill: Callable[[], None],
    stop: Event | None = None,
) -> Captured:
    """Returns how a command ended, killed by `kill` when it is not done after so many seconds, or once `stop` is set.

    It is killed as well once andon itself is to end: whoever waits for it could not end before.
    Only pipes that the process has are read and fed: one that was taken from it belongs to somebody else.
    `seconds` is wall time from now on; `output_bytes` bounds what is kept of stdout and of stderr each.
    """
    began = time.monotonic()
    kept = {"stdout": HeadAndTail(output_bytes), "stderr": HeadAndTail(output_bytes)}
    timed_out = False
    with selectors.DefaultSelector() as selector:
        _watch(selector, started, kept, stdin)
        deadline = began + seconds
        while selector.get_map():
            ready = selector.select(max(0.0, min(deadline - time.monotonic(), STOPS)))
            for key, _ in ready:
                _move(selector, key)
            if (ENDING.is_set() or (stop is not None and stop.is_set())) and not timed_out:
                deadline = 0.0
            if time.monotonic() < deadline:
                continue
            if timed_out:
                break
            timed_out, deadline = True, time.monotonic() + PATIENCE
            kill()
    code, overdue = _wait(started, deadline, kill)
    for pipe in (started.stdin, started.stdout, started.stderr):
        if pipe is not None and not pipe.closed:
            pipe.close()
    timed_out = timed_out or overdue
    return Captured(code, kept["stdout"].text(), kept["stderr"].text(), time.monotonic() - began, timed_out)


class _Feed:
    """What is still to be written to a command."""

    def __init__(self, data: bytes) -> None:
        self.rest = memoryview(data)


def _watch(
    selector: selectors.BaseSelector, started: subprocess.Popen[bytes], kept: dict[str, HeadAndTail], stdin: bytes
) -> None:
    for pipe, name in ((started.stdout, "stdout"), (started.stderr, "stderr")):
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, kept[name])
    if started.stdin is None:
        return
    if not stdin:
        started.stdin.close()
        return
    os.set_blocking(started.stdin.fileno(), False)
    selector.register(started.stdin, selectors.EVENT_WRITE, _Feed(stdin))


def _move(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
    sink = key.data
    try:
        if isinstance(sink, _Feed):
            sink.rest = sink.rest[os.write(pipe.fileno(), sink.rest[:CHUNK]) :]
            ended = not sink.rest
        else:
            data = os.read(pipe.fileno(), CHUNK)
            sink.add(data)
            ended = not data
    except BlockingIOError:
        return
    except OSError:
        # The command closed its end: nothing more will come or be taken.
        ended = True
    if ended:
        selector.unregister(pipe)
        pipe.close()


def _wait(started: subprocess.Popen[bytes], deadline: float, kill: Callable[[], None]) -> tuple[int, bool]:
    """Returns the exit code (128 + n for signal n), and whether the time was up before the end."""
    overdue = False
    try:
        code = started.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        overdue = True
        kill()
        started.kill()
        code = started.wait()
    return (128 - code if code < 0 else code), overdue
