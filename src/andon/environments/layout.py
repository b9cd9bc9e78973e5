"""Decides from where a checkout's packages are imported and where its tests lie, by looking at the checkout alone."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from andon.environments.project import ProjectFiles, parsed_ini, subtable, words
from andon.environments.requirements import strings
from andon.launch import without_paths

PATTERNS = ("test_*.py", "*_test.py")
"""What pytest collects unless it is told otherwise."""
LOOSE = ("test_*.py", "*_test.py", "tests.py", "test.py", "*_tests.py", "test[A-Za-z0-9]*.py", "*Test.py", "*Tests.py")
"""What else people call their tests."""
SINGLE = ("test.py", "tests.py")
"""What people call a file that holds all tests: beside one called so, others may be found that hold none."""
FOLDERS = frozenset({"tests", "test", "testing", "unittests", "unit_tests", "t"})
SKIPPED = frozenset({".git", ".tox", ".nox", ".venv", "venv", "node_modules", "build", "dist"})
BESIDE = frozenset({"docs", "doc", "examples", "benchmarks"})
"""Folders that are nobody's source where they lie beside the tests; below them they are tests like others."""
LONELY = ("-x", "--exitfirst", "-v", "-vv", "-vvv", "-q", "-qq", "--lf", "--ff", "--sw", "--verbose", "--quiet", "-s")
DROPPED = re.compile(
    r"--(cov|no-cov|junit|html|self-contained|durations|maxfail|numprocesses|dist|looponfail|strict-config|last-failed|"
    r"failed-first|stepwise|flake8|flakes|pep8|pycodestyle|pylint|mypy|black|isort|ruff|codespell|checkdocs|random|"
    r"reruns|force-sugar|instafail|benchmark|codspeed|tb|color|showlocals|capture|boxed|forked|verbosity|emoji|md|dead)"
)
"""Options of a project's `addopts` that change what is reported or how, not what is tested."""
VALUED = frozenset(
    {
        *("-n", "-r", "--maxfail", "--durations", "--numprocesses", "--dist", "--tb", "--cov", "--cov-report"),
        *("--cov-config", "--junitxml", "--junit-xml", "--html", "--color", "--capture", "--verbosity", "--reruns"),
    }
)
"""Of these, those whose value may be the next word."""


GOING_ON = "--continue-on-collection-errors"
"""A file that cannot be imported here must not keep all others from running."""


class Suite(NamedTuple):
    """How a project's suite is started."""

    argv: tuple[str, ...]
    """With `python` for the environment's interpreter."""
    paths: tuple[str, ...]
    """Where its tests lie, relative to the project's folder; empty when its own settings say so."""
    near: tuple[str, ...] = ()
    """Of these, those that hold tests of the patch, or lie highest: where all of them cannot be collected together."""

    @property
    def narrowed(self) -> tuple[str, ...]:
        """Returns the command for what is near alone; empty where that is all."""
        return (*self.argv[: len(self.argv) - len(self.paths)], *self.near) if self.near != self.paths else ()


# --- where packages are imported from -------------------------------------------------------------------------------


def find_roots(files: ProjectFiles, wheel: Mapping[str, bytes]) -> tuple[str, ...]:
    """Returns the folders from which the project is imported, relative to its own, the most telling first.

    What a built wheel holds tells it surely; otherwise its settings, or the usual places.
    """
    found = by_wheel(files, wheel) or by_settings(files) or by_looks(files)
    return tuple(dict.fromkeys([*found, ""]))


def by_wheel(files: ProjectFiles, wheel: Mapping[str, bytes]) -> tuple[str, ...]:
    """Returns the folders below which the modules of a wheel lie under the very same paths."""
    modules = [path for path in wheel if path.endswith((".py", ".pyi"))]
    votes: Counter[str] = Counter()
    if modules:
        have = {path.relative_to(files.top).as_posix() for path in walk(files.top, ".py")}
        for module in modules:
            votes.update(path[: -len(module)].rstrip("/") for path in have if f"/{path}".endswith(f"/{module}"))
    # A copy elsewhere (build/lib, vendored) holds fewer of them than the real place.
    most = max(votes.values(), default=0)
    good = [root for root, count in votes.most_common() if count * 2 > most]
    if len(good) > 1:
        good = [root for root in good if votes[root] == most] or good
    return (min(good, key=len),) if good else ()


def by_settings(files: ProjectFiles) -> tuple[str, ...]:
    """Returns the folders that the project's settings name."""
    named: list[str] = []
    setuptools = files.table("tool", "setuptools")
    named += strings(subtable(setuptools, "packages", "find").get("where"))
    named += [value for value in subtable(setuptools, "package-dir").values() if isinstance(value, str)]
    packages = files.table("tool", "poetry").get("packages")
    for entry in packages if isinstance(packages, list) else ():
        named += [str(entry["from"])] if isinstance(entry, dict) and entry.get("from") else []
    wheel = files.table("tool", "hatch", "build", "targets", "wheel")
    named += [Path(path).parent.as_posix() for path in strings(wheel.get("packages"))]
    named += strings(files.table("tool", "pytest", "ini_options").get("pythonpath"))
    named += words(files.ini(files.setup_cfg, "options.packages.find", "where"))
    for line in words(files.ini(files.setup_cfg, "options", "package_dir")):
        named.append(line.rpartition("=")[2])
    named += [value for value in subtable(files.setup_py, "package_dir").values() if isinstance(value, str)]
    clean = [re.sub(r"^(\./)+|/+$|^\.$", "", name) for name in named]
    return tuple(dict.fromkeys(name for name in clean if name and (files.top / name).is_dir() and ".." not in name))


def by_looks(files: ProjectFiles) -> tuple[str, ...]:
    """Returns `src` or `lib` when packages lie in it and it is none itself."""
    for name in ("src", "lib", "python"):
        folder = files.top / name
        modules = [*folder.glob("*/__init__.py"), *folder.glob("*.py")]
        if modules and not (folder / "__init__.py").exists():
            return (name,)
    return ()


# --- where the tests are --------------------------------------------------------------------------------------------


def find_suite(files: ProjectFiles, changed: Iterable[str] = ()) -> Suite:
    """Returns how the project's suite is started: pytest with the project's own settings, but for what only reports.

    `changed` are paths of a patch, from the repository's root: tests among them count, whatever they are called.
    """
    changed = tuple(changed)
    settings = pytest_settings(files)
    options, named = without_paths(kept_options(settings.get("addopts", "")), files.top)
    argv = ["python", "-m", "pytest", "-q", GOING_ON, "-o", f"addopts={shlex.join(options)}"]
    if named or settings.get("testpaths"):
        paths = [path for name in named or words(settings["testpaths"]) for path in spread(files.top, name)]
        return Suite((*argv, *paths), tuple(paths), near_to(changed, paths, files.folder))
    patterns = words(settings.get("python_files", "")) or PATTERNS
    found = test_files(files.top, patterns)
    unusual = any(
        path.name in SINGLE and not FOLDERS.isdisjoint(path.parts[:-1]) for path in map(PurePosixPath, changed)
    )
    if (unusual or not found) and not settings.get("python_files"):
        loose = test_files(files.top, LOOSE)
        if loose:
            argv += ["-o", f"python_files={' '.join(LOOSE)}"]
            found = loose
    folders = tops(files.top, found)
    return Suite((*argv, *folders), folders, near_to(changed, folders, files.folder))


def near_to(changed: Iterable[str], paths: Sequence[str], project: str) -> tuple[str, ...]:
    """Returns the paths that hold a changed file, else those that lie highest; `project` is the project's folder."""
    names = [PurePosixPath(name) for name in changed]
    holding = tuple(path for path in paths if any(name.is_relative_to(PurePosixPath(project, path)) for name in names))
    least = min((len(PurePosixPath(path).parts) for path in paths), default=0)
    return holding or tuple(path for path in paths if len(PurePosixPath(path).parts) == least)


def pytest_settings(files: ProjectFiles) -> dict[str, str]:
    """Returns the settings of pytest that count for a project: of the first file that has any."""
    for name in ("pytest.ini", ".pytest.ini"):
        parser = parsed_ini(files.text(name))
        if (files.top / name).is_file():
            return dict(parser.items("pytest")) if parser.has_section("pytest") else {}
    table = {**files.table("tool", "pytest", "ini_options"), **plain_pytest(files)}
    if table:
        return {
            key: shlex.join(strings(value)) if isinstance(value, list) else str(value) for key, value in table.items()
        }
    for parser, section in ((parsed_ini(files.text("tox.ini")), "pytest"), (files.setup_cfg, "tool:pytest")):
        if parser.has_section(section):
            return dict(parser.items(section))
    return {}


def plain_pytest(files: ProjectFiles) -> dict[str, object]:
    """Returns the settings of pytest 9's own table."""
    return {key: value for key, value in files.table("tool", "pytest").items() if key != "ini_options"}


def kept_options(text: str) -> list[str]:
    """Returns the options of a project's `addopts` that decide what is tested."""
    try:
        said = shlex.split(text.replace("\n", " "))
    except ValueError:  # an open quote: pytest itself would refuse it
        return []
    kept: list[str] = []
    skip = False
    for place, word in enumerate(said):
        if skip:
            skip = False
            continue
        bare = word.partition("=")[0]
        if bare in LONELY or DROPPED.match(bare) or re.fullmatch(r"-[nr]\w*", bare) or re.fullmatch(r"-[vqslx]+", bare):
            following = said[place + 1] if place + 1 < len(said) else "-"
            skip = bare in VALUED and "=" not in word and not following.startswith("-")
            continue
        kept.append(word)
    return kept


def spread(top: Path, name: str) -> tuple[str, ...]:
    """Returns the paths that a `testpaths` entry stands for, as far as they are there."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return ()
    return tuple(path.relative_to(top).as_posix() for path in sorted(top.glob(name)) if path.exists())


def test_files(top: Path, patterns: Iterable[str]) -> list[Path]:
    """Returns the files that hold tests by their names."""
    shapes = tuple(patterns)
    return [path for path in walk(top, ".py") if any(fnmatch.fnmatch(path.name, shape) for shape in shapes)]


def tops(top: Path, found: Iterable[Path]) -> tuple[str, ...]:
    """Returns the fewest folders that hold test files: those called like one, else the files themselves."""
    named: Counter[str] = Counter()
    for path in found:
        parts = path.relative_to(top).parts
        place = next((at for at, part in enumerate(parts[:-1]) if part.lower() in FOLDERS), None)
        named["/".join(parts if place is None else parts[: place + 1])] += 1
    folders = {name for name in named if not name.endswith(".py")}
    # Beside a folder of tests, a file that is only called like a test is a module of the product as often as not.
    return tuple(sorted(folders or named))


def walk(top: Path, suffix: str) -> list[Path]:
    """Returns the files of a suffix below a folder, without those that are nobody's source."""
    found: list[Path] = []
    todo = [top]
    while todo:
        folder = todo.pop()
        for path in sorted(folder.iterdir()):
            if path.is_symlink() and path.is_dir():
                continue
            if path.is_dir():
                if folder == top and path.name in BESIDE:
                    continue
                if path.name not in SKIPPED and not path.name.startswith(".") and not path.name.endswith(".egg-info"):
                    todo.append(path)
            elif path.name.endswith(suffix):
                found.append(path)
    return sorted(found)
