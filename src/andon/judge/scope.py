"""Decides from the text alone whether a patch stays within what a patch may touch; it runs nothing."""

from __future__ import annotations

import unicodedata

from andon.judge.difftext import FileDiff
from andon.judge.hearing import Hearing
from andon.judge.outcome import fails, holds, needs_eyes
from andon.judge.paths import IDENTIFIER, is_test, trouble_with
from andon.models import Proof

LONG_LINE = 2000
NAMED = 3
"""Files that are set aside and named in a proof's own line."""
BIG = 400
"""Changed source lines beyond which a person should ask why a fix is so large."""


def scope(hearing: Hearing) -> Proof:
    """Holds when the diff is plain text hunks, applies to its base, and touches nothing protected."""
    if hearing.unreadable:
        return fails("scope", f"the diff cannot be read in full: {hearing.unreadable}")
    hidden = [trouble for item in hearing.source for trouble in text_troubles(item)]
    if hearing.people:
        troubles = people_troubles(hearing)
    else:
        troubles = [
            f"{item.path} {why}"
            for item in hearing.files
            if (why := trouble_with(item.path, settings=hearing.settings, existing=hearing.existing))
        ]
        troubles += [*hidden, *(trouble for item in hearing.tests for trouble in text_troubles(item))]
        troubles += test_troubles(hearing)
    if troubles:
        return fails("scope", f"{troubles[0]}" + (f" (and {len(troubles) - 1} more)" if troubles[1:] else ""), troubles)
    if trouble := hearing.apply_trouble():
        return fails("scope", f"the diff does not apply to {hearing.patch.base[:12]}: {trouble}")
    source = sum(item.size for item in hearing.source)
    if hearing.people:
        return people_scope(hearing, source, hidden)
    counted = f"{source} changed lines in {len(hearing.source)} source files, {len(hearing.patch.tests)} new test files"
    notes = eyes(hearing, source)
    if notes:
        return needs_eyes("scope", f"{notes[0]}; {counted}", notes)
    return holds("scope", f"{counted}; nothing protected is touched")


def people_troubles(hearing: Hearing) -> list[str]:
    """Returns what keeps a person's diff from being judged at all."""
    troubles = []
    if not hearing.source:
        troubles.append("it changes no source")
    if not hearing.tests and not hearing.patch.tests:
        troubles.append("it brings no regression test")
    return troubles


def people_scope(hearing: Hearing, source: int, hidden: list[str]) -> Proof:
    """Returns what a person's diff touches; what is set aside is told, and changed fixtures are to be seen."""
    aside = [f"judged without {path}: {why}" for path, why in hearing.aside.items()]
    tests = len(hearing.asked or hearing.tests)
    counted = f"{source} changed lines in {len(hearing.source)} source files, {tests} tests new or changed"
    fixtures = [item.path for item in hearing.tests if item.path.endswith("conftest.py")]
    if notes := [*hidden, *(f"{path} changes what every test stands on" for path in fixtures)]:
        return needs_eyes("scope", f"{notes[0]}; {counted}", [*notes, *aside])
    named = ", ".join(list(hearing.aside)[:NAMED]) + (f" and {len(aside) - NAMED} more" if len(aside) > NAMED else "")
    return holds("scope", f"{counted}; set aside: {named}" if aside else counted, aside)


def test_troubles(hearing: Hearing) -> list[str]:
    """Returns what is wrong with the tests that a patch declares."""
    new = {item.path for item in hearing.files if item.kind == "new"}
    troubles = [
        f"{path} is declared a regression test and is not a new file" for path in hearing.patch.tests if path not in new
    ]
    if not hearing.patch.tests:
        troubles.append("it brings no regression test")
    troubles += [
        f"{path} is declared a test, but lies where source lies" for path in hearing.patch.tests if not is_test(path)
    ]
    if not hearing.source:
        troubles.append("it changes no source")
    return troubles


def text_troubles(item: FileDiff) -> list[str]:
    """Returns characters in added lines that make a reader see something other than the interpreter does."""
    troubles = []
    for line in item.added:
        for character in line:
            if character not in "\t\r\f" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
                troubles.append(f"{item.path} adds the hidden character U+{ord(character):04X}")
                break
        else:
            troubles += [
                f"{item.path} adds the look-alike name {word!r}" for word in IDENTIFIER.findall(line) if mixed(word)
            ]
    return troubles[:5]


def mixed(word: str) -> bool:
    """Tells whether a name mixes Latin letters with look-alikes of another script."""
    if word.isascii():
        return False
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word if letter.isalpha()}
    return "LATIN" in scripts and bool(
        scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH", "MATHEMATICAL"}
    )


def eyes(hearing: Hearing, source: int) -> list[str]:
    """Returns what is allowed but should be seen by a person."""
    notes = []
    deleted = [item.path for item in hearing.source if item.kind == "deleted"]
    notes += [f"{path} is deleted" for path in deleted]
    if source > BIG:
        notes.append(f"{source} changed source lines are much for a fix")
    for item in hearing.source:
        if any(len(line) > LONG_LINE for line in item.added):
            notes.append(f"{item.path} adds a line of more than {LONG_LINE} characters")
    helpers = [
        item.path
        for item in hearing.files
        if is_test(item.path) and item.path.endswith(".py") and item.path not in hearing.patch.tests
    ]
    notes += [f"{path} is new code among the tests and holds no declared test" for path in helpers]
    return notes
