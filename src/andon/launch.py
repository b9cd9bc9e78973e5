"""Rewrites a system's own commands so that andon's probes see them; never adds anything that changes an outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from andon.probes import INSIDE

SYSTEM_PATH = (Path("/usr/local/bin"), Path("/usr/bin"), Path("/bin"))
RUNNERS = ("pytest", "py.test")
WITH_VALUE = frozenset(
    {
        *("-c", "-k", "-m", "-o", "-p", "-W", "-n", "-r", "--config-file", "--rootdir", "--confcutdir", "--ignore"),
        *("--ignore-glob", "--deselect", "--basetemp", "--junitxml", "--junit-xml", "--maxfail", "--tb", "--durations"),
        *(
            "--import-mode",
            "--override-ini",
            "--log-file",
            "--cov",
            "--cov-report",
            "--cov-config",
            "--dist",
            "--numprocesses",
        ),
    }
)
"""Options of pytest and of its usual plugins whose next word is their value and no path of tests."""

SETTINGS = frozenset(
    {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"}
)  # fmt: skip
"""Names of files that tell pytest how to collect and run."""
LOADED = frozenset({"sitecustomize", "usercustomize"})
"""Modules that an interpreter loads unasked."""
RUNNER = frozenset(
    {"pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli"}
)
"""Modules that pytest is made of."""


def decides_the_run(path: str, before: Collection[str] = ()) -> bool:
    """Tells whether a file of a tree can change how its suite runs, whatever the tests in it say.

    `before` holds the paths at the commit: a project may be one of the runner's own parts.
    """
    parts = Path(path).parts
    if any(part.endswith((".dist-info", ".egg-info")) for part in parts) or parts[-1].endswith(".pth"):
        return True
    if parts[-1] in SETTINGS or Path(path).stem in LOADED:
        return True
    depth = 1 if parts[0] in ("src", "lib") and len(parts) > 1 else 0
    top = "/".join(parts[: depth + 1]).removesuffix(".py")
    own = any(other == f"{top}.py" or other.startswith(f"{top}/") for other in before)
    return parts[depth].removesuffix(".py") in RUNNER and not own


def find_program(name: str, path: Sequence[Path]) -> str:
    """Returns a program's place on the runtime's own folders, then the system's; the name itself when it is nowhere.

    `python` may be called `python3` there.
    """
    if "/" in name:
        return name
    names = (name, "python3") if name == "python" else (name, "python") if name == "python3" else (name,)
    for folder in (*path, *SYSTEM_PATH):
        for wanted in names:
            if (folder / wanted).exists():
                return str(folder / wanted)
    return name


def is_pytest(argv: Sequence[str]) -> bool:
    """Tells whether a test command runs pytest."""
    return any(Path(word).name in RUNNERS for word in argv)


def with_events(argv: Sequence[str], plugins: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns a pytest command that loads andon's plugin (and more of them) and leaves no cache behind."""
    place = _runner(argv) + 1
    loaded = [word for name in ("andon_events", *plugins) for word in ("-p", name)]
    return (*argv[:place], *loaded, "-p", "no:cacheprovider", *argv[place:])


def launched(argv: Sequence[str]) -> tuple[str, ...]:
    """Returns a `python -m pytest` command that loads the runner before the tree is on the path; any other as it is."""
    place = _runner(argv)
    if place < 2 or argv[place - 1] != "-m":
        return tuple(argv)
    return (*argv[: place - 1], str(INSIDE / "andon_launch.py"), *argv[place + 1 :])


def with_tests(argv: Sequence[str], tests: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Returns a pytest command for only these files or node ids: they take the place of its own paths."""
    if not tests:
        return tuple(argv)
    place = _runner(argv) + 1
    return (*argv[:place], *without_paths(argv[place:], folder)[0], *tests)


def without_paths(words: Sequence[str], folder: Path) -> tuple[list[str], list[str]]:
    """Returns the options among pytest's words, with their values, and the paths in a folder that they name."""
    options: list[str] = []
    paths: list[str] = []
    for word in words:
        value = bool(options) and options[-1] in WITH_VALUE
        named = not word.startswith("-") and (folder / word.partition("::")[0]).exists()
        (paths if named and not value else options).append(word)
    return options, paths


def with_trace(argv: Sequence[str], out: Path, root: Path) -> tuple[str, ...]:
    """Returns a Python command that runs under the tracer; any other command as it is."""
    start = _program(argv)
    if not Path(argv[start]).name.startswith("python"):
        return tuple(argv)
    start += 1
    while start < len(argv) and argv[start].startswith("-") and argv[start] not in ("-m", "-c", "-"):
        start += 2 if argv[start] in ("-X", "-W") else 1
    if start >= len(argv) or argv[start] in ("-c", "-"):
        return tuple(argv)
    return (*argv[:start], str(INSIDE / "andon_trace.py"), str(out), str(root), *argv[start:])


def _program(argv: Sequence[str]) -> int:
    """Returns the place of the program: the first word after `env` and its settings."""
    if Path(argv[0]).name != "env":
        return 0
    return next((place for place, word in enumerate(argv[1:], 1) if "=" not in word), 0)


def _runner(argv: Sequence[str]) -> int:
    return next(place for place, word in enumerate(argv) if Path(word).name in RUNNERS)
