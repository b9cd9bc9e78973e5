"""What a runner told of its tests is read line by line, and neither forged nor broken lines get past their bounds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.models import TestEvent
from andon.probes.reading import BROKEN_OFF, Place, Told, read_events

PHASES = ("setup", "call", "teardown")


def read(lines: list[dict[str, object]] | bytes) -> Told:
    """Returns what is read from lines that are numbered here, or from bytes as they stand."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        numbered = [
            json.dumps({"n": number, **line}) for number, line in enumerate(lines if isinstance(lines, list) else [])
        ]
        (place / "events").write_bytes("\n".join(numbered).encode() if isinstance(lines, list) else lines)
        return read_events(place / "events", Place(place, place))


def run_of(*names: str, outcome: str = "passed", message: str = "") -> list[dict[str, object]]:
    reports: list[dict[str, object]] = [
        {
            "type": "report",
            "id": name,
            "when": when,
            "outcome": outcome if when == "call" else "passed",
            "message": message,
        }
        for name in names
        for when in PHASES
    ]
    return [{"type": "start"}, {"type": "collected", "ids": list(names)}, *reports, {"type": "end", "status": 0}]


def test_run_that_is_told_to_its_end_is_complete() -> None:
    told = read(run_of("a", "b"))
    assert told.complete
    assert [(event.id, event.outcome, event.phase) for event in told.events] == [
        ("a", "passed", "call"),
        ("b", "passed", "call"),
    ]


@pytest.mark.parametrize("gone", range(1, 9))
def test_run_that_lacks_any_line_is_not_complete(gone: int) -> None:
    lines = [{"n": number, **line} for number, line in enumerate(run_of("a", "b"))]
    del lines[gone]
    assert not read("\n".join(map(json.dumps, lines)).encode()).complete


def test_test_that_began_and_told_no_more_is_broken_off() -> None:
    told = read(run_of("a")[:3])
    assert not told.complete
    assert [(event.outcome, event.message) for event in told.events] == [("failed", BROKEN_OFF)]


def test_half_of_a_character_can_be_written_down() -> None:
    told = read(run_of("a[\ud800]", outcome="failed", message="\udfff"))
    assert told.events[0].id == "a[?]"
    assert TestEvent.model_validate_json(told.events[0].model_dump_json()) == told.events[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "when", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
LINE = st.dictionaries(
    st.sampled_from(
        ["n", "type", "id", "ids", "when", "outcome", "seconds", "message", "path", "line", "root", "status"]
    ),
    st.sampled_from(["start", "end", "report", "collected", "collect", "call", "passed", "failed", 0, 1]) | JSON,
)


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(LINE, max_size=6))
def test_whatever_lines_are_told_give_events_that_can_be_kept(lines: list[dict[str, object]]) -> None:
    told = read("\n".join(map(json.dumps, lines)).encode("utf-8", "replace"))
    for event in told.events:
        assert TestEvent.model_validate(event.model_dump()) == event


@given(data=st.binary(max_size=200))
def test_whatever_bytes_are_told_make_no_run_complete(data: bytes) -> None:
    assert not read(data).complete
