"""The `andon` command: finds the configuration, calls the app, prints; it decides nothing."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from andon.ending import ENDING

FAULT = 70
"""Exit code of a fault in andon itself: no command means anything else by it (EX_SOFTWARE of sysexits.h)."""


class Stopped(KeyboardInterrupt):
    """Somebody asked the process to end; what it began is taken away as after an interrupt."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """Ends what is being done; commands in the sandbox too, which a signal to andon alone does not reach."""
    del frame
    ENDING.set()
    raise Stopped(number)


def main() -> None:
    """Runs the command line.

    An interrupt (or SIGTERM, or a terminal that is closed) is one line and exit code 130 (143, 129), also while andon
    is still being imported; nothing stays behind. A fault in andon itself is told as one, with exit code 70.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # else nohup, which means to go on
            signal.signal(number, stop)
    try:
        from andon.cli.group import run

        run()
    except KeyboardInterrupt as stopped:
        print("stopped", file=sys.stderr)
        sys.exit(stopped.code if isinstance(stopped, Stopped) else 130)
    except Exception:  # noqa: BLE001 (whatever it is: its exit code must not be that of an answer)
        import traceback

        traceback.print_exc()
        print("error: a fault in andon itself; please report the lines above", file=sys.stderr)
        sys.exit(FAULT)


def __getattr__(name: str) -> object:
    # Whoever calls a command must not pay for the group before an interrupt can be taken; a reader of it may.
    if name in ("COMMANDS", "andon"):
        from andon.cli import group

        return getattr(group, name)
    raise AttributeError(f"andon.cli has no {name!r}")
