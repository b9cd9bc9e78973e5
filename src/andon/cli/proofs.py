"""Shows proofs while they come: a live list in a terminal, a line each elsewhere; on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from andon.models import Outcome, Proof
from andon.quoting import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

MARKS = {Outcome.HOLDS: ("ok", "green"), Outcome.NEEDS_EYES: ("look", "yellow"), Outcome.FAILS: ("fails", "red")}
ANNOUNCED = "judge: "
"""What the judge says before each proof; its line follows anyway."""


class Lines:
    """Prints a line for each proof and each thing that is done on the way, and now and then that it still is done."""

    def __init__(self) -> None:
        self.now, self.since = "", time.monotonic()

    def heard(self, proof: Proof) -> None:
        """Prints a proof."""
        word, colour = MARKS[proof.outcome]
        self.say(f"{click.style(f'{word:<5}', fg=colour)} {told(proof)}")
        self.now, self.since = "", time.monotonic()

    def still(self) -> None:
        """Prints what is being done still."""
        if self.now:
            since = time.monotonic() - self.since
            self.say(
                click.style(f"  ... still: {harmless(self.now).removeprefix(ANNOUNCED)} ({since:.0f} s)", dim=True)
            )

    def doing(self, text: str) -> None:
        """Prints what is being done now."""
        self.now, self.since = text, time.monotonic()
        if not text.startswith(ANNOUNCED):
            self.say(click.style(f"  ... {harmless(text)}", dim=True))

    def say(self, text: str) -> None:
        """Prints one line."""
        click.echo(text, err=True)


class LiveList:
    """Prints proofs as they come, and below them what is being done now and for how long."""

    def __init__(self, console: Console, live: Live) -> None:
        self.console, self.live = console, live
        self.now, self.since = "", time.monotonic()

    def heard(self, proof: Proof) -> None:
        """Prints a proof above the line of what is being done."""
        from rich.text import Text

        word, colour = MARKS[proof.outcome]
        self.console.print(Text.assemble((f"{word:<5}", colour), f" {told(proof)}"), soft_wrap=True)

    def doing(self, text: str) -> None:
        """Changes the line of what is being done."""
        self.now, self.since = harmless(text).removeprefix(ANNOUNCED), time.monotonic()

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(
            f"  ...  {self.now} {time.monotonic() - self.since:.0f} s", style="dim", overflow="ellipsis", no_wrap=True
        )


@contextmanager
def showing(*, plain: bool = False, still: float = 30.0) -> Iterator[Lines | LiveList]:
    """Gives what shows proofs on stderr; where it is no terminal, what goes on is told every so many seconds."""
    if plain or not sys.stderr.isatty():
        lines, ended = Lines(), threading.Event()

        def tell() -> None:
            while not ended.wait(still):
                lines.still()

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield lines
        finally:
            ended.set()
            thread.join()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        shown = LiveList(console, live)
        live.update(shown)
        yield shown


def told(proof: Proof) -> str:
    """Returns a proof as a line for people."""
    return f"{proof.name:<22} {proof.seconds:6.1f} s  {harmless(proof.saw)}"


def harmless(text: str) -> str:
    """Returns text as one line in which neither a terminal nor a continuous integration finds a command."""
    return visible(text, 300).replace("##[", "## [")
