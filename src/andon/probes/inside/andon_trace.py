"""Notes which lines below a folder run, and who calls whom; it skips all other code and never changes a result.

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

Trace = Callable[[FrameType, str, Any], Any]


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
            self._locals[name] = _line_trace(self._hits[name])
        self._names[filename] = name
        return name

    def _label(self, code: CodeType) -> str:
        return f"{self._names[code.co_filename]}:{getattr(code, 'co_qualname', code.co_name)}"


def _line_trace(hits: set[int]) -> Trace:
    add = hits.add

    def trace(frame: FrameType, event: str, _arg: Any) -> Trace:
        if event == "line":
            add(frame.f_lineno)
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
            json.dump({"lines": tracer.contexts.get("", {}), "calls": tracer.calls()}, file)


if __name__ == "__main__":
    main(sys.argv[1:])
