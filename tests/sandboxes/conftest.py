from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from andon.models import Limits, Ran
from andon.protocols import Command, Sandbox
from andon.sandboxes import LandlockSandbox, open_sandbox

Python = Callable[..., Ran]

WAYS: dict[str, Callable[[], Sandbox]] = {
    "bubblewrap": lambda: open_sandbox("bubblewrap"),
    "landlock": lambda: open_sandbox("landlock"),
    "landlock alone": lambda: LandlockSandbox(namespaces=False),
}


@pytest.fixture(scope="session", params=list(WAYS))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each sandbox in turn: they keep one contract."""
    return WAYS[request.param]()


@pytest.fixture
def python(sandbox: Sandbox, tmp_path: Path) -> Python:
    """Runs Python code in the sandbox, in a writable folder."""

    def run(code: str, *, readable: tuple[Path, ...] = (), stdin: str = "", **limits: float) -> Ran:
        room = tmp_path / "room"
        room.mkdir(exist_ok=True)
        bounds = Limits.model_validate({"seconds": 20, **limits})
        return sandbox.run(
            Command(
                argv=(sys.executable, "-I", "-S", "-c", code),
                cwd=room,
                readable=readable,
                writable=(room,),
                path=(Path(sys.executable).parent,),
                stdin=stdin,
                limits=bounds,
            )
        )

    return run
