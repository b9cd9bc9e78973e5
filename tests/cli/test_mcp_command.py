"""`andon mcp`: a person's own agent finds a cause, mends it in the person's work tree, and has it proven."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from feeds import Call, clock
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from andon.agents.tools import TOOLS
from andon.byhand import Session
from andon.errors import ConflictError, NotFoundError
from andon.git import work_tree
from andon.models import Lane, Status
from andon.testing.agents import MENDS, REGRESSION
from andon.testing.loops import open_loop
from andon.testing.repos import git

BUG = "unwrapped-call"


def started(*words: str, cwd: Path) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=["-m", "andon", *words], cwd=cwd, env=dict(os.environ))


def diagnosis(line: int) -> dict[str, Any]:
    seen = {"kind": "seen", "fact": "query-1"}
    lines = {"kind": "lines", "path": "tinyfeed/fetch.py", "start": line, "end": line}
    return {
        "whys": [
            {"question": "Why is it red?", "answer": "Pictures are empty.", "facts": [seen]},
            {"question": "Why?", "answer": "fetch_gallery in tinyfeed/fetch.py does not retry.", "facts": [lines]},
        ],
        "root_cause": "fetch_gallery does not retry",
        "lane": "code bug",
    }


def line_of(tree: Path) -> int:
    lines = (tree / "tinyfeed" / "fetch.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if 'fetcher="gallery"' in line)


def mend(tree: Path, evidence: str) -> None:
    path, old, new = MENDS[BUG]
    (tree / path).write_text((tree / path).read_text().replace(old, new))
    (tree / "tests" / "test_ticket_1.py").write_text(REGRESSION)
    (tree / "tests" / "test_ticket_1.json").write_text(evidence)


def test_client_over_stdio_lists_the_tools_and_reads_the_brief(andon: Call, red: Path) -> None:
    andon("tickets", "--new", "Holes", "--check", "no-empty-pictures", cwd=red)

    async def talk() -> None:
        async with Client(started("mcp", "--ticket", "1", cwd=red), read_timeout_seconds=120) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in TOOLS]
            brief = await client.call_tool("brief", {})
            assert "no-empty-pictures" in brief.content[0].text  # type: ignore[union-attr]
            began = time.perf_counter()
            await client.call_tool("evidence", {})
            assert time.perf_counter() - began < 1

    anyio.run(talk)


@pytest.mark.parametrize("words", [("7",), ("0",)])
def test_ticket_that_is_not_there_is_one_line(andon: Call, red: Path, words: tuple[str, ...]) -> None:
    said = andon("mcp", "--ticket", *words, cwd=red)
    assert said.code == 2
    assert said.out == ""


def test_ticket_that_no_tool_can_help_is_refused(andon: Call, red: Path, proven: Path) -> None:
    del red
    with open_loop(proven, clock=clock()) as app:
        with pytest.raises(ConflictError, match="proven"):
            Session(app, 1, who="mara", tree=None)
        with pytest.raises(NotFoundError):
            Session(app, 9, who="mara", tree=None)
        wish = app.store.create_ticket(system="tinyfeed", title="Larger pictures", now=app.now()).id
        with pytest.raises(ConflictError, match="no check"):
            Session(app, wish, who="mara", tree=None)
    assert andon("mcp", "--ticket", "1", cwd=proven).code == 2


def test_persons_agent_takes_a_ticket_from_open_to_the_gate(andon: Call, red: Path, tmp_path: Path) -> None:
    andon("tickets", "--new", "Holes", "--check", "no-empty-pictures", cwd=red)
    tree = tmp_path / "own"
    with open_loop(red, clock=clock()) as app:
        git("clone", "--quiet", app.repo_url(app.config.system()), str(tree), cwd=tmp_path)
        with Session(app, 1, who="mara", tree=work_tree(tree / "tests")) as session:
            locked = session.answer("submit_patch", {"summary": "x"})
            assert locked.refused
            assert "another phase" in locked.text
            session.answer("query", {"sql": "select url from pictures where bytes = 0"})
            accepted = session.answer("submit_diagnosis", diagnosis(line_of(tree)))
            assert not accepted.refused, accepted.text
            assert "The fix may begin" in accepted.text
            assert app.store.get_ticket(1).status is Status.DIAGNOSED
            assert app.store.get_diagnosis(1).agent == "mara"
            (tree / ".gitignore").write_text("secrets.env\n")
            git("add", ".gitignore", cwd=tree)
            git("-c", "user.name=m", "-c", "user.email=m@x", "commit", "-qm", "mine", cwd=tree)
            assert "no commit" in session.answer("run_tests", {}).text  # what is not pushed is nobody's base
            git("reset", "-q", "--soft", "HEAD~1", cwd=tree)
            mend(tree, app.store.get_evidence(1).model_dump_json(indent=1) + "\n")
            (tree / "secrets.env").write_text("KEY=1\n")
            assert session.answer("run_tests", {}).text.startswith("Green")
            (tree / ".gitignore").unlink()
            git("reset", "-q", cwd=tree)
            (tree / ".git" / "info" / "exclude").write_text("secrets.env\n")
            ended = session.answer("submit_patch", {"summary": "Retries galleries."})
            assert not ended.refused, ended.text
        it = app.store.get_ticket(1)
        assert it.status in (Status.PROVEN, Status.PATCHED), ended.text
        (attempt,) = app.store.list_attempts(1)
        assert attempt.agent == "mara"
        assert attempt.patch is not None
        assert "secrets" not in attempt.patch.diff
        assert attempt.verdict is not None
        kinds = {line.kind for line in app.store.list_lines(1)}
        assert {"tool", "answer", "refusal"} <= kinds


def test_diagnosis_that_is_no_code_bug_ends_the_session(andon: Call, red: Path) -> None:
    andon("tickets", "--new", "Holes", "--check", "no-empty-pictures", cwd=red)
    with open_loop(red, clock=clock()) as app, Session(app, 1, who="mara", tree=None) as session:
        session.answer("query", {"sql": "select url from pictures where bytes = 0"})
        given = diagnosis(1) | {"lane": "check wrong"}
        assert "The ticket is escalated" in session.answer("submit_diagnosis", given).text
        assert app.store.get_diagnosis(1).lane is Lane.CHECK_WRONG
        assert "escalated" in session.answer("brief", {}).text


def test_program_stays_silent_on_stdout_but_for_the_protocol(andon: Call, red: Path) -> None:
    andon("tickets", "--new", "Holes", "--check", "no-empty-pictures", cwd=red)
    words = [sys.executable, "-m", "andon", "mcp", "--ticket", "1"]
    ended = subprocess.run(words, cwd=red, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"")
