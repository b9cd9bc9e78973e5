"""Lets an agent write a patch and looks whether it has the form of one; whether it is right, the judge decides."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.errors import GitError
from andon.models import Attempt, Diagnosis, Lane, Patch
from andon.protocols import Agent, Case, Fixed
from andon.quoting import quote

MOST_BYTES = 2 * 2**20
"""Of a whole diff, the fixture of the regression test included."""
MOST_FILES = 60
HEADER = re.compile(r"^diff --git a/(?P<old>.+) b/(?P<new>.+)$", re.MULTILINE)
TEST_NAME = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")


def fix(case: Case, diagnosis: Diagnosis, agent: Agent, earlier: Sequence[Attempt]) -> Fixed:
    """Returns what the agent hands in; a patch without the form of one is not taken, and the notes say why.

    Raises:
        AgentError: the agent died or ran out of its limits.
    """
    if diagnosis.lane is not Lane.CODE_BUG:
        return Fixed(None, f"Nothing was tried: the lane is {diagnosis.lane.value}, and only code bugs are fixed.")
    fixed = agent.fix(case, diagnosis, earlier)
    if fixed.patch is None:
        return fixed
    trouble = malformed(case, fixed.patch) or refuted(fixed.patch, earlier)
    if not trouble:
        return fixed
    return Fixed(None, f"The patch of {agent.name} was not taken: {trouble}.\n\n{fixed.notes}", fixed.spend)


def malformed(case: Case, patch: Patch) -> str:
    """Returns why a text is no patch on the branch with a regression test in it; empty when it is one."""
    if patch.base != case.workspace.commit:
        return f"its base is {patch.base[:12]}, the branch stands at {case.workspace.commit[:12]}"
    if not patch.diff.strip():
        return "its diff is empty"
    if len(patch.diff.encode()) > MOST_BYTES:
        return f"its diff has {len(patch.diff.encode())} bytes, {MOST_BYTES} are the limit"
    files = touched_files(patch.diff)
    if not files or len(files) > MOST_FILES:
        return f"its diff touches {len(files)} files"
    missing = [test for test in patch.tests if test not in files]
    if not patch.tests or missing:
        return (
            f"its regression test {quote(missing[0])} is not in the diff" if missing else "it names no regression test"
        )
    try:
        with case.workspace.at(diff=patch.diff) as workspace:
            absent = [test for test in patch.tests if not (workspace.root / test).is_file()]
    except GitError as error:
        return f"its diff does not apply: {quote(str(error))}"
    return f"its regression test {quote(absent[0])} is deleted by it" if absent else ""


def refuted(patch: Patch, earlier: Sequence[Attempt]) -> str:
    """Returns which earlier attempt handed in the very same patch; empty when none did."""
    for attempt in earlier:
        if attempt.patch is not None and attempt.patch.fingerprint == patch.fingerprint:
            return f"attempt {attempt.number} handed in the same"
    return ""


def touched_files(diff: str) -> tuple[str, ...]:
    """Returns the paths that a diff leaves behind or deletes, in its order."""
    return tuple(dict.fromkeys(match["new"] for match in HEADER.finditer(diff)))


def new_tests(diff: str) -> tuple[str, ...]:
    """Returns the test files that a diff brings or changes: what its regression tests must be in."""
    return tuple(path for path in touched_files(diff) if TEST_NAME.search(path))
