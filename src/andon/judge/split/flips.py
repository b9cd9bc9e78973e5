"""Decides of one test whether it was red on the base and is green with the patch, by what it told from inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from andon.judge.split.claims import Claim
from andon.judge.split.values import Unknown
from andon.judge.split.weigh import Course, Raised, Step

MISSING = ("NameError", "ImportError", "ModuleNotFoundError", "UnboundLocalError")
FAILED = ("AssertionError", "_pytest.outcomes.Failed")
LIMIT, HANGS = "andon_events.py", "it never ended"
"""The probe that ends a test which takes too long, and what is said of it."""
State = Literal["seen", "unseen", "not red", "red", "stopped", "skipped"]
Hint = tuple[bool, int | None]
"""Whether the runner itself saw the test fail, and in which line of it."""
UNKNOWN: Hint = (False, -1)
PASSED: Hint = (False, None)


@dataclass(frozen=True)
class Red:
    """Why a test is red on the base."""

    kind: Literal["false", "raised", "failed", "missing", "hang", "hint"]
    words: str
    step: Step | None = None
    line: int | None = None
    """Where in the test, when the test itself did not say."""


@dataclass(frozen=True)
class Flip:
    """What can be said of one test from outside."""

    id: str
    state: State
    words: str
    """For people: what was seen, or why nothing was."""


class Lines:
    """Where places of rewritten tests are in the tests as they were."""

    def __init__(self, known: dict[str, dict[int, int]]) -> None:
        self.known = known

    def place(self, path: str, line: int) -> tuple[str, int] | None:
        """Returns path and line of the test as it was; None when it is no rewritten file."""
        pure = PurePosixPath(path)
        for name, lines in self.known.items():
            if pure.parts[-len(PurePosixPath(name).parts) :] == PurePosixPath(name).parts:
                return name, lines.get(line, line)
        return None


def red_of(base: Course, lines: Lines, hint: Hint) -> Red | None:
    """Returns why a test is red on the base; None when nothing says so."""
    for step in base.steps:
        if step.answer is False and step.claim.kind not in ("inner", "canary"):
            return Red("false", f"{step.claim.place}: `{step.claim.text}` is not so: {step.shown}", step)
    if base.raised is not None:
        return red_by_error(base.raised, lines)
    if not base.ended:
        return Red("hang", HANGS)
    failed, line = hint
    if failed:
        doubtful = [step for step in base.steps if isinstance(step.answer, Unknown)]
        at = [step for step in doubtful if step.claim.line == line] or doubtful
        return Red("hint", "it fails where only the sandbox can tell", at[0] if at else None, line)
    return None


def red_by_error(raised: Raised, lines: Lines) -> Red:
    """Returns what an error that ended a test says."""
    if raised.frames and PurePosixPath(raised.frames[-1][0]).name == LIMIT:
        return Red("hang", HANGS)
    mine = [place for frame in raised.frames if (place := lines.place(*frame)) is not None]
    inside = bool(raised.frames) and lines.place(*raised.frames[-1]) is not None
    at = "{}:{}".format(*(raised.frames[-1] if not inside else mine[-1])) if raised.frames else "nowhere"
    words = f"{raised.phase}: {raised.name} at {at}: {raised.text[:200]}"
    line = mine[-1][1] if mine else None
    replacing = bool(raised.frames) and "unittest/mock" in raised.frames[-1][0]
    if (inside or replacing) and is_missing(raised):
        return Red("missing", f"it misses a name: {raised.name}: {raised.text[:200]}", line=line)
    if raised.name in FAILED and (inside or not raised.frames or "unittest" in at):
        return Red("failed", words, line=line)
    return Red("raised", words, line=line)


def is_missing(raised: Raised) -> bool:
    """Tells whether an error of the test's own says that something is not there yet."""
    if raised.name in MISSING:
        return True
    if raised.name == "AttributeError":
        return "'NoneType' object" not in raised.text
    return raised.name == "TypeError" and "unexpected keyword argument" in raised.text


def flip_of(base: Course | None, head: Course, lines: Lines, hint: Hint = UNKNOWN, *, silent: bool = False) -> Flip:
    """Returns what became of a test from the base to the head.

    `silent`: a test that claims nothing may show that the product raises nothing any more.
    `red`: it is false with the patch. `stopped`: it did not go through when asked in this way, which the ordinary run
    may see otherwise. `unseen`: it may be green, but what it stands on is no plain data.
    """
    wrong = still_red(head)
    if wrong is not None and head.expected and wrong[0].claim.kind != "canary":
        return Flip(head.id, "skipped", "it is expected to fail, and does")
    if wrong is not None:
        return Flip(head.id, "stopped" if asked_badly(wrong[0], base, hint) else "red", wrong[1])
    trouble = stopped(head)
    if trouble:
        return Flip(head.id, "stopped", trouble)
    if head.skipped or head.expected:
        return Flip(head.id, "skipped", "it is skipped, or expected to fail")
    if base is None:
        return Flip(head.id, "unseen", "it did not run on the base")
    red = red_of(base, lines, hint)
    doubt = next((why for step in head.steps if (why := new_doubt(step, base, red))), "")
    if doubt:
        return Flip(head.id, "unseen", doubt)
    if red is None:
        return Flip(head.id, "not red", "it is not red on the base")
    ended = silent and red.kind in ("raised", "hang")
    why = unseen(red, head) or ("" if ended else untold(head))
    return Flip(head.id, "unseen", why) if why else Flip(head.id, "seen", red.words)


def still_red(head: Course) -> tuple[Step, str] | None:
    """Returns which claim of a test is false with the patch, or was forged."""
    guards = {step.claim.number for step in head.steps if step.claim.kind == "canary"}
    for step in head.steps:
        place = f"{step.claim.place}: "
        if step.claim.guard >= 0 and step.claim.guard not in guards:
            return step, f"{place}what the test tells was forged: the judge's own values did not come along"
        if step.answer is False:
            if step.claim.kind == "canary":
                return step, f"{place}what the test tells was forged: the judge's own values came back changed"
            if step.claim.kind == "inner":
                return step, f"{place}`{step.claim.text}` was taken for {step.said}, of {step.shown}"
            return step, f"{place}`{step.claim.text}` is not so: {step.shown}"
    return None


def asked_badly(step: Step, base: Course | None, hint: Hint) -> bool:
    """Tells whether a claim is false only because it is asked in this way.

    On the base, whose code is honest, the ordinary run saw it hold: it passed, or failed in another line.
    """
    if base is None or hint == UNKNOWN or step.claim.kind == "canary":
        return False
    failed, line = hint
    false_before = any(one.claim is step.claim and one.answer is False for one in base.steps)
    return false_before and (not failed or (line is not None and line != step.claim.line))


def stopped(head: Course) -> str:
    """Returns why a test did not go through with the patch."""
    if head.broken:
        return head.broken
    if head.raised is not None:
        return f"{head.raised.phase}: {head.raised.name}: {head.raised.text[:200]}"
    if not head.ended or not (head.passed or head.skipped or head.expected):
        return "it did not reach its own end"
    return ""


def new_doubt(step: Step, base: Course, red: Red | None) -> str:
    """Returns why a claim that nobody can see through speaks against a test.

    What was plain data on the base and is none any more may be an object that is equal to everything.
    """
    if not isinstance(step.answer, Unknown):
        return ""
    before = [one.answer for one in base.steps if one.claim is step.claim]
    known_before = any(not isinstance(answer, Unknown) for answer in before)
    first_time = not before and red is not None
    if known_before or first_time:
        return f"{step.claim.place}: `{step.claim.text}`: {step.answer.why}"
    return ""


def unseen(red: Red, head: Course) -> str:
    """Returns why the flip of a test cannot be seen from outside; empty when it is seen."""
    if red.kind == "missing":
        return red.words
    if red.kind == "hint" and red.step is None:
        return "it is red on the base by something that tells no plain data"
    if red.step is not None:
        return unseen_claim(red.step, head)
    if red.kind == "failed":
        inner = [step for step in head.steps if step.claim.kind == "inner"]
        if not inner or any(step.answer is not True for step in inner):
            return f"it asserts in a way that tells no plain data ({red.words})"
    return ""


def untold(head: Course) -> str:
    """Returns that a test claims nothing with the patch that can be weighed; empty when it does."""
    if any(step.answer is True for step in head.steps if step.claim.kind != "canary"):
        return ""
    return "with the patch it claims nothing that can be weighed"


def unseen_claim(was: Step, head: Course) -> str:
    """Returns why a claim that was red is not seen to hold now."""
    claim: Claim = was.claim
    now = [step for step in head.steps if step.claim is claim]
    if not now:
        return f"{claim.place}: `{claim.text}` was not reached"
    doubts = [step.answer.why for step in now if isinstance(step.answer, Unknown)]
    if doubts:
        return f"{claim.place}: `{claim.text}`: {doubts[0]}"
    if not any(side for side in claim.sides if not hasattr(side, "value")) and claim.kind in ("compare", "truth"):
        return f"{claim.place}: `{claim.text}` compares nothing but constants"
    return ""
