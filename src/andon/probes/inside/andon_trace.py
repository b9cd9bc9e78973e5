"""Notes which lines below a folder run, who calls whom, and where errors come from; it never changes a result.

    python andon_trace.py OUT ROOT -m module argument...
    python andon_trace.py OUT ROOT script.py argument...

Runs inside the sandbox with the watched system's own interpreter (Python 3.9 or newer).
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

CLIMB = 40
"""Frames that are looked at for the nearest caller below the folder."""

AFTER = 8
"""Lines of a function after an error came to it that are kept: by them one sees which handler took it."""
MOST_ERRORS = 2000
CONTROL = (StopIteration, StopAsyncIteration, GeneratorExit)
"""What is raised to say that something is over, and is no error."""

Trace = Callable[[FrameType, str, Any], Any]


class Errors:
    """Collects errors by the function below the root that raised them, and what became of them in each function."""

    def __init__(self, label: Callable[[CodeType], str], names: dict[str, str | None]) -> None:
        self.pending: dict[int, tuple[str, str, list[int]]] = {}
        """Frame -> the error that has come to it: where it is from, its kind, and the lines since."""
        self._label, self._names = label, names
        self._raised: dict[tuple[str, str], int] = {}
        self._taken: dict[tuple[str, str, str, tuple[int, ...]], int] = {}

    def came(self, frame: FrameType, arg: Any) -> None:
        """Notes an error that has come to a frame: raised in it, or let through by what it called."""
        kind, _, trace = arg
        if isinstance(kind, type) and issubclass(kind, CONTROL):
            return
        self.left(frame)
        place = frame
        while trace is not None:
            if self._names.get(trace.tb_frame.f_code.co_filename) is not None:
                place = trace.tb_frame
            trace = trace.tb_next
        key = (self._label(place.f_code), getattr(kind, "__name__", str(kind)))
        if place is frame and (key in self._raised or len(self._raised) < MOST_ERRORS):
            self._raised[key] = self._raised.get(key, 0) + 1
        self.pending[id(frame)] = (*key, [])

    def line(self, frame: FrameType) -> None:
        """Notes a line that runs after an error came to its frame."""
        found = self.pending.get(id(frame))
        if found is not None:
            found[2].append(frame.f_lineno)
            if len(found[2]) >= AFTER:
                self.left(frame)

    def left(self, frame: FrameType) -> None:
        """Notes what became of an error in a frame that is left."""
        found = self.pending.pop(id(frame), None)
        if found is None or not found[2]:
            return
        key = (found[0], found[1], self._names.get(frame.f_code.co_filename) or "", tuple(found[2]))
        if key in self._taken or len(self._taken) < MOST_ERRORS:
            self._taken[key] = self._taken.get(key, 0) + 1

    def told(self) -> dict[str, Any]:
        """Returns [origin, kind, how often], and [origin, kind, file, lines since, how often]."""
        return {
            "raised": [[*key, count] for key, count in sorted(self._raised.items())],
            "taken": [[*key[:3], list(key[3]), count] for key, count in sorted(self._taken.items())],
        }


class Tracer:
    """Collects lines, by file and by context, and calls between functions below a root."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root) + os.sep
        self.context = ""
        self.contexts: dict[str, dict[str, list[int]]] = {}
        self._names: dict[str, str | None] = {}
        self._hits: dict[str, set[int]] = {}
        self._locals: dict[str, Trace] = {}
        self._calls: set[tuple[CodeType, CodeType]] = set()
        self.errors = Errors(self._label, self._names)

    def start(self) -> None:
        """Begins to note, in this thread and in those started from now on."""
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self) -> None:
        """Ends noting."""
        sys.settrace(None)
        threading.settrace(None)
        self.enter("")

    def enter(self, context: str) -> None:
        """Notes what runs from now on under this name."""
        lines = self.contexts.setdefault(self.context, {})
        for name, hits in self._hits.items():
            if hits:
                lines[name] = sorted(hits.union(lines.get(name, ())))
                # The line functions hold on to the set itself.
                hits.clear()
        self.context = context

    def calls(self) -> list[tuple[str, str]]:
        """Returns (caller, callee) as `path:function`."""
        return sorted({(self._label(caller), self._label(callee)) for caller, callee in set(self._calls)})

    def _call(self, frame: FrameType, _event: str, _arg: Any) -> Trace | None:
        code = frame.f_code
        filename = code.co_filename
        try:
            name = self._names[filename]
        except KeyError:
            name = self._name(filename)
        if name is None:
            return None
        back = frame.f_back
        for _ in range(CLIMB):
            if back is None:
                break
            if self._names.get(back.f_code.co_filename) is not None:
                self._calls.add((back.f_code, code))
                break
            back = back.f_back
        if frame.f_lineno:
            # A module's own frame begins at line 0 from Python 3.12 on.
            self._hits[name].add(frame.f_lineno)
        return self._locals[name]

    def _name(self, filename: str) -> str | None:
        real = os.path.realpath(filename)
        inside = real.startswith(self.root) and not filename.startswith("<")
        name = real[len(self.root) :] if inside else None
        if name is not None and name not in self._hits:
            self._hits[name] = set()
            self._locals[name] = _line_trace(self._hits[name], self.errors)
        self._names[filename] = name
        return name

    def _label(self, code: CodeType) -> str:
        return f"{self._names[code.co_filename]}:{getattr(code, 'co_qualname', code.co_name)}"


def _line_trace(hits: set[int], errors: Errors) -> Trace:
    add = hits.add
    pending = errors.pending

    def trace(frame: FrameType, event: str, arg: Any) -> Trace:
        if event == "line":
            add(frame.f_lineno)
            if pending:
                errors.line(frame)
        elif event == "exception":
            errors.came(frame, arg)
        elif pending:
            errors.left(frame)
        return trace

    return trace


def main(argv: list[str]) -> None:
    """Runs a module or a script as `python` would, and writes what ran to OUT."""
    out, root, *rest = argv
    tracer = Tracer(root)
    if rest[0] == "-m":
        sys.argv = rest[1:]
        sys.path[0] = os.getcwd()
    else:
        sys.argv = rest
        sys.path[0] = os.path.dirname(os.path.abspath(rest[0]))
    tracer.start()
    try:
        if rest[0] == "-m":
            runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(rest[0], run_name="__main__")
    finally:
        tracer.stop()
        with open(out, "w", encoding="utf-8") as file:
            told = {"lines": tracer.contexts.get("", {}), "calls": tracer.calls(), "errors": tracer.errors.told()}
            json.dump(told, file)


if __name__ == "__main__":
    main(sys.argv[1:])
