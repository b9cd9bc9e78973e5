"""A ticket on one of tinyfeed's bugs, and patches for it as diff text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from andon.config import SystemSettings
from andon.git import GitRepo
from andon.judge import PROOFS, judge
from andon.judge.hearing import Hearing
from andon.models import Check, Evidence, Patch, Proof, Verdict
from andon.workspace import Means, open_workspace

REGRESSION = '''"""The recorded evidence, replayed: the check finds nothing."""

import json
from pathlib import Path

from tinyfeed.replay import replay
from tinyfeed.store import open_store

EVIDENCE = json.loads(Path(__file__).with_name("ticket_1.json").read_text())


def test_recorded_evidence_leaves_nothing_offending(scratch_url):
    store = open_store(scratch_url)
    replay(EVIDENCE, store)
    offending = store.execute(EVIDENCE["query"], {"since": "1970-01-01"}).fetchall()
    store.close()
    assert [dict(row) for row in offending] == []
'''


class Stand(NamedTuple):
    """A bug of tinyfeed with its ticket, and what the judge needs to judge patches for it."""

    work: Path
    check: Check
    evidence: Evidence
    repo: GitRepo
    settings: SystemSettings
    means: Means
    base: str
    cache: Path

    def text(self, path: str) -> str:
        """Returns a file of the base."""
        return (self.work / path).read_text(encoding="utf-8")

    def edited(self, path: str, old: str, new: str) -> dict[str, str]:
        """Returns a file with one place changed, as an entry for `patch`."""
        text = self.text(path)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        return {path: text.replace(old, new)}

    def patch(
        self, source: Mapping[str, str | None], *, test: str | None = REGRESSION, tests: tuple[str, ...] | None = None
    ) -> Patch:
        """Returns a patch with these files' new texts (None deletes) and a regression test with its evidence."""
        files = dict(source)
        if test is not None:
            files["tests/test_ticket_1.py"] = test
            files["tests/ticket_1.json"] = self.evidence.model_dump_json(indent=1) + "\n"
        declared = ("tests/test_ticket_1.py",) if tests is None else tests
        return Patch(base=self.base, diff=self.diff(files), tests=declared, summary="a patch")

    def diff(self, files: Mapping[str, str | None]) -> str:
        """Returns the git diff from the base to these files."""
        return "".join(file_diff(self.work, path, text) for path, text in sorted(files.items()))

    def prove(self, patch: Patch, *names: str) -> dict[str, Proof]:
        """Returns only these proofs of a patch, in the judge's order: what one rule sees, without all the others."""
        with open_workspace(self.means, self.base, "") as workspace:
            hearing = Hearing(
                patch=patch,
                check=self.check,
                evidence=self.evidence,
                history=self.repo,
                workspace=workspace,
                settings=self.settings,
                cache=self.cache,
            )
            found = {rule.name: rule.prove(hearing) for rule in PROOFS if rule.name in names}
            return {name: proof for name, proof in found.items() if proof is not None}

    def judge(self, patch: Patch) -> Verdict:
        """Returns the judge's verdict on a patch."""
        with open_workspace(self.means, self.base, "") as workspace:
            return judge(
                patch,
                ticket_check=self.check,
                evidence=self.evidence,
                history=self.repo,
                workspace=workspace,
                settings=self.settings,
                isolation=self.means.sandbox.name,
                cache=self.cache,
            )


def file_diff(work: Path, path: str, text: str | None) -> str:
    """Returns one file's part of a git diff."""
    old = (work / path).read_text(encoding="utf-8") if (work / path).exists() else None
    if old == text:
        return ""
    lines = list(
        difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (text or "").splitlines(keepends=True),
            "/dev/null" if old is None else f"a/{path}",
            "/dev/null" if text is None else f"b/{path}",
        )
    )
    head = f"diff --git a/{path} b/{path}\n"
    head += "new file mode 100644\n" if old is None else "deleted file mode 100644\n" if text is None else ""
    body = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return head + re.sub(r"^(---|\+\+\+) (.*?)\t?$", r"\1 \2", body, flags=re.MULTILINE)
