from __future__ import annotations

import subprocess
from pathlib import Path

from andon.agents.search.reverts import reverts, same_code
from andon.agents.search.source import Block

HEAD = """import math
import os

LIMIT = 3


def half(value):
    # halves
    return math.floor(value / 2)


def twice(value):
    return value * 2
"""


def one(block: Block, head: str = HEAD, then: str = HEAD) -> list[str]:
    return [found.diff for found in reverts([block], {"a.py": then}, {"a.py": head})]


def test_piece_is_taken_out_by_a_diff_that_git_applies(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(HEAD)
    [diff] = one(Block("a.py", 9, ("    return value / 2",), ("    return math.floor(value / 2)",)))
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff.encode(), check=True)
    assert "    return value / 2\n" in (tmp_path / "a.py").read_text()


def test_last_line_without_an_end_is_kept_so(tmp_path: Path) -> None:
    head = "a = 1\nb = 2"
    (tmp_path / "a.py").write_text(head)
    [diff] = one(Block("a.py", 2, ("b = 3",), ("b = 2",)), head, head)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff.encode(), check=True)
    assert (tmp_path / "a.py").read_text() == "a = 1\nb = 3"


def test_piece_follows_its_lines_under_later_commits() -> None:
    later = HEAD.replace("import os\n", "import os\nimport re\n")
    [diff] = one(Block("a.py", 4, ("LIMIT = 2",), ("LIMIT = 3",)), later)
    assert "-LIMIT = 3\n+LIMIT = 2\n" in diff


def test_lines_that_were_taken_away_come_back() -> None:
    [diff] = one(Block("a.py", 13, ("    value = int(value)",), ()))
    assert "+    value = int(value)\n     return value * 2\n" in diff


def test_piece_that_later_commits_changed_is_left() -> None:
    assert one(Block("a.py", 4, ("LIMIT = 2",), ("LIMIT = 3",)), HEAD.replace("LIMIT = 3", "LIMIT = 9")) == []


def test_comments_and_docstrings_are_no_pieces() -> None:
    assert one(Block("a.py", 8, ("    # divides",), ("    # halves",))) == []
    assert same_code("a.py", 'def f():\n    """One."""\n    return 1\n', 'def f():\n    """Two."""\n    return 1\n')
    assert not same_code("a.py", "x = 'one'\n", "x = 'two'\n")
    assert not same_code("a.sql", "select 1", "select 2")


def test_name_that_is_still_used_is_not_taken_away_alone() -> None:
    assert one(Block("a.py", 1, (), ("import math",))) == []
    assert len(one(Block("a.py", 2, (), ("import os",)))) == 1
