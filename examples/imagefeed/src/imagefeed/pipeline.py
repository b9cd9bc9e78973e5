"""Runs the stages of one pass in their order and logs how it went; what a stage does is the stage's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from imagefeed.classify import Classifier, classify
from imagefeed.clock import Clock
from imagefeed.download import download
from imagefeed.etl import etl
from imagefeed.fetch import Session
from imagefeed.precompute import precompute
from imagefeed.rates import keep_rates
from imagefeed.scrape import scrape
from imagefeed.store import Connection, Run, close_run, log_stage, new_run_id, open_run

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Pipeline:
    """What every pass of this program shares: the open ends to the outside."""

    conn: Connection
    client: httpx.Client
    clip: Classifier
    pictures: Path
    code_version: str

    def run_once(self, as_of: datetime, clock: Clock, *, run_id: str | None = None) -> Run:
        """Takes in what was new at `as_of`, and gives the finished run.

        Raises:
            Exception: what stopped a stage; the run is logged as failed.
        """
        run = Run(run_id or new_run_id(self.conn, as_of), as_of, self.pictures)
        session = Session(self.client, self.conn, clock, run)
        open_run(self.conn, run, clock, self.code_version)
        stages: dict[str, Callable[[], int]] = {
            "rates": lambda: keep_rates(self.conn, session, clock, run),
            "scrape": lambda: scrape(self.conn, session, clock, run),
            "download": lambda: download(self.conn, session, clock, run),
            "classify": lambda: classify(self.conn, self.clip, clock, run),
            "etl": lambda: etl(self.conn, clock, run),
            "precompute": lambda: precompute(self.conn, clock, run),
        }
        try:
            for name, stage in stages.items():
                log_stage(self.conn, run, clock, name, status="done", rows=stage())
        except Exception as error:  # whatever it was, the log must say that this run did not finish
            close_run(self.conn, run, clock, error=f"{type(error).__name__}: {error}")
            raise
        close_run(self.conn, run, clock)
        return run


@contextmanager
def opened_client(source: str) -> Iterator[httpx.Client]:
    """An HTTP client that reaches every shop through the source server."""
    import httpx

    # Plain HTTP through a loopback proxy: without certificates to load the client opens 20 ms sooner.
    with httpx.Client(proxy=source, trust_env=False, verify=False, timeout=10.0) as client:
        yield client


def load_clip(folder: Path | None) -> Classifier:
    """The CLIP of the folder, or the bundled one."""
    from imagefeed.clip import Clip

    return Clip.load(folder)
