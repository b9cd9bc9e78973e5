"""The real agent that scripts/setup --tests installed, driven by a scripted model."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from andon.testing.endpoint import Asked, Call, Turn

HERE = Path(__file__).parents[1] / "real"
Deed = Call | Callable[[str], Call]
"""One thing that the model does, or what makes it of the folder of the agent's tree."""


def opencode() -> str:
    """Returns the agent's program."""
    machine = {"x86_64": "x64-baseline", "aarch64": "arm64"}[platform.machine()]
    program = HERE / "node_modules" / f"opencode-linux-{machine}" / "bin" / "opencode"
    assert program.is_file(), "the real agent is missing: scripts/setup --tests installs it"
    return str(program)


class Mind:
    """The scripted model: does one deed after the other, from how much it has heard of the ones before."""

    def __init__(self, diagnosis: Sequence[Deed] = (), fix: Sequence[Deed] = ()) -> None:
        self.diagnosis, self.fix = diagnosis, fix

    def __call__(self, asked: Asked) -> Turn:
        if not asked.tools:
            return Turn("A failing check")  # the agent asks for a title
        deeds = self.fix if "andon_submit_patch" in asked.tools else self.diagnosis
        heard = len(asked.results)
        if heard >= len(deeds):
            return Turn("Done.", tokens=(1000, 5))
        deed = deeds[heard]
        return Turn(calls=(deed if isinstance(deed, Call) else deed(tree(asked)),), tokens=(1000, 50))


def tree(asked: Asked) -> str:
    """Returns the folder of the agent's tree, which it tells its model."""
    found = re.search(r"(/[^\s\"\\]+/tree-[0-9a-f]{12})", asked.text)
    assert found is not None
    return found[1]


def edit(path: str, old: str, new: str) -> Deed:
    return lambda root: Call("edit", {"filePath": f"{root}/{path}", "oldString": old, "newString": new})


def read(path: str) -> Deed:
    return lambda root: Call("read", {"filePath": f"{root}/{path}"})


def write(path: str, text: str) -> Deed:
    return lambda root: Call("write", {"filePath": f"{root}/{path}", "content": text})
