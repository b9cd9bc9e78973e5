"""Candidates are data: no doubles, all of them parse, in the order to try, without what was refuted."""

from __future__ import annotations

from datetime import UTC, datetime

from andon.agents.search.repair.candidates import Candidate, Idea, build, without_refuted
from andon.agents.search.repair.ddmin import ddmin
from andon.agents.search.repair.diffs import apply_file_diff, make_diff, paths_of, size_of
from andon.agents.search.repair.reverts import Culprit, Piece, pieces_of, put_back, tidiest
from andon.agents.search.repair.source import Edit, Sources
from andon.models import Attempt, Patch

TEXT = "a = 1\nb = 2\n"


def idea(start: int, end: int, text: str, *, strategy: str = "template:x", suspicion: float = 0.5) -> Idea:
    """Returns an idea with one edit of TEXT."""
    return Idea((Edit("x.py", start, end, text),), strategy, suspicion, f"writes {text}")


def test_what_does_not_parse_or_changes_nothing_is_left_out() -> None:
    ideas = [idea(4, 5, "3"), idea(4, 5, "("), idea(4, 5, "1"), idea(4, 5, "1 ")]
    assert [c.says for c in build(Sources({"x.py": TEXT}), ideas)] == ["writes 3"]


def test_same_diff_is_kept_once_with_its_highest_suspicion() -> None:
    found = build(Sources({"x.py": TEXT}), [idea(4, 5, "3", suspicion=0.2), idea(4, 5, "3", suspicion=0.7)])
    assert [c.suspicion for c in found] == [0.7]


def test_siblings_come_before_templates_however_suspicious() -> None:
    ideas = [idea(4, 5, "3", suspicion=0.9), idea(10, 11, "5", strategy="sibling:value", suspicion=0.1)]
    assert [c.rank for c in build(Sources({"x.py": TEXT}), ideas)] == [1, 2]


def test_tests_are_never_touched() -> None:
    edit = Idea((Edit("tests/test_x.py", 4, 5, "3"),), "template:x", 0.5, "")
    assert build(Sources({"tests/test_x.py": TEXT}), [edit]) == []


def test_refuted_candidate_is_skipped_whatever_test_came_with_it() -> None:
    one, two = build(Sources({"x.py": TEXT}), [idea(4, 5, "3", suspicion=0.9), idea(4, 5, "4")])
    test = make_diff({}, {"tests/test_ticket.py": "def test():\n    assert 0\n"})
    patch = Patch(base="0" * 40, diff=one.diff + test, tests=("tests/test_ticket.py",), summary="")
    attempt = Attempt(ticket=1, number=1, agent="search", started_at=datetime(2026, 1, 1, tzinfo=UTC), patch=patch)
    assert without_refuted([one, two], [attempt]) == [two]


def test_diff_of_a_text_without_a_last_line_feed_applies() -> None:
    diff = make_diff({"x.py": "a = 1\nb = 2"}, {"x.py": "a = 1\nb = 3"})
    assert diff.count("\\ No newline at end of file") == 2
    assert apply_file_diff("a = 1\nb = 2", diff) == "a = 1\nb = 3"
    assert (paths_of(diff), size_of(diff)) == (("x.py",), 1)


def test_form_feeds_and_carriage_returns_stay() -> None:
    old, new = "a\r\n\x0cb\u2028c\r\nd\r\n", "a\r\n\x0cb\u2028c\r\ne\r\n"
    assert apply_file_diff(old, make_diff({"x": old}, {"x": new})) == new


def test_ddmin_finds_the_two_changes_that_matter() -> None:
    def first(subsets: object) -> int | None:
        assert isinstance(subsets, list)
        return next((n for n, subset in enumerate(subsets) if {3, 11} <= set(subset)), None)

    assert set(ddmin(range(16), first)) == {3, 11}


def test_ddmin_ends_when_its_rounds_are_used_up() -> None:
    calls = []

    def first(subsets: object) -> int | None:
        calls.append(subsets)
        return None

    assert ddmin(range(64), first, rounds=3) == tuple(range(64))
    assert len(calls) == 3


def culprit(before: str, after: str, now: str) -> Culprit:
    """Returns the pieces of a commit on one file."""
    pieces, conflicts = pieces_of("x.py", before, after, now)
    return Culprit("c" * 40, {"x.py": now}, tuple(pieces), conflicts)


def reverted(before: str, after: str, now: str) -> str:
    """Returns the file with all that can be put back put back."""
    found = culprit(before, after, now)
    candidate = put_back(found, found.pieces)
    return now if candidate is None else apply_file_diff(now, candidate.diff)


def test_revert_follows_lines_that_moved() -> None:
    before, after = "a = 1\nb = 2\nc = 3\n", "a = 1\nb = 9\nc = 3\n"
    assert reverted(before, after, "new = 0\n" + after + "end = 1\n") == "new = 0\n" + before + "end = 1\n"


def test_revert_leaves_lines_that_changed_since() -> None:
    found = culprit("a = 1\nb = 2\n", "a = 1\nb = 9\n", "a = 1\nb = 10\n")
    assert (found.pieces, found.conflicts) == ((), 1)


def test_revert_puts_deleted_lines_back_and_takes_added_ones_away() -> None:
    before, after = "a = 1\nb = 2\nc = 3\nd = 4\n", "a = 1\nc = 3\nx = 7\nd = 4\n"
    assert reverted(before, after, after + "e = 5\n") == before + "e = 5\n"


def test_changed_lines_of_one_hunk_can_be_put_back_one_by_one() -> None:
    found = culprit("a = 1\nb = 2\n", "a = 8\nb = 9\n", "a = 8\nb = 9\n")
    assert len(found.pieces) == 2
    candidate = put_back(found, found.pieces[1:])
    assert isinstance(candidate, Candidate)
    assert apply_file_diff("a = 8\nb = 9\n", candidate.diff) == "a = 8\nb = 2\n"


def test_revert_that_leaves_a_dead_variable_comes_after_one_that_does_not() -> None:
    head = "def mark(row):\n    local = row.high.local()\n    return local\n"
    one, two = Piece("x.py", 1, 2, (), 0), Piece("x.py", 2, 3, ("    return row.high\n",), 0)
    found = Culprit("c" * 40, {"x.py": head}, (one, two), 0)
    lines, whole = put_back(found, [two]), put_back(found, [one, two])
    assert lines is not None
    assert whole is not None
    assert [c.diff for c in tidiest(found, [lines, whole])] == [whole.diff, lines.diff]
