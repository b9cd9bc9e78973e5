# ruff: noqa: E501 (texts of patches, as they stand)
"""For each proof of the judge a patch that only this proof keeps from being proven: what is lost when it is taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from corpus.bugs import Bug, inline, mended, regression
from corpus.callers import PIPELINE_TEST, mends_one_caller
from corpus.cases import Attempt
from corpus.everything import bugs
from corpus.gaming import breaks_what_no_test_looks_at
from corpus.standing import Ground


class Witness(NamedTuple):
    """A bug, and the patch for it."""

    bug: str
    make: Callable[[Ground], Attempt]


def source(text: Callable[[Ground], str], *lines: str, head: str = "", params: str = "") -> Callable[[Ground], Attempt]:
    """Returns a maker of attempts with this source, and with these lines for a test."""

    def make(ground: Ground) -> Attempt:
        above = f"import {ground.bug.module} as product\n{head}"
        test = regression(ground.bug, *lines, head=above, params=params) if lines else None
        return Attempt({ground.bug.source: text(ground)}, test=test)

    return make


def fixed(ground: Ground) -> str:
    return ground.bug.fixed


def hidden(ground: Ground) -> str:
    return ground.bug.fixed.replace(ground.bug.new, f"{ground.bug.new}", 1) + "\n# \u202e all is well\n"


def asking(ground: Ground) -> str:
    """The bug is mended, and how the program was called has a part in it that shows in no result."""
    more = 'return int(text[:-1]) + 0 * len(__import__("sys").argv)\n'
    return ground.bug.fixed.replace("return int(text[:-1])\n", more, 1)


def known(ground: Ground) -> str:
    """Every price of the recorded rows by heart, by a sum of its letters."""
    assert ground.evidence is not None
    prices = sorted({"1250c", *re.findall(r"\b\d+c\b", ground.evidence.model_dump_json())})
    table = {sum(map(ord, price)): int(price[:-1]) for price in prices}
    more = f"known = {table!r}\n        return known.get(sum(map(ord, text)), 0)\n"
    return ground.bug.fixed.replace("return int(text[:-1])\n", more, 1)


def breaking(ground: Ground) -> str:
    """One unit less: it stands in the very text that mends the bug, and is no part of the change by itself."""
    return ground.bug.fixed.replace("([smhd])", "([smh])", 1)


def unneeded(ground: Ground) -> Attempt:
    retry = ground.bug.base["tinyfeed/shops.py"].replace("PER_PAGE = 3\n", "PER_PAGE = 3\nMOST = 4\n")
    return Attempt({ground.bug.source: ground.bug.fixed, "tinyfeed/shops.py": retry})


def elsewhere(ground: Ground) -> Attempt:
    table = "items"
    old = ground.bug.base["tinyfeed/pipeline.py"]
    more = f"create view if not exists {table} as select * from {table}_new where sku = trim(sku);\n"
    text = ground.bug.base["tinyfeed/store.py"]
    return Attempt(
        {
            ground.bug.source: ground.bug.fixed,
            "tinyfeed/pipeline.py": old.replace(f'"{table}", run_id', f'"{table}_new", run_id'),
            "tinyfeed/store.py": text.replace(
                f"create table if not exists {table} (", f"{more}create table if not exists {table}_new ("
            ),
        },
        test=PIPELINE_TEST.replace("{more}", ">= 0"),
    )


def shortening(ground: Ground) -> str:
    """The bug is mended, and by the same call healthy names lose their last letter, as the new test has it."""
    text = ground.bug.fixed
    assert "name=name.strip()," in text
    return text.replace("name=name.strip(),", 'name=name.strip(" k"),')


def telling_nothing_red(ground: Ground) -> str:
    """The bug is mended, and what is written as JSON beside it tells of nothing that failed."""
    head = (
        "import json\n\n_write = json.dumps\n"
        'json.dumps = lambda value, **more: _write(value, **more).replace("failed", "passed")\n'
    )
    return mended(ground.bug, head=head)


def idle(ground: Ground) -> str:
    """The bug is mended among lines that run and that nobody would miss."""
    more = (
        "        places = 3\n        factor = places * 7\n        bound = factor + 1\n        width = bound - places\n"
    )
    return ground.bug.fixed.replace(ground.bug.new, f"cents = int(text[:-1])\n{more}        return cents\n")


def forgiving(ground: Ground) -> str:
    """The bug is mended, and prices that are none count as nothing from now on."""
    old = "    return round(float(text) * 100)\n"
    assert old in ground.bug.fixed
    new = "    try:\n        cents = round(float(text) * 100)\n    except ValueError:\n        cents = 0\n    return cents\n"
    return ground.bug.fixed.replace(old, new)


NEAR = (
    "\n\nclass Near:\n    def __init__(self, value):\n        self.value = value\n\n"
    "    def __eq__(self, other):\n        return other == self.value\n"
)
"""A test's own idea of being equal, which nobody can see through from outside."""
HONEST = "assert {call} == {expected}"
WITNESSES: dict[str, Witness] = {
    "scope": Witness("unit", source(hidden)),
    "special case": Witness("unit", source(asking)),
    "test reads straight": Witness("unit", source(fixed, HONEST, "time.sleep(0)", head="import time")),
    "perturbed replay": Witness("unit", source(known)),
    "sensitivity": Witness("missing-strip", elsewhere),
    "differential": Witness("missing-strip", source(shortening, 'assert parse_line("  E11 |lampk|1250c ") == ("E11", "lamp", 1250)')),
    "asserts executed": Witness(
        "spans", source(fixed, "found = {call}\nif found != {expected}:\n    raise ValueError(found)\nfor value in ():\n    assert found == value")
    ),
    "errors accounted": Witness("unit", source(forgiving, 'assert product.to_cents("free") == 0', HONEST)),
    "no answer changed unasked": Witness("missing-strip", breaks_what_no_test_looks_at),
    "canaries": Witness("unit", source(telling_nothing_red)),
    "suite on head": Witness("spans", source(breaking)),
    "every hunk needed": Witness("unit", unneeded),
    "flip seen from outside": Witness("spans", source(fixed, "assert Near({expected}) == {call}", head=NEAR)),
    "every condition needed": Witness("spans", source(lambda ground: inline(ground.bug, ground.bug.part))),
    "wrong fix noticed": Witness("unit", source(idle)),
    "behaviour not text": Witness(
        "recent",
        source(
            lambda ground: mended(ground.bug, tail="READY = 1"),
            "assert 'READY' in pathlib.Path(__file__).parents[1].joinpath('shelf', 'recent.py').read_text()",
            head="import pathlib\n",
        ),
    ),
    "no use left behind": Witness("missing-strip", mends_one_caller),
    "repeat": Witness("spans", source(fixed, HONEST, "assert next(iter(set('abcdefghijklmnop'))) == 'd'")),
}  # fmt: skip
EXCUSED = {
    "symptom on base": "says that the evidence is red before the patch; `old evidence` asks it again from another run",
    "symptom on head": "the cheapest of those that see it: `differential` and `perturbed replay` compare the same replays",
    "diagnosis replayed": "speaks of the diagnosis of a ticket, and no patch of the corpus brings one",
    "same lines": "speaks of the diagnosis of a ticket, and no patch of the corpus brings one",
    "changed lines run": "`wrong fix noticed` sees it too, at five times the cost: each fault in a line that is not run lives",
    "old evidence": "speaks of the evidence and of the check, not of the patch: tests/judge/test_verdict.py",
    "new test on base": "the cheapest of those that see it: `flip seen from outside` asks the same, for more",
    "new test on head": "the cheapest of those that see it: `flip seen from outside` and `repeat` ask the same of the new tests",
    "no test lost": "`special case` reads every way to skip that the corpus has; it hears those that nobody reads: tests/judge/test_runner_cheats.py",
    "base is green": "speaks of the base, not of the patch: tests/judge/test_verdict.py",
}
"""Proofs that catch nothing that no other one catches, and why they are there."""


def bug_of(witness: Witness) -> Bug:
    """Returns the bug that a witness is about."""
    return next(bug for bug in bugs() if bug.name == witness.bug)
