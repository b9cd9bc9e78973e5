"""Runs suites of other runners than pytest and reads how each single test ended; what that means is not its to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from andon.config import SystemSettings
from andon.launch import is_pytest
from andon.models import TestRun
from andon.runners.bench import Bench
from andon.runners.cargo import is_cargo, offline, run_cargo
from andon.runners.exitcode import run_command
from andon.runners.junit import run_junit
from andon.runners.node import is_node, run_node

__all__ = ["CARGO", "COMMAND", "JUNIT", "NODE", "PYTEST", "Bench", "Runner", "environment_for", "runner_of"]


class Runner(NamedTuple):
    """One kind of suite: what it can be asked, and who runs it."""

    name: str
    tells: bool
    """It tells how each single test ended, by name."""
    selects: bool
    """It can run some test files alone; one that cannot runs all of them each time."""
    run: Callable[[Bench, Sequence[str]], TestRun] | None
    """Runs the suite or some files or tests of it; None for pytest, which the workspace runs with its own probes."""


PYTEST = Runner("pytest", True, True, None)
NODE = Runner("node", True, True, run_node)
CARGO = Runner("cargo", True, True, run_cargo)
JUNIT = Runner("junit", True, False, run_junit)
COMMAND = Runner("command", False, False, run_command)


def runner_of(settings: SystemSettings) -> Runner:
    """Returns who runs the suite of some settings: by its report if it writes one, else by its command's words.

    Raises:
        ConfigError: no command is set.
    """
    argv = settings.argv("test")
    if settings.junit:
        return JUNIT
    if is_pytest(argv):
        return PYTEST
    return NODE if is_node(argv) else CARGO if is_cargo(argv) else COMMAND


def environment_for(settings: SystemSettings) -> dict[str, str]:
    """Returns what a command of the system needs in its environment besides what every command has."""
    if runner_of(settings) is CARGO:
        return offline(Path(top).expanduser().absolute() for top in settings.runtime)
    return {}
