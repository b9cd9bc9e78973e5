"""Prepared states of the loop on tinyfeed, on SQLite and on Postgres: made once, given out again and again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from andon import steps, workflows
from andon.app import App
from andon.config import load
from andon.models import Autonomy, Status
from andon.testing.agents import ScriptedAgent, mended
from andon.testing.loops import BRIEF, moves, use
from andon.testing.nursery import Ended, Nursery
from andon.testing.postgres import PostgresServer
from andon.testing.repos import NOW, commit_edits, git, make_tinyfeed
from andon.testing.waiting import Clock

BUG = "unwrapped-call"
MINUTE = timedelta(minutes=1)
"""Longer than the lease of a worker: what was killed a minute ago is taken for dead."""
LATER = timedelta(hours=2)
"""Longer than the quiet time of the stands."""


def now_clock() -> Clock:
    """Returns a clock that stands after tinyfeed's last run, whatever the machine's clock says."""
    clock = Clock()
    return clock if clock.now() > NOW else Clock(NOW)


class Facts(NamedTuple):
    """All that must be the same with a kill and without."""

    moves: list[str]
    attempts: list[tuple[int, str, str]]
    approvals: list[tuple[int, str]]
    releases: list[tuple[int, bool, bool]]
    """Attempt, deployed, reverted."""
    tickets: int
    evidence: int
    diagnoses: int
    deploys: int
    commits: list[str]
    """What kind of commits of andon's stand on the remote's branch, oldest first."""


class Stands:
    """Makes, keeps and gives out states of one kind of database; always in the same place, as paths are absolute."""

    def __init__(self, top: Path, nursery: Nursery, server: PostgresServer | None) -> None:
        self.top = top
        self.here = top / "here"
        self.nursery = nursery
        self.server = server
        self.ages: dict[str, timedelta] = {}
        """How far the clock of each kept state had been put forward: a state's time never goes back."""
        self.age = timedelta(0)
        self.builders: dict[str, Callable[[], None]] = {}

    @property
    def url(self) -> str:
        """URL of the state's database."""
        if self.server is None:
            return "sqlite:///.andon/andon.db"
        return self.server.admin_url.replace("/postgres?", "/here?")

    def give(self, name: str) -> Path:
        """Puts a state in place, made when it is asked for the first time, and returns its folder."""
        if name not in self.ages:
            self.age = timedelta(0)
            self.builders[name]()
            self.keep(name)
        self._restore(name)
        return self.here

    def keep(self, name: str) -> None:
        """Keeps what is in place under a name."""
        shutil.copytree(self.here, self.top / name, symlinks=True)
        if self.server is not None:
            self._copy_database("here", f"kept_{name}")
        self.ages[name] = self.age

    def _restore(self, name: str) -> None:
        self.age = self.ages[name]
        make_alike(self.top / name, self.here)
        if self.server is not None:
            self._copy_database(f"kept_{name}", "here")

    def _copy_database(self, source: str, target: str) -> None:
        assert self.server is not None
        self.server.run(
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{source}'",
            f'drop database if exists "{target}" with (force)',
            f'create database "{target}" template "{source}"',
        )

    def clock(self) -> Clock:
        """Returns a clock at the time of the state in place."""
        clock = now_clock()
        clock.forward(self.age)
        return clock

    def open(self) -> App:
        """Returns an app on the state in place; close it."""
        return open_app(self.here, self.clock())

    def run(self, *, kill: str = "", moves: int = 0, later: timedelta = timedelta(0), **told: JsonValue) -> Ended:
        """Runs the engine in a process of its own until so many moves stand in the history, or a boundary kills it.

        The state is so much older from then on: a worker that beat in the future would never be taken for dead.
        """
        self.age += later
        order: dict[str, JsonValue] = {
            "folder": str(self.here), "offset": self.clock().offset.total_seconds(), "bug": BUG,
            "lane": "code bug", "abstains": False, "sweeps": False, "kill": kill, "moves": moves, "record": "", **told,
        }  # fmt: skip
        return self.nursery.run(order)

    def facts(self) -> Facts:
        """Returns what stands in the store and on the remote of the state in place."""
        with self.open() as app:
            store = app.store
            return Facts(
                moves=moves(store, 1),
                attempts=[
                    (one.number, one.agent, one.verdict.outcome.value if one.verdict else "")
                    for one in store.list_attempts(1)
                ],
                approvals=[(one.attempt, one.decision) for one in store.list_approvals(1)],
                releases=[
                    (one.attempt, one.deployed_at is not None, one.reverted_by is not None)
                    for one in store.list_releases()
                ],
                tickets=len(store.list_tickets()),
                evidence=len(store.list_evidence(1)),
                diagnoses=len(store.list_diagnoses(1)),
                deploys=deploys(self.here),
                commits=andon_commits(self.here),
            )


def make_alike(source: Path, target: Path) -> None:
    """Makes a folder what another one is, and writes only what differs in size or time: most files never change."""
    target.mkdir(exist_ok=True)
    wanted = {entry.name: entry for entry in os.scandir(source)}
    for old in os.scandir(target):
        new = wanted.get(old.name)
        if new is not None and is_alike(old, new):
            del wanted[old.name]
        elif old.is_dir(follow_symlinks=False):
            if new is None or not new.is_dir(follow_symlinks=False):
                shutil.rmtree(old)
        else:
            os.unlink(old)
    for name, entry in wanted.items():
        if entry.is_dir(follow_symlinks=False):
            make_alike(Path(entry.path), target / name)
            shutil.copystat(entry, target / name)
        else:
            shutil.copy2(entry, target / name, follow_symlinks=False)


def is_alike(one: os.DirEntry[str], other: os.DirEntry[str]) -> bool:
    """Tells whether two files are copies of each other that nobody wrote to since."""
    if not (one.is_file(follow_symlinks=False) and other.is_file(follow_symlinks=False)):
        return False
    mine, its = one.stat(), other.stat()
    return (mine.st_size, mine.st_mtime_ns, mine.st_mode) == (its.st_size, its.st_mtime_ns, its.st_mode)


def open_app(folder: Path, clock: Clock) -> App:
    """Returns an app with an agent that writes the right fix."""
    return App(load(folder / "andon.toml"), now=clock.now, agents=(ScriptedAgent([mended(BUG)]),), proofs=BRIEF)


def andon_commits(folder: Path, ticket: int = 1) -> list[str]:
    """Returns `fix` or `revert` for each commit of a ticket on the remote's main, oldest first."""
    bodies = git("log", "--reverse", "--format=%B%x00", "main", cwd=folder / "origin.git").split("\0")
    mine = [body for body in bodies if f"\nTicket: {ticket}\n" in f"\n{body}\n"]
    return ["revert" if "\nReverts: " in body else "fix" for body in mine]


def deploys(folder: Path) -> int:
    """Returns how often the deploy command of a stand ran."""
    log = folder / "deploys.log"
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def make_red(folder: Path, url: str) -> None:
    """Makes a tinyfeed that is broken, with a deploy command that leaves a line each time."""
    make_tinyfeed(folder, bug=BUG)
    script = folder / "deploy.sh"
    script.write_text("#!/bin/sh\necho deployed >> deploys.log\n", encoding="utf-8")
    script.chmod(0o755)
    use(folder, database=url, every="1s", quiet="1h", rollout="0s", autonomy="ship-on-approval", deploy="./deploy.sh")


def offend(folder: Path, clock: Clock) -> None:
    """Writes an offending row that is newer than now into the live rows."""
    at = (clock.now() + timedelta(seconds=5)).strftime("%Y-%m-%d %H:%M:%S")
    connection = sqlite3.connect(folder / "live.db")
    connection.execute(
        "insert into pictures values ('run-0099', 'north', 'north/gallery/X1', 'gallery', 429, 0, ?)", (at,)
    )
    connection.commit()
    connection.close()


def stands_of(top: Path, nursery: Nursery, server: PostgresServer | None) -> Stands:
    """Returns the stands of one kind of database, with a builder for each state."""
    it = Stands(top, nursery, server)

    def red() -> None:
        if server is not None:
            server.run("create database here")
        make_red(it.here, it.url)
        assert it.run().code == 0  # so that the engine's own tables are there

    def opened() -> None:
        it.give("red")
        with it.open() as app:
            workflows.sweep(app, "tinyfeed", workflows.straight)

    def diagnosed() -> None:
        it.give("open")
        phase("diagnose", Status.DIAGNOSED)

    def phase(name: str, status: Status) -> None:
        with it.open() as app:
            assert workflows.run_phase(app, name, 1, workflows.straight) == status, app.store.get_ticket(1).reason

    def killed_around_the_judge(state: str, number: int) -> Callable[[], None]:
        """Kills before a verdict, then when it is given and not remembered, then when it is remembered."""

        def build() -> None:
            it.give(state)
            for boundary in ("before judge", "done judge", "before judged"):
                ended = it.run(kill=f"{boundary} {number}", moves=99, later=MINUTE)
                assert ended.code == -9, ended.output

        return build

    def unsigned() -> None:
        it.give("judged")
        with it.open() as app:
            app.store.update_ticket(1, autonomy=Autonomy.SHIP_WHEN_PROVEN, now=app.now())

    def proven() -> None:
        it.give("judged")
        ended = it.run(moves=4, later=MINUTE)
        assert ended.code == 0, ended.output

    def red_suite() -> None:
        it.give("diagnosed")
        commit_edits(it.here / "tinyfeed", "Hope", {"tests/test_hope.py": "def test_hope():\n    assert False\n"})

    def undeployable() -> None:
        it.give("approved")
        use(it.here, deploy="false")

    def approved() -> None:
        it.give("proven")
        with it.open() as app:
            steps.approve(app, 1, note="looks right")

    def moved() -> None:
        it.give("approved")
        commit_edits(it.here / "tinyfeed", "Say more", {"README.md": "# tinyfeed\nMore words.\n"})

    def conflicting() -> None:
        it.give("approved")
        text = (it.here / "tinyfeed/tinyfeed/fetch.py").read_text(encoding="utf-8")
        text = text.replace("def fetch_gallery(transport, url):", "def fetch_gallery(transport, url, *, quick=False):")
        commit_edits(it.here / "tinyfeed", "Fetch quickly", {"tinyfeed/fetch.py": text})

    def shipped() -> None:
        it.give("approved")
        phase("ship", Status.SHIPPED)

    def fired() -> None:
        it.give("shipped")
        offend(it.here, it.clock())

    it.builders = {
        "red": red,
        "open": opened,
        "diagnosed": diagnosed,
        "red suite": red_suite,
        "judged": killed_around_the_judge("diagnosed", 1),
        "unsigned": unsigned,
        "proven": proven,
        "approved": approved,
        "moved": moved,
        "conflicting": conflicting,
        "rejudged": killed_around_the_judge("moved", 2),
        "undeployable": undeployable,
        "shipped": shipped,
        "fired": fired,
    }
    return it
