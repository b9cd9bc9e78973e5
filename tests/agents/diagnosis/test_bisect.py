from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from andon.agents.search.bisect import Colour, bisect, confirm

RED, GREEN, CRASHED = Colour.RED, Colour.GREEN, Colour.CRASHED


class Past:
    """A history of commits `c0`, `c1`, ... with known colours; counts what is asked."""

    def __init__(self, colours: Sequence[Colour]) -> None:
        self.commits = [f"c{number}" for number in range(len(colours))]
        self.colours = dict(zip(self.commits, colours, strict=True))
        self.asked: list[str] = []

    def test(self, commits: Sequence[str]) -> dict[str, Colour]:
        self.asked += commits
        return {commit: self.colours[commit] for commit in commits}


@given(size=st.integers(2, 150), data=st.data())
def test_first_red_commit_is_found_in_logarithmic_time(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size - 1))
    start = data.draw(st.integers(0, size - 2))
    past = Past([GREEN] * first + [RED] * (size - first))
    found = bisect(past.commits, past.test, start=start)
    assert (found.culprit, found.good) == (f"c{first}", f"c{first - 1}")
    assert len(past.asked) <= 2 * math.log2(size) + 3
    assert len(past.asked) == len(set(past.asked))


def test_commits_that_crash_are_skipped() -> None:
    past = Past([GREEN, GREEN, CRASHED, GREEN, RED, CRASHED, RED, RED])
    assert bisect(past.commits, past.test).culprit == "c4"


def test_crash_beside_the_change_leaves_several_suspects_and_no_culprit() -> None:
    past = Past([GREEN, GREEN, CRASHED, CRASHED, RED, RED])
    found = bisect(past.commits, past.test)
    assert found.culprit is None
    assert (found.good, found.suspects) == ("c1", ("c2", "c3", "c4"))


def test_history_that_is_red_all_along_has_no_culprit() -> None:
    past = Past([RED] * 9)
    found = bisect(past.commits, past.test)
    assert (found.culprit, found.good, found.suspects) == (None, None, ())
    assert found.colours["c0"] is RED


def test_replays_stop_at_their_budget() -> None:
    past = Past([GREEN] * 500 + [RED] * 500)
    found = bisect(past.commits, past.test, start=0, most=4)
    assert found.culprit is None
    assert len(past.asked) <= 4


def test_suspect_is_confirmed_by_two_replays() -> None:
    past = Past([GREEN, GREEN, RED, RED])
    found = confirm(past.commits, "c2", past.test)
    assert found is not None
    assert (found.culprit, found.good) == ("c2", "c1")
    assert past.asked == ["c1", "c2"]


def test_suspect_that_is_not_the_change_is_not_confirmed() -> None:
    past = Past([GREEN, GREEN, RED, RED])
    assert confirm(past.commits, "c3", past.test) is None
    assert confirm(past.commits, "c0", past.test) is None
    assert confirm(past.commits, "elsewhere", past.test) is None
