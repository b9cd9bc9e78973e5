"""A private Postgres server starts, keeps strangers out, and dies with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from andon.data.cluster import Cluster, find_programs
from andon.errors import DataError

OWNER = """
import sys
from pathlib import Path
from andon.data.cluster import Cluster
cluster = Cluster(Path(sys.argv[1])).start()
print((cluster.folder / "data" / "postmaster.pid").read_text().split()[0], flush=True)
sys.stdin.read()
"""


def test_server_takes_the_password_and_nothing_else(tmp_path: Path) -> None:
    with Cluster(tmp_path / "pg", password="right") as cluster:
        with psycopg.connect(cluster.admin_url) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
            assert connection.execute("select pg_has_role('pg_read_all_data', 'member')").fetchone() == (True,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(cluster.url("postgres", password="wrong"))


def test_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "pg")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{server}").exists() and time.monotonic() < deadline:
        os.sched_yield()
    assert not Path(f"/proc/{server}").exists()


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="max_connections"):
        Cluster(tmp_path / "pg", settings={"max_connections": "lots"}).start()


def test_programs_are_found() -> None:
    assert (find_programs() / "postgres").is_file()
