"""The four faces that have more than one implementation; whoever needs one takes it as an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import IO, NamedTuple, Protocol

from andon.models import (
    Attempt,
    Brief,
    Check,
    CheckResult,
    Diagnosis,
    Evidence,
    Limits,
    Memory,
    Patch,
    Ran,
    Replay,
    Row,
    Spend,
    TestRun,
    Ticket,
)
from andon.wallet import Wallet

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""`:since` of a question that is asked of all rows there ever were."""


class Answer(NamedTuple):
    """What a read-only query gave: the first rows, and how many there are in all."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int


class Power(NamedTuple):
    """Something a login may do beyond reading, and the SQL that takes it away."""

    what: str
    remedy: str


class DataSource(Protocol):
    """A database that provably cannot be written through this face."""

    @property
    def dialect(self) -> str:
        """`postgres` or `sqlite`, as sqlglot names them."""
        ...

    def ask(
        self,
        sql: str,
        params: Mapping[str, datetime] | None = None,
        *,
        timeout: timedelta = timedelta(seconds=30),
        rows_kept: int = 100,
    ) -> Answer:
        """Returns the first rows of one read-only statement and the full count, in one pass.

        `:name` in the SQL stands for a parameter of that name.

        Raises:
            DataError: it could not be asked: unreachable, refused by a guard, too slow, or not SQL.
        """
        ...

    def powers(self) -> tuple[Power, ...]:
        """Returns what the login may do beyond reading; empty is what andon asks for."""
        ...

    def close(self) -> None: ...


class Surroundings(NamedTuple):
    """What a command finds around it and what must not matter to its outcome."""

    host: str = "andon"
    """Name of the machine, as far as the sandbox can tell another."""
    user: int = 1000
    """Number of the user, as far as the sandbox can tell another; `seen/passwd.txt` names 1000 and 1007."""
    tree: str = "tree"
    """Name of the folder that the tree of a suite lies in."""


USUAL = Surroundings()


class Command(NamedTuple):
    """A command for the sandbox."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = {}
    """The whole environment besides HOME, TMPDIR, LANG, PATH; nothing is inherited."""
    readable: tuple[Path, ...] = ()
    """Folders and files seen read-only, besides the system's own (/usr, /lib, ...) and `path` below."""
    writable: tuple[Path, ...] = ()
    """Folders that the command may write."""
    path: tuple[Path, ...] = ()
    """Folders of programs, first on PATH."""
    stdin: str = ""
    limits: Limits = Limits()
    around: Surroundings = USUAL
    stop: Event | None = None
    """Once it is set the whole tree is killed, as if its time were up."""


class Running(NamedTuple):
    """A command that runs in the sandbox and is talked to; its time limit is kept and its stderr is read elsewhere."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    kill: Callable[[], None]
    """Ends the whole tree now; from any thread, and as often as one likes."""
    wait: Callable[[], Ran]
    """Waits for the end and returns it, without stdout, which is the caller's to read.

    Raises:
        SandboxError: it could not be started in isolation.
    """


class Sandbox(Protocol):
    """Where every command of a watched system runs: no network, no secrets; the whole process tree dies at the end."""

    @property
    def name(self) -> str: ...

    @property
    def weaker(self) -> str:
        """Why it isolates less than it should; empty for the full one. Shown wherever its results are shown."""
        ...

    def run(self, command: Command) -> Ran:
        """Returns how the command ended.

        Raises:
            SandboxError: it could not be started in isolation.
        """
        ...

    def start(self, command: Command) -> AbstractContextManager[Running]:
        """Gives the running command, isolated and bounded as in `run`; its whole tree is dead at the end.

        `command.stdin` is not written. The thread that starts it must outlive it.

        Raises:
            SandboxError: it could not be started in isolation; what is found only later, `wait` raises.
        """
        ...


class Change(NamedTuple):
    """Statements that change a database together or not at all."""

    statements: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    """What is run instead when these are refused for good."""


class ScratchDatabase(NamedTuple):
    """An empty database that one sandboxed command may fill, and that andon then asks from outside."""

    url: str
    """For the command in the sandbox."""
    binds: tuple[Path, ...]
    """What the sandbox must see writable for the URL to work (a socket folder, or the file's folder)."""
    source: Callable[[], DataSource]
    """Opens it read-only, from outside, once the command has ended."""
    change: Callable[[Sequence[Change]], tuple[str, ...]]
    """Makes changes from outside, as whoever owns the tables, and returns what was wrong with each ("" for nothing).

    One that is refused is tried again after the others, as rows may need each other.
    """


class Scratch(Protocol):
    """Gives fresh scratch databases; dropped on leaving the context."""

    def fresh(self) -> AbstractContextManager[ScratchDatabase]: ...

    def close(self) -> None: ...


class Needs(NamedTuple):
    """What a program that is not of the watched system needs to run in its sandbox."""

    seconds: float
    """Wall time; all that it started is dead at the end of it."""
    env: Mapping[str, str] = {}
    readable: tuple[Path, ...] = ()
    """Files and folders of its own installation."""
    path: tuple[Path, ...] = ()
    """Folders of programs, last on PATH: the system's own interpreter stays the first."""
    sockets: tuple[Path, ...] = ()
    """Unix sockets, its only ways out: what listens there decides what goes on."""


class Workspace(Protocol):
    """A clean checkout of a system at a commit, with a diff on top, and the commands that run on it in the sandbox.

    Nothing run in it can touch the checkout: replay and test see it read-only unless `run` is told otherwise.
    """

    @property
    def root(self) -> Path:
        """Folder of the checkout (the repository's root; there is no .git in it)."""
        ...

    @property
    def folder(self) -> Path:
        """Folder of the system inside the checkout: commands run here."""
        ...

    @property
    def commit(self) -> str:
        """The base commit, full hash."""
        ...

    @property
    def diff(self) -> str:
        """The diff on top of the commit; empty for none."""
        ...

    def at(self, commit: str | None = None, diff: str = "") -> AbstractContextManager[Workspace]:
        """Gives another clean checkout, at a commit (this one's when None) with a diff on top; removed at the end.

        Raises:
            GitError: no such commit, or the diff does not apply.
        """
        ...

    def size(self) -> int:
        """Returns how many bytes of the disk the checkout takes now.

        Raises:
            SandboxError: it cannot be counted.
        """
        ...

    def changed(self) -> str:
        """Returns the diff from the commit to what stands in the checkout now, computed outside from its bytes.

        Raises:
            GitError: the checkout is too large, or holds a path that git cannot keep.
        """
        ...

    def replay(
        self,
        check: Check,
        evidence: Evidence,
        *,
        trace: bool = False,
        more: Sequence[Check] = (),
        then: Callable[[Sequence[CheckResult]], Sequence[Check]] | None = None,
        touch: Callable[[Sequence[CheckResult]], Sequence[Change]] | None = None,
        env: Mapping[str, str] = {},
    ) -> Replay:
        """Runs the system's replay on the evidence and asks the check of the scratch database, from outside.

        `more` are other questions to the same scratch database; `then` gives further ones, from the answers to those.
        `touch` gives changes, from all answers, that are made in the database; then the check and what `then` gave
        are asked once more, and the check's message tells which changes were refused. `env` is more environment
        for the replay.
        """
        ...

    def test(
        self,
        tests: Sequence[str] = (),
        *,
        coverage: bool = False,
        seconds: float | None = None,
        plugins: Sequence[str] = (),
        env: Mapping[str, str] = {},
        around: Surroundings = USUAL,
        stop: Event | None = None,
    ) -> TestRun:
        """Runs the suite (or only these files or node ids) and returns the runner's events.

        `plugins` are more of andon's own plugins of the runner; `env` is more environment for the run. Once `stop`
        is set it is killed, as if its time were up.
        """
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        writable: bool = False,
        copied: bool = False,
        seconds: float = 60.0,
        env: Mapping[str, str] = {},
        around: Surroundings = USUAL,
    ) -> Ran:
        """Runs any command in the sandbox, in the system's folder.

        `writable` lets it change this very checkout, `copied` only a copy that is gone with the run.
        """
        ...

    def start(self, argv: Sequence[str], needs: Needs, *, writable: bool = False) -> AbstractContextManager[Running]:
        """Starts a program that is talked to, an agent above all, where `run` would run a command; dead at the end."""
        ...


class History(Protocol):
    """What may be asked of a repository's past; read-only."""

    def head(self, branch: str) -> str:
        """Returns the commit of a branch, full hash."""
        ...

    def show(self, commit: str, path: str) -> str:
        """Returns a file at a commit. Raises GitError when there is none."""
        ...

    def files(self, commit: str) -> tuple[str, ...]:
        """Returns all paths at a commit."""
        ...

    def log(
        self, commit: str, *, limit: int = 200, since: datetime | None = None, path: str | None = None
    ) -> tuple[CommitEntry, ...]:
        """Returns commits reachable from one, newest first."""
        ...

    def diff(self, old: str, new: str, *, paths: Sequence[str] = ()) -> str:
        """Returns the text diff between two commits (unified, 3 lines of context, no renames, full index)."""
        ...

    def blame(self, commit: str, path: str) -> tuple[str, ...]:
        """Returns the commit that last changed each line of a file."""
        ...


class CommitEntry(NamedTuple):
    """One commit of the history."""

    commit: str
    at: datetime
    subject: str
    author: str
    files: tuple[str, ...]
    body: str = ""


class Case(NamedTuple):
    """All that an agent gets of a ticket."""

    ticket: Ticket
    check: Check
    evidence: Evidence
    brief: Brief
    workspace: Workspace
    """Clean checkout of the branch; read-only."""
    history: History
    data: DataSource | None
    """The live data, through the guarded login; None when it cannot be reached."""
    replay_argv: tuple[str, ...]
    """The system's replay command, for the regression test."""
    test_argv: tuple[str, ...]
    scratch_fixture: str
    """Fixture of the suite that gives a scratch URL; empty: find it."""
    deadline: datetime
    """When the ticket's time is used up."""
    wallet: Wallet
    """What the session may still cost: whatever an agent's model costs is charged to it."""
    progress: Callable[[str], None]
    """Says a sentence to the person who watches."""
    transcript: Callable[[str, str], None]
    """(kind, text): keeps one line of what an agent did or said, for people; both are capped."""
    weigh: Callable[[Diagnosis], Diagnosis]
    """The engine's own re-check: what stands of a diagnosis when each of its facts is run again."""
    examine: Callable[[Patch], str]
    """Returns why a patch has not the form of one; empty when it has. Whether it is right, the judge decides."""
    checks: tuple[str, ...]
    """Names of the system's checks."""
    run_check: Callable[[str], CheckResult]
    """Asks one of these checks of the live system now, as a sweep would; nothing is saved.

    Raises NotFoundError for a name that is none of them.
    """
    recall: Callable[[str], tuple[Memory, ...]]
    """Finds what earlier tickets taught, by words."""
    others: tuple[Ticket, ...] = ()
    """The system's other open tickets with a check: one of them may have the same cause."""
    before: tuple[Diagnosis, ...] = ()
    """What agents before this one found for the ticket, none of which led to the cause."""
    logs: tuple[str, ...] = ()
    """Absolute paths and patterns of the system's log files; nothing else is read as a log."""
    workers: int = 2
    """Commands that may run side by side."""


class Fixed(NamedTuple):
    """What a go at a patch gave."""

    patch: Patch | None
    """None: the agent abstains."""
    notes: str
    """What was tried and what came of it, for people; Markdown."""
    spend: Spend = Spend()


class Agent(Protocol):
    """Finds causes and writes patches. May be wrong, lazy or dishonest: everything it says is proven elsewhere."""

    @property
    def name(self) -> str: ...

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:
        """Returns the five whys as the agent sees them.

        Raises:
            AgentError: it died or ran out of its limits.
        """
        ...

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns a patch with its regression test, or abstains. `earlier` holds what was refuted.

        Raises:
            AgentError: it died or ran out of its limits.
        """
        ...


class Recall(Protocol):
    """Earlier tickets, for the brief."""

    def memories(self, system: str, checks: Sequence[str], text: str, *, without: int) -> tuple[Memory, ...]: ...


AskCheck = Callable[[Check, DataSource, datetime | None, datetime], CheckResult]
"""(check, data, since, now): asks an SQL check of a data source. The face that `checks.ask_sql` has."""
