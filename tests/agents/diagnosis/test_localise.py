from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.agents.search.localise import Hint, localise, ochiai, ranges, spectrum

TEXT = """LIMIT = 3


def half(value):
    if value > LIMIT:
        return value * 2
    return (
        value / 2
    )


def other():
    return 1
"""


def test_line_that_only_the_failing_run_executes_is_most_suspicious() -> None:
    scores = ochiai([spectrum("red", {"a.py": {5, 6}}, failed=True), spectrum("green", {"a.py": {5, 7}}, failed=False)])
    assert scores == {("a.py", 5): pytest.approx(1 / math.sqrt(2)), ("a.py", 6): 1.0}


@given(
    st.lists(
        st.tuples(st.booleans(), st.sets(st.integers(1, 8))).map(
            lambda pair: spectrum("run", {"a.py": pair[1]}, failed=pair[0])
        ),
        max_size=6,
    )
)
def test_ochiai_stays_within_bounds_and_speaks_only_of_failing_lines(spectra: list) -> None:  # type: ignore[type-arg]
    scores = ochiai(spectra)
    assert all(0 <= score <= 1 for score in scores.values())
    failing = {("a.py", line) for one in spectra if one.failed for line in one.lines["a.py"]}
    assert set(scores) == failing


def test_location_spans_the_whole_statement_and_names_its_function() -> None:
    red = spectrum("red", {"a.py": {1, 4, 5, 7}}, failed=True)
    green = spectrum("green", {"a.py": {1, 4, 5, 6}}, failed=False)
    best = localise([red, green], {"a.py": TEXT})[0]
    assert (best.path, best.start, best.end, best.function) == ("a.py", 7, 9, "half")
    assert best.suspicion == 0.5


def test_lines_that_run_at_import_come_last() -> None:
    places = localise([spectrum("red", {"a.py": {1, 4, 5, 7}}, failed=True)], {"a.py": TEXT})
    assert [place.function for place in places] == ["half", "", "half"]
    assert places[0].suspicion > places[1].suspicion


def test_hint_lifts_a_line_above_its_equals() -> None:
    red = spectrum("red", {"a.py": {5, 7}}, failed=True)
    places = localise([red], {"a.py": TEXT}, hints=[Hint("touched", 0.7, {"a.py": {5}})])
    assert (places[0].start, places[0].suspicion) == (5, pytest.approx(0.85))


def test_file_that_the_culprit_left_alone_comes_after_its_own_unless_something_speaks_for_it() -> None:
    red = spectrum("red", {"a.py": {5}, "double.py": {5}, "caller.py": {5}}, failed=True)
    sources = dict.fromkeys(("a.py", "double.py", "caller.py"), TEXT)
    near = Hint("on the way to the writer", 0.15, {"caller.py": {5}})
    alone = {place.path: place.suspicion for place in localise([red], sources, hints=[near])}
    assert alone["double.py"] == alone["a.py"]
    known = localise([red], sources, hints=[near], culprits=["a.py"])
    assert [place.path for place in known] == ["caller.py", "a.py", "double.py"]
    assert {place.path: place.suspicion for place in known} == {**alone, "double.py": 0.25}


def test_files_outside_the_sources_are_never_told() -> None:
    assert localise([spectrum("red", {"tests/test_a.py": {1}}, failed=True)], {"a.py": TEXT}) == ()


def test_no_more_than_thirty_places_are_told() -> None:
    text = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(60))
    red = spectrum("red", {"a.py": {4 * n + 2 for n in range(60)}}, failed=True)
    assert len(localise([red], {"a.py": text})) == 30


def test_ranges_bridge_the_gap_that_they_are_told_to() -> None:
    assert ranges({1, 2, 4, 8}) == [(1, 2), (4, 4), (8, 8)]
    assert ranges({1, 2, 4, 8}, gap=1) == [(1, 4), (8, 8)]
