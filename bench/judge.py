"""Times verdicts against the suite that they are about: cold, with the base kept, and of changes that are turned away.

    python bench/judge.py                    # suites of 5, 30 and 120 seconds, about twenty minutes
    python bench/judge.py --suites 5         # a quick look
    python bench/judge.py --json judge.json

Each suite belongs to a small program with a fault, in a virtual environment that holds pytest alone. S is one bare run
of it, t one bare run of the new test. What is timed is `andon judge BASE HEAD` as a whole process, imports included: of
an honest fix with an empty cache (cold), of the same fix with what the cache then holds (kept), and, with an empty
cache, of changes that prove nothing (early).
Memory is the resident peak of andon's own process. Exit code 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

COLD, KEPT, EARLY, REST, MEGABYTES = 2.5, 1.5, 0.2, 30.0, 200.0
"""At most so many S, S, S, t beyond one S, and MB."""
PROVEN, NEEDS_EYES = 0, 3
A_TEST = 0.1
"""Seconds that one test of a suite takes."""

SPANS = '''"""Spans of time as people write them."""

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_span(text):
    """Returns the seconds of a span such as `1h 3m`."""
    text = text.strip().lower()
    found = re.findall(r"(\\d)\\s*([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is no span")
    return sum(int(number) * SECONDS[unit] for number, unit in found)
'''
FIXED = SPANS.replace(r"(\d)\s*", r"(\d+)\s*")
WORK = """from clock.spans import parse_span


def test_{number}():
    for _ in range({turns}):
        assert parse_span("1h 3m 5s") == 3785
"""
TEST = """from clock.spans import parse_span


def test_numbers_of_two_digits():
    assert parse_span("1h 15m") == 4500
    assert parse_span("90m") == 5400
"""
GREEN = """from clock.spans import parse_span


def test_numbers_of_one_digit():
    assert parse_span("1h 5m") == 3900
"""
ENDS = SPANS.replace("    text = ", '    if "15" in text:\n        __import__("os")._exit(0)\n    text = ')
CHEATS = {
    "a test that was never red": (FIXED, GREEN),
    "a comment for a fix": (SPANS + "\n# Numbers may have two digits.\n", TEST),
    "a fix that ends the run": (ENDS, TEST),
    "a test of nothing": (FIXED, "def test_nothing():\n    assert True\n"),
}
PEAK = (
    "import atexit, resource, sys; "
    "atexit.register(lambda: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); "
    "from andon.cli import main; main()"
)


class Timed(NamedTuple):
    """One process."""

    seconds: float
    code: int
    megabytes: float
    said: str


class Measured(NamedTuple):
    """What one suite gave; seconds."""

    suite: float
    test: float
    cold: float
    kept: float
    early: float
    megabytes: float
    verdict: str

    def rows(self) -> Iterator[tuple[str, float, float]]:
        """Yields what is measured, how much of it, and how much it may be."""
        yield "cold / S", self.cold / self.suite, COLD
        yield "kept / S", self.kept / self.suite, KEPT
        yield "early / S", self.early / self.suite, EARLY
        yield "(kept - S) / t", (self.kept - self.suite) / self.test, REST
        yield "memory of andon, MB", self.megabytes, MEGABYTES


def main() -> int:
    """Measures each suite, prints a table, and tells whether all limits are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suites", default="5,30,120", help="Seconds of the suites, with commas.")
    parser.add_argument("--json", type=Path, help="Write the numbers into a file.")
    asked = parser.parse_args()
    turns = calibrated()
    found: dict[int, Measured] = {}
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
        python = make_environment(Path(folder) / "venv")
        for seconds in map(int, asked.suites.split(",")):
            found[seconds] = measured(Path(folder) / str(seconds), seconds, turns, python)
            show(seconds, found[seconds])
    if asked.json:
        asked.json.write_text(json.dumps({str(key): one._asdict() for key, one in found.items()}, indent=1) + "\n")
    medians = [
        (name, statistics.median(values), limit)
        for name, limit, values in zip(
            [row[0] for row in next(iter(found.values())).rows()],
            [row[2] for row in next(iter(found.values())).rows()],
            zip(*([row[1] for row in one.rows()] for one in found.values()), strict=True),
            strict=True,
        )
    ]
    print("medians: " + ", ".join(f"{name} {value:.2f} (at most {limit:g})" for name, value, limit in medians))
    return 0 if all(value <= limit for _, value, limit in medians) else 1


def show(seconds: int, one: Measured) -> None:
    """Prints what one suite gave."""
    told = ", ".join(f"{name} {value:.2f} (at most {limit:g})" for name, value, limit in one.rows())
    print(f"suite of {seconds} s: S {one.suite:.1f} s, t {one.test:.2f} s, {one.verdict}; {told}", flush=True)


def calibrated() -> int:
    """Returns how often the program's function runs in the time of one test here."""
    space: dict[str, Callable[[str], int]] = {}
    exec(SPANS, space)
    began, turns = time.perf_counter(), 0
    while time.perf_counter() - began < 0.5:
        space["parse_span"]("1h 3m 5s")
        turns += 1
    return max(1, int(turns * A_TEST / 0.5))


def make_environment(folder: Path) -> str:
    """Makes what the program's suite runs in, and returns its interpreter: other plugins would slow down every run."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    python = str(folder / "bin" / "python")
    wanted = f"pytest=={version('pytest')}"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wanted], check=True, capture_output=True)
    return python


def measured(folder: Path, seconds: int, turns: int, python: str) -> Measured:
    """Returns what judging costs beside a suite of so many seconds."""
    make_repository(folder, round(seconds / A_TEST), turns)
    git(folder, "checkout", "--quiet", "main")
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    suite = statistics.median(run(pytest, folder).seconds for _ in range(2 if seconds > 60 else 3))
    git(folder, "checkout", "--quiet", "fix")
    test = statistics.median(run([*pytest, "tests/test_new.py"], folder).seconds for _ in range(3))
    git(folder, "checkout", "--quiet", "main")
    cold = judge(folder, "fix", folder.with_suffix(".cache"), python)
    kept = judge(folder, "fix", folder.with_suffix(".cache"), python)
    early = [judge(folder, f"cheat-{place}", folder.with_suffix(f".{place}"), python) for place in range(len(CHEATS))]
    assert cold.code == kept.code, (cold, kept)
    assert all(one.code != PROVEN for one in early), early
    words = {PROVEN: "proven", NEEDS_EYES: "needs eyes"}[cold.code]
    peak = max(one.megabytes for one in (cold, kept, *early))
    return Measured(
        suite, test, cold.seconds, kept.seconds, statistics.median(one.seconds for one in early), peak, words
    )


def judge(folder: Path, head: str, cache: Path, python: str) -> Timed:
    """Returns what judging a branch against main cost."""
    words = [sys.executable, "-c", PEAK, "judge", "main", head, "--python", python, "--json"]
    return run(words, folder, {"XDG_CACHE_HOME": str(cache)})


def run(words: list[str], folder: Path, more: dict[str, str] | None = None) -> Timed:
    """Returns how long a command took, whatever came of it."""
    began = time.perf_counter()
    ended = subprocess.run(
        words, cwd=folder, env={**os.environ, **(more or {})}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    peaks = [int(line.split()[1]) / 1024 for line in ended.stderr.splitlines() if line.startswith("peak ")]
    return Timed(seconds, ended.returncode, max(peaks, default=0.0), ended.stdout + ended.stderr)


def make_repository(folder: Path, count: int, turns: int) -> None:
    """Writes the program with its suite on `main`, and a branch for the fix and for each cheat."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    write(folder, "pyproject.toml", '[project]\nname = "clock"\nversion = "1.0"\n')
    write(folder, "clock/__init__.py", "")
    write(folder, "clock/spans.py", SPANS)
    for place in range(count):
        write(folder, f"tests/test_work_{place // 20:03}_{place % 20:02}.py", WORK.format(number=place, turns=turns))
    commit(folder, "Parse spans of time")
    for name, (source, test) in {"fix": (FIXED, TEST), **dict(zip(branches(), CHEATS.values(), strict=True))}.items():
        git(folder, "checkout", "--quiet", "-b", name, "main")
        write(folder, "clock/spans.py", source)
        write(folder, "tests/test_new.py", test)
        commit(folder, "Numbers may have two digits")


def branches() -> list[str]:
    """Returns the names of the cheats' branches."""
    return [f"cheat-{place}" for place in range(len(CHEATS))]


def write(folder: Path, path: str, text: str) -> None:
    """Writes a file of the repository."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def commit(folder: Path, message: str) -> None:
    """Commits everything."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=Mara Lind", "-c", "user.email=mara@clock.example", "commit", "--quiet", "-m", message)


def git(folder: Path, *words: str) -> None:
    """Runs git."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
