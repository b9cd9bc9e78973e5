"""Builds a project's wheel with its own build backend, inside the sandbox, without a network.

    python andon_build.py OUT BACKEND [PATH...]

Runs in the project's folder. Writes OUT/told.json: `{"wheel": NAME}`, `{"requires": [...]}` when the backend wants
distributions that are not there, or `{"error": ...}`. Needs nothing but Python 3.9 and the backend.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import Any

REQUIRES = "get_requires_for_build_wheel"


def main() -> None:
    out, name, *paths = sys.argv[1:]
    sys.path[:0] = [os.path.abspath(path) for path in paths]
    if not paths and "__legacy__" in name:
        sys.path.insert(0, os.getcwd())
    sys.argv = ["setup.py"]
    try:
        told = build(out, name)
    except BaseException:  # noqa: BLE001  # whatever a stranger's backend raises, SystemExit too, is what is told
        told = {"error": traceback.format_exc()[-4000:]}
    with open(os.path.join(out, "told.json"), "w", encoding="utf-8") as file:
        json.dump(told, file)


def build(out: str, name: str) -> dict[str, Any]:
    """Returns the name of the wheel, or what is missing for it."""
    module, _, inner = name.partition(":")
    backend: Any = importlib.import_module(module)
    for part in inner.split(".") if inner else ():
        backend = getattr(backend, part)
    wants = apart(lambda: backend.get_requires_for_build_wheel({})) if hasattr(backend, REQUIRES) else []
    missing = [line for line in wants if not installed(line)]
    if missing:
        return {"requires": missing}
    return {"wheel": backend.build_wheel(out, {})}


def apart(hook: Callable[[], list[str]]) -> list[str]:
    """Returns what a hook gives that runs in a process of its own, as PEP 517 asks: backends keep things in mind."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            told: dict[str, Any] = {"gives": list(hook())}
        except BaseException:  # noqa: BLE001  # whatever the hook raises is told to the parent
            told = {"error": traceback.format_exc()[-4000:]}
        with open(write, "w", encoding="utf-8") as file:
            json.dump(told, file)
        os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as file:
        said = json.loads(file.read() or "{}")
    os.waitpid(child, 0)
    if "gives" not in said:
        raise RuntimeError(said.get("error", "the backend ended the process"))
    return [str(line) for line in said["gives"]]


def installed(line: str) -> bool:
    """Tells whether a distribution of this name is there, in any version."""
    found = re.match(r"\s*([A-Za-z0-9][\w.-]*)", line)
    try:
        metadata.distribution(found[1] if found else line)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
