"""Where commands of a watched system run; picks the strongest sandbox that really starts, never a pretended one."""

from __future__ import annotations

from pathlib import Path

from andon.errors import SandboxError
from andon.models import Limits
from andon.protocols import Command, Sandbox
from andon.sandboxes.bubblewrap import BubblewrapSandbox, find_bubblewrap
from andon.sandboxes.isolation import isolation_report

__all__ = ["BubblewrapSandbox", "isolation_report", "open_sandbox"]

REMEDY = "install bubblewrap (apt install bubblewrap, dnf install bubblewrap) and allow user namespaces"


def open_sandbox(prefer: str | None = None) -> Sandbox:
    """Returns the strongest sandbox that starts on this machine; `prefer` names the one to take (`bubblewrap`).

    Raises:
        SandboxError: none starts; says what to install.
    """
    program = find_bubblewrap()
    if program is None:
        raise SandboxError(f"no sandbox: {REMEDY}", permanent=True)
    sandbox = BubblewrapSandbox(program)
    try_start(sandbox)
    return sandbox


def try_start(sandbox: Sandbox) -> None:
    """Starts a command that does nothing.

    Raises:
        SandboxError: it does not start.
    """
    ran = sandbox.run(Command(argv=("/bin/true",), cwd=Path("/tmp"), limits=Limits(seconds=10)))
    if ran.code != 0:
        raise SandboxError(f"{sandbox.name} starts, but nothing runs in it: {ran.words}", permanent=True)
