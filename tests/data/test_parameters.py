"""`:name` stands for a value where it is one, and for itself everywhere else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.data.parameters import bind, uses
from andon.errors import DataError

NAMES = ("since", "now")


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("select :since", "select $1"),
        ("select :now, :since, :now", "select $1, $2, $1"),
        ("select a::date, :since::date", "select a::date, $1::date"),
        ("select ':since'", "select ':since'"),
        ("select 'it''s :since', :since", "select 'it''s :since', $1"),
        (r"select e'\' :since', :since", r"select e'\' :since', $1"),
        (r"select '\', :since", r"select '\', $1"),
        ('select ":since" from t', 'select ":since" from t'),
        ("select 1 -- :since\n, :since", "select 1 -- :since\n, $1"),
        ("select /* :since /* :now */ :since */ :now", "select /* :since /* :now */ :since */ $1"),
        ("select $$ :since $$, :since", "select $$ :since $$, $1"),
        ("select $x$ :since $$ $x$, :since", "select $x$ :since $$ $x$, $1"),
        ("select a$b$ , :since -- $b$", "select a$b$ , $1 -- $b$"),
        ("select name'x' , :since", "select name'x' , $1"),
        ("select a[1:n], a[:since:2]", "select a[1:n], a[$1:2]"),
        ("select f(a := 1, b => :now)", "select f(a := 1, b => $1)"),
        ("select 'unfinished :since", "select 'unfinished :since"),
        ("select /* unfinished :since", "select /* unfinished :since"),
        ("select é:since", "select é$1"),
    ],
)
def test_parameter_is_told_from_text(sql: str, bound: str) -> None:
    assert bind(sql, NAMES)[0] == bound


def test_unknown_parameter_is_named_with_those_that_exist() -> None:
    with pytest.raises(DataError, match=":sinse, which has no value here; there are: :now, :since"):
        bind("select :sinse", NAMES)


def test_sqlite_comments_do_not_nest() -> None:
    assert bind("select /* /* */ :now", NAMES, nested=False)[0] == "select /* /* */ $1"
    assert not uses("select /* /* */ :now", "now")


INERT = st.one_of(
    st.text("ab :since'", max_size=8).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.text("ab :since", max_size=8).map(lambda text: '"' + text + '"'),
    st.text("ab :since", max_size=8).map(lambda text: f"/*{text}*/"),
    st.text("ab :since", max_size=8).map(lambda text: f"--{text}\n"),
    st.text("ab :since", max_size=8).map(lambda text: f"$q${text}$q$"),
    st.sampled_from(["a::date", "1", "(", ")", ",", "a.b", "<=", "->>'x'"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(INERT, st.sampled_from([":since", ":now"]))))
def test_exactly_the_live_parameters_are_bound(parts: list[str]) -> None:
    bound, order = bind(" ".join(parts), NAMES)
    expected = [part if part not in (":since", ":now") else f"${order.index(part[1:]) + 1}" for part in parts]
    assert bound == " ".join(expected)
    assert set(order) == {part[1:] for part in parts if part in (":since", ":now")}


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_is_bound_or_refused(sql: str) -> None:
    try:
        bound, order = bind(sql, NAMES)
    except DataError:
        return
    assert bound == sql or order
