"""The command line: reads the arguments, opens what a command needs, and says what it did."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from imagefeed.clock import Clock, RecordedClock, WallClock, parse_moment
from imagefeed.errors import ImagefeedError, SettingError
from imagefeed.settings import Settings, read_settings

if TYPE_CHECKING:
    from imagefeed.pipeline import Pipeline
    from imagefeed.source.misbehave import Misbehaviour


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it went well, 1 when the pipeline could not go on (the reason is on stderr)."""
    asked = _arguments().parse_args(argv)
    try:
        command = {"migrate": _migrate, "run": _run, "backfill": _backfill, "source": _source}[asked.command]
        command(asked, read_settings())
    except ImagefeedError as error:
        print(f"imagefeed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="imagefeed", description="Picture listings, labelled and summarised.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the tables up to date")
    run = commands.add_parser("run", help="take in what is new, once or again and again")
    how = run.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="one pass (the default)")
    how.add_argument("--watch", action="store_true", help="a pass every --every seconds, until stopped")
    run.add_argument("--every", type=float, default=1800.0, help="seconds between passes (default 1800)")
    run.add_argument("--as-of", type=parse_moment, help="take in what was new at this moment, instead of now")
    backfill = commands.add_parser("backfill", help="all passes that a schedule would have made, at once")
    backfill.add_argument("--from", dest="first", type=parse_moment, required=True)
    backfill.add_argument("--to", dest="last", type=parse_moment, required=True)
    backfill.add_argument("--every", type=float, default=30.0, help="minutes between passes (default 30)")
    source = commands.add_parser("source", help="serve the shops")
    source.add_argument("--port", type=int, default=8760)
    source.add_argument("--seed", type=int, default=7)
    source.add_argument("--slot", type=float, help="seconds between new listings, to watch it live (default 900)")
    for command in (run, backfill, source):
        command.add_argument(
            "--misbehave",
            action="append",
            default=[],
            metavar="KIND[,share=..][,path=..][,times=..]",
            help="429, 503, truncate, markup, slow, duplicate or content-type (own source only)",
        )
    return parser


def _migrate(asked: argparse.Namespace, settings: Settings) -> None:
    from imagefeed.store import connected, migrate

    with connected(_database(settings)) as conn:
        taken = migrate(conn)
    print("\n".join(f"applied {name}" for name in taken) or "up to date")


def _run(asked: argparse.Namespace, settings: Settings) -> None:
    with _opened(asked, settings) as pipeline:
        while True:
            started = time.perf_counter()
            clock: Clock = RecordedClock(asked.as_of) if asked.as_of else WallClock()
            run = pipeline.run_once(asked.as_of or clock.now(), clock)
            print(f"run {run.run_id} finished in {time.perf_counter() - started:.2f} s", flush=True)
            if not asked.watch:
                return
            time.sleep(asked.every)


def _backfill(asked: argparse.Namespace, settings: Settings) -> None:
    started, passes, as_of = time.perf_counter(), 0, asked.first
    with _opened(asked, settings) as pipeline:
        while as_of <= asked.last:
            pipeline.run_once(as_of, RecordedClock(as_of))
            passes += 1
            as_of += timedelta(minutes=asked.every)
    print(f"{passes} runs in {time.perf_counter() - started:.1f} s")


def _source(asked: argparse.Namespace, settings: Settings) -> None:
    from imagefeed.source.catalogue import Catalogue
    from imagefeed.source.server import Shops, SourceServer

    slot = {"slot": timedelta(seconds=asked.slot)} if asked.slot else {}
    shops = Shops(Catalogue(asked.seed, **slot), _misbehaviours(asked))
    with SourceServer(shops.answer, port=asked.port, control=shops.control) as server:
        print(f"IMAGEFEED_SOURCE={server.url}", flush=True)
        server.wait()


@contextmanager
def _opened(asked: argparse.Namespace, settings: Settings) -> Iterator[Pipeline]:
    """A pipeline with its database up to date, its source within reach and its model loaded."""
    from imagefeed.pipeline import Pipeline, load_clip, opened_client
    from imagefeed.store import connected, migrate

    with (
        _source_address(asked, settings) as source,
        connected(_database(settings)) as conn,
        opened_client(source) as client,
    ):
        migrate(conn)
        yield Pipeline(conn, client, load_clip(settings.clip), settings.pictures, settings.code_version)


@contextmanager
def _source_address(asked: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """The address of the source server that the settings name, or of one of our own."""
    if settings.source:
        if asked.misbehave:
            raise SettingError("--misbehave is for the own source: unset IMAGEFEED_SOURCE, or use its /_control")
        yield settings.source
        return
    from imagefeed.source.catalogue import Catalogue
    from imagefeed.source.server import Shops, SourceServer

    with SourceServer(Shops(Catalogue(settings.seed), _misbehaviours(asked)).answer) as server:
        yield server.url


def _misbehaviours(asked: argparse.Namespace) -> list[Misbehaviour]:
    from imagefeed.source.misbehave import parse_misbehaviour

    try:
        return [parse_misbehaviour(text) for text in asked.misbehave]
    except ValueError as error:
        raise SettingError(f"--misbehave: {error}") from error


def _database(settings: Settings) -> str:
    from imagefeed.store import embedded_url

    return settings.url or embedded_url(settings.home)
