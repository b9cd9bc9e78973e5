"""The templates find the expected repair of small classic bugs, and find ingredients for bigger ones."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from small_bugs import SMALL_BUGS, SmallBug

from andon.agents.search.repair.candidates import Candidate, build
from andon.agents.search.repair.diffs import apply_file_diff
from andon.agents.search.repair.ingredients import Ingredients, Spot
from andon.agents.search.repair.source import Sources
from andon.agents.search.repair.templates import template_ideas


class TooLongError(Exception):
    """A candidate never ends."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stops what runs inside when it takes too long."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def passes(text: str, oracle: str) -> bool:
    """Tells whether a program passes its oracle."""
    names: dict[str, object] = {}
    try:
        with at_most(0.3):
            exec(compile(text, "small", "exec"), names)
            exec(compile(oracle, "oracle", "exec"), names)
    except Exception:  # noqa: BLE001  # whatever a wrong program raises, it does not pass
        return False
    return True


def candidates_for(text: str, spots: tuple[Spot, ...], **more: tuple[str, ...]) -> list[Candidate]:
    """Returns the candidates of all templates for a text."""
    sources = Sources({"small.py": text})
    past = {"small.py": more.get("past", ())}
    return build(sources, template_ideas(sources, Ingredients(spots, past, columns=more.get("columns", ()))))


def spots_around(small: SmallBug) -> tuple[Spot, ...]:
    """Returns all lines of a program, those of the wrong one somewhat more suspicious, as localisation has it."""
    first = small.source[: small.source.index(small.wrong)].count("\n") + 1
    lines = range(1, small.source.count("\n") + 1)
    return tuple(sorted((Spot("small.py", n, 0.9 if n == first else 0.6) for n in lines), key=lambda s: -s.suspicion))


@pytest.mark.parametrize("small", SMALL_BUGS, ids=lambda small: small.name)
def test_expected_repair_is_the_first_that_passes(small: SmallBug) -> None:
    assert not passes(small.source, small.oracle)
    texts = (apply_file_diff(small.source, c.diff) for c in candidates_for(small.source, spots_around(small)))
    found = next((text for text in texts if passes(text, small.oracle)), None)
    assert found == small.source.replace(small.wrong, small.right)


def test_line_of_the_past_is_the_first_candidate() -> None:
    text = "def total(row):\n    return row['net'] + row['tax'] * 0\n"
    found = candidates_for(text, (Spot("small.py", 2, 0.9),), past=("return row['net'] + row['tax']", "x = 1"))
    assert apply_file_diff(text, found[0].diff) == "def total(row):\n    return row['net'] + row['tax']\n"


def test_key_gets_the_column_that_a_sibling_list_has() -> None:
    text = 'KEY = ["shop", "number"]\nNAMES = ("shop", "number", "edition", "title")\n'
    found = candidates_for(text, (Spot("small.py", 1, 0.9),))
    assert found[0].strategy == "template:key"
    assert apply_file_diff(text, found[0].diff).startswith('KEY = ["shop", "number", "edition"]\n')


def test_dropped_predicate_comes_back_from_a_sibling_query() -> None:
    text = """
def totals(db):
    return db.execute(
        "select i.shop, count(*) from items i"
        " join batches b on b.batch_id = i.batch_id"
        " where i.day >= %s group by i.shop"
    )


def marks(db):
    return db.execute("select max(at) from items join batches b using (batch_id) where b.status = 'complete'")
""".lstrip()
    spots = tuple(Spot("small.py", n, 0.9) for n in range(1, 6))
    texts = [apply_file_diff(text, candidate.diff) for candidate in candidates_for(text, spots)[:12]]
    assert any("on b.status = 'complete' and b.batch_id = i.batch_id" in found for found in texts)
    assert any("where b.status = 'complete' and i.day >= %s" in found for found in texts)


def test_formatting_and_comments_stay() -> None:
    text = "def ok( a,b ):\n    # why\n    return (a <  b)  # strictly\n"
    found = [apply_file_diff(text, c.diff) for c in candidates_for(text, (Spot("small.py", 3, 0.9),))]
    assert "def ok( a,b ):\n    # why\n    return (a <= b)  # strictly\n" in found


def test_text_beyond_ascii_is_spliced_at_the_right_place() -> None:
    text = "def ok(größe, maß):\n    return 'äöü', größe < maß\n"
    found = [apply_file_diff(text, c.diff) for c in candidates_for(text, (Spot("small.py", 2, 0.9),))]
    assert "def ok(größe, maß):\n    return 'äöü', größe <= maß\n" in found
