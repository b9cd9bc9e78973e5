"""Starts pytest as `python -m pytest` would, but loads it and andon's plugins before the tree is on the path.

    python andon_launch.py argument...

A file of the tree that is called like a part of the runner, of andon, or of the standard library that these need cannot
take its place then. Runs inside the sandbox with the watched system's own interpreter (Python 3.9 or newer).
Environment: ANDON_PATH (what PYTHONPATH is for whatever the tests do and start).
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys

PARTS = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli", "attr")
"""What pytest is made of. A project may be one of them, and then has to be loaded as it is in the tree."""


def main() -> None:
    """Runs pytest with the path that the tests expect."""
    own = os.path.dirname(os.path.abspath(__file__))
    path = [part for part in os.environ.pop("ANDON_PATH", "").split(os.pathsep) if part]
    tree = [os.getcwd(), *(part for part in path if part != own)]
    if not any(is_there(folder, part) for folder in tree for part in PARTS):
        load()
    # The folder of this file stands where PYTHONPATH has it; pytest by its module puts the present folder first.
    sys.path[:] = [tree[0], *path, *(one for one in sys.path if one != own and one not in path)]
    if path:
        os.environ["PYTHONPATH"] = os.pathsep.join(path)
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


def is_there(folder: str, name: str) -> bool:
    """Tells whether a folder has a module of a name."""
    return os.path.isdir(os.path.join(folder, name)) or os.path.isfile(os.path.join(folder, f"{name}.py"))


def load() -> None:
    """Imports the runner and andon's plugins; a word in their documentation tells pytest to leave them as they are."""
    for name in ("pytest", "json", "faulthandler", "signal", "threading", "difflib", "pprint", "unittest"):
        importlib.import_module(name)
    for number, name in enumerate(sys.argv[2:], 2):
        if sys.argv[number - 1] == "-p" and name.startswith("andon_"):
            module = importlib.import_module(name)
            module.__doc__ = (module.__doc__ or "") + "\n\nPYTEST_DONT_REWRITE\n"


if __name__ == "__main__":
    main()
