"""Sees the new tests flip from outside: the sandbox only tells plain data, and the judge compares it here.

Where there is no check to replay, this is the proof that no code of the patch can decide. A product that returns the
right plain value for the very input of the test is beyond it: other proofs ask for that.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from andon.judge.handlers import added_handlers
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import is_test
from andon.judge.split.flips import PASSED, UNKNOWN, Flip, Hint, Lines, flip_of
from andon.judge.split.rewrite import NotRewritten, rewrite
from andon.judge.split.transform import Sheet
from andon.judge.split.weigh import Course, courses
from andon.judge.suites import red_anyway
from andon.models import Outcome, Proof, TestRun
from andon.protocols import Workspace
from andon.runners import PYTEST

NAME = "flip seen from outside"
PLUGIN = "andon_split"
NOTE = "split"


@dataclass
class Sight:
    """What one run of the rewritten tests told."""

    run: TestRun
    told: dict[str, Course]
    ended: bool


@dataclass
class Script:
    """The rewritten tests of a patch."""

    sheet: Sheet = field(default_factory=Sheet)
    texts: dict[str, str] = field(default_factory=dict)
    lines: dict[str, dict[int, int]] = field(default_factory=dict)
    trouble: str = ""


def split_symptom(hearing: Hearing) -> Proof | None:
    """Holds when a new test is seen red on the base and green with the patch, on plain data, in the judge's process.

    None where a check is replayed, or a command asks for the symptom: that is the better proof.
    """
    if hearing.replayable or hearing.symptom_command:
        return None
    if hearing.runner is not PYTEST:
        return needs_eyes(NAME, "only tests of pytest can be asked from outside: name a command with --symptom")
    if not hearing.new_tests:
        return needs_eyes(NAME, "there is no new test whose flip could be seen from outside")
    script = written(hearing.reading(hearing.judged_diff), hearing.new_tests)
    if script.trouble:
        return needs_eyes(NAME, f"the new tests could not be asked from outside: {script.trouble}")
    before, after = hearing.side_by_side(
        lambda: look(hearing, hearing.test_diff, script), lambda: look(hearing, hearing.judged_diff, script)
    )
    for name in red_anyway(hearing):
        # Red with the patch and red before it: it counts neither way, seen from outside as well.
        after.told = {key: course for key, course in after.told.items() if bare(key) != bare(name)}
    # What is raised no more because it is taken now, a test that claims nothing does not tell from mended.
    silent = hearing.people and not added_handlers(hearing)
    proof = decide(before, after, script, lambda: hints(hearing.base_new), silent=silent)
    if proof.outcome is Outcome.FAILS and hearing.people and after.ended and after.run.complete:
        # Its own run says otherwise. Of a person's test that is about files, say, the rewritten one may be wrong.
        return needs_eyes(NAME, proof.saw, proof.details)
    return proof


def written(root: Path, tests: Iterable[str]) -> Script:
    """Returns the files of these tests, and what they import beside them, rewritten."""
    script = Script()
    todo = list(dict.fromkeys(name.partition("::")[0] for name in tests if name.partition("::")[0].endswith(".py")))
    asked = frozenset(todo)
    while todo:
        path = todo.pop(0)
        try:
            source = (root / path).read_bytes()
            made = rewrite(path, source, script.sheet)
        except (OSError, NotRewritten) as error:
            if path in asked:
                script.trouble = str(error)
            continue
        script.texts[path], script.lines[path] = made.text, made.lines
        todo += [one for one in beside(root, path, source) if one not in script.texts and one not in todo]
    return script


def beside(root: Path, path: str, source: bytes) -> Iterator[str]:
    """Yields the modules among the tests that a test file imports."""
    folder = PurePosixPath(path).parent
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            start = folder
            for _ in range(node.level - 1):
                start = start.parent
            stem = (node.module or "").replace(".", "/")
            stems = [stem, *(f"{stem}/{alias.name}" for alias in node.names)]
            tops = [start] if node.level else [folder, *folder.parents]
        elif isinstance(node, ast.Import):
            stems, tops = [alias.name.replace(".", "/") for alias in node.names], [folder, *folder.parents]
        else:
            continue
        for top in tops:
            names = [name for one in stems for name in (f"{one}.py", f"{one}/__init__.py")]
            for found in (str(top / name.lstrip("/.")) for name in names):
                if is_test(found) and (root / found).is_file():
                    yield found


def look(hearing: Hearing, diff: str, script: Script) -> Sight:
    """Runs the rewritten tests in a clean checkout, from which the tests as they were written are gone."""
    with hearing.at(diff) as tree:
        put(tree, script)
        run = tree.test(hearing.new_tests, seconds=hearing.patience, plugins=(PLUGIN,))
    told, ended = courses(run.notes.get(NOTE), script.sheet)
    return Sight(run, told, ended)


def put(tree: Workspace, script: Script) -> None:
    """Writes the rewritten tests over the tests."""
    for path, text in script.texts.items():
        place = tree.root / path
        if place.is_symlink():
            place.unlink()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def hints(run: TestRun) -> dict[str, Hint]:
    """Returns of each test function whether the ordinary run on the base saw it fail, and where."""
    found: dict[str, Hint] = {}
    for event in run.events:
        if event.outcome in ("failed", "error"):
            found[bare(event.id)] = (True, event.where[1] if event.where else None)
        elif event.outcome == "passed":
            found.setdefault(bare(event.id), PASSED)
    return found


def bare(name: str) -> str:
    """Returns the name of a test without its parameters and without its folder."""
    path, mark, rest = name.partition("[")[0].partition("::")
    return PurePosixPath(path).name + mark + rest


def numbered(told: dict[str, Course]) -> dict[tuple[str, int], Course]:
    """Returns the tests by function and place among its parameters: names of parameters may hold values."""
    counts: dict[str, int] = {}
    found: dict[tuple[str, int], Course] = {}
    for name, course in told.items():
        function = name.partition("[")[0]
        found[function, counts.get(function, 0)] = course
        counts[function] = counts.get(function, 0) + 1
    return found


def decide(
    before: Sight, after: Sight, script: Script, failed: Callable[[], dict[str, Hint]], *, silent: bool
) -> Proof:
    """Returns what the two runs say together."""
    if not after.ended or not after.run.complete:
        return fails(NAME, f"with the patch the run did not reach its own end: {after.run.ran.words[-300:]}")
    if not after.told:
        return needs_eyes(NAME, "no new test told anything with the patch")
    base, head = numbered(before.told), numbered(after.told)
    lines = Lines(script.lines)
    flips = [flip_of(base.get(key), course, lines, silent=silent) for key, course in head.items()]
    if of(flips, "red") or not (of(flips, "seen") or of(flips, "stopped")):
        # What the ordinary run saw on the base helps where only the sandbox can tell; it may cost a run.
        known = failed()
        flips = [
            flip_of(base.get(key), course, lines, known.get(bare(course.id), UNKNOWN), silent=silent)
            for key, course in head.items()
        ]
    told = [f"{flip.id}: {flip.state}: {flip.words}" for flip in flips]
    red = of(flips, "red")
    seen, unseen = of(flips, "seen"), of(flips, "unseen")
    if red:
        return fails(NAME, f"seen from outside, {red[0].id} is red with the patch: {red[0].words}", told)
    if stopped := of(flips, "stopped"):
        return needs_eyes(
            NAME, f"{stopped[0].id} does not go through when asked from outside: {stopped[0].words}", told
        )
    if seen:
        more = f"; {len(unseen)} more could not be seen" if unseen else ""
        return holds(
            NAME, f"{len(seen)} of {len(flips)} new tests flip, seen from outside: {seen[0].words}{more}", told
        )
    if unseen:
        return needs_eyes(NAME, f"the flip cannot be seen from outside: {unseen[0].words}", told)
    return needs_eyes(NAME, f"none of {len(flips)} new tests is seen red on the base", told)


def of(flips: list[Flip], state: str) -> list[Flip]:
    return [flip for flip in flips if flip.state == state]
