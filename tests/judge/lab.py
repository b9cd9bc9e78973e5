"""A repository of a few files with a fault, and the hearing of a patch for it: what one proof sees, in a second."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from andon.config import load
from andon.git import GitRepo
from andon.judge.hearing import Hearing
from andon.judge.paths import is_test
from andon.models import Check, CheckResult, Patch
from andon.protocols import DataSource, Sandbox, Scratch
from andon.testing.repos import WITHOUT, commit_edits, git
from andon.workspace import Means, open_workspace

SETTINGS = """[systems.lab]
repo = "lab"
branch = "main"
checks = "checks"
test = {suite}
runtime = {runtime}
"""


class Lab:
    """Makes repositories, and hears patches for them."""

    def __init__(self, top: Path, sandbox: Sandbox, scratch: Scratch, prefix: str) -> None:
        self.top, self.sandbox, self.scratch, self.prefix = top, sandbox, scratch, prefix
        self.count = 0

    @contextmanager
    def hearing(
        self,
        base: Mapping[str, str],
        head: Mapping[str, str | None],
        *,
        people: bool = False,
        seed: int = 0,
        symptom: str = "",
        suite: str = f"python -m pytest -q {WITHOUT}",
        runtime: Sequence[str] = (),
        more: str = "",
        bare: bool = False,
    ) -> Iterator[Hearing]:
        """Gives the hearing of the patch that turns some files of a base into others (None deletes).

        `suite` is the command of the tests, `more` are more settings, `runtime` more folders of programs. `bare`: the
        base holds nothing else.
        """
        self.count += 1
        top = self.top / f"lab-{self.count}"
        work = top / "lab"
        work.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main", cwd=work)
        old = {"tests/test_old.py": "def test_old():\n    pass\n"} if "pytest" in suite and not bare else {}
        commit_edits(work, "Begin", {**old, **base}, push=False)
        words = SETTINGS.format(suite=json.dumps(suite), runtime=json.dumps([self.prefix, *runtime]))
        (top / "andon.toml").write_text(words + more, encoding="utf-8")
        settings = load(top / "andon.toml").system()
        repo = GitRepo.open(str(work), top / "mirror.git")
        means = Means(repo, settings, self.sandbox, self.scratch, top / "work", _never, top)
        diff = "".join(file_diff(path, base.get(path), text) for path, text in sorted(head.items()))
        named = [path for path, text in head.items() if is_test(path) and text is not None]
        tests = tuple(path for path in named if path.startswith("tests/test_") or path not in base)
        patch = Patch(base=repo.head("main"), diff=diff, tests=tests, summary="a patch")
        with open_workspace(means, patch.base) as workspace:
            yield Hearing(
                patch=patch,
                history=repo,
                workspace=workspace,
                settings=settings,
                people=people,
                seed=seed,
                symptom_command=symptom,
            )


def _never(check: Check, source: DataSource, since: datetime | None, now: datetime) -> CheckResult:
    raise AssertionError(f"a lab has no check to ask: {check} {source} {since} {now}")


def file_diff(path: str, old: str | None, text: str | None) -> str:
    """Returns one file's part of a git diff."""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (text or "").splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        "/dev/null" if text is None else f"b/{path}",
    )
    head = f"diff --git a/{path} b/{path}\n"
    head += "new file mode 100644\n" if old is None else "deleted file mode 100644\n" if text is None else ""
    return head + "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
