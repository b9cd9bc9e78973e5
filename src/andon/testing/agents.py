"""An agent that says what it was told to say, the double of every real one; and the patches it writes for tinyfeed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence

from andon.errors import AgentError
from andon.models import Attempt, Diagnosis, Lane, LinesFact, Patch, RowsFact, Spend, Why
from andon.protocols import Case, Fixed

Line = str | Callable[[Case], str] | None
"""One go of a script: a diff, what makes one of a case, or None to abstain. `!words` dies with these last words."""


class ScriptedAgent:
    """Diagnoses with true facts about the case, and hands in the diffs of its script in turn. Implements `Agent`.

    `case` is what it was given last, for tests that ask what an agent is told.
    """

    def __init__(
        self,
        diffs: Sequence[Line] = (),
        *,
        name: str = "scripted",
        lane: Lane = Lane.CODE_BUG,
        tests: Callable[[str], tuple[str, ...]] | None = None,
        spend: Spend | None = None,
        duplicate: int | None = None,
    ) -> None:
        self.name = name
        self.diffs = tuple(diffs)
        self.lane = lane
        self.tests = tests
        self.spend = spend or Spend()
        self.duplicate = duplicate
        self.case: Case | None = None
        self.earlier: tuple[Attempt, ...] = ()

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:
        """Returns two whys whose facts hold: the rows of the evidence, and the line that its first diff changes."""
        self.case = case
        path, start = self.changed(case)
        text = case.history.show(case.workspace.commit, path).split("\n")[start - 1]
        whys = (
            Why(
                question=f"Why is {case.check.name} red?",
                answer="rows offend",
                facts=(RowsFact(check=case.check.name, where={}, count=len(case.evidence.rows)),),
            ),
            Why(
                question="Where were they written?",
                answer=f"by {path}",
                facts=(LinesFact(commit=case.workspace.commit, path=path, start=start, text=text),),
            ),
        )
        cause = f"the code in {path} is wrong"
        found = Diagnosis(whys=whys, root_cause=cause, lane=self.lane, agent=self.name, duplicate=self.duplicate)
        return found, self.spend

    def changed(self, case: Case) -> tuple[str, int]:
        """Returns the file and line that its first diff changes; the first line of the code where it has none."""
        files = case.history.files(case.workspace.commit)
        code = [path for path in files if path.endswith(".py") and "test" not in path]
        line = self.diffs[0] if self.diffs else None
        diff = line(case) if callable(line) else line or ""
        for path in code:
            change = rf"^--- a/{re.escape(path)}\n.*\n@@ -(\d+)\S* .*\n((?: .*\n)*)"
            if found := re.search(change, diff, re.MULTILINE):
                return path, int(found[1]) + found[2].count("\n")
        return code[0], 1

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns the script's next diff as a patch, or abstains when it is at its end."""
        del diagnosis
        self.case, self.earlier = case, tuple(earlier)
        mine = sum(1 for attempt in earlier if attempt.agent == self.name)
        line = self.diffs[mine] if mine < len(self.diffs) else None
        diff = line(case) if callable(line) else line
        if diff is None:
            return Fixed(None, "the script has no more to say", self.spend)
        if diff.startswith("!"):
            raise AgentError(diff[1:])
        from andon.fix import new_tests

        tests = (self.tests or new_tests)(diff)
        patch = Patch(base=case.workspace.commit, diff=diff, tests=tests, summary="as scripted", strategy=self.name)
        return Fixed(patch, "as scripted", self.spend)


MENDS: Mapping[str, tuple[str, str, str]] = {
    "missing-strip": ("tinyfeed/parse.py", "Item(sku=sku, ", "Item(sku=sku.strip(), "),
    "unit": ("tinyfeed/prices.py", "return int(text[:-1]) * 100\n", "return int(text[:-1])\n"),
    "off-by-one": ("tinyfeed/parse.py", "range(1, len(lines) - 1)", "range(1, len(lines))"),
    "unwrapped-call": ("tinyfeed/fetch.py", "\n\ndef fetch_gallery(", "\n\n@retrying\ndef fetch_gallery("),
}
"""Bug of tinyfeed -> file, text, and what must stand there instead."""

REGRESSION = '''"""The recorded evidence, replayed: the check finds nothing."""

import json
from pathlib import Path

from tinyfeed.replay import replay
from tinyfeed.store import open_store

EVIDENCE = json.loads(Path(__file__).with_suffix(".json").read_text())


def test_recorded_evidence_leaves_nothing_offending(scratch_url):
    store = open_store(scratch_url)
    replay(EVIDENCE, store)
    offending = store.execute(EVIDENCE["query"], {"since": "1970-01-01"}).fetchall()
    store.close()
    assert [dict(row) for row in offending] == []
'''


def mended(bug: str, *, wrong: bool = False) -> Callable[[Case], str]:
    """Returns what writes the right fix of a bug of tinyfeed, with a regression test; `wrong` adds a comment only."""
    path, old, new = MENDS[bug]

    def write(case: Case) -> str:
        text = case.history.show(case.workspace.commit, path)
        if old not in text:
            raise AgentError(f"{path} does not hold {old!r}")
        fixed = f"{text}\n# attempt {case.ticket.id}\n" if wrong else text.replace(old, new)
        number = case.ticket.id
        return (
            file_diff(path, text, fixed)
            + file_diff(f"tests/test_ticket_{number}.json", None, case.evidence.model_dump_json(indent=1) + "\n")
            + file_diff(f"tests/test_ticket_{number}.py", None, REGRESSION)
        )

    return write


def file_diff(path: str, old: str | None, new: str | None) -> str:
    """Returns one file's part of a git diff; None stands for no file."""
    if old == new:
        return ""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        "/dev/null" if new is None else f"b/{path}",
    )
    head = f"diff --git a/{path} b/{path}\n"
    head += "new file mode 100644\n" if old is None else "deleted file mode 100644\n" if new is None else ""
    body = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return head + re.sub(r"^(---|\+\+\+) (.*?)\t?$", r"\1 \2", body, flags=re.MULTILINE)
