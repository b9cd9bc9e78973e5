"""Measures what andon itself adds to a ticket: many tickets whose agent, suite and replay take next to no time.

    python bench/loop.py                      # 200 tickets on SQLite and Postgres, with 1 and 2 workers
    python bench/loop.py --tickets 40 --profile

Everything is real (store, engine, git, sandbox, judge) but for the agent, which knows its patch. A ticket counts when
it stands at the gate. With two workers on Postgres these are two processes; SQLite serves one, which works on two.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from andon.app import App, alone, utc_now
from andon.config import load
from andon.engine import Engine
from andon.fix import new_tests
from andon.models import Attempt, Diagnosis, Patch, Spend, Status, Ticket
from andon.protocols import Case, Fixed
from andon.testing.agents import ScriptedAgent, file_diff
from andon.testing.postgres import PostgresServer
from andon.testing.repos import git

GATE = (Status.PROVEN, Status.PATCHED)
LIMIT = 3600.0

REPLAY = """\
import json, os, sqlite3
rows = json.load(open(os.environ["ANDON_EVIDENCE"]))["rows"]
scratch = sqlite3.connect(os.environ["ANDON_SCRATCH_URL"].removeprefix("sqlite:///"))
scratch.execute("create table marks (n integer, state text, at text)")
for row in rows:
    values = {}
    exec(open(f"values/mark_{row['n']}.py").read(), values)
    state = values["STATE"]
    scratch.execute("insert into marks values (?, ?, ?)", (row["n"], state, row["at"]))
scratch.commit()
"""
SUITE = """\
# Runs the tests that are named, or all.
[ $# -gt 0 ] || set -- tests/*.sh
for test in "$@"; do sh "$test" || exit 1; done
"""
CHECK = """\
-- check: mark-{n}
-- every: 1h
-- at: at
-- key: n
-- why: 2026-11-01. Mark {n} was bad once.
-- decided: it is good.
select n, state, at from marks where n = {n} and state = 'bad'
"""
CONFIG = """\
database = "{database}"
workers = {workers}

[budget]
tickets_per_day = 100000
minutes_per_ticket = 600

"""

SYSTEM = """\

[systems.marks-{number}]
repo = "origin-{number}.git"
checks = "checks-{number}"
test = "sh suite.sh"
replay = "python -I -S replay.py"
runtime = ["{runtime}"]
data = "sqlite:///{folder}/live.db"
storm = 100000
every = "1s"
autonomy = "ship-on-approval"
"""
REPOSITORIES = 4
"""One fix at a time a repository is the rule, so that more workers need more repositories."""


class KnowingAgent(ScriptedAgent):
    """Diagnoses as a script does, and hands in the right patch at once."""

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns the patch that makes the ticket's mark good, with a test of it."""
        del diagnosis, earlier
        number = case.evidence.rows[0]["n"]
        diff = file_diff(f"tests/test_{number}.sh", None, f"grep -q good values/mark_{number}.py\n")
        diff += file_diff(f"values/mark_{number}.py", 'STATE = "bad"\n', 'STATE = "good"\n')
        tests = new_tests(diff) or (f"tests/test_{number}.sh",)
        patch = Patch(base=case.workspace.commit, diff=diff, tests=tests, summary="make it good")
        return Fixed(patch, "known", Spend())


class Figures(NamedTuple):
    """One run."""

    database: str
    workers: int
    tickets: int
    seconds: float
    sweep: float
    outcomes: dict[str, int]

    @property
    def per_minute(self) -> float:
        """Tickets a minute, from the first phase to the gate."""
        return self.tickets / self.seconds * 60


def make_marks(folder: Path, tickets: int, database: str, workers: int) -> None:
    """Makes repositories with so many bad marks together, live rows that show them, and a check for each."""
    config = CONFIG.format(database=database, workers=workers)
    live = sqlite3.connect(folder / "live.db")
    live.execute("create table marks (n integer, state text, at text)")
    at = utc_now().strftime("%Y-%m-%d %H:%M:%S")
    live.executemany("insert into marks values (?, 'bad', ?)", [(number, at) for number in range(tickets)])
    live.commit()
    live.close()
    for number in range(REPOSITORIES):
        make_repository(folder, number, range(number, tickets, REPOSITORIES))
        config += SYSTEM.format(number=number, runtime=sys.prefix, folder=folder)
    (folder / "andon.toml").write_text(config, encoding="utf-8")


def make_repository(folder: Path, number: int, marks: range) -> None:
    """Makes one repository with its remote and checks."""
    work, checks = folder / f"work-{number}", folder / f"checks-{number}"
    for made in (work / "values", work / "tests", checks):
        made.mkdir(parents=True)
    (work / "replay.py").write_text(REPLAY, encoding="utf-8")
    (work / "marks.py").write_text('"""Reads marks."""\n', encoding="utf-8")
    (work / "suite.sh").write_text(SUITE, encoding="utf-8")
    (work / "tests" / "test_all.sh").write_text("test -d values\n", encoding="utf-8")
    for mark in marks:
        (work / "values" / f"mark_{mark}.py").write_text('STATE = "bad"\n', encoding="utf-8")
        (checks / f"mark-{mark}.sql").write_text(CHECK.format(n=mark), encoding="utf-8")
    git("init", "--quiet", "--bare", "--initial-branch=main", f"origin-{number}.git", cwd=folder)
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    git("add", ".", cwd=work)
    git("-c", "user.name=dev", "-c", "user.email=dev@example.org", "commit", "--quiet", "-m", "Begin", cwd=work)
    git("push", "--quiet", f"../origin-{number}.git", "main", cwd=work)


def measure(folder: Path, tickets: int, database: str, workers: int) -> Figures:
    """Returns how long one run took, from one sweep to every ticket at the gate."""
    postgres = database.startswith("postgres")
    make_marks(folder, tickets, database, 1 if postgres else workers)
    with App(load(folder / "andon.toml"), agents=(KnowingAgent(name="knowing"),)) as app, alone(app):
        engine = Engine(app, poll=timedelta(seconds=0.2), sweeps=False)
        others: list[subprocess.Popen[str]] = []
        began = time.monotonic()
        for system in app.config.systems:
            engine.sweep_now(system)
        swept = time.monotonic()
        engine.start()
        try:
            if postgres:
                argv = [sys.executable, __file__, "--join", str(folder)]
                others = [subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) for _ in range(workers - 1)]
            wait_for_gate(app, tickets, engine)
            ended = time.monotonic()
        finally:
            for other in others:
                other.communicate("stop\n", timeout=60)
            engine.stop()
        outcomes: dict[str, int] = {}
        for ticket in app.store.list_tickets():
            verdict = app.store.list_attempts(ticket.id)[-1].verdict
            word = verdict.outcome.value if verdict is not None else ticket.status.value
            outcomes[word] = outcomes.get(word, 0) + 1
    kind = "Postgres" if postgres else "SQLite"
    return Figures(kind, workers, tickets, ended - swept, swept - began, outcomes)


def wait_for_gate(app: App, tickets: int, engine: Engine) -> None:
    """Waits until every ticket stands at the gate.

    Raises:
        RuntimeError: a ticket went elsewhere, or it took too long.
    """
    began, pause = time.monotonic(), threading.Event()
    while time.monotonic() - began < LIMIT:
        found = app.store.list_tickets(status=(*GATE, Status.ESCALATED), limit=tickets)
        lost = [one for one in found if one.status is Status.ESCALATED]
        if lost:
            raise RuntimeError(f"ticket {lost[0].id}: {lost[0].reason}")
        if len(found) == tickets and all(has_verdict(app, one) for one in found):
            return
        pause.wait(0.5)
    raise RuntimeError(f"not all tickets came to the gate; {engine.trouble}")


def has_verdict(app: App, ticket: Ticket) -> bool:
    """Tells whether the judge has spoken."""
    return ticket.status is Status.PROVEN or app.store.list_attempts(ticket.id)[-1].verdict is not None


def join(folder: Path) -> None:
    """Is the second worker: takes work until stdin says to stop."""
    with App(load(folder / "andon.toml"), agents=(KnowingAgent(name="knowing"),)) as app:
        engine = Engine(app, poll=timedelta(seconds=0.2), sweeps=False)
        engine.start()
        sys.stdin.readline()
        engine.stop()


def profile_phases(folder: Path, tickets: int) -> None:
    """Prints where the time of the phases goes, without the engine around them."""
    from andon import workflows

    make_marks(folder, tickets, "sqlite:///.andon/andon.db", 1)
    steps: dict[str, float] = {}

    def step(name: str, work: workflows.Callable[[], workflows.Result]) -> workflows.Result:
        began = time.monotonic()
        result = work()
        name = name.rstrip("0123456789 ")
        steps[name] = steps.get(name, 0.0) + time.monotonic() - began
        return result

    with App(load(folder / "andon.toml"), agents=(KnowingAgent(name="knowing"),)) as app:
        profiler = cProfile.Profile()
        profiler.enable()
        for system in app.config.systems:
            workflows.sweep(app, system, step)
        for ticket in range(1, tickets + 1):
            workflows.run_phase(app, "diagnose", ticket, step)
            workflows.run_phase(app, "fix", ticket, step)
        profiler.disable()
        print(app.store.get_ticket(1).reason, app.store.get_diagnosis(1).refused)
    for name, seconds in sorted(steps.items(), key=lambda one: -one[1]):
        print(f"{name:<16} {seconds / tickets * 1000:8.1f} ms a ticket")
    pstats.Stats(profiler).sort_stats("cumtime").print_stats(60)


def main() -> None:
    """Prints one line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--profile", action="store_true", help="Where the time goes, on SQLite, one after another.")
    parser.add_argument("--join", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.join:
        join(told.join)
        return
    if told.profile:
        with tempfile.TemporaryDirectory() as folder:
            profile_phases(Path(folder), told.tickets)
        return
    first: Figures | None = None
    print(f"{told.tickets} tickets, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| state | workers | tickets a minute | ratio | ms a ticket | sweep s | verdicts |")
    print("|---|--:|--:|--:|--:|--:|---|")
    with PostgresServer() as server:
        for kind in ("sqlite", "postgres") if told.database == "both" else (told.database,):
            for workers in told.workers:
                with tempfile.TemporaryDirectory() as folder:
                    url = "sqlite:///.andon/andon.db" if kind == "sqlite" else server.fresh_database()
                    it = measure(Path(folder), told.tickets, url, workers)
                first = first or it
                verdicts = ", ".join(f"{count} {word}" for word, count in it.outcomes.items())
                print(
                    f"| {it.database} | {it.workers} | {it.per_minute:.0f} | {it.per_minute / first.per_minute:.2f} "
                    f"| {it.seconds / it.tickets * 1000:.0f} | {it.sweep:.1f} | {verdicts} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
