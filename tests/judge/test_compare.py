"""Told values are compared once a pair of objects, however many ways lead to it; those that hold themselves end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.judge.split.compare import same
from andon.judge.split.values import Known, Thing, Unknown


def node(number: int, *held: Known) -> Thing:
    """Returns an object with a number and others in it, whose class compares fields."""
    fields: list[tuple[Known, Known]] = [("number", number), ("held", list(held))]
    return Thing("object", "shop.Node", fields=fields, equal="fields", number=number)


def ladder(steps: int, last: int) -> Thing:
    """Returns an object to whose innermost one 2 ** steps ways lead."""
    found = node(last)
    for number in range(steps):
        found = node(number, found, found)
    return found


@pytest.mark.parametrize(("last", "answer"), [(1, True), (2, False)])
def test_objects_that_are_held_twice_at_each_step_are_compared_in_no_time(last: int, answer: bool) -> None:
    assert same(ladder(25, 1), ladder(25, last)) is answer


def ring(size: int, odd: int = -1) -> Thing:
    """Returns the first of some objects that each hold all of them; one may have another number."""
    nodes = [node(number if number != odd else -7) for number in range(size)]
    for one in nodes:
        one.fields[1] = ("held", list(nodes))
    return nodes[0]


def test_objects_that_hold_each_other_are_unknown_and_never_equal() -> None:
    assert isinstance(same(ring(12), ring(12)), Unknown)
    assert same(ring(12), ring(12, odd=7)) is False


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner),
)


@given(one=PLAIN, other=PLAIN)
def test_plain_values_are_equal_as_python_says(one: Known, other: Known) -> None:
    assert same(one, other) is (one == other)
    assert same(node(1, one), node(1, other)) is (one == other)
