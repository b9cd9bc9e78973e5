"""Lists who uses a function or a field as before, where the fix makes its value otherwise at one use; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from andon.judge.edits.edits import MOST_BYTES
from andon.judge.hearing import Hearing
from andon.judge.outcome import holds, needs_eyes
from andon.judge.paths import is_test
from andon.judge.readings.uses import COMMON, How, Use, altered_uses, left_behind
from andon.models import Proof

NAME = "no use left behind"
MOST_USES, MOST_SHOWN, MOST_FOUND = 20, 3, 40
"""Altered uses that are looked at, places that are shown of one, and places after which nobody looks further."""
WIDTH = 90
"""Characters of a line that are shown."""

Texts = dict[str, str]


def no_use_left_behind(hearing: Hearing) -> Proof | None:
    """Holds when the fix does not make a value otherwise at one use while others use it as before.

    None where it makes none otherwise. A function that is wrong is wrong for all its callers, and whether another
    caller meets the same is what a person has to say. Of a person's fix only what a function is handed, and what it
    gives, is looked at, where another value is made of it and the name is of one function alone: which function is
    called, and how a field is read, people change at one place for good reasons.
    """
    items = [item for item in hearing.source if item.path.endswith(".py") and item.kind not in ("new", "deleted")]
    base, head = hearing.reading(""), hearing.reading(hearing.judged_diff)
    found: list[tuple[str, str, Use]] = []
    for item in items:
        old, new = (hearing.text_of(tree / item.path) or "" for tree in (base, head))
        lines = new.split("\n")
        if len(new) > MOST_BYTES:
            return needs_eyes(NAME, f"{item.path} is too long to be read")
        try:
            altered = altered_uses(old, new)
        except RecursionError:
            return needs_eyes(NAME, f"{item.path} has expressions too deep to be read")
        found += [(item.path, lines[use.line - 1], use) for use in altered if is_asked(hearing, use)]
    if not found:
        return None
    texts = dict(python_texts(hearing))
    details = []
    for path, line, use in found[:MOST_USES]:
        known = is_known(hearing, use, texts)
        others = list(islice(places(texts, use), MOST_FOUND)) if known else []
        if known and (others or use.how is How.REPLACED):
            details.append(
                f"{path}:{use.line}: `{use.name}` {use.how} in `{line.strip()[:WIDTH]}`; {as_before(others)}"
            )
    if not details:
        return holds(NAME, "nobody else uses what the fix makes otherwise at one use")
    return needs_eyes(NAME, details[0], details)


def is_asked(hearing: Hearing, use: Use) -> bool:
    """Tells whether such a use is looked at at all."""
    if not hearing.people:
        return True
    return use.is_made and use.of_call and use.how is not How.REPLACED and use.wrapper not in ("", use.name)


def python_texts(hearing: Hearing) -> Iterator[tuple[str, str]]:
    """Yields path and text of each Python file with the patch, tests last: these stand for callers elsewhere."""
    head = hearing.reading(hearing.judged_diff)
    paths = {path for path in (*hearing.existing, *(item.path for item in hearing.files)) if path.endswith(".py")}
    fresh = {item.path for item in hearing.tests}
    for path in sorted(paths - fresh, key=lambda path: (is_test(path), path)):
        file = head / path
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= MOST_BYTES:
            yield path, hearing.text_of(file) or ""


def is_known(hearing: Hearing, use: Use, texts: Texts) -> bool:
    """Tells whether a use is of a field, or of a function that the project defines; a person's only of what is one."""
    if use.name in COMMON or not use.of_call:
        return use.name not in COMMON
    made = re.compile(rf"^\s*(?:async\s+)?def\s+{re.escape(use.name)}\s*\(", re.MULTILINE)
    count = sum(len(made.findall(text)) for path, text in texts.items() if not is_test(path))
    return count == 1 or (count > 1 and not hearing.people)


def places(texts: Texts, use: Use) -> Iterator[str]:
    """Yields the places of some texts that have such a use as before."""
    for path, text in texts.items():
        yield from (f"{path}:{line}" for line in (left_behind(text, use) if use.name in text else ()))


def as_before(others: list[str]) -> str:
    """Returns in words who uses a name as before."""
    if not others:
        return "nobody calls it any more, and it stays as it was"
    more = f" and {len(others) - MOST_SHOWN} more" if len(others) > MOST_SHOWN else ""
    return f"elsewhere it is used as before, perhaps with the same fault: {', '.join(others[:MOST_SHOWN])}{more}"
