"""Weighs what a rewritten test told: each claim on plain values, in the judge's own process; it runs no code of a test.

Whatever was told may be forged: it is read strictly, and nothing in it is believed to hold but by its values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from andon.judge.split.answers import called, searched, value_of, weigh
from andon.judge.split.claims import Claim, Given, Side, Told
from andon.judge.split.compare import compared, every, negated, some
from andon.judge.split.transform import Sheet
from andon.judge.split.values import Answer, Known, Thing, Unknown, Unreadable, decode, is_plain

EVENTS = 60_000
"""Events of one test that are read."""
SHOWN = 120


@dataclass
class Step:
    """One claim at one moment of a test."""

    claim: Claim
    answer: Answer
    shown: str = ""
    """The values, for people."""
    fixed: str = ""
    """What the test itself gave, as the sandbox told it."""
    said: bool | None = None
    """How the sandbox itself saw a comparison."""


@dataclass(frozen=True)
class Raised:
    """An error that ended a phase of a test."""

    phase: str
    names: tuple[str, ...]
    text: str
    frames: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        return self.names[0].removeprefix("builtins.") if self.names else "?"


@dataclass
class Course:
    """All that one test told."""

    id: str
    steps: list[Step] = field(default_factory=list)
    passed: bool = False
    skipped: bool = False
    expected: bool = False
    """It is marked as expected to fail."""
    raised: Raised | None = None
    ended: bool = False
    broken: str = ""
    """Why what it told cannot be read."""


def courses(note: object, sheet: Sheet) -> tuple[dict[str, Course], bool]:
    """Returns the tests by id, and whether the run told its own end."""
    found: dict[str, Course] = {}
    if not isinstance(note, dict) or not isinstance(note.get("tests"), list):
        return found, False
    for told in note["tests"]:
        if not isinstance(told, dict) or not isinstance(told.get("id"), str) or told["id"] in found:
            return found, False
        found[told["id"]] = course(told, sheet)
    return found, note.get("ended") is True


def course(told: Mapping[str, object], sheet: Sheet) -> Course:
    """Returns what one test told."""
    made = Course(str(told["id"]), ended=told.get("ended") is True)
    try:
        events = told.get("events")
        if not isinstance(events, list):
            raise Unreadable("no events")
        for event in events[:EVENTS]:
            if not isinstance(event, list) or not event:
                raise Unreadable("no event")
            if event[0] == "p":
                end(made, event)
            else:
                made.steps.append(step(event, sheet, made.steps))
        over = told.get("over")
        for number in over if isinstance(over, list) else []:
            cut(made, number, sheet)
    except (Unreadable, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        made.broken = f"what it told cannot be read: {error}"
    return made


def cut(made: Course, number: object, sheet: Sheet) -> None:
    """Notes that more was seen than told: what is not told is not known."""
    for claim in sheet.claims if number == -1 else [claim_of(number, sheet)]:
        if number != -1 or any(one.claim is claim for one in made.steps):
            made.steps.append(Step(claim, Unknown("it was asked more often than can be told")))


def end(made: Course, event: list[object]) -> None:
    """Notes how a phase ended."""
    _, phase, outcome, expected, error = event
    made.expected |= expected is True
    made.skipped |= outcome == "skipped"
    if phase == "call":
        made.passed = outcome == "passed"
    if isinstance(error, dict) and outcome == "failed" and made.raised is None:
        frames = tuple((str(path), int(line)) for path, line in cast(list[tuple[str, int]], error["frames"]))
        names = tuple(str(name) for name in cast(list[object], error["names"]))
        made.raised = Raised(str(phase), names, str(error["text"]), frames)
    elif outcome == "failed" and made.raised is None:
        made.raised = Raised(str(phase), (), "", ())


def claim_of(number: object, sheet: Sheet) -> Claim:
    if type(number) is not int or not 0 <= number < len(sheet.claims):
        raise Unreadable("an unknown claim")
    return sheet.claims[number]


def step(event: list[object], sheet: Sheet, before: list[Step]) -> Step:
    """Returns one claim with what its values say.

    Raises:
        Unreadable: it is not what the probe writes.
    """
    kind, claim = event[0], claim_of(event[1], sheet)
    if kind == "a":
        values = read_all(event[2], sheet)
        if claim.kind == "canary":
            return Step(claim, values == [cast(Given, side).value for side in claim.sides], brief(values))
        answer = with_said(claim, values, weigh(claim, values), event[3] if len(event) > 3 else None)
        doubt = every(one.answer for one in recent(claim, before))
        shown = " and ".join(brief(value_of(side, values)) for side in claim.sides)
        fixed = json.dumps(
            [
                told
                for told, side in zip(cast(list[object], event[2]), told_sides(claim), strict=False)
                if isinstance(side, Told) and side.fixed
            ]
        )
        return Step(claim, answer if doubt is True or answer is False else doubt, shown, fixed)
    if kind == "i":
        left, right = read_all(event[3], sheet)
        answer = compared(claim.signs[0], left, right)
        said = event[2] if isinstance(event[2], bool) else None
        # What it says for the test's own course must be what the values say; which of the two is for the test to use.
        steady: Answer = answer if isinstance(answer, Unknown) else (said is None or answer is said)
        if steady is False and not (is_plain(left) and is_plain(right)):
            steady = Unknown("a class has its own way to compare")
        return Step(claim, steady, f"{brief(left)} and {brief(right)}", said=said)
    if kind == "k":
        return class_step(claim, event)
    if kind == "r":
        return raises_step(claim, event, sheet)
    if kind == "w":
        return warns_step(claim, event, sheet)
    if kind == "m":
        calls, wanted = read_all(event[2], sheet)
        return Step(claim, called(claim.way, calls, wanted), f"{brief(calls)} and {brief(wanted)}")
    raise Unreadable(f"an unknown event {str(kind)[:20]!r}")


def with_said(claim: Claim, values: list[Known], answer: Answer, said: object) -> Answer:
    """Returns an answer with what the sandbox itself made of the comparison: a no is believed, a yes is not.

    But for whether two things are one and the same, which no class can have its own way to.
    """
    if not isinstance(said, bool):
        return answer
    said = said != claim.negated
    if isinstance(answer, Unknown):
        return said if not said or claim.signs[0] in ("is", "is not") else answer
    if answer is said:
        return answer
    if all(is_plain(value) for value in values):
        return False
    return False if not said else Unknown("a class has its own way to compare")


def told_sides(claim: Claim) -> Iterator[Side]:
    return (side for side in claim.sides if not isinstance(side, Given))


def read_all(told: object, sheet: Sheet) -> list[Known]:
    things: dict[int, Thing] = {}
    if not isinstance(told, list):
        raise Unreadable("no values")
    return [decode(one, sheet.hidden, things) for one in told]


def recent(claim: Claim, before: list[Step]) -> Iterator[Step]:
    """Yields the comparisons inside a claim since it was asked last."""
    for one in reversed(before):
        if one.claim is claim or not claim.inner:
            return
        if one.claim.number in claim.inner:
            yield one


def class_step(claim: Claim, event: list[object]) -> Step:
    """Weighs isinstance: by the names of what a class inherits from."""
    _, _, names, wanted, said = event
    mine, kinds = strings(names), strings(wanted)
    answer: Answer = bool(set(mine) & set(kinds))
    if answer is False and said is True:
        answer = Unknown(f"{mine[0]} is taken for {', '.join(kinds)} without inheriting from it")
    return Step(claim, negated(answer) if claim.negated else answer, f"{mine[0]} and {', '.join(kinds)}")


def strings(told: object) -> list[str]:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise Unreadable("no names")
    return told or ["?"]


def raises_step(claim: Claim, event: list[object], sheet: Sheet) -> Step:
    """Weighs what was raised: its class, and its text where the test asks for it."""
    _, _, raised, wanted, values = event
    kinds = strings(wanted)
    if raised is None:
        return Step(claim, False, f"nothing raised, and {', '.join(kinds)}")
    names, text = strings(cast(dict[str, object], raised)["names"]), str(cast(dict[str, object], raised)["text"])
    answer: Answer = bool(set(names) & set(kinds))
    if answer is False and "?" in kinds:
        answer = Unknown("the class of the error is not told")
    told = read_all(values, sheet)
    for side in claim.more:
        answer = every([answer, searched(value_of(side, told), text)])
    return Step(claim, answer, f"{names[0]}: {brief(text)} and {', '.join(kinds)}")


def warns_step(claim: Claim, event: list[object], sheet: Sheet) -> Step:
    """Weighs what was warned of."""
    _, _, warned, wanted, values = event
    kinds, told = strings(wanted), read_all(values, sheet)
    patterns = [value_of(side, told) for side in claim.more]
    answers: list[Answer] = []
    for names, text in cast(list[tuple[object, object]], warned):
        if set(strings(names)) & set(kinds):
            answers.append(every(searched(pattern, str(text)) for pattern in patterns))
    return Step(claim, some(answers), f"{len(cast(list[object], warned))} warnings and {', '.join(kinds)}")


def brief(value: Known) -> str:
    """Returns a value for people."""
    if isinstance(value, Thing):
        return f"{value.inner!r}"[:SHOWN] if value.kind in ("inherited", "member") else f"<{value.name}>"
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
