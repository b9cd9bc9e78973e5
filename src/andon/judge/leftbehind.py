"""Lists who uses a function or a field as before, where the fix makes its value otherwise at one use; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

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
MOST_BYTES = 1_000_000
"""A longer file is made by a program, and not read."""

Texts = dict[str, str]


def no_use_left_behind(hearing: Hearing) -> Proof | None:
    """Holds when the fix does not make a value otherwise at one use while others use it as before.

    None where it makes none otherwise. A function that is wrong is wrong for all its callers, and whether another
    caller meets the same is what a person has to say. Of a person's fix only what a function is handed, and what it
    gives, is looked at, where another value is made of it: which function is called, and how a field is read, people
    change at one place for good reasons.
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
        name = meant(use, texts)
        others = list(islice(places(texts, use, name), MOST_FOUND)) if name else []
        if name and (others or use.how is How.REPLACED):
            details.append(f"{path}:{use.line}: `{name}` {use.how} in `{line.strip()[:WIDTH]}`; {as_before(others)}")
    if not details:
        return holds(NAME, "nobody else uses what the fix makes otherwise at one use")
    return needs_eyes(NAME, details[0], details)


def is_asked(hearing: Hearing, use: Use) -> bool:
    return not hearing.people or (use.is_made and use.of_call and use.how is not How.REPLACED)


def python_texts(hearing: Hearing) -> Iterator[tuple[str, str]]:
    """Yields path and text of each Python file with the patch, tests last."""
    head = hearing.reading(hearing.judged_diff)
    paths = {path for path in (*hearing.existing, *(item.path for item in hearing.files)) if path.endswith(".py")}
    fresh = {item.path for item in hearing.tests}
    for path in sorted(paths - fresh, key=lambda path: (is_test(path), path)):
        file = head / path
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= MOST_BYTES:
            yield path, hearing.text_of(file) or ""


def meant(use: Use, texts: Texts) -> str:
    """Returns the name that a use is about: a field, or the nearest function that the project defines; or nothing."""
    names = [name for name in use.names if name not in COMMON]
    return next((name for name in names if not use.of_call or is_defined(name, texts)), "")


def is_defined(name: str, texts: Texts) -> bool:
    made = re.compile(rf"^\s*(async\s+)?def\s+{re.escape(name)}\s*\(", re.MULTILINE)
    return any(made.search(text) for path, text in texts.items() if not is_test(path))


def places(texts: Texts, use: Use, name: str) -> Iterator[str]:
    """Yields the places of some texts where a name is used as before."""
    for path, text in texts.items():
        yield from (f"{path}:{line}" for line in (left_behind(text, use, name) if name in text else ()))


def as_before(others: list[str]) -> str:
    """Returns in words who uses a name as before."""
    if not others:
        return "nobody calls it any more, and it stays as it was"
    more = f" and {len(others) - MOST_SHOWN} more" if len(others) > MOST_SHOWN else ""
    return f"as before in {', '.join(others[:MOST_SHOWN])}{more}"
