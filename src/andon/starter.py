"""Looks at a repository and writes the andon.toml and first check that fit it; it changes nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from andon.config import FILE_NAME, search_path
from andon.errors import ConfigError, ExternalError
from andon.models import Model

SOURCES_READ = 400
"""Files that are searched for the name of a database variable."""
VARIABLE = re.compile(
    r"""(?:environ(?:\.get)?[\[(]|getenv\(|process\.env\.|^)\s*['"]?([A-Z][A-Z0-9_]*(?:DATABASE_URL|DB_URL|DSN|POSTGRES_URL|PG_URL|_URL))""",
    re.M,
)


class Survey(Model):
    """What was found in a repository."""

    name: str
    branch: str
    test: str
    folder: str = ""
    """Where in the repository it lies; empty for its top."""
    data: str = ""
    """`env:NAME`, or empty."""
    runtime: tuple[str, ...] = ()
    replay: str = ""
    saw: tuple[str, ...] = ()
    """What was found and where, for people."""


def survey(folder: Path, environ: Mapping[str, str] | None = None) -> Survey:
    """Returns what can be found out about a repository without running any of it.

    Raises:
        ConfigError: the folder lies in no git repository.
    """
    inside = place_in_repository(folder)
    environ = os.environ if environ is None else environ
    branch = current_branch(folder)
    test, test_saw = test_command(folder)
    variable, variable_saw = data_variable(folder, environ)
    runtime = tuple(str(path) for path in virtual_environments(folder, environ)) + programs_of(test)
    replay = next(iter(sorted(module_of(path, folder) for path in find(folder, "replay.py"))), "")
    saw = [
        f"branch: {branch}",
        *([f"folder: {inside}, in the repository above"] if inside else []),
        f"test command: {test} ({test_saw})",
        f"data: {variable_saw}",
        f"runtime: {', '.join(runtime) or 'no virtual environment found; the system Python is used'}",
        f"replay: python -m {replay}"
        if replay
        else "replay: none found; tickets end with a diagnosis until there is one",
    ]
    return Survey(
        name=re.sub(r"[^a-z0-9_-]+", "-", folder.name.lower()).strip("-_") or "system",
        branch=branch,
        test=test,
        folder=inside,
        data=f"env:{variable}" if variable else "",
        runtime=runtime,
        replay=f"python -m {replay}" if replay else "",
        saw=tuple(saw),
    )


def place_in_repository(folder: Path) -> str:
    """Returns where a folder lies in its git repository; empty for the top.

    Raises:
        ConfigError: it lies in none.
    """
    told = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--show-prefix"], capture_output=True, text=True, check=False
    )
    if told.returncode:
        words = "is in no git repository: go to the one to watch, or run `git init` and make a first commit"
        raise ConfigError(words, file=folder)
    return told.stdout.strip().rstrip("/")


def current_branch(folder: Path) -> str:
    """Returns the branch that is checked out; `main` when that cannot be told."""
    told = subprocess.run(
        ["git", "-C", str(folder), "symbolic-ref", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "main"


def test_command(folder: Path) -> tuple[str, str]:
    """Returns the command that runs the suite, and what told so."""
    project = read(folder / "pyproject.toml")
    if "[tool.pytest" in project or (folder / "pytest.ini").exists() or "[tool:pytest]" in read(folder / "setup.cfg"):
        return "python -m pytest -q", "pytest is configured"
    if find(folder, "conftest.py") or re.search(r"\bpytest\b", project + read(folder / "requirements.txt")):
        return "python -m pytest -q", "pytest is used"
    if "unittest" in "".join(read(path) for path in find(folder, "test_*.py")[:20]):
        return "python -m unittest discover", "unittest is used"
    if (folder / "Cargo.toml").exists():
        return "cargo test", "Cargo.toml"
    if (folder / "package.json").exists():
        return "node --test", "package.json"
    return "python -m pytest -q", "nothing tells; change it if that is not how"


def programs_of(test: str) -> tuple[str, ...]:
    """Returns the folders that the programs of a test command need; none where they are not installed."""
    from andon.environments import runtime_of

    try:
        return runtime_of(test.split()[0])
    except ExternalError:
        return ()


def data_variable(folder: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """Returns the environment variable that holds the database's URL, and where its name was found."""
    places: dict[str, str] = {}
    for path in [*find(folder, ".env*"), *find(folder, "*.py")][:SOURCES_READ]:
        for name in VARIABLE.findall(read(path)):
            places.setdefault(name, str(path.relative_to(folder)))
    ranked = sorted(places, key=lambda name: ("READ" not in name, "DATABASE" not in name and "DSN" not in name, name))
    for name in ranked:
        if environ.get(name, "").startswith(("postgres", "sqlite")):
            return name, f"{name}, named in {places[name]} and set here"
    if ranked:
        return ranked[0], f"{ranked[0]}, named in {places[ranked[0]]}; not set here: export a read-only URL"
    return "", "no variable with a database URL found; set `data` by hand"


def virtual_environments(folder: Path, environ: Mapping[str, str]) -> list[Path]:
    """Returns the virtual environments that the repository's commands need."""
    inside = [folder / name for name in (".venv", "venv") if (folder / name / "bin" / "python").exists()]
    active = environ.get("VIRTUAL_ENV", "")
    return inside or ([Path(active)] if active else [])


def find(folder: Path, pattern: str) -> list[Path]:
    """Returns files of a name, the nearest first, without those of environments and hidden folders."""
    skipped = {".git", ".venv", "venv", "node_modules", "__pycache__", ".andon", "site-packages"}
    found = [
        path for path in folder.rglob(pattern) if path.is_file() and not skipped & set(path.relative_to(folder).parts)
    ]
    return sorted(found, key=lambda path: (len(path.parts), str(path)))[:SOURCES_READ]


def read(path: Path) -> str:
    """Returns a file's text, or nothing when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:200_000]
    except OSError:
        return ""  # a file that vanished or is not ours tells nothing


def module_of(path: Path, folder: Path) -> str:
    """Returns the module name of a file, a `src` folder left out."""
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "src" else parts)


def write(found: Survey, folder: Path, *, force: bool) -> list[Path]:
    """Writes andon.toml and, where there is no check yet, a first one; returns what was written."""
    config = folder / FILE_NAME
    config.write_text(config_text(found), encoding="utf-8")
    written = [config]
    checks = folder / "checks"
    if not checks.is_dir() or not any(checks.iterdir()):
        checks.mkdir(exist_ok=True)
        first = checks / "branch-is-green.toml"
        if force or not first.exists():
            first.write_text(first_check(found), encoding="utf-8")
            written.append(first)
    return written


def config_text(found: Survey) -> str:
    """Returns the andon.toml of a survey."""

    def line(key: str, value: str, remark: str) -> str:
        quoted = json.dumps(value, ensure_ascii=False)  # a branch or a path may hold a quote
        return (
            f"{key} = {quoted}{' ' * max(1, 36 - len(key) - len(quoted))}# {remark}"
            if value
            else f'# {key} = ""{" " * max(1, 32 - len(key))}# {remark}'
        )

    runtime = json.dumps(found.runtime, ensure_ascii=False)
    return "\n".join(
        [
            "# andon: what to watch and how. Every key: docs/configuration.md",
            'database = "sqlite:///.andon/andon.db"',
            "",
            "[agent]",
            'kind = "search"',
            "",
            "[budget]",
            "attempts = 3",
            "minutes_per_ticket = 60",
            "",
            f"[systems.{found.name}]",
            line("repo", ".", "a path with an `origin` pushes there; or a URL"),
            line("branch", found.branch, "where fixes go"),
            *([line("folder", found.folder, "where the system lives in the repository")] if found.folder else []),
            line("checks", "checks", "folder of check files"),
            line("test", found.test, "runs the whole suite, in the sandbox"),
            line("replay", found.replay, "rebuilds a symptom from recorded evidence: docs/replay.md"),
            line("data", found.data, "a login that can only read: `andon grants` prints the SQL"),
            line("deploy", "", "brings the branch into production"),
            f"runtime = {runtime}",
            line("autonomy", "propose", "report | propose | ship-on-approval | ship-when-proven"),
            "",
        ]
    )


def first_check(found: Survey) -> str:
    """Returns a first check that works in any repository: the branch's own suite."""
    words = found.test.split()
    if words[0] == "python" and found.runtime:
        words[0] = f"{found.runtime[0]}/bin/python"
    elif words[0] == "python" and shutil.which("python", path=search_path()) is None:
        words[0] = "python3"  # all that Debian has; the sandbox finds it by either name
    if "pytest" in words:
        words += ["-p", "no:cacheprovider"]  # a question leaves nothing behind
    argv = json.dumps(words, ensure_ascii=False)
    return "\n".join(
        [
            "# A check asks one question about the system. This one: is the suite green?",
            "# Better ones ask the data; see docs/checks.md.",
            'check = "branch-is-green"',
            'kind = "command"',
            'every = "1h"',
            'severity = "medium"',
            f'why = "{date.today().isoformat()}. Written by andon init: a red suite is the first thing to know."',  # noqa: DTZ011
            'decided = "the suite is green on the branch at all times."',
            f"argv = {argv}",
            'timeout = "10m"',
            "",
        ]
    )
