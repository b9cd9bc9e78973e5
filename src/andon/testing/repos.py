"""Builds tinyfeed, a small watched system with real history, real data and a bug that somebody could have made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from andon.config import search_path

TEXT = Path(__file__).with_name("tinyfeed.txt")
FIRST_COMMIT = datetime(2026, 11, 1, 9, tzinfo=UTC)
BUG_AT = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
"""When the last commit was made: between the healthy runs and the broken ones."""
FIRST_RUN = datetime(2026, 11, 20, tzinfo=UTC)
HEALTHY_RUNS = 12
BROKEN_RUNS = 6
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
"""A moment shortly after the last run: when checks may be asked as if it were now."""
WITHOUT = "-p no:anyio -p no:platformdirs -p no:xdist -p no:xdist.looponfail -p no:hypothesispytest"
"""Plugins of andon's own suite that tinyfeed does without: loading them takes longer than its tests."""
SUBJECTS = {1: "Read pages and prices", 2: "Fetch with retries and keep rows", 3: "Run the whole feed and replay it"}
SUBJECTS[4] = "Ask the data five questions"


class Edit(NamedTuple):
    """One text of a file and what takes its place; an empty `old` appends."""

    path: str
    old: str
    new: str


class Bug(NamedTuple):
    """A commit that a hurried developer could have made."""

    subject: str
    check: str
    """The check that goes red by it."""
    file: str
    """The file that a fix changes."""
    function: str
    """The function that a fix changes."""
    edits: tuple[Edit, ...]


BUGS: dict[str, Bug] = {
    "missing-strip": Bug(
        subject="Read numbers as the shops write them",
        check="no-padded-skus",
        file="tinyfeed/parse.py",
        function="parse_line",
        edits=(
            Edit("tinyfeed/parse.py", "Item(sku=sku.strip(), ", "Item(sku=sku, "),
            Edit("README.md", "", "Numbers are kept as the shops write them.\n"),
        ),
    ),
    "unit": Bug(
        subject="Turn all prices into cents",
        check="prices-in-range",
        file="tinyfeed/prices.py",
        function="to_cents",
        edits=(
            Edit("tinyfeed/prices.py", "return int(text[:-1])\n", "return int(text[:-1]) * 100\n"),
            Edit("README.md", "", "Prices are kept in cents.\n"),
        ),
    ),
    "off-by-one": Bug(
        subject="Leave out the closing line of a page",
        check="no-items-missed",
        file="tinyfeed/parse.py",
        function="parse_page",
        edits=(
            Edit("tinyfeed/parse.py", "range(1, len(lines))", "range(1, len(lines) - 1)"),
            Edit("README.md", "", "The closing line of a page is no item.\n"),
        ),
    ),
    "unwrapped-call": Bug(
        subject="Fetch the galleries too",
        check="no-empty-pictures",
        file="tinyfeed/fetch.py",
        function="fetch_gallery",
        edits=(
            Edit(
                "tinyfeed/fetch.py",
                "",
                "\n\ndef fetch_gallery(transport, url):\n"
                '    """Returns the answer with the first picture of a gallery."""\n'
                '    return transport.get(url, fetcher="gallery")\n',
            ),
            Edit("tinyfeed/pipeline.py", "import fetch_index,", "import fetch_gallery, fetch_index,"),
            Edit(
                "tinyfeed/pipeline.py",
                '"picture", fetch_picture(transport, url))\n',
                '"picture", fetch_picture(transport, url))\n'
                '        url = f"{shop}/gallery/{item.sku}"\n'
                '        save_picture(transport, store, shop, url, "gallery", fetch_gallery(transport, url))\n',
            ),
            Edit(
                "tests/test_fetch.py",
                "",
                "\n\ndef test_gallery_is_fetched():\n"
                '    assert fetch.fetch_gallery(Busy(0), "shop/gallery/A1").status == 200\n',
            ),
        ),
    ),
}
HARMLESS = Bug(
    subject="Say where the data lies",
    check="",
    file="README.md",
    function="",
    edits=(Edit("README.md", "", "The rows lie in one SQLite file.\n"),),
)


def make_tinyfeed(folder: Path, *, bug: str | None) -> Path:
    """Returns the work tree of a fresh tinyfeed with a bug in its last commit (None: a harmless last commit).

    In the folder stand `tinyfeed` (the work tree, branch main), `origin.git` (its bare remote), `live.db` (rows that
    the pipeline itself wrote, offending ones since the bug) and `andon.toml`.

    Raises:
        KeyError: no such bug; BUGS lists them.
    """
    folder = folder.resolve()
    work, origin = folder / "tinyfeed", folder / "origin.git"
    folder.mkdir(parents=True, exist_ok=True)
    trees = list(_trees(BUGS[bug] if bug else HARMLESS))
    git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), cwd=folder)
    git("fast-import", "--quiet", cwd=origin, stdin=_history(trees))
    git("clone", "--quiet", str(origin), str(work), cwd=folder)
    _fill(folder / "live.db", folder / "healthy", trees[-2][1], 0, HEALTHY_RUNS)
    _fill(folder / "live.db", work, {}, HEALTHY_RUNS, BROKEN_RUNS)
    shutil.rmtree(folder / "healthy")
    (folder / "andon.toml").write_text(settings_text(folder), encoding="utf-8")
    return work


def settings_text(folder: Path) -> str:
    """Returns an andon.toml for the tinyfeed in a folder, run by this very interpreter."""
    return (
        "[systems.tinyfeed]\n"
        'repo = "tinyfeed"\nbranch = "main"\nchecks = "checks"\n'
        f'test = "python -m pytest -q {WITHOUT}"\nreplay = "python -m tinyfeed.replay"\n'
        f'data = "sqlite:///{folder / "live.db"}"\nruntime = ["{sys.prefix}"]\nscratch_fixture = "scratch_url"\n'
    )


def commit_edits(work: Path, subject: str, files: dict[str, str], *, push: bool = True) -> str:
    """Writes files in a work tree, commits them, pushes to its remote, and returns the commit."""
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    git("add", "--all", cwd=work)
    git("-c", "user.name=dev", "-c", "user.email=dev@example.org", "commit", "--quiet", "-m", subject, cwd=work)
    if push:
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)
    return git("rev-parse", "HEAD", cwd=work).strip()


def git(*words: str, cwd: Path, stdin: str = "") -> str:
    """Returns what a git command says, run without anybody's settings."""
    env = {"PATH": search_path(), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    ran = subprocess.run(["git", *words], cwd=cwd, env=env, input=stdin.encode(), capture_output=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"git {' '.join(words)}: {ran.stderr.decode(errors='replace')}")
    return ran.stdout.decode()


def _sections() -> list[tuple[int, str, str]]:
    """Returns (number of the commit that brings it, path, text) of each file."""
    parts = re.split(r"^-- (\d) (\S+) --\n", TEXT.read_text(encoding="utf-8"), flags=re.M)[1:]
    return [(int(parts[i]), parts[i + 1], parts[i + 2]) for i in range(0, len(parts), 3)]


def _trees(last: Bug) -> list[tuple[str, dict[str, str]]]:
    """Returns (subject, whole tree) of each commit, oldest first."""
    sections = _sections()
    trees = [
        (subject, {path: text for first, path, text in sections if first <= number})
        for number, subject in sorted(SUBJECTS.items())
    ]
    tree = dict(trees[-1][1])
    for edit in last.edits:
        text = tree[edit.path]
        if edit.old and text.count(edit.old) != 1:
            raise ValueError(f"{edit.path} does not hold {edit.old!r} once")
        tree[edit.path] = text.replace(edit.old, edit.new) if edit.old else text + edit.new
    return [*trees, (last.subject, tree)]


def _history(trees: list[tuple[str, dict[str, str]]]) -> str:
    """Returns the commits in the language of git fast-import."""
    out = []
    for number, (subject, tree) in enumerate(trees):
        at = BUG_AT if number == len(trees) - 1 else FIRST_COMMIT + timedelta(days=4 * number)
        who = f"Dana Dev <dana@example.org> {int(at.timestamp())} +0000"
        out.append(f"commit refs/heads/main\nauthor {who}\ncommitter {who}\n")
        out.append(f"data {len(subject)}\n{subject}\ndeleteall\n")
        out.extend(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n" for path, text in tree.items())
    return "".join(out)


def _fill(database: Path, code: Path, files: dict[str, str], first: int, count: int) -> None:
    """Runs the pipeline of a tree so many times, an hour apart."""
    for name, text in files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text, encoding="utf-8")
    runs = []
    for number in range(first, first + count):
        at = FIRST_RUN + timedelta(hours=number)
        runs += [str(number), at.strftime("%Y-%m-%d %H:%M:%S")]
    argv = [sys.executable, "-I", "-B", "-c", RUN, str(code), "run", f"sqlite:///{database}", *runs]
    subprocess.run(argv, check=True, capture_output=True, cwd=code)


RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tinyfeed.__main__ import main; main(sys.argv[1:])"
