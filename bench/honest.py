"""Judges fixes that people really made, as pull requests of people, and tells how many the judge turns away.

    python bench/honest.py FIXES                          # lines of repository, base, fix: CSV, TSV or JSON Lines
    python bench/honest.py FIXES --jobs 2 --minutes 15 --json summary.json --table table.md
    python bench/honest.py --mine REPOSITORY... --cap 12  # lists fix commits of repositories, to judge them

A base that is left out is the fix's parent. Each fix is judged in a process of its own, bounded in time; what is done
stands in FIXES.results.jsonl and is not done again (`--again broken` does those of an outcome again). The table tells
outcomes with their exact upper bound (one-sided, 95%), the classes of the reasons, which judge said so (by the hash of
its source), and costs in seconds and in runs of the suite. Exit code 0 when it has run.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from honest_table import rendered, summary

KEYS = {
    "repository": ("repository", "repo", "path", "repository_path", "repo_path"),
    "base": ("base", "base_commit", "parent"),
    "fix": ("fix", "fix_commit", "head", "commit", "head_commit"),
}
FIX = re.compile(r"\b(fix(e[sd]|ing)?|bugs?|bugfix|regressions?|closes? #\d+|resolves? #\d+)\b", re.IGNORECASE)
NO_FIX = re.compile(
    r"\b(typos?|lint(ing|er)?|flake8|pyflakes|pylint|ruff|isort|black|pep ?8|mypy|typing|type (hints?|annotations?)|"
    r"docs?|docstrings?|changelog|spelling|whitespace|coverage|ci|travis|appveyor|tox|pre-commit|deprecat\w+|warnings?|"
    r"tests?|merge|revert|bump|release|python ?[23][.\d]*|pypy|windows|wip)\b",
    re.IGNORECASE,
)
"""Subjects of commits that call themselves fixes and mend no behaviour that a test on this machine shows."""
RUNNING: set[int] = set()
"""Processes that judge a fix right now, each the first of its group."""
SOURCES, ADDED = 5, 80
"""At most that many source files and added lines of source."""


class Fix(NamedTuple):
    """One fix to judge."""

    repository: str
    base: str
    fix: str

    @property
    def key(self) -> str:
        """What it is known by in the results."""
        return f"{Path(self.repository).name}|{Path(self.repository).parent.name}|{self.fix}"

    @property
    def label(self) -> str:
        """How a person reads it."""
        path = Path(self.repository)
        name = path.parent.name if path.name in ("repo", ".git", "repo.git") else path.name
        return f"{name} {self.fix[:10]}"


# --- the list -------------------------------------------------------------------------------------------------------


def read_fixes(path: Path) -> list[Fix]:
    """Returns the fixes of a file: JSON Lines (or a JSON list), or columns apart by commas, tabs or spaces."""
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if text.lstrip().startswith("["):
        found = [read_object(one) for one in json.loads(text)]
    elif lines and lines[0].lstrip().startswith("{"):
        found = [read_object(json.loads(line)) for line in lines]
    else:
        found = read_columns(lines)
    here = path.resolve().parent
    return [one._replace(repository=str((here / one.repository).expanduser())) for one in found]


def read_object(table: dict[str, Any]) -> Fix:
    """Returns the fix that a JSON object names."""
    values = [next((str(table[key]) for key in KEYS[name] if table.get(key)), "") for name in Fix._fields]
    return Fix(*values)


def read_columns(lines: Sequence[str]) -> list[Fix]:
    """Returns the fixes of a table; its first line may name the columns."""
    mark = next((mark for mark in ("\t", ",", ";") if lines and mark in lines[0]), None)
    rows = [line.split() for line in lines] if mark is None else list(csv.reader(lines, delimiter=mark))
    rows = [[cell.strip() for cell in row] for row in rows]
    if rows and not any(re.fullmatch(r"[0-9a-f]{7,64}", cell) for cell in rows[0]):
        return [read_object(dict(zip(map(str.lower, rows[0]), row, strict=False))) for row in rows[1:]]
    return [Fix(row[0], "", row[1]) if len(row) == 2 else Fix(*row[:3]) for row in rows]


# --- mining ---------------------------------------------------------------------------------------------------------


def mine(repository: Path, cap: int, since: str) -> Iterator[Fix]:
    """Yields fix commits of a repository, newest first: a message of a fix, little source, and a test with it."""
    argv = ["log", "--no-merges", "--no-renames", "--numstat", f"--since={since}", "--format=%x01%H%x00%P%x00%s"]
    said = git(repository, *argv)
    found = 0
    for entry in said.split("\x01")[1:]:
        head, _, rest = entry.partition("\n")
        commit, parents, subject = head.split("\0")
        if parents and FIX.search(subject) and not NO_FIX.search(subject) and is_small_fix(rest):
            yield Fix(str(repository.resolve()), parents.split()[0], commit)
            found += 1
            if found >= cap:
                return


def is_small_fix(numstat: str) -> bool:
    """Tells whether changed files (`added TAB removed TAB path` lines) are a small change of source with a test."""
    from andon.judge.paths import is_test

    rows = [line.split("\t", 2) for line in numstat.splitlines() if line.count("\t") >= 2]
    python = [(added, path) for added, _, path in rows if path.endswith(".py") and added != "-"]
    tests = [path for added, path in python if is_test(path) and int(added) > 0]
    source = [int(added) for added, path in python if not is_test(path) and not path.startswith(("docs/", "setup.py"))]
    return bool(tests) and 0 < len(source) <= SOURCES and sum(source) <= ADDED


def git(repository: Path, *words: str) -> str:
    """Returns what git says of a repository; of one whose objects are not all there, what it could say."""
    argv = ["git", "-c", "safe.directory=*", "-C", str(repository), *words]
    return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False).stdout


# --- one fix, in a process of its own -------------------------------------------------------------------------------


def judge_one(fix: Fix, cache: Path, only: Sequence[str]) -> dict[str, Any]:
    """Returns the verdict on one fix with its costs; of the proofs of some names only, when there are any."""
    from andon.judge import PROOFS, hear
    from andon.pullrequest import Asked, open_hearing
    from andon.sandboxes import open_sandbox

    began = time.monotonic()
    base = fix.base or git(Path(fix.repository), "rev-parse", f"{fix.fix}^").strip()
    asked = Asked(Path(fix.repository), base, fix.fix)
    stages: list[str] = []
    told: dict[str, Any] = {"stages": stages}

    def progress(text: str) -> None:
        stages.append(f"{time.monotonic() - began:.1f} {text}")
        print(f"\r{fix.label}: {text}", file=sys.stderr)

    place = f"{Path(fix.repository).name}-{hashlib.sha256(fix.repository.encode()).hexdigest()[:10]}"
    with open_hearing(asked, cache=cache / place, sandbox=open_sandbox(), progress=progress) as hearing:
        told["environment_seconds"] = round(time.monotonic() - began, 2)
        verdict = hear(hearing, [rule for rule in PROOFS if rule.name in only] if only else ())
        # Only when it was run: a rejection before it must not cost a suite.
        suite = hearing.base_suite if "suites" in vars(hearing) else None
        told["notes"] = list(getattr(hearing, "notes", ()))
        told["command"] = hearing.settings.test
    told["suite_seconds"] = round(suite.ran.seconds, 2) if suite else None
    told["verdict"] = verdict.model_dump(mode="json")
    return told


def child(fix: Fix, cache: Path, only: Sequence[str], out: Path) -> None:
    """Judges one fix and writes what came of it; whatever happens, something is written."""
    try:
        told = judge_one(fix, cache, only)
    except Exception as error:  # noqa: BLE001  # one bad case never ends the run: it is told as broken
        told = {"error": f"{type(error).__name__}: {error}"[-2000:], "traceback": traceback.format_exc()[-4000:]}
    from andon.judge.record import source_of_judge

    told["judge"] = source_of_judge()[:12]
    told["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    out.write_text(json.dumps(told), encoding="utf-8")


def run_one(fix: Fix, cache: Path, minutes: float, only: Sequence[str]) -> dict[str, Any]:
    """Judges one fix in a process of its own, and ends it with all that it started when its time is over."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="honest-") as folder:
        out, said = Path(folder) / "told.json", Path(folder) / "stderr"
        argv = [sys.executable, str(Path(__file__).resolve()), "--child", json.dumps(fix), "--cache", str(cache)]
        argv += ["--out", str(out), "--only", *only]
        with said.open("wb") as stderr:
            started = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)
            RUNNING.add(started.pid)
            try:
                started.wait(minutes * 60)
                late = False
            except subprocess.TimeoutExpired:
                late = True
            finally:
                if started.poll() is None:
                    os.killpg(started.pid, signal.SIGKILL)
                    started.wait()
                RUNNING.discard(started.pid)
        words = said.read_text(encoding="utf-8", errors="replace")[-1500:]
        try:
            told = json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            told = {"error": f"not done in {minutes:g} minutes" if late else f"it died: {words[-600:]}", "said": words}
    return {**fix._asdict(), **told, "seconds": round(time.monotonic() - began, 1), **classed(told)}


def classed(told: dict[str, Any]) -> dict[str, str]:
    """Returns the outcome as the table counts it, and the class of its reason."""
    verdict = told.get("verdict")
    if verdict is None:
        error = str(told.get("error", "nothing was told"))
        return {"outcome": "broken", "class": error.splitlines()[0][:120]}
    outcome = str(verdict["outcome"])
    eyes = [proof for proof in verdict["proofs"] if proof["outcome"] == "needs eyes"]
    if outcome == "needs eyes":
        contested = all("contested" in f"{proof['name']} {proof['saw']}" for proof in eyes)
        names = ", ".join(proof["name"] for proof in eyes)
        return {"outcome": f"needs eyes: {'contested' if contested else 'other'}", "class": names}
    if outcome == "proven":
        return {"outcome": "proven", "class": ""}
    last = verdict["proofs"][-1] if verdict["proofs"] else {}
    name = last.get("name", "") if last.get("outcome") == "fails" else str(verdict["reason"]).partition(":")[0]
    return {"outcome": "broken" if outcome == "judge broken" else outcome, "class": name}


# --- all of them ----------------------------------------------------------------------------------------------------


def run_all(fixes: Sequence[Fix], results: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Judges what is not done yet, side by side, and returns all results of the list."""
    known = read_results(results)
    done = {key: one for key, one in known.items() if not any(word in one["outcome"] for word in arguments.again)}
    todo = [fix for fix in dict.fromkeys(fixes) if fix.key not in done]
    print(f"{len(fixes)} fixes, {len(fixes) - len(todo)} done before", file=sys.stderr)
    lock, stopped = threading.Lock(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    count = Counter(one["outcome"] for one in done.values())

    def work(fix: Fix) -> None:
        told = run_one(fix, arguments.cache, arguments.minutes, arguments.only)
        if stopped.is_set():
            return
        with lock, results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
            done[fix.key] = told
            count[told["outcome"]] += 1
            saw = f": {told['class']}" if told["class"] else ""
            so_far = ", ".join(f"{number} {name}" for name, number in count.most_common())
            print(f"{len(done)}/{len(fixes)} {fix.label} {told['seconds']:.0f} s {told['outcome']}{saw} ({so_far})")
            sys.stdout.flush()

    with ThreadPoolExecutor(arguments.jobs) as pool:
        try:
            list(pool.map(work, todo))
        except BaseException:
            # Ctrl-C, above all: nothing may go on running unattended, and what was cut off is no result.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for pid in tuple(RUNNING):
                os.killpg(pid, signal.SIGKILL)
            raise
    return [done[fix.key] for fix in dict.fromkeys(fixes) if fix.key in done]


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the results so far by fix; of a fix that was judged again, the last."""
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            told = json.loads(line)
            found[Fix(told["repository"], told["base"], told["fix"]).key] = told
        except (ValueError, KeyError):  # the last line of a run that was killed
            continue
    return found


def arguments_of(argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fixes", nargs="?", type=Path, help="file of fixes")
    parser.add_argument("--mine", nargs="+", type=Path, metavar="REPOSITORY", help="list fix commits instead")
    parser.add_argument("--cap", type=int, default=12, help="fixes mined from one repository")
    parser.add_argument("--since", default="2018-01-01", help="mine no older fixes: they are of other Pythons")
    parser.add_argument("--jobs", type=int, default=2, help="fixes judged side by side")
    parser.add_argument("--minutes", type=float, default=15.0, help="wall time of one fix")
    parser.add_argument("--first", type=int, default=0, help="judge only so many of the list")
    parser.add_argument("--only", nargs="*", default=[], metavar="PROOF", help="only the proofs of these names")
    parser.add_argument("--again", nargs="*", default=[], help="outcomes (or parts of their names) to judge again")
    parser.add_argument("--results", type=Path, help="results so far (FIXES.results.jsonl)")
    parser.add_argument("--cache", type=Path, help="environments and base results (~/.cache/andon/honest)")
    parser.add_argument("--json", type=Path, help="write the summary here as JSON")
    parser.add_argument("--table", type=Path, help="write the tables here as Markdown")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    found = parser.parse_args(argv)
    found.cache = (found.cache or Path("~/.cache/andon/honest").expanduser()).resolve()
    if not (found.fixes or found.mine or found.child):
        parser.error("name a file of fixes, or --mine repositories")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Runs what the command line asks for."""
    arguments = arguments_of(argv)
    if arguments.child:
        return child(Fix(*json.loads(arguments.child)), arguments.cache, arguments.only, arguments.out)
    if arguments.mine:
        for repository in arguments.mine:
            for fix in mine(repository, arguments.cap, arguments.since):
                print(json.dumps(fix._asdict()))
        return None
    fixes = read_fixes(arguments.fixes)
    fixes = fixes[: arguments.first] if arguments.first else fixes
    results = arguments.results or arguments.fixes.with_name(arguments.fixes.name + ".results.jsonl")
    told = summary(run_all(fixes, results, arguments))
    print("\n" + rendered(told))
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if arguments.table:
        arguments.table.write_text(rendered(told), encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
