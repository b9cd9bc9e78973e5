"""Tickets: numbers, moves and their events, on both engines."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from andon.errors import ConflictError, NotFoundError
from andon.models import Autonomy, Severity, Status
from andon.store import Store


def test_ticket_comes_back_as_it_was_saved(store: Store, now: datetime) -> None:
    made = store.create_ticket(
        system="feed",
        check="no-zero",
        checks=["late"],
        title="no-zero is red \x00 \x1b[31m",
        severity=Severity.HIGH,
        autonomy=Autonomy.SHIP_ON_APPROVAL,
        now=now,
    )
    assert store.get_ticket(made.id) == made
    assert made.cause == made.id
    assert made.checks == ("no-zero", "late")
    assert [event.kind for event in store.list_events(made.id)] == ["opened"]


def test_missing_ticket_is_named(store: Store) -> None:
    with pytest.raises(NotFoundError, match="ticket 7"):
        store.get_ticket(7)


def test_move_leaves_one_event_with_the_data(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    moved = store.move(
        made.id,
        Status.OPEN,
        Status.DIAGNOSED,
        actor="loop",
        reason="429",
        data={"x": 1},
        now=now + timedelta(minutes=1),
    )
    assert (moved.status, moved.reason) == (Status.DIAGNOSED, "429")
    event = store.list_events(made.id)[-1]
    assert (event.kind, event.old, event.new, event.data) == ("moved", Status.OPEN, Status.DIAGNOSED, {"x": 1})
    assert store.last_move(made.id) == event.id == store.last_event()
    assert store.events_after(event.id - 1) == (event,)


def test_second_mover_is_told_and_changes_nothing(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    store.move(made.id, Status.OPEN, Status.DIAGNOSED, actor="one", reason="r", now=now)
    with pytest.raises(ConflictError, match="diagnosed, not open"):
        store.move(made.id, Status.OPEN, Status.ESCALATED, actor="two", reason="r", now=now)
    assert len(store.list_events(made.id)) == 2


def test_move_outside_the_table_is_refused(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    with pytest.raises(ConflictError, match="may become"):
        store.move(made.id, Status.OPEN, Status.SHIPPED, actor="loop", reason="r", now=now)


def test_move_with_a_key_runs_once_however_often_the_step_does(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    for _ in range(3):
        moved = store.move(made.id, Status.OPEN, Status.DIAGNOSED, actor="loop", reason="r", key="wf-1", now=now)
    assert moved.status is Status.DIAGNOSED
    assert len(store.list_events(made.id)) == 2


def test_of_many_movers_at_once_exactly_one_wins(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    outcomes: list[str] = []

    def try_it(name: str) -> None:
        try:
            store.move(made.id, Status.OPEN, Status.DIAGNOSED, actor=name, reason="r", now=now)
            outcomes.append("won")
        except ConflictError:
            outcomes.append("lost")

    threads = [threading.Thread(target=try_it, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]
    assert len(store.list_events(made.id)) == 2


def test_dedupe_key_gives_the_open_ticket_and_a_new_one_once_it_is_closed(store: Store, now: datetime) -> None:
    first = store.create_ticket(system="feed", title="alert 7", dedupe="hook:7", now=now)
    assert store.create_ticket(system="feed", title="again", dedupe="hook:7", now=now) == first
    store.move(first.id, Status.OPEN, Status.ABANDONED, actor="ann", reason="noise", now=now)
    assert store.create_ticket(system="feed", title="again", dedupe="hook:7", now=now).id != first.id


def test_many_creators_at_once_make_one_ticket(store: Store, now: datetime) -> None:
    made: list[int] = []

    def create() -> None:
        made.append(store.create_ticket(system="feed", check="a", title="a is red", dedupe="feed/a", now=now).id)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert len(store.list_tickets()) == 1


def test_check_is_on_one_open_ticket_at_most(store: Store, now: datetime) -> None:
    first = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    with pytest.raises(ConflictError, match="a has an open ticket"):
        store.create_ticket(system="feed", check="a", title="a is red", now=now)
    other = store.create_ticket(system="feed", check="b", title="b is red", now=now)
    with pytest.raises(ConflictError):
        store.attach_check(other.id, "a", reason="upstream", now=now)
    assert store.create_ticket(system="other", check="a", title="a is red", now=now)
    found = store.find_open_ticket("feed", "a")
    assert found is not None
    assert found.id == first.id


def test_attaching_twice_is_attaching_once(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a is red", now=now)
    for _ in range(2):
        ticket = store.attach_check(made.id, "b", reason="explained by a", now=now)
    assert ticket.checks == ("a", "b")
    assert [event.kind for event in store.list_events(made.id)] == ["opened", "attached"]


def test_reopened_ticket_leaves_checks_that_another_ticket_took(store: Store, now: datetime) -> None:
    first = store.create_ticket(system="feed", check="a", checks=["b"], title="a is red", now=now)
    store.move(first.id, Status.OPEN, Status.RESOLVED, actor="loop", reason="green", now=now)
    store.create_ticket(system="feed", check="b", title="b is red", now=now)
    again = store.move(first.id, Status.RESOLVED, Status.OPEN, actor="loop", reason="red", now=now)
    assert (again.checks, again.reopened) == (("a",), 1)
    store.move(first.id, Status.OPEN, Status.RESOLVED, actor="loop", reason="green", now=now)
    store.create_ticket(system="feed", check="a", title="a is red", now=now)
    with pytest.raises(ConflictError, match="another open ticket"):
        store.move(first.id, Status.RESOLVED, Status.OPEN, actor="loop", reason="red", now=now)


def test_lists_by_status_and_system_newest_first(store: Store, now: datetime) -> None:
    one = store.create_ticket(system="feed", check="a", title="a", now=now)
    two = store.create_ticket(system="feed", check="b", title="b", now=now)
    three = store.create_ticket(system="shop", check="a", title="a", now=now)
    store.move(two.id, Status.OPEN, Status.RESOLVED, actor="loop", reason="green", now=now)
    assert [ticket.id for ticket in store.list_tickets()] == [three.id, two.id, one.id]
    assert [ticket.id for ticket in store.list_tickets(status=Status.OPEN, system="feed")] == [one.id]
    assert [ticket.id for ticket in store.list_tickets(status=(Status.OPEN, Status.RESOLVED))] == [3, 2, 1]
    assert [ticket.id for ticket in store.list_tickets(open_only=True)] == [three.id, one.id]


def test_events_cannot_be_changed_or_deleted(store: Store, now: datetime) -> None:
    store.create_ticket(system="feed", check="a", title="a", now=now)

    for statement in ("update events set kind = 'x'", "delete from events"):
        with pytest.raises(DBAPIError, match="never"), store._db.engine.begin() as connection:
            connection.execute(text(statement))
    assert [event.kind for event in store.list_events()] == ["opened"]


def test_changed_level_is_kept_with_an_event_and_no_change_is_none(store: Store, now: datetime) -> None:
    made = store.create_ticket(system="feed", check="a", title="a", now=now)
    for _ in range(2):
        changed = store.update_ticket(made.id, autonomy=Autonomy.REPORT, actor="ann", now=now)
    assert changed.autonomy is Autonomy.REPORT
    assert [event.kind for event in store.list_events(made.id)] == ["opened", "edited"]


def test_naive_time_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="time zone"):
        store.create_ticket(system="feed", check="a", title="a", now=datetime(2026, 3, 2))  # noqa: DTZ001


def test_duplicate_gives_its_checks_to_the_other_once(store: Store, now: datetime) -> None:
    home = store.create_ticket(system="feed", check="a", title="a is red", now=now).id
    twin = store.create_ticket(system="feed", check="b", checks=["c"], title="b is red", now=now).id
    for _ in range(2):
        assert store.absorb(twin, home, reason="one cause", now=now).checks == ("a", "b", "c")
    assert store.get_ticket(twin).status is Status.ABANDONED
    assert [event.kind for event in store.list_events(home)] == ["opened", "attached"]


def test_duplicate_of_no_open_ticket_is_a_conflict(store: Store, now: datetime) -> None:
    twin = store.create_ticket(system="feed", check="b", title="b is red", now=now).id
    other = store.create_ticket(system="shop", check="b", title="b is red", now=now).id
    with pytest.raises(ConflictError, match="itself"):
        store.absorb(twin, twin, reason="r", now=now)
    with pytest.raises(ConflictError, match="no open ticket of feed"):
        store.absorb(twin, other, reason="r", now=now)
    with pytest.raises(NotFoundError):
        store.absorb(twin, 99, reason="r", now=now)
    assert store.get_ticket(twin).status is Status.OPEN


def test_last_moves_of_many_tickets_are_told_with_how_often_each_has_waited_since(store: Store, now: datetime) -> None:
    first, second = (store.create_ticket(system="feed", title=title, now=now) for title in ("one", "two"))
    store.add_event(first.id, "waits", actor="loop", now=now)
    store.move(first.id, Status.OPEN, Status.DIAGNOSED, actor="loop", reason="found", now=now)
    for minute in (1, 2):
        store.add_event(first.id, "waits", actor="loop", now=now + timedelta(minutes=minute))
    store.add_event(second.id, "noted", actor="loop", now=now)
    found = store.last_moves([first.id, second.id])
    assert {ticket: last.event for ticket, last in found.items()} == {
        one.id: store.last_move(one.id) for one in (first, second)
    }
    assert found[first.id].waits == (now + timedelta(minutes=1), now + timedelta(minutes=2))
    assert found[second.id].waits == ()
    assert store.last_moves([]) == {}
