"""Where commands of a watched system run; picks the strongest sandbox that really starts, never a pretended one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from andon.errors import SandboxError
from andon.models import Limits
from andon.protocols import Command, Sandbox
from andon.sandboxes.bubblewrap import BubblewrapSandbox, find_bubblewrap
from andon.sandboxes.isolation import isolation_report
from andon.sandboxes.landlock import LandlockSandbox

__all__ = ["BubblewrapSandbox", "LandlockSandbox", "isolation_report", "open_sandbox"]

REMEDY = "install bubblewrap (apt install bubblewrap, dnf install bubblewrap) and allow unprivileged user namespaces"


def open_sandbox(prefer: str | None = None) -> Sandbox:
    """Returns the strongest sandbox that starts on this machine; only the one of a name when `prefer` gives it.

    `prefer` is `bubblewrap` or `landlock`.

    Raises:
        SandboxError: none starts; says why and what to install.
    """
    ways: dict[str, Callable[[], Sandbox]] = {"bubblewrap": _bubblewrap, "landlock": LandlockSandbox}
    if prefer is not None and prefer not in ways:
        raise SandboxError(f"there is no sandbox {prefer!r}: it is one of {', '.join(ways)}", permanent=True)
    reasons = []
    for name, way in ways.items():
        if prefer not in (None, name):
            continue
        try:
            sandbox = way()
            _try_start(sandbox)
        except SandboxError as error:
            reasons.append(f"{name}: {error}")
            continue
        return sandbox
    raise SandboxError(f"no sandbox starts here ({'; '.join(reasons)}): {REMEDY}", permanent=True)


def _bubblewrap() -> BubblewrapSandbox:
    program = find_bubblewrap()
    if program is None:
        raise SandboxError("it is not installed", permanent=True)
    return BubblewrapSandbox(program)


def _try_start(sandbox: Sandbox) -> None:
    """Starts a command that does nothing.

    Raises:
        SandboxError: it does not start.
    """
    ran = sandbox.run(Command(argv=("/bin/true",), cwd=Path("/"), limits=Limits(seconds=10)))
    if ran.code != 0:
        raise SandboxError(f"it starts, but nothing runs in it: {ran.words}", permanent=True)
