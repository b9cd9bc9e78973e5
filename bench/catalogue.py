"""Judges the whole catalogue of cheats and prints what caught what; resumable, several at a time.

    python bench/catalogue.py --out folder               # every cheat on every bug
    python bench/catalogue.py --out folder --some 12     # one in twelve, and every cheat at least once
    python bench/catalogue.py --out folder --all         # besides: which proofs catch each cheat by themselves
    python bench/catalogue.py --out folder --only text   # cheats and bugs whose names hold a text

In the folder: `cases.jsonl` (one line a case, written as they end: what is there is not judged again), `matrix.md` and
`matrix.json`. Exits with 1 when a cheat is proven or an honest control is rejected.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "judge"))
HONEST = "honest fix"
DEAR = range(65, 79)
"""Classes whose cheats look right at first: they come last."""


class Line(TypedDict):
    """How one case ended."""

    bug: str
    cheat: str
    classes: list[int]
    outcome: str
    by: str
    saw: str
    seconds: float
    alone: dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--some", type=int, default=1, help="judge one in so many, and every cheat at least once")
    parser.add_argument("--only", default="", help="text in the name of the case, or several with |")
    parser.add_argument("--all", action="store_true", help="ask every proof by itself")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.worker:
        work(asked.out, asked.worker, asked.all)
        return 0
    todo = wanted(asked.some, asked.only, {key(line) for line in lines(asked.out)})
    began = time.monotonic()
    with ThreadPoolExecutor(asked.workers) as pool:
        parts = [todo[number :: asked.workers] for number in range(asked.workers)]
        list(pool.map(lambda part: run(asked.out, part, asked.all), filter(None, parts)))
    found = list(lines(asked.out))
    text = matrix(found)
    (asked.out / "matrix.md").write_text(text, encoding="utf-8")
    (asked.out / "matrix.json").write_text(json.dumps(table(found), indent=1), encoding="utf-8")
    print(text)
    print(f"{len(todo)} judged in {time.monotonic() - began:.0f} s")
    return 1 if wrong(found) else 0


def wanted(some: int, only: str, done: set[str]) -> list[str]:
    """Returns the names of the cases to judge, the honest controls last."""
    from corpus.everything import bugs, cases, drawn

    chosen = list(drawn(some)) if some > 1 else list(cases())
    chosen.sort(key=lambda case: any(number in DEAR for number in case.cheat.classes))
    names = [case.name for case in chosen] + [f"{bug.name}: {HONEST}" for bug in bugs()]
    texts = only.split("|")
    return [name for name in names if name not in done and any(text in name for text in texts)]


def run(out: Path, names: Sequence[str], everything: bool) -> None:
    """Judges cases in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(list(names), file)
        file.flush()
        words = [sys.executable, sys.argv[0], "--out", str(out), "--worker", file.name]
        subprocess.run([*words, *(["--all"] if everything else [])], check=True)


def work(out: Path, file: str, everything: bool) -> None:
    """Judges the cases of a list, one after the other, and writes a line for each."""
    from corpus.cases import Attempt, patch_of
    from corpus.everything import bugs, cases
    from corpus.standing import Grounds, alone, hear_briefly

    known = {case.name: case for case in cases()}
    controls = {f"{bug.name}: {HONEST}": bug for bug in bugs()}
    with tempfile.TemporaryDirectory(prefix="catalogue-") as folder:
        grounds = Grounds(Path(folder).resolve())
        for name in json.loads(Path(file).read_text(encoding="utf-8")):
            bug = controls[name] if name in controls else known[name].bug
            ground = grounds.of(bug)
            attempt = Attempt({bug.source: bug.fixed}) if name in controls else known[name].cheat.make(ground)
            patch = patch_of(ground, attempt)
            with ground.hearing(patch) as hearing:
                heard = hear_briefly(hearing)
            found: dict[str, str] = {}
            if everything:
                with ground.hearing(patch) as hearing:
                    found = alone(hearing)
            line = Line(
                bug=bug.name,
                cheat=HONEST if name in controls else known[name].cheat.name,
                classes=[] if name in controls else list(known[name].cheat.classes),
                outcome=heard.outcome.value,
                by=heard.by,
                saw=heard.saw[:300],
                seconds=round(heard.seconds, 2),
                alone=found,
            )
            with (out / "cases.jsonl").open("a", encoding="utf-8") as results:
                results.write(json.dumps(line) + "\n")
        grounds.close()


def lines(out: Path) -> Iterable[Line]:
    """Yields the cases that are judged."""
    place = out / "cases.jsonl"
    for text in place.read_text(encoding="utf-8").splitlines() if place.exists() else ():
        yield json.loads(text)


def key(line: Line) -> str:
    return f"{line['bug']}: {line['cheat']}"


def wrong(found: Iterable[Line]) -> list[Line]:
    """Returns cheats that are proven, and honest controls that are rejected or cannot be judged."""
    return [
        line
        for line in found
        if (line["outcome"] == "proven") != (line["cheat"] == HONEST)
        and not (line["cheat"] == HONEST and line["outcome"] == "needs eyes")
    ]


def table(found: Iterable[Line]) -> dict[str, dict[str, int]]:
    """Returns how many cases of each class each proof was the first to catch."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for line in found:
        for number in line["classes"]:
            counts[number][line["by"] or line["outcome"]] += 1
    return {str(number): dict(counts[number].most_common()) for number in sorted(counts)}


def matrix(found: list[Line]) -> str:
    """Returns the results as Markdown: by proof, by class, and what went wrong."""
    cheats = [line for line in found if line["cheat"] != HONEST]
    controls = [line for line in found if line["cheat"] == HONEST]
    templates, names = {line["cheat"] for line in cheats}, {line["bug"] for line in cheats}
    rows = [
        f"{len(cheats)} cheats of {len(templates)} templates on {len(names)} bugs: {counted(cheats)}.",
        f"{len(controls)} honest controls: {counted(controls)}.",
    ]
    rows += [
        "",
        "| proof | caught first | of them by a person's eyes | would catch, alone | nobody else would |",
        "|---|--:|--:|--:|--:|",
    ]
    first = Counter(line["by"] for line in cheats if line["by"])
    seen = Counter(line["by"] for line in cheats if line["outcome"] == "needs eyes")
    single = Counter(name for line in cheats for name in line["alone"])
    unique = Counter(next(iter(line["alone"])) for line in cheats if len(line["alone"]) == 1)
    for name in {**first, **single}:
        rows.append(f"| {name} | {first[name]} | {seen[name]} | {single[name]} | {unique[name]} |")
    rows += ["", "| class | caught by |", "|--:|---|"]
    for number, counts in table(found).items():
        rows.append(f"| {number} | {', '.join(f'{name} {count}' for name, count in counts.items())} |")
    if bad := wrong(found):
        rows += [
            "",
            f"Wrong: {len(bad)}",
            "",
            *(f"- {key(line)}: {line['outcome']} {line['by']} {line['saw']}" for line in bad),
        ]
    return "\n".join(rows) + "\n"


def counted(found: list[Line]) -> str:
    """Returns how many cases ended how, in words."""
    counts = Counter(line["outcome"] for line in found).most_common()
    return ", ".join(f"{number} {name}" for name, number in counts) or "none"


if __name__ == "__main__":
    sys.exit(main())
