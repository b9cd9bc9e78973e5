"""Follows a command that a sandbox has launched: to its end, or beside whoever talks to it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from andon.errors import SandboxError
from andon.models import Ran
from andon.protocols import Command, Running
from andon.sandboxes.capture import Captured, follow


class Launched(NamedTuple):
    """A command that runs in isolation."""

    process: subprocess.Popen[bytes]
    kill: Callable[[], None]
    """Ends the whole tree."""
    ran: Callable[[Captured], Ran]
    """Returns how it ended; raises SandboxError where it never began."""


def run_to_end(launched: Launched, command: Command) -> Ran:
    """Feeds the command, follows it to its end, and returns that.

    Raises:
        SandboxError: it could not be started in isolation.
    """
    return launched.ran(_followed(launched, command, stdin=command.stdin.encode()))


@contextlib.contextmanager
def attended(launched: Launched, command: Command) -> Iterator[Running]:
    """Gives the command with its pipes, while another thread reads its stderr and keeps its time; dead at the end."""
    process = launched.process
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    # From here on these two are the caller's: what follows the command must not touch them.
    process.stdin = process.stdout = None
    with ThreadPoolExecutor(1, thread_name_prefix="andon-running") as pool:
        ended = pool.submit(lambda: launched.ran(_followed(launched, command)))
        try:
            yield Running(stdin, stdout, launched.kill, ended.result)
        finally:
            launched.kill()
            for pipe in (stdin, stdout):
                # What was not yet written has no reader any more.
                with contextlib.suppress(OSError):
                    pipe.close()


def as_ran(captured: Captured) -> Ran:
    """Returns what was captured as the model that leaves the sandbox."""
    return Ran.model_validate(captured._asdict())


def _followed(launched: Launched, command: Command, stdin: bytes = b"") -> Captured:
    try:
        return follow(
            launched.process,
            stdin=stdin,
            seconds=command.limits.seconds,
            output_bytes=command.limits.output_bytes,
            kill=launched.kill,
            stop=command.stop,
        )
    except OSError as error:
        raise SandboxError(f"the command could not be followed: {error}") from error
