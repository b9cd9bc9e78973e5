"""Plants tests of known outcome into new tests of node and cargo, whose own assertions are turned round meanwhile."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from andon.judge.foreign import is_script
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.suites import ends_with_path, of_tests
from andon.judge.wholesuite import TEST_SECONDS
from andon.models import Proof, TestRun
from andon.runners import CARGO, NODE

NAME = "canaries"
WORDS = ("amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "juniper", "kelp", "larch")
MODULE = re.compile(r"(?m)^\s*(import|export)\b")
FAIL_JS = (
    "assert.strictEqual(1, 2)",
    "assert.equal(3, 4)",
    "assert.deepStrictEqual({ a: 1 }, { a: 2 })",
    "assert.ok(false)",
    "assert.throws(() => {})",
    "await assert.rejects(async () => {})",
    "throw new Error('as planned')",
)
PASS_JS = ("assert.strictEqual(2, 2)", "assert.throws(() => { throw new Error('as planned') })")
FAIL_RUST = ("assert_eq!(1, 2)", "assert!(false)", "assert_ne!(3, 3)", 'panic!("as planned")')
PASS_RUST = ("assert_eq!(2, 2)", "assert!(true)")
TURNED_JS = {
    "strictEqual": "notStrictEqual",
    "equal": "notEqual",
    "deepStrictEqual": "notDeepStrictEqual",
    "deepEqual": "notDeepEqual",
    "match": "doesNotMatch",
    "throws": "doesNotThrow",
    "rejects": "doesNotReject",
}


class Planted(NamedTuple):
    """A test file with more in it."""

    text: str
    outcomes: Mapping[str, str]
    """Name of a planted test -> how it has to end."""
    turned: int
    """How many assertions of the file's own were turned round."""


def foreign_birds(hearing: Hearing) -> Proof | None:
    """Holds when each planted test ends as it must, and turned assertions make a test fail that passed; else None."""
    if hearing.runner not in (NODE, CARGO):
        return None
    chance = random.Random(f"birds {hearing.seed}")
    planted: dict[str, Planted] = {}
    with hearing.at(hearing.judged_diff) as head:
        for item in hearing.tests:
            text = hearing.text_of(head.root / item.path)
            if text is not None and item.kind != "deleted" and is_own_program(hearing, item.path):
                planted[item.path] = plant(text, item.path, chance)
                (head.root / item.path).write_text(planted[item.path].text, encoding="utf-8")
        if not planted:
            return None
        run = head.test(tuple(planted), seconds=TEST_SECONDS)
    if not run.complete:
        return needs_eyes(NAME, f"the planted tests could not be run beside the new ones: {run.ran.words[-300:]}")
    return weighed(hearing, planted, run)


def is_own_program(hearing: Hearing, path: str) -> bool:
    """Tells whether a test file is run by itself, so that tests in it are tests of its own name."""
    return path in hearing.asked and (is_script(path) or path.endswith(".rs"))


def weighed(hearing: Hearing, planted: Mapping[str, Planted], run: TestRun) -> Proof:
    """Returns what the planted tests and the turned ones say."""
    told = {event.id: event.outcome for event in run.events}
    wrong = []
    for path, one in planted.items():
        for name, wanted in one.outcomes.items():
            ends = [
                got
                for key, got in told.items()
                if ends_with_path(path, key.partition("::")[0]) and key.endswith(f"::{name}")
            ]
            if ends != [wanted]:
                wrong.append(f"{path}: {name} had to end {wanted} and is told {', '.join(ends) or 'nothing of'}")
    if wrong:
        return fails(NAME, f"the runner's word is forged: {wrong[0]}", wrong)
    count = sum(len(one.outcomes) for one in planted.values())
    dull = [path for path, one in planted.items() if one.turned and not notices(hearing, path, run)]
    if dull:
        words = f"{dull[0]} passes with its assertions turned round: it comes to none of them"
        return (needs_eyes if hearing.people else fails)(NAME, words, dull)
    turned = sum(one.turned for one in planted.values())
    return holds(NAME, f"{count} planted tests ended as they must; {turned} assertions turned round were noticed")


def notices(hearing: Hearing, path: str, run: TestRun) -> bool:
    """Tells whether any test of a file that passed ends otherwise with its assertions turned round."""
    before = {event.id: event.outcome for event in of_tests(hearing.head_new.events, [path])}
    after = {event.id: event.outcome for event in of_tests(run.events, [path])}
    passed = [name for name, outcome in before.items() if outcome == "passed"]
    return not passed or any(after.get(name) != "passed" for name in passed)


# --- texts ------------------------------------------------------------------------------------------------------------


def plant(text: str, path: str, chance: random.Random) -> Planted:
    """Returns a test file with its assertions turned round and tests of known outcome behind it."""
    rust = path.endswith(".rs")
    failing, passing = (FAIL_RUST, PASS_RUST) if rust else (FAIL_JS, PASS_JS)
    bodies = [*((body, "failed") for body in failing), *((body, "passed") for body in passing)]
    chance.shuffle(bodies)
    key = f"k{chance.randrange(10**9)}"
    outcomes: dict[str, str] = {}
    lines: list[str] = []
    for number, (body, wanted) in enumerate(bodies):
        name = "_".join([*chance.sample(WORDS, 3), str(number)])
        outcomes[name] = wanted
        lines.append(f"#[test]\nfn {name}() {{\n    {body};\n}}" if rust else line_of(name, body, number, key))
    turned, count = turn(text, rust=rust)
    head = "" if rust else openers(text, path, key)
    return Planted("\n".join([turned, head, *lines, ""]), outcomes, count)


def line_of(name: str, body: str, number: int, key: str) -> str:
    """Returns a planted test of node's runner; every other one asserts by the strict face."""
    return f'{key}t("{name}", async () => {{ const assert = {key}{"as"[number % 2]}; {body}; }});'


def openers(text: str, path: str, key: str) -> str:
    """Returns the lines that give planted tests the runner and its assertions, as a module or as a script."""
    suffix = PurePosixPath(path).suffix
    as_module = suffix in (".mjs", ".mts") or (suffix not in (".cjs", ".cts") and MODULE.search(text) is not None)
    wanted = ((f"{key}t", "node:test"), (f"{key}a", "node:assert"), (f"{key}s", "node:assert/strict"))
    if as_module:
        return "\n".join(f'import {name} from "{module}";' for name, module in wanted)
    return "\n".join(f'const {name} = require("{module}");' for name, module in wanted)


def turn(text: str, *, rust: bool) -> tuple[str, int]:
    """Returns a text with the assertions turned round that have an opposite, and how many they are."""
    if rust:
        return re.subn(r"\bassert_eq!", "assert_ne!", text)
    names = "|".join(TURNED_JS)
    return re.subn(
        rf"\bassert(\.strict)?\.({names})\(", lambda seen: f"assert{seen[1] or ''}.{TURNED_JS[seen[2]]}(", text
    )
