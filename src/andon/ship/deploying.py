"""Runs the command that brings a release into production; what it does there is the owner's."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import IO

from andon.config import Config, SystemSettings, environment
from andon.errors import ExternalError
from andon.models import Ran

DEPLOY_SECONDS = 900.0
OUTPUT_KEPT = 20_000
"""Characters kept of a deploy's output: its end."""


def own_variables(config: Config) -> frozenset[str]:
    """Returns the environment variables that andon.toml names (`env:NAME`): they are andon's, not a deploy's."""
    found: set[str] = set()
    todo: list[object] = [config.model_dump()]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list | tuple):
            todo += one
        elif isinstance(one, str) and one.startswith("env:"):
            found.add(one.removeprefix("env:"))
    return frozenset(found)


def deploy(
    settings: SystemSettings, *, home: Path, hidden: Collection[str] = (), seconds: float = DEPLOY_SECONDS
) -> Ran:
    """Runs a system's deploy command beside andon.toml, outside the sandbox, and returns how it ended.

    It sees the environment that andon was started with, but for the variables in `hidden`: deploys need the person's
    own (SSH agent, D-Bus, cloud settings), and never andon's logins. What it leaves running in the background stays
    running; on a timeout everything it started in its session dies.

    Raises:
        ExternalError: the folder is gone.
    """
    if not settings.deploy.strip():
        return Ran(code=0, stdout="no deploy command is set: the push is the release", stderr="", seconds=0.0)
    argv = settings.argv("deploy")
    env = {name: value for name, value in environment().items() if name not in hidden}
    began = time.monotonic()
    # Files, not pipes: a server that the command starts keeps them open, and must not hold us.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            started = subprocess.Popen(
                argv, cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except FileNotFoundError as error:
            if not home.is_dir():
                raise ExternalError(f"the folder {home} is gone", permanent=True) from error
            return Ran(code=127, stdout="", stderr=f"{argv[0]}: no such program", seconds=0.0)
        except PermissionError:
            return Ran(code=126, stdout="", stderr=f"{argv[0]}: may not be run", seconds=0.0)
        timed_out = _ended(started, seconds)
        code = started.returncode if started.returncode >= 0 else 128 - started.returncode
        took = time.monotonic() - began
        return Ran(code=code, stdout=_tail(out), stderr=_tail(err), seconds=took, timed_out=timed_out)


def _ended(started: subprocess.Popen[bytes], seconds: float) -> bool:
    """Waits for a command and tells whether it had to be killed."""
    try:
        started.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        return True
    except BaseException:
        # Ctrl-C: the command must not live on unseen.
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        raise
    return False


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - OUTPUT_KEPT))
    return file.read().decode("utf-8", "replace")
