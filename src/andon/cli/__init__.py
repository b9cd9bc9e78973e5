"""The `andon` command: finds the configuration, calls the app, prints; it decides nothing."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; an interrupt is one line and exit code 130, also while andon is still being imported."""
    try:
        from andon.cli.group import run

        run()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def __getattr__(name: str) -> object:
    # Whoever calls a command must not pay for the group before an interrupt can be taken; a reader of it may.
    if name in ("COMMANDS", "andon"):
        from andon.cli import group

        return getattr(group, name)
    raise AttributeError(f"andon.cli has no {name!r}")
