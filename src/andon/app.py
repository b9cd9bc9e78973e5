"""Picks one implementation of everything for a configuration, opens it when first needed, and closes it at the end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from andon.config import FILE_NAME, Config, SystemSettings, search_path, secret
from andon.errors import ConfigError, ConflictError, DataError
from andon.models import Autonomy, Check, Ticket

if TYPE_CHECKING:  # each of these is heavy to import and not every command needs it
    from andon.agents.relay import Relay
    from andon.git import GitRepo
    from andon.protocols import Agent, DataSource, Sandbox, Scratch, Workspace
    from andon.store import Store
    from andon.wallet import Wallet


def utc_now() -> datetime:
    """Returns the time: the one clock of the program."""
    return datetime.now(UTC)


Traces = frozenset[tuple[Path, int, int]]
"""Path, time of the last change and size of files: other traces, other texts."""


def traces_of(folder: Path) -> Traces:
    """Returns the traces of all files in a folder: cheaper by far than reading hundreds of checks for every step."""
    stats = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return frozenset((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)


def silent(ticket: int, text: str) -> None:
    """Says nothing: nobody watches."""


class App:
    """One configuration with everything it needs, opened lazily. Closing it stops what it started."""

    def __init__(
        self,
        config: Config,
        *,
        now: Callable[[], datetime] = utc_now,
        progress: Callable[[int, str], None] = silent,
        agents: tuple[Agent, ...] | None = None,
        proofs: tuple[str, ...] = (),
    ) -> None:
        self.config = config
        self.proofs = proofs
        """Names of the judge's rules that are asked, for tests of the loop; empty, as everywhere else, for all."""
        self.now = now
        self.progress = progress
        """Says what is being done for a ticket, to whoever watches."""
        self._agents = agents
        self._store: Store | None = None
        self._sandbox: Sandbox | None = None
        self._repos: dict[str, GitRepo] = {}
        self._scratches: dict[str, Scratch] = {}
        self._sources: dict[str, DataSource] = {}
        self._checks: dict[str, tuple[Traces, tuple[Check, ...]]] = {}

    def __enter__(self) -> App:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops scratch servers and closes connections."""
        for scratch in self._scratches.values():
            scratch.close()
        for source in self._sources.values():
            source.close()
        if self._store is not None:
            self._store.close()
        self._scratches, self._sources, self._store = {}, {}, None

    @property
    def store(self) -> Store:
        """The facts: tickets, events, evidence, verdicts."""
        if self._store is None:
            from andon.store import Store

            self._store = Store.open(self.database_url)
        return self._store

    @property
    def database_url(self) -> str:
        """Where the state lies, with a relative SQLite path made absolute beside andon.toml."""
        url = secret(self.config.database)
        if not url.startswith("sqlite:///"):
            return url
        path = self.config.home / url.removeprefix("sqlite:///")
        path.parent.mkdir(parents=True, exist_ok=True)
        keep_out_of_git(path.parent)
        return f"sqlite:///{path}"

    @property
    def sandbox(self) -> Sandbox:
        """Where commands of watched systems run.

        Raises:
            SandboxError: none works here; says what to install.
        """
        if self._sandbox is None:
            from andon.sandboxes import open_sandbox

            self._sandbox = open_sandbox()
        return self._sandbox

    def agents(self) -> tuple[Agent, ...]:
        """Returns the configured agents, cheapest first."""
        if self._agents is None:
            self._agents = tuple(self._agent(kind) for kind in self.config.agent.kind)
        return self._agents

    def _agent(self, kind: str) -> Agent:
        """Returns an agent of a kind.

        Raises:
            ConfigError: what [agent] says cannot be used.
        """
        settings = self.config.agent
        if kind == "search":
            from andon.agents.search import SearchAgent

            return SearchAgent()
        if kind == "acp":
            from andon.agents.acp import acp_agent

            return acp_agent(settings, self.open_relay, search=search_path())
        from andon.agents.model import ModelAgent
        from andon.agents.relay import upstream_of

        return ModelAgent(upstream_of(settings, self.config.budget), settings)

    def open_relay(self, wallet: Wallet) -> AbstractContextManager[Relay]:
        """Opens the way to the configured model, for one session.

        Raises:
            ConfigError: no model or key is set, or limits of money could not hold.
        """
        from andon.agents.relay import open_relay, upstream_of

        upstream = upstream_of(self.config.agent, self.config.budget)
        return open_relay(upstream, wallet, requests=self.config.agent.requests)

    def repo_url(self, settings: SystemSettings) -> str:
        """Returns the repository's URL, or its path made absolute beside andon.toml."""
        if "://" in settings.repo or ("@" in settings.repo and ":" in settings.repo):
            return settings.repo
        return str((self.config.home / settings.repo).resolve())

    def repo(self, system: str) -> GitRepo:
        """Returns andon's own clone of a system's repository, freshly fetched when first opened.

        Raises:
            GitError: it cannot be cloned or fetched.
        """
        if system not in self._repos:
            from andon.git import GitRepo

            mirror = self.state_folder("repos") / f"{system}.git"
            self._repos[system] = GitRepo.open(self.repo_url(self.config.system(system)), mirror)
        return self._repos[system]

    def state_folder(self, name: str) -> Path:
        """Returns a folder of andon's own for clones, checkouts or scratch databases; made when missing."""
        folder = self.config.state_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        keep_out_of_git(self.config.state_dir)
        return folder

    def data(self, system: str) -> DataSource:
        """Returns a system's live data through a login that can only read.

        Raises:
            ConfigError: no `data` is set, or the login can do more than read.
            DataError: it cannot be reached.
        """
        if system not in self._sources:
            source = self.open_data(system)
            if powers := source.powers():
                source.close()
                what = "; ".join(power.what for power in powers[:5])
                raise ConfigError(
                    f"the login can do more than read ({what}); `andon grants {system}` prints the SQL that mends it",
                    file=FILE_NAME,
                    key=f"systems.{system}.data",
                )
            self._sources[system] = source
        return self._sources[system]

    def open_data(self, system: str) -> DataSource:
        """Opens another connection to a system's live data, without asking what the login may do.

        Raises:
            ConfigError: no `data` is set.
            DataError: it cannot be reached.
        """
        from andon.data import open_source

        return open_source(self.data_url(system))

    def data_url(self, system: str) -> str:
        """Returns the URL of a system's data.

        Raises:
            ConfigError: none is set, or its environment variable is empty.
        """
        settings = self.config.system(system)
        if not settings.data:
            raise ConfigError("set it to `env:NAME` of a read-only URL", file=FILE_NAME, key=f"systems.{system}.data")
        url = secret(settings.data)
        if url.startswith("sqlite:///"):
            return f"sqlite:///{(self.config.home / url.removeprefix('sqlite:///')).resolve()}"
        return url

    def find_data(self, system: str) -> DataSource | None:
        """Returns a system's live data, or None when it cannot be reached now."""
        try:
            return self.data(system)
        except DataError:
            return None

    def scratch(self, system: str) -> Scratch:
        """Returns where scratch databases for a system's replays come from."""
        settings = self.config.system(system)
        kind = settings.scratch
        if kind == "auto":
            kind = "postgres" if settings.data and self.data_url(system).startswith("postgres") else "sqlite"
        if kind not in self._scratches:
            from andon.sandboxes.scratch import open_scratch

            self._scratches[kind] = open_scratch(kind, self.state_folder("scratch") / kind)
        return self._scratches[kind]

    @contextmanager
    def workspace(self, system: str, commit: str | None = None, diff: str = "") -> Iterator[Workspace]:
        """Gives a clean checkout of a system at a commit (the branch's head when None), removed at the end."""
        from andon.checks import ask_sql
        from andon.workspace import Means, open_workspace

        settings = self.config.system(system)
        repo = self.repo(system)
        means = Means(
            repo, settings, self.sandbox, self.scratch(system), self.state_folder("work"), ask_sql, self.config.home
        )
        with open_workspace(means, commit or repo.head(settings.branch), diff) as workspace:
            yield workspace

    def checks(self, system: str) -> tuple[Check, ...]:
        """Returns a system's checks.

        Raises:
            ConfigError: a check does not load; the message tells all problems.
        """
        from andon.checks import load_checks

        settings = self.config.system(system)
        root = self.check_root(system)
        inside = Path() if root == self.config.home else Path(settings.folder)
        folder = root / inside / settings.checks
        traces = traces_of(folder)
        if system not in self._checks or self._checks[system][0] != traces:
            self._checks[system] = (traces, load_checks(folder, root=root))
        return self._checks[system][1]

    def check_root(self, system: str) -> Path:
        """Returns the folder that the checks' paths are relative to: andon.toml's, or a checkout of the branch.

        Raises:
            ConfigError: there is no folder of checks in either.
        """
        settings = self.config.system(system)
        if (self.config.home / settings.checks).is_dir():
            return self.config.home
        repo = self.repo(system)
        tree = self.state_folder("checks") / repo.head(settings.branch)
        if not tree.exists():
            repo.checkout(tree.name, tree)
        if not (tree / settings.folder / settings.checks).is_dir():
            raise ConfigError(
                f"no folder {settings.checks!r} beside {FILE_NAME} nor in the repository",
                file=FILE_NAME,
                key=f"systems.{system}.checks",
            )
        return tree

    def check(self, system: str, name: str) -> Check:
        """Returns a check by name.

        Raises:
            ConfigError: there is none of that name; lists those that exist.
        """
        checks = {check.name: check for check in self.checks(system)}
        if name not in checks:
            raise ConfigError(f"system {system} has no check {name!r}; it has: {', '.join(sorted(checks))}")
        return checks[name]

    def autonomy(self, ticket: Ticket) -> Autonomy:
        """Returns how far the loop may go with a ticket: the check's own level, else the system's."""
        if ticket.check is None:
            return Autonomy.REPORT
        return ticket.autonomy


def keep_out_of_git(folder: Path) -> None:
    """Writes a .gitignore into a folder of andon's own, so that its state is never committed."""
    ignore = folder / ".gitignore"
    if folder.name == ".andon" and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


@contextmanager
def alone(app: App) -> Iterator[None]:
    """Holds the lock that keeps two processes from working on the same SQLite state.

    Raises:
        ConflictError: another process holds it; says which and what to do.
    """
    if not app.database_url.startswith("sqlite:"):
        yield
        return
    path = Path(app.database_url.removeprefix("sqlite:///") + ".lock")
    with path.open("a+", encoding="utf-8") as file:
        lock(file, path)
        yield


def lock(file: IO[str], path: Path) -> None:
    """Takes an exclusive lock on an open file and writes this process's number into it.

    Raises:
        ConflictError: another process holds it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        raise ConflictError(
            f"process {file.read().strip() or '?'} already works with this state ({path.with_suffix('')}). SQLite "
            'serves one process: stop the other, or set database = "postgresql://..." to run several'
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
