from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from andon.agents.search.slices import healthy_part
from andon.agents.search.source import (
    diff_blocks,
    functions,
    is_test,
    map_lines,
    named,
    ran,
    read_sources,
    replay_paths,
)
from andon.models import Contrast, Evidence

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIFF = """diff --git a/a.py b/a.py
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/a.py
+++ b/a.py
@@ -1,4 +1,3 @@
 one
--- two
+two
 three
-four
@@ -9 +9,2 @@ def f():
+++ nine
 ten
"""


def test_diff_tells_what_became_what() -> None:
    assert [(block.start, block.old, block.new) for block in diff_blocks(DIFF)] == [
        (2, ("-- two",), ("two",)),
        (4, ("four",), ()),
        (9, (), ("++ nine",)),
    ]
    assert [list(block.lines) for block in diff_blocks(DIFF)] == [[2], [3, 4], [9]]


def test_lines_are_followed_through_an_edit() -> None:
    assert map_lines("a\nb\nc\nd", "new\na\nb\nX\nd", {1, 3, 4}) == {2, 5}


def test_suite_is_told_from_production_code() -> None:
    assert all(map(is_test, ("tests/a.py", "pkg/test_a.py", "conftest.py", "pkg/a_test.py")))
    assert not any(map(is_test, ("pkg/attest.py", "pkg/testament.py", "contest.py")))


def test_replay_command_is_found_whichever_way_it_is_started() -> None:
    paths = ["src/feed/replay.py", "src/feed/replay/__main__.py", "tools/replay.py", "src/feed/run.py"]
    assert replay_paths(("env", "A=b", "python", "-m", "feed.replay"), paths) == set(paths[:2])
    assert replay_paths(("python", "./tools/replay.py"), paths) == {"tools/replay.py"}


def test_links_tests_and_huge_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "test_a.py").write_text("x = 1\n")
    (tmp_path / "big.py").write_text("x = 1\n" * 400_000)
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    names = ["a.py", "test_a.py", "big.py", "bytes.py", "link.py", "gone.py", "../a.py"]
    assert read_sources(tmp_path, names) == {"a.py": "x = 1\n"}


def test_trace_name_is_matched_with_its_function() -> None:
    known = functions(
        {"a.py": "class A:\n    def f(self):\n        def g():\n            return 1\n        return g\n"}
    )
    assert [one.name for one in known] == ["A.f", "A.f.g"]
    assert named(known, "a.py:A.f.<locals>.g") == known[1]
    assert named(known, "a.py:f") == known[0]
    assert named(known, "b.py:f") is None


def test_def_line_and_nested_function_do_not_count_as_entered() -> None:
    outer = functions({"a.py": "def f():\n    x = 1\n    def g():\n        return x\n    return g\n"})[0]
    assert not ran(outer, {1})
    assert not ran(outer, {1, 4})
    assert ran(outer, {2})


def evidence(**context: tuple[dict[str, str], ...]) -> Evidence:
    rows = ({"run": "r1", "url": "a", "fetcher": "gallery"}, {"run": "r1", "url": "b", "fetcher": "gallery"})
    columns = ("run", "url", "fetcher")
    return Evidence(
        check="c", asked_at=NOON, query="select 1", key=("run", "url"), columns=columns, rows=rows, context=context
    )


def test_healthy_part_drops_what_is_bound_to_offending_rows() -> None:
    fetches = ({"run": "r1", "url": "a"}, {"run": "r1", "url": "c"}, {"run": "r2", "url": "a"})
    part = healthy_part(evidence(fetches=fetches), ())
    assert part is not None
    assert part.rows == ()
    assert part.context["fetches"] == fetches[1:]


def test_healthy_part_drops_what_meets_the_contrast() -> None:
    fetches = ({"id": "1", "fetcher": "gallery"}, {"id": "2", "fetcher": "page"})
    contrast = Contrast(
        terms=("fetcher = 'gallery'",),
        offending=2, offending_total=2, healthy=0, healthy_total=9, lift=5.0, support=1.0, p_value=0.001,
    )  # fmt: skip
    part = healthy_part(evidence(fetches=fetches), (contrast,))
    assert part is not None
    assert part.context["fetches"] == fetches[1:]


def test_evidence_that_is_bound_as_a_whole_has_no_healthy_part() -> None:
    assert healthy_part(evidence(fetches=({"run": "r1", "url": "a"},)), ()) is None
    assert healthy_part(evidence(), ()) is None
