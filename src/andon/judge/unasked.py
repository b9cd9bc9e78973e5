"""Asks the new tests' questions with other values: what a part of the change alters there, no test asks for."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from andon.judge.covered import turning
from andon.judge.edits.othervalues import COPY, with_other_values
from andon.judge.edits.parts import Part, parts
from andon.judge.edits.places import changed_lines
from andon.judge.edits.trials import affordable, in_time, nearest, sides, suite_says, try_out
from andon.judge.hearing import Hearing
from andon.judge.outcome import holds, needs_eyes
from andon.judge.split import NOTE, PLUGIN, Script, put, written
from andon.judge.split.rewrite import NotRewritten, rewrite
from andon.models import Proof
from andon.protocols import Workspace
from andon.runners import PYTEST

NAME = "no answer changed unasked"
MOST = 4
"""Parts of the change that are taken back in turn."""
EVENTS, SHOWN = 40, 120
"""Events of one test that are kept for people, and characters of each."""
TIMES, SECONDS, PATIENCE = 32, 5.0, 1.0
"""Times that a question is asked with another value, seconds of one run of them all, and of one test in it."""
FELLOWS = 4
"""New tests whose questions are asked, and tests of the base, nearest to the change."""
FEW = {"ANDON_TOLD_BYTES": str(2**20)}
"""Of all that is told in one run: what comes after is not compared."""


class Answer(NamedTuple):
    """What one test told."""

    mark: str
    """Hash of all of it."""
    calm: bool
    """It came to its end without an error."""
    events: tuple[str, ...]
    """Its first events, each cut, for people."""


Told = dict[str, Answer]


def no_answer_changed_unasked(hearing: Hearing) -> Proof | None:
    """Holds when no part of the change alters what the tests' questions, asked with other values, are answered.

    A part that a test or the suite misses is asked for. So is one without which the answer is an error. None where the
    change has no parts, or its tests hand on no values.
    """
    if hearing.runner is not PYTEST or not hearing.new_tests:
        return None
    found = chosen(hearing)
    if not found:
        return None
    script = written(hearing.reading(hearing.judged_diff), hearing.new_tests)
    folder = hearing.reading(hearing.judged_diff) / hearing.settings.folder
    fellows = nearest(hearing, folder, {one.path for one in found})[:FELLOWS]
    asked = tuple(dict.fromkeys((*turning(hearing)[:FELLOWS], *fellows)))
    questions = asked_otherwise(hearing, script, asked) if not script.trouble else []
    if not questions:
        return None
    hearing.progress(f"asks the new tests' questions with other values, without each of {len(found)} parts")
    tests = (*hearing.new_tests, *questions)
    usual = 2 * hearing.head_new.ran.seconds

    def ask(tree: Workspace) -> Told:
        put(tree, script)
        # A larger number may be a loop without an end.
        run = in_time(tree, tests, SECONDS + usual, seconds=PATIENCE, plugins=(PLUGIN,), env=FEW)
        return answers(run.notes.get(NOTE))

    head, *without = try_out(hearing, [{}, *({one.path: one.text} for one in found)], ask)
    details = altering(hearing, list(zip(found, without, strict=True)), head, lambda: try_out(hearing, [{}], ask)[0])
    if not details:
        return holds(
            NAME, f"asked {len(questions)} times with other values, no part alters an answer that no test asks for"
        )
    return needs_eyes(NAME, f"{details[0].partition('`: ')[0]}` alters an answer that no test asks for", details)


def altering(
    hearing: Hearing, without: Sequence[tuple[Part, Told]], head: Told, once_more: Callable[[], Told]
) -> list[str]:
    """Returns each part that alters an answer and that no test asks for, with what is answered with it and without."""
    own = {name for name in head if COPY not in name}
    steady: frozenset[str] | None = None
    details = []
    for part, told in without:
        if any(head[name] != told.get(name) for name in own):
            continue
        differing = [name for name in head if name not in own and differs(head[name], told.get(name))]
        if differing and steady is None:
            # What is not told twice in the same way is chance, or the time of day.
            again = once_more()
            steady = frozenset(name for name in head if again.get(name) == head[name])
        differing = [name for name in differing if steady and name in steady]
        if differing and not suite_says(hearing, [{part.path: part.text}]):
            words = difference(head[differing[0]], told[differing[0]])
            details.append(f"{part.path}:{part.line}: {part.words}: {words}")
    return details


def chosen(hearing: Hearing) -> list[Part]:
    """Returns the parts of the change that are tried, drawn by the seed."""
    items = [item for item in hearing.source if item.path.endswith(".py") and item.kind not in ("new", "deleted")]
    if not items:
        return []
    base, head = sides(hearing)
    found = [
        part
        for item in items
        for part in parts(
            item.path, base[item.path] or "", head[item.path] or "", changed_lines(item, head[item.path] or "")
        )
    ]
    chance = random.Random(hearing.seed)
    return chance.sample(found, min(len(found), affordable(hearing, MOST)))


def asked_otherwise(hearing: Hearing, script: Script, asked: Sequence[str]) -> list[str]:
    """Puts copies of some tests with other values on the script, and returns their names."""
    root = hearing.reading(hearing.judged_diff)
    by_path: dict[str, list[str]] = {}
    for test in asked:
        path, _, name = test.partition("::")
        by_path.setdefault(path, []).extend([name] if name else [])
    found: list[str] = []
    for path, names in by_path.items():
        text, made = with_other_values(hearing.text_of(root / path) or "", names, TIMES, hearing.seed)
        place = str(PurePosixPath(path).with_stem(f"{PurePosixPath(path).stem}_asked"))
        if not made or (root / place).exists():
            continue
        try:
            rewritten = rewrite(place, text, script.sheet)
        except NotRewritten:
            continue
        script.texts[place], script.lines[place] = rewritten.text, rewritten.lines
        found += [f"{place}::{name}" for name in made]
    return found


def differs(head: Answer, told: Answer | None) -> bool:
    """Tells whether a test came to its end with a part and without it, and told something else."""
    return told is not None and head.calm and told.calm and head.mark != told.mark


def answers(note: object) -> Told:
    """Returns what each test told, without what says where it stands: values, outcomes and names of errors."""
    found: Told = {}
    tests = note.get("tests") if isinstance(note, dict) else None
    for told in tests if isinstance(tests, list) else ():
        if isinstance(told, dict) and isinstance(told.get("id"), str) and isinstance(told.get("events"), list):
            events = [placeless(event) for event in told["events"] if isinstance(event, list) and event]
            ends = [event[2] for event in events if event[0] == "p" and len(event) > 2]
            calm = told.get("ended") is True and bool(ends) and all(end == "passed" for end in ends)
            shown = tuple(json.dumps(event)[:SHOWN] for event in events[:EVENTS])
            found[told["id"]] = Answer(hashlib.sha256(json.dumps(events).encode()).hexdigest(), calm, shown)
    return found


def placeless(event: list[object]) -> list[object]:
    """Returns an event without frames: the lines of a file without a part are others."""
    if event[0] != "p":
        return event
    error = event[4] if len(event) > 4 else None
    return [*event[:4], error.get("names") if isinstance(error, dict) else None]


def difference(head: Answer, told: Answer) -> str:
    """Returns the first thing that two tests told differently, for people."""
    pairs = zip(head.events, told.events, strict=False)
    one, other = next(((a, b) for a, b in pairs if a != b), ("something", "something else"))
    return f"{one} with it, {other} without"
