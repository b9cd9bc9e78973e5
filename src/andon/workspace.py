"""A clean checkout and the commands that run on it in the sandbox; what they may spoil is never the checkout."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import NamedTuple

from andon.config import SystemSettings
from andon.environments import lay_over
from andon.errors import DataError, GitError, SandboxError
from andon.git import GitRepo
from andon.launch import decides_the_run, find_program, launched, with_events, with_tests, with_trace
from andon.models import Check, CheckResult, CheckState, Evidence, Limits, Ran, Replay, TestRun
from andon.probes import INSIDE
from andon.probes.reading import Place, read_coverage, read_events, read_notes, read_trace
from andon.protocols import (
    USUAL,
    AskCheck,
    Change,
    Command,
    Needs,
    Running,
    Sandbox,
    Scratch,
    ScratchDatabase,
    Surroundings,
)
from andon.runners import Bench, runner_of
from andon.sandboxes.folders import remove_tree, size_of

FIXED = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "EMAIL": "user@example.org"}
"""With an address, tests that commit to a repository of their own need no identity that somebody configured."""
EVENTS, COVER, TRACE, EVIDENCE = "events.jsonl", "cover.json", "trace.json", "evidence.json"


class Means(NamedTuple):
    """What every checkout of a system shares."""

    repo: GitRepo
    settings: SystemSettings
    sandbox: Sandbox
    scratch: Scratch
    base: Path
    """Folder for checkouts and runs; they are removed when they end."""
    ask: AskCheck
    home: Path = Path()
    """Folder that relative runtimes are relative to: where andon.toml stands."""
    roots: tuple[str, ...] = ()
    """Folders of the repository that Python imports from; found when empty: the system's folder and its `src`."""
    overlay: Mapping[str, bytes] = MappingProxyType({})
    """Files that every checkout gets where it has none: what the project's own build would write."""
    links: Mapping[str, Path] = MappingProxyType({})
    """Folders outside that every checkout gets a link to where it has none: packages that the user has installed."""


class Run(NamedTuple):
    """The folders of one command, gone when it has ended."""

    folder: Path
    scratch: Path
    out: Path
    """Where the probes write."""
    database: ScratchDatabase


class TreeWorkspace:
    """A clean checkout of a system at a commit with a diff on top. Implements `protocols.Workspace`."""

    def __init__(self, means: Means, root: Path, commit: str, diff: str = "") -> None:
        self.means = means
        self.root = root
        self.commit = commit
        self.diff = diff
        self.folder = root / means.settings.folder

    @contextmanager
    def at(self, commit: str | None = None, diff: str = "") -> Iterator[TreeWorkspace]:
        """Gives another clean checkout, at a commit (this one's when None) with a diff on top; removed at the end.

        Raises:
            GitError: no such commit, the diff does not apply, or the system's folder is not in it.
        """
        with open_workspace(self.means, commit or self.commit, diff) as other:
            yield other

    def size(self) -> int:
        """Returns how many bytes of the disk the checkout takes now.

        Raises:
            SandboxError: it cannot be counted.
        """
        return size_of(self.root)

    def changed(self) -> str:
        """Returns the diff from the commit to what stands in the checkout now, computed outside from its bytes.

        Raises:
            GitError: the checkout is too large, or holds a path that git cannot keep.
        """
        return self.means.repo.diff_of(self.root, self.commit)

    def replay(
        self,
        check: Check,
        evidence: Evidence,
        *,
        trace: bool = False,
        more: Sequence[Check] = (),
        then: Callable[[Sequence[CheckResult]], Sequence[Check]] | None = None,
        touch: Callable[[Sequence[CheckResult]], Sequence[Change]] | None = None,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Replay:
        """Runs the system's replay on the evidence and asks the check of the scratch database, from outside.

        `more` are other questions to the same scratch database; `then` gives further ones, from the answers to those.
        `touch` gives changes, from all answers, that are made in the database; then the check and what `then` gave
        are asked once more, and the check's message tells which changes were refused. `env` is more environment
        for the replay.

        Raises:
            SandboxError: the replay could not be started in isolation.
            ConfigError: the system has no replay command.
        """
        settings = self.means.settings
        argv = self._found(settings.argv("replay"))
        with self._run() as run:
            recorded = run.folder / EVIDENCE
            recorded.write_text(json.dumps(evidence.model_dump(mode="json")), encoding="utf-8")
            argv = with_trace(argv, run.out / TRACE, self.root) if trace else argv
            env = {**env, "ANDON_EVIDENCE": str(recorded)}
            readable = (self.root, recorded, *((INSIDE,) if trace else ()))
            command = self._command(argv, run, self.folder, env=env, readable=readable, seconds=settings.replay_seconds)
            ran = self.means.sandbox.run(command)
            lines, calls, errors = read_trace(run.out / TRACE) if trace else ({}, (), None)
            ended = ran.code == 0 and not ran.timed_out
            answers = self._answers(check, evidence, run.database, more, then, touch) if ended else []
        result = answers[0] if answers else None
        return Replay(ran=ran, result=result, trace=lines, calls=calls, errors=errors, answers=tuple(answers[1:]))

    def test(
        self,
        tests: Sequence[str] = (),
        *,
        coverage: bool = False,
        seconds: float | None = None,
        plugins: Sequence[str] = (),
        env: Mapping[str, str] = MappingProxyType({}),
        around: Surroundings = USUAL,
        stop: Event | None = None,
    ) -> TestRun:
        """Runs the suite (or only these files or node ids) on a copy of the tree, and returns the runner's events.

        `seconds` bounds one test, the settings bound the run. A runner that tells nothing gives one event, `suite`.
        `plugins` are more modules beside andon's probes in pytest; what they leave in ANDON_OUT as note-NAME.json
        comes back.
        `around` is what the run finds around it: machine, user, name of its folder. Once `stop` is set it is killed.

        Raises:
            SandboxError: the suite could not be started in isolation.
            ConfigError: the system has no test command.
        """
        settings = self.means.settings
        argv = self._found(settings.argv("test"))
        runner = runner_of(settings)
        with self._run() as run:
            place = self._copy(run, around.tree)
            if runner.run is not None:
                return runner.run(self._bench(argv, run, place, env, around, seconds, stop), self._local(tests))
            (run.out / EVENTS).touch()
            argv = with_events(with_tests(argv, self._local(tests), self.folder), plugins)
            env = {**env, **self._probe_env(run, place, coverage=coverage, seconds=seconds)}
            if (first := launched(argv)) != argv:
                path = ":".join(map(str, (INSIDE, *self._roots(place.folder))))
                argv, env = first, {"ANDON_PATH": path, "PYTHONPATH": "", **env}
            command = self._command(
                argv,
                run,
                place.folder,
                env=env,
                readable=(INSIDE,),
                writable=(place.tree,),
                seconds=settings.test_seconds,
                around=around,
            )
            ran = self.means.sandbox.run(command._replace(stop=stop))
            return self._test_run(ran, run, place)

    def run(
        self,
        argv: Sequence[str],
        *,
        writable: bool = False,
        copied: bool = False,
        seconds: float = 60.0,
        env: Mapping[str, str] = MappingProxyType({}),
        around: Surroundings = USUAL,
    ) -> Ran:
        """Runs any command in the sandbox, in the system's folder.

        `writable` lets it change this very checkout, `copied` only a copy that is gone with the run.
        """
        with self._run() as run:
            place = self._copy(run, around.tree) if copied else Place(self.root, self.folder)
            seen, changed = ((), (place.tree,)) if writable or copied else ((place.tree,), ())
            command = self._command(
                self._found(argv),
                run,
                place.folder,
                env=env,
                readable=seen,
                writable=changed,
                seconds=seconds,
                around=around,
            )
            return self.means.sandbox.run(command)

    @contextmanager
    def start(self, argv: Sequence[str], needs: Needs, *, writable: bool = False) -> Iterator[Running]:
        """Gives a program that runs where `run` would run a command, and is talked to; dead at the end."""
        with self._run() as run:
            seen, changed = ((), (self.root,)) if writable else ((self.root,), ())
            command = self._command(
                tuple(argv),
                run,
                self.folder,
                # What the watched tree holds is nothing for the program's own interpreter to import.
                env={"PYTHONPATH": "", **needs.env},
                readable=(*seen, *needs.readable),
                writable=(*changed, *needs.sockets),
                seconds=needs.seconds,
                path=needs.path,
            )
            with self.means.sandbox.start(command) as running:
                yield running

    # --- inside -----------------------------------------------------------------------------------------------------

    @property
    def _path(self) -> tuple[Path, ...]:
        """Folders of programs of the system's runtime."""
        tops = [(self.means.home / top).expanduser().absolute() for top in self.means.settings.runtime]
        return tuple(top / "bin" if (top / "bin").is_dir() else top for top in tops)

    def _found(self, argv: Sequence[str]) -> tuple[str, ...]:
        return (find_program(argv[0], self._path), *argv[1:])

    def _local(self, tests: Sequence[str]) -> tuple[str, ...]:
        """Returns tests named from the system's folder; those named from the repository's root are renamed."""
        names = []
        for test in tests:
            path, mark, rest = test.partition("::")
            if not (self.folder / path).exists() and (self.root / path).exists():
                path = os.path.relpath(self.root / path, self.folder)
            names.append(path + mark + rest)
        return tuple(names)

    @contextmanager
    def _run(self) -> Iterator[Run]:
        """Gives fresh folders and a fresh scratch database."""
        folder = self.means.base / f"run-{secrets.token_hex(6)}"
        run = (folder / "scratch", folder / "out")
        try:
            for made in run:
                made.mkdir(parents=True)
            with self.means.scratch.fresh() as database:
                yield Run(folder, *run, database)
        except OSError as error:
            raise SandboxError(f"no room for a run in {self.means.base}: {error}") from error
        finally:
            remove_tree(folder)

    def _copy(self, run: Run, name: str) -> Place:
        tree = run.folder / name
        shutil.copytree(self.root, tree, symlinks=True)
        for path in filter(decides_the_run, re.findall(r"(?m)^diff --git a/.+? b/(.+)$", self.diff)):
            if decides_the_run(path, self.means.repo.files(self.commit)):
                self._as_before(tree / path, path)
        return Place(tree, tree / self.means.settings.folder)

    def _as_before(self, file: Path, path: str) -> None:
        """Gives a file of a run the text of the commit: how the suite runs is no diff's to decide."""
        file.unlink(missing_ok=True)
        with contextlib.suppress(GitError):  # it is not there at the commit
            text = self.means.repo.show(self.commit, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def _bench(
        self,
        argv: tuple[str, ...],
        run: Run,
        place: Place,
        env: Mapping[str, str],
        around: Surroundings,
        seconds: float | None,
        stop: Event | None,
    ) -> Bench:
        """Returns what a runner other than pytest needs for one run."""
        settings = self.means.settings

        def start(argv: Sequence[str], cwd: Path, env: Mapping[str, str], left: float) -> Ran:
            command = self._command(
                tuple(argv),
                run,
                cwd,
                env=env,
                readable=(INSIDE,),
                writable=(place.tree,),
                seconds=left,
                around=around,
            )
            return self.means.sandbox.run(command._replace(stop=stop))

        tops = tuple((self.means.home / top).expanduser().absolute() for top in settings.runtime)
        ends = time.monotonic() + settings.test_seconds
        return Bench(argv, place, run.out, start, ends, seconds or 0.0, dict(env), tops, settings.junit)

    def _probe_env(self, run: Run, place: Place, *, coverage: bool, seconds: float | None) -> dict[str, str]:
        env = {"ANDON_EVENTS": str(run.out / EVENTS), "ANDON_OUT": str(run.out)}
        if coverage:
            env |= {"ANDON_COVER": str(run.out / COVER), "ANDON_COVER_ROOT": str(place.tree)}
        return env | ({"ANDON_TEST_SECONDS": str(seconds)} if seconds else {})

    def _command(
        self,
        argv: tuple[str, ...],
        run: Run,
        cwd: Path,
        *,
        env: Mapping[str, str] | None = None,
        readable: tuple[Path, ...] = (),
        writable: tuple[Path, ...] = (),
        seconds: float,
        around: Surroundings = USUAL,
        path: tuple[Path, ...] = (),
    ) -> Command:
        roots = ([INSIDE] if INSIDE in readable else []) + self._roots(cwd)
        own = {
            **FIXED,
            "ANDON_SCRATCH": str(run.scratch),
            "ANDON_SCRATCH_URL": run.database.url,
            **({"PYTHONPATH": ":".join(map(str, roots))} if roots else {}),
            **(env or {}),
        }
        tops = tuple(top.parent if top.name == "bin" else top for top in self._path)
        return Command(
            argv=argv,
            cwd=cwd,
            env=own,
            readable=(*readable, *tops),
            writable=(*writable, run.scratch, run.out, *run.database.binds),
            path=(*self._path, *path),
            limits=Limits(seconds=seconds, cpu_seconds=max(Limits().cpu_seconds, math.ceil(seconds))),
            around=around,
        )

    def _roots(self, cwd: Path) -> list[Path]:
        """Returns the folders that Python imports from, of the tree that a command runs in."""
        if self.means.roots:
            tree = cwd.parents[len(Path(self.means.settings.folder).parts) - 1] if self.means.settings.folder else cwd
            return [tree / root for root in self.means.roots]
        return [cwd / "src"] if (cwd / "src").is_dir() else []

    def _answers(
        self,
        check: Check,
        evidence: Evidence,
        database: ScratchDatabase,
        more: Sequence[Check],
        then: Callable[[Sequence[CheckResult]], Sequence[Check]] | None,
        touch: Callable[[Sequence[CheckResult]], Sequence[Change]] | None,
    ) -> list[CheckResult]:
        """Returns what the check and the other questions find, and the check's answer once the database was touched."""
        answers = [self._asked(one, evidence, database) for one in (check, *more)]
        later = tuple(then(answers[1:])) if then is not None else ()
        answers += [self._asked(one, evidence, database) for one in later]
        if touch is not None and answers[0].state is not CheckState.ERROR:  # else there is nothing to touch
            refused = [words for words in database.change(touch(answers[1:])) if words]
            again = self._asked(check, evidence, database)
            answers.append(again.model_copy(update={"message": "; ".join(refused)[:2000]}) if refused else again)
            answers += [self._asked(one, evidence, database) for one in later]
        return answers

    def _asked(self, check: Check, evidence: Evidence, database: ScratchDatabase) -> CheckResult:
        """Asks the check of what the replay rebuilt, as of the moment that the evidence is from."""
        try:
            source = database.source()
        except DataError as error:
            now = datetime.now(UTC)
            return CheckResult(check=check.name, state=CheckState.ERROR, asked_at=now, seconds=0.0, message=str(error))
        try:
            return self.means.ask(check, source, None, evidence.asked_at)
        finally:
            source.close()

    def _test_run(self, ran: Ran, run: Run, place: Place) -> TestRun:
        told = read_events(run.out / EVENTS, place)
        complete = told.complete and not ran.timed_out
        covered = read_coverage(sorted(run.out.glob(COVER + "*")), told.prefix)
        notes = read_notes(run.out)
        return TestRun(ran=ran, complete=complete, events=told.events, covered=covered, notes=notes)


@contextmanager
def open_workspace(means: Means, commit: str, diff: str = "") -> Iterator[TreeWorkspace]:
    """Gives a clean checkout of a commit with a diff on top; removed at the end.

    Raises:
        GitError: no such commit, the diff does not apply, or the system's folder is not in it.
    """
    full = means.repo.resolve(commit)
    root = means.base.resolve() / f"tree-{secrets.token_hex(6)}"
    try:
        means.repo.checkout(full, root, diff=diff)
        lay_over(root, means.overlay)
        for place, target in means.links.items():
            if (root / place).parent.is_dir() and not (root / place).exists():
                (root / place).symlink_to(target)
        workspace = TreeWorkspace(means._replace(base=means.base.resolve()), root, full, diff)
        inside = workspace.folder.resolve()
        if not inside.is_dir() or not inside.is_relative_to(root):
            raise GitError(f"there is no folder {means.settings.folder!r} at {full[:12]}", permanent=True)
        yield workspace
    finally:
        remove_tree(root)
