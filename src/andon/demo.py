"""Builds a real watched system that breaks before one's eyes: repository with history, database, running pipeline.

Nothing here knows how the loop mends it: what follows is the same `andon` that any repository gets.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, NamedTuple

from andon.data.cluster import Cluster
from andon.data.grants import grants_sql
from andon.errors import ExternalError, NotFoundError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "imagefeed"
HISTORY = timedelta(hours=14)
"""How much healthy past the pipeline gets before the fault goes in."""
LIVE_SLOT = 8.0
"""Seconds between new listings while one watches; the shops' own pace is a quarter of an hour."""

CONFIG = """\
# The demonstration's own configuration: the paces are short, everything else is what you would write.
database = "sqlite:///.andon/andon.db"

{agent}[budget]
minutes_per_ticket = 20
tokens_per_ticket = 2000000

[systems.imagefeed]
repo = "origin.git"
branch = "main"
checks = "checks"
test = "python -m pytest -q"
replay = "env PYTHONPATH=src python -m imagefeed.replay"
data = "env:FEED_READONLY_URL"
deploy = "git -C production pull --quiet --ff-only"
runtime = ["{runtime}"]
autonomy = "ship-on-approval"
every = "3s"
check_every = "3s"
quiet = "{quiet}s"
rollout = "12s"
"""


class Fault(NamedTuple):
    """A commit that a hurried developer could have made."""

    name: str
    title: str
    check: str
    patch: str
    message: str
    misbehave: tuple[str, ...]
    minutes_before_now: int
    every_minutes: int


class World(NamedTuple):
    """A running watched system."""

    folder: Path
    environ: Mapping[str, str]
    """What andon's own environment needs besides: the read-only URL."""
    fault: Fault


def faults() -> tuple[str, ...]:
    """Returns the names of the faults, the one that the demonstration shows first."""
    names = sorted(path.parent.name for path in EXAMPLE.glob("faults/*/fault.toml"))
    return tuple(sorted(names, key=lambda name: name != "retry-429"))


def read_fault(name: str) -> Fault:
    """Returns a fault by name.

    Raises:
        NotFoundError: there is none of that name, or the example is not here.
    """
    folder = EXAMPLE / "faults" / name
    if not (folder / "fault.toml").is_file():
        raise NotFoundError(
            f"no fault {name!r}; there are: {', '.join(faults())}" if faults() else "the demo needs a checkout of andon"
        )
    told = tomllib.loads((folder / "fault.toml").read_text(encoding="utf-8"))
    return Fault(
        name=name,
        title=str(told["title"]),
        check=str(told["check"]),
        patch=(folder / "fault.patch").read_text(encoding="utf-8"),
        message=(folder / "message.txt").read_text(encoding="utf-8"),
        misbehave=tuple(str(one) for one in told.get("misbehave", [])),
        minutes_before_now=int(told.get("minutes_before_now", 180)),
        every_minutes=int(told.get("every_minutes", 30)),
    )


@contextmanager
def world(
    folder: Path, fault: Fault, *, say: Callable[[str], None], quiet: int = 20, agent: str = ""
) -> Iterator[World]:
    """Gives a running watched system with a fault in it, and stops everything at the end; `agent` is its [agent]."""
    runtime = EXAMPLE / ".venv"
    if not (runtime / "bin" / "python").exists():
        raise NotFoundError(f"{runtime} is missing: scripts/demo makes it")
    say("starting a Postgres of its own")
    with Cluster(folder / "postgres", password=secrets.token_hex(16)) as cluster:
        urls = make_database(cluster)
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        step = timedelta(minutes=fault.every_minutes)
        now -= timedelta(minutes=now.minute % 15)
        broke = now - timedelta(minutes=fault.minutes_before_now)
        say("writing the repository and its history")
        make_repository(folder, now)
        production = Production(folder, runtime, urls["owner"])
        first = broke - timedelta(seconds=HISTORY.total_seconds() // step.total_seconds() * step.total_seconds())
        say(f"the pipeline runs well for {int(HISTORY.total_seconds() // 3600)} hours of its own time")
        production.run(
            "backfill", "--from", first.isoformat(), "--to", broke.isoformat(), "--every", str(fault.every_minutes)
        )
        say(f"a developer commits: {fault.message.splitlines()[0]!r}")
        commit_fault(folder, fault, broke)
        git(folder / "production", "pull", "--quiet", "--ff-only")
        misbehave = [word for one in fault.misbehave for word in ("--misbehave", one)]
        production.run(
            "backfill", "--from", (broke + step).isoformat(), "--to", now.isoformat(),
            "--every", str(fault.every_minutes), *misbehave,
        )  # fmt: skip
        with urls_readable(cluster, urls), live(production, misbehave):
            (folder / "andon.toml").write_text(
                CONFIG.format(runtime=runtime, quiet=quiet, agent=agent), encoding="utf-8"
            )
            yield World(folder, {"FEED_READONLY_URL": urls["reader"]}, fault)


def agent_table(kind: str, *, model: str, url: str, key: str) -> str:
    """Returns the [agent] table for a kind; `key` is the name of the variable that holds the key."""
    if kind == "search":
        return ""
    lines = [f"kind = {json.dumps(kind)}", f"model = {json.dumps(model if ':' in model else f'openai:{model}')}"]
    lines += [f"url = {json.dumps(url)}"] if url else []
    lines += [f"key = {json.dumps(f'env:{key}')}"] if key else []
    return "\n".join(["[agent]", *lines, "", ""])


def make_database(cluster: Cluster) -> dict[str, str]:
    """Makes the feed's database with its owner, and returns the URLs of owner and reader."""
    import psycopg

    owner, reader = secrets.token_hex(12), secrets.token_hex(12)
    with psycopg.connect(cluster.admin_url, autocommit=True) as connection:
        connection.execute(f"create role feed login password '{owner}'")
        connection.execute("create database feed owner feed")
        connection.execute(f"create role andon_reader login password '{reader}'")
    return {
        "owner": cluster.url("feed", user="feed", password=owner),
        "reader": cluster.url("feed", user="andon_reader", password=reader),
    }


@contextmanager
def urls_readable(cluster: Cluster, urls: Mapping[str, str]) -> Iterator[None]:
    """Makes the reader's login one that can only read, with the SQL that `andon grants` prints."""
    import psycopg

    del urls
    with psycopg.connect(cluster.url("feed"), autocommit=True) as connection:
        connection.execute(grants_sql("feed", role="andon_reader").encode())
    yield


def make_repository(folder: Path, now: datetime) -> None:
    """Makes origin.git and a production clone, with a few weeks of history."""
    work = folder / "work"
    kept_out = shutil.ignore_patterns(".venv", "faults", ".imagefeed", "__pycache__", ".pytest_cache", "*.egg-info")
    shutil.copytree(EXAMPLE, work, ignore=kept_out)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(work, "init", "--quiet", "--initial-branch=main")
    late = ("checks", "docs", "README.md", "tests/checks")
    history = (
        (timedelta(days=41), "Take pictures and prices from three shops", [".", *(f":!{path}" for path in late)]),
        (timedelta(days=33), "Ask every quarter of an hour whether the feed is sound", ["checks", "tests"]),
        (timedelta(days=19), "Say how the feed is run", ["."]),
    )
    for ago, subject, paths in history:
        git(work, "add", "--all", "--", *paths)
        commit(work, subject, now - ago)
    git(work, "remote", "add", "origin", "../origin.git")
    git(work, "push", "--quiet", "origin", "main")
    git(folder, "clone", "--quiet", "origin.git", "production")


def commit_fault(folder: Path, fault: Fault, broke: datetime) -> None:
    """Commits the fault on the branch, and a harmless change after it, as life goes on."""
    work = folder / "work"
    git(work, "apply", "--index", "-", stdin=fault.patch)
    commit(work, fault.message, broke - timedelta(minutes=4))
    notes = work / "NOTES.md"
    notes.write_text(
        "# Notes\n\nThe shops are asked every half hour; see `python -m imagefeed run --help`.\n", encoding="utf-8"
    )
    git(work, "add", "NOTES.md")
    commit(work, "Write down how often the shops are asked", broke + timedelta(minutes=50))
    git(work, "push", "--quiet", "origin", "main")


def commit(work: Path, message: str, at: datetime) -> None:
    """Commits what is staged, in a developer's name, at a time."""
    stamp = at.isoformat()
    git(
        work, "commit", "--quiet", "-F", "-", stdin=message,
        environ={"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp},
    )  # fmt: skip


def git(folder: Path, *words: str, stdin: str = "", environ: Mapping[str, str] | None = None) -> str:
    """Runs git as the demonstration's developer and returns what it said.

    Raises:
        ExternalError: it failed.
    """
    base = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Mara Lind",
        "GIT_AUTHOR_EMAIL": "mara@feed.example",
        "GIT_COMMITTER_NAME": "Mara Lind",
        "GIT_COMMITTER_EMAIL": "mara@feed.example",
    }
    return run(("git", *words), cwd=folder, environ={**base, **(environ or {})}, stdin=stdin)


def run(words: Sequence[str], *, cwd: Path, environ: Mapping[str, str], stdin: str = "") -> str:
    """Runs a command and returns what it printed.

    Raises:
        ExternalError: it failed; holds its last words.
    """
    ended = subprocess.run(words, cwd=cwd, env=dict(environ), input=stdin, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise ExternalError(f"{' '.join(words[:4])} failed: {(ended.stderr or ended.stdout).strip()[-1500:]}")
    return ended.stdout


class Production:
    """The deployed pipeline: whatever is checked out in production/ is what runs."""

    def __init__(self, folder: Path, runtime: Path, url: str) -> None:
        self.folder = folder
        self.python = runtime / "bin" / "python"
        self.environ = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(folder),
            "PYTHONPATH": "src",
            "LANG": "C.UTF-8",
            "IMAGEFEED_URL": url,
            "IMAGEFEED_HOME": str(folder / "feed-home"),
        }

    def words(self, *words: str) -> tuple[str, ...]:
        """Returns the command line of an imagefeed command."""
        return (str(self.python), "-m", "imagefeed", *words)

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> str:
        """Runs an imagefeed command with the deployed code and returns what it printed."""
        told = {**self.environ, **(environ or {})}
        return run(self.words(*words), cwd=self.folder / "production", environ=told)


@contextmanager
def live(production: Production, misbehave: Sequence[str]) -> Iterator[None]:
    """Keeps the shops open and the pipeline running every few seconds, with whatever code is deployed."""
    stop = threading.Event()
    log = (production.folder / "pipeline.log").open("a", encoding="utf-8")
    shops = subprocess.Popen(
        production.words("source", "--port", "0", "--slot", str(LIVE_SLOT), "--seed", "8", *misbehave),
        cwd=production.folder / "production",
        env=production.environ,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    address = (shops.stdout.readline() if shops.stdout else "").strip().removeprefix("IMAGEFEED_SOURCE=")
    pace = threading.Thread(target=keep_running, args=(production, address, stop, log), name="pipeline")
    try:
        if not address:
            raise ExternalError(f"the shops did not open: see {log.name}")
        pace.start()
        yield
    finally:
        stop.set()
        if pace.is_alive():
            pace.join(timeout=30)
        shops.send_signal(signal.SIGTERM)
        shops.wait(timeout=10)
        if shops.stdout:
            shops.stdout.close()
        log.close()


def keep_running(production: Production, address: str, stop: threading.Event, log: IO[str]) -> None:
    """Runs the pipeline again and again until told to stop; what goes wrong stands in its log, as in life."""
    while not stop.is_set():
        try:
            log.write(production.run("run", "--once", environ={"IMAGEFEED_SOURCE": address}))
        except ExternalError as error:
            log.write(f"{error}\n")
        log.flush()
        stop.wait(LIVE_SLOT)
