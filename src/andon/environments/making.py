"""Makes a virtual environment for one base and keeps it for all that declare the same; it judges nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from andon.environments.collecting import Collected, collect, fixtures_wanted
from andon.environments.declared import Declared, declared
from andon.environments.filling import add, fill
from andon.environments.installing import find_uv, install, locked, make_venv
from andon.environments.interpreters import minor_of, released
from andon.environments.layout import LOOSE, Suite, test_files
from andon.environments.project import ProjectFiles
from andon.environments.requirements import plain_name
from andon.environments.wheels import Identity
from andon.errors import ExternalError
from andon.models import Limits
from andon.protocols import Command, Sandbox

RECIPE = 5
"""Counts up whenever the same declarations would be installed otherwise."""
ROUNDS = 4
SETTLED = timedelta(days=178)
"""After a Python came out, until what is released runs on it: nothing older is asked for."""
TEXTS = 2**22
"""Characters of test files that are read for the fixtures that they use."""
WARNED = "-o", "filterwarnings=default", "-W", "default"
SCRIPT = """\
#!{python}
import importlib, sys
sys.argv[0] = {name!r}
found = importlib.import_module({module!r})
for part in {place!r}.split("."):
    found = getattr(found, part)
sys.exit(found())
"""


class Environment(NamedTuple):
    """Where and how a checkout's suite runs."""

    python: Path
    """The interpreter, in a virtual environment."""
    runtime: tuple[str, ...]
    """For `SystemSettings.runtime`: the virtual environment."""
    folder: str
    """The project's folder in the repository; commands run there."""
    roots: tuple[str, ...]
    """Folders of each checkout for PYTHONPATH, relative to the repository's root, in order; `.` for the root itself."""
    overlay: Mapping[str, bytes]
    """What an installation has and the tree lacks (metadata, generated files), relative to the repository's root."""
    test: str
    """The suite's command, for `SystemSettings.test`."""
    tests: int
    """How many tests the base's suite collected when the environment was made."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""


class Kept(NamedTuple):
    """A virtual environment that was made, with what was learnt on the way."""

    venv: Path
    argv: tuple[str, ...]
    tests: int
    notes: tuple[str, ...]


class Bench(NamedTuple):
    """One base on the bench: what its suite is tried with."""

    files: ProjectFiles
    identity: Identity
    roots: tuple[str, ...]
    """Relative to the project's folder."""
    sandbox: Sandbox
    cache: Path
    before: date | None
    """The day before which releases count; not so old that today's Pythons could not run them."""
    own: date | None
    """The same by the base's own age alone."""
    progress: Callable[[str], None]
    after: ProjectFiles | None = None
    """The same project with a person's patch."""
    released: str = ""
    """The project's release whose files stand in for what its build makes; empty for none."""

    def inside(self, path: str) -> str:
        """Returns a path of the project as one of the repository."""
        return os.path.normpath(os.path.join(self.files.folder, path))

    def overlay(self, *, described: bool) -> dict[str, bytes]:
        """Returns what each checkout needs besides what is in the tree; `described`: with the project's metadata."""
        lacks = {
            path: data
            for path, data in self.identity.files.items()
            if not any((self.files.top / root / path).exists() for root in self.roots)
        }
        found = {**(self.identity.described() if described else {}), **lacks}
        return {self.inside(os.path.join(self.roots[0], path)): data for path, data in found.items()}

    def environment(
        self, venv: Path, argv: Sequence[str], tests: int, notes: Sequence[str], *, described: bool
    ) -> Environment:
        """Returns the environment as its users see it."""
        return Environment(
            python=venv / "bin" / "python",
            runtime=(str(venv),),
            folder=self.files.folder,
            roots=tuple(self.inside(root) for root in self.roots),
            overlay=self.overlay(described=described),
            test=shlex.join(argv),
            tests=tests,
            notes=tuple(notes),
        )

    def collected(self, venv: Path, argv: Sequence[str], *, described: bool) -> Collected:
        """Returns what the suite's command collects with a virtual environment."""
        with self.checkout(described=described) as tree:
            folder = tree / self.files.folder
            paths = [str(tree / self.inside(root)) for root in self.roots]
            command = Command(
                argv=(),
                cwd=folder,
                env={"PYTHONPATH": ":".join(paths), "PYTHONHASHSEED": "0"},
                readable=(venv,),
                writable=(tree,),
                path=(venv / "bin",),
                limits=Limits(),
            )
            return collect((str(venv / "bin" / "python"), *argv[1:]), command, self.sandbox, self.modules())

    @contextmanager
    def checkout(self, *, described: bool) -> Iterator[Path]:
        """Gives a copy of the tree as the judge will see it."""
        with tempfile.TemporaryDirectory(prefix="base-", dir=self.cache) as name:
            tree = Path(name).resolve() / "tree"
            shutil.copytree(self.files.tree, tree, symlinks=True)
            lay_over(tree, self.overlay(described=described))
            yield tree

    def modules(self) -> frozenset[str]:
        """Returns the modules that are the repository's own."""
        tops = [self.files.tree, self.files.top, *(self.files.top / root for root in self.roots)]
        return frozenset(path.stem for top in tops for path in top.glob("*"))


def lay_over(root: Path, overlay: Mapping[str, bytes]) -> None:
    """Writes files into a checkout where it has none; what is there stays as it is."""
    for path, data in overlay.items():
        place = root / path
        inside = place.parent.resolve().is_relative_to(root.resolve())
        if inside and not place.exists() and not place.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def release_day(at: datetime | None, python: Path) -> date | None:
    """Returns the day before which releases count for a base of a time: the end of its month; None for today's."""
    day = own_day(at)
    return day and max(day, (released(minor_of(python)) + SETTLED).replace(day=1))


def own_day(at: datetime | None) -> date | None:
    """Returns the end of the month of a time; None for today's."""
    if at is None:
        return None
    day = date(at.year + (at.month == 12), at.month % 12 + 1, 1)
    return day if day < datetime.now(UTC).date() - timedelta(days=1) else None


def made_venv(bench: Bench, suite: Suite, python: Path) -> Kept:
    """Returns a virtual environment in which the suite is collected: kept from an earlier base, or made.

    Raises:
        ExternalError: the suite is not collected with anything that could be installed; says why.
    """
    wanted = declared(bench.files, plain_name(bench.identity.name), bench.identity.requires)
    more = brought(bench, wanted)
    scripts = sorted(bench.identity.scripts.items())
    said = [RECIPE, str(python), str(bench.before), wanted, more, scripts, suite.argv, bool(find_uv())]
    said += [bench.released] if bench.released else []
    venv = bench.cache / f"venv-{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:20]}"
    told = venv / "made.json"
    with locked(venv.with_name(venv.name + ".lock")):
        if told.is_file() and (venv / "bin" / "python").exists():  # an interpreter may be gone since
            kept = json.loads(told.read_text(encoding="utf-8"))
            near = suite.narrowed or suite.argv  # another patch's tests may lie in other folders
            argv = near if kept.get("narrow") else tuple(kept["argv"])
            return Kept(venv, argv, kept["tests"], tuple(kept["notes"]))
        shutil.rmtree(venv, ignore_errors=True)
        bench.progress("environment: installing what the project declares")
        make_venv(venv, python)
        notes = fill(venv, wanted, bench.before)
        add(venv, more, bench.before, notes, "installed because the change declares it")
        write_scripts(venv, bench.identity)
        made, found = rounds(bench, venv, suite, notes)
        if not found.usable and bench.own != bench.before and as_old(bench, venv, wanted):
            notes.append(f"its own dependencies are those of {bench.own}: it is not collected with newer ones")
            made, found = rounds(bench, venv, suite, notes)
        if not found.usable:
            raise ExternalError(f"the suite is not collected in an environment made for it: {last_words(found)}")
        narrow = bool(suite.narrowed) and made == suite.narrowed
        kept = {"argv": made, "tests": found.tests, "notes": notes, "narrow": narrow}
        told.write_text(json.dumps(kept), encoding="utf-8")
    return Kept(venv, made, found.tests, tuple(notes))


def as_old(bench: Bench, venv: Path, wanted: Declared) -> bool:
    """Replaces what the project itself depends on by releases of its own time; the runner stays as it is."""
    return any(
        install(venv, wanted.project, before=bench.own, source=source, upgrade=True).done for source in (False, True)
    )


def rounds(bench: Bench, venv: Path, suite: Suite, notes: list[str]) -> tuple[tuple[str, ...], Collected]:
    """Collects the suite and installs what it misses, a few times; returns the command that collects most."""
    argv = suite.argv
    asked = set(fixtures_wanted(test_texts(bench.files)))
    if asked:
        add(venv, sorted(asked), bench.before, notes)
    found = bench.collected(venv, argv, described=True)
    for _ in range(ROUNDS):
        news = [name for name in found.missing if name not in asked]
        if not news:
            break
        asked.update(news)
        bench.progress(f"environment: the suite misses {', '.join(news)}")
        add(venv, news, bench.before, notes)
        found = bench.collected(venv, argv, described=True)
    if found.errors or not found.usable:
        # Warnings of newer Pythons and libraries, which a project may turn into errors, are not about the patch.
        calm = bench.collected(venv, (*argv, *WARNED), described=True)
        if (calm.usable, -calm.errors) > (found.usable, -found.errors):
            notes.append("warnings are not errors here, as the project wants them: they stop its collection")
            return (*argv, *WARNED), calm
    return narrowed(bench, venv, suite, found, notes, described=True)


def narrowed(
    bench: Bench, venv: Path, suite: Suite, found: Collected, notes: list[str], *, described: bool
) -> tuple[tuple[str, ...], Collected]:
    """Returns a suite's command and what it collects; where that is nothing, those for what is near the patch alone."""
    if not found.usable and suite.narrowed:
        near = bench.collected(venv, suite.narrowed, described=described)
        if near.usable:
            notes.append(f"only {', '.join(suite.near)} is run: the tests of all folders are not collected together")
            return suite.narrowed, near
    return suite.argv, found


def brought(bench: Bench, wanted: Declared) -> list[str]:
    """Returns the requirements that a person's patch declares for distributions that the base does not know."""
    if bench.after is None:
        return []
    known_names = {plain_name(line) for line in (*wanted.project, *wanted.tests)}
    then = declared(bench.after, plain_name(bench.identity.name))
    return [line for line in (*then.project, *then.tests) if plain_name(line) not in known_names]


def test_texts(files: ProjectFiles) -> list[str]:
    """Returns the texts of the project's test files, up to a bound."""
    texts: list[str] = []
    room = TEXTS
    for path in test_files(files.top, (*LOOSE, "conftest.py")):
        if 0 < path.stat().st_size <= room and not path.is_symlink():
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
            room -= path.stat().st_size
    return texts


def write_scripts(venv: Path, identity: Identity) -> None:
    """Writes the project's console scripts, as its installation would; what they import is the checkout's."""
    for name, place in identity.scripts.items():
        module, _, inner = place.split("[")[0].strip().partition(":")
        target = venv / "bin" / Path(name).name
        if inner and not target.exists():
            target.write_text(SCRIPT.format(python=venv / "bin" / "python", name=name, module=module, place=inner))
            target.chmod(0o755)


def last_words(found: Collected) -> str:
    """Returns what a collection that found nothing said."""
    if found.ran.timed_out:
        return "it was not done in time"
    lines = [line for line in (found.ran.stdout + found.ran.stderr).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("E ") or "rror" in line]
    return " | ".join((told or lines)[-4:])[-600:] or "nothing was said"
