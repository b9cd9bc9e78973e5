"""The skill for coding agents: its form, and that every command in it works as it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from feeds import Call, clock

from andon.cli.skill import TEXT
from andon.testing.agents import ScriptedAgent, mended
from andon.testing.loops import open_loop
from andon.testing.repos import git
from andon.wallet import wallet_with

SKILL = TEXT.read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", SKILL, re.DOTALL) for line in block.splitlines()]
CODES = {"check": 1, "judge": 0}
"""What a command ends with on a system that is red and a patch that holds."""


def test_front_matter_is_that_of_a_skill() -> None:
    _, head, body = SKILL.split("---\n", 2)
    told = dict(line.split(": ", 1) for line in head.splitlines())
    assert set(told) == {"name", "description"}
    assert re.fullmatch(r"[a-z0-9-]{1,64}", told["name"])
    assert 50 < len(told["description"]) <= 1024
    assert "Use it" in told["description"]
    assert len(body.splitlines()) < 200


def test_skill_is_printed_or_written_where_skills_lie(andon: Call, tmp_path: Path) -> None:
    assert andon("skill", cwd=tmp_path).out == SKILL
    assert andon("skill", "--into", "skills", cwd=tmp_path).code == 0
    place = tmp_path / "skills" / "andon" / "SKILL.md"
    assert place.read_text() == SKILL
    place.write_text("mine")
    assert "--force" in andon("skill", "--into", "skills", cwd=tmp_path).err
    assert place.read_text() == "mine"
    assert andon("skill", "--into", "skills", "--force", cwd=tmp_path).code == 0
    assert place.read_text() == SKILL


def test_every_command_in_it_does_what_it_says(andon: Call, red: Path, tmp_path: Path) -> None:
    tree = tmp_path / "own"
    tried = set()
    for line in COMMANDS:
        words = shlex.split(line.replace("TICKET", "1").replace("CHECK", "no-empty-pictures"))
        if words[0] == "git":
            write_fix(red, tree)
            diff = subprocess.run(words[:2], cwd=tree, capture_output=True, text=True, check=True).stdout
            (red / words[-1]).write_text(diff)
        elif words[1] == "mcp":
            argv = [sys.executable, "-m", *words]
            assert subprocess.run(argv, cwd=red, stdin=subprocess.DEVNULL, timeout=120, check=False).returncode == 0
        else:
            said = andon(*words[1:], cwd=red)
            assert said.code == CODES.get(words[1], 0), (line, said)
        tried.add(words[1])
    assert tried == {"check", "tickets", "show", "diagnose", "mcp", "diff", "judge", "review"}


def write_fix(red: Path, tree: Path) -> None:
    """Gives a person's work tree in which the bug is mended, with a regression test."""
    with open_loop(red, clock=clock(), agents=(ScriptedAgent(),)) as app:
        from andon import cases, steps

        steps.record_evidence(app, 1)
        steps.write_brief(app, 1)
        with cases.case(app, 1, "mara", wallet_with()) as case:
            diff = mended("unwrapped-call")(case)
        git("clone", "--quiet", app.repo_url(app.config.system()), str(tree), cwd=tree.parent)
    subprocess.run(["git", "apply", "-"], cwd=tree, input=diff, text=True, check=True)
    git("add", "--intent-to-add", ".", cwd=tree)
