"""The transcript of a ticket: words that are kept, bounded, and no fact."""

from __future__ import annotations

from datetime import datetime

import pytest

from andon.store import Store, transcript


@pytest.fixture
def ticket(store: Store, now: datetime) -> int:
    return store.create_ticket(system="feed", check="a", title="a is red", now=now).id


def test_lines_come_back_in_their_order(store: Store, ticket: int, now: datetime) -> None:
    store.add_line(ticket, "model", "call", "query", now=now)
    store.add_line(ticket, "model", "result", "3 rows \x00 \udce4 \x1b[31m", now=now)
    lines = store.list_lines(ticket)
    assert [(line.actor, line.kind, line.text) for line in lines] == [
        ("model", "call", "query"),
        ("model", "result", "3 rows ␀ ? \x1b[31m"),
    ]
    assert store.list_lines(ticket, after=lines[0].id) == lines[1:]


def test_line_is_cut_in_its_middle(store: Store, ticket: int, now: datetime) -> None:
    store.add_line(ticket, "model", "message", "a" * 10_000 + "z" * 10_000, now=now)
    (line,) = store.list_lines(ticket)
    assert len(line.text) < transcript.MOST_CHARACTERS + 100
    assert line.text.startswith("aaa")
    assert line.text.endswith("zzz")
    assert "16,000 characters left out" in line.text


def test_ticket_keeps_only_so_many_lines(
    store: Store, ticket: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "MOST_LINES", 5)
    for number in range(9):
        store.add_line(ticket, "model", "message", str(number), now=now)
    assert [line.text for line in store.list_lines(ticket)] == ["0", "1", "2", "3", transcript.FULL]


def test_transcript_adds_nothing_to_the_history(store: Store, ticket: int, now: datetime) -> None:
    before = store.list_events(ticket)
    store.add_line(ticket, "model", "message", "resolved", now=now)
    assert store.list_events(ticket) == before
