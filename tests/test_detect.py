"""What sweeps mean: single decisions, and a fold over many sweeps with a real store."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from andon.config import SystemSettings
from andon.detect import Detected, cannot_be_asked, detect
from andon.models import AlertState, Check, CheckKind, CheckResult, CheckState, Row, Severity, Status
from andon.store import CLOSED, Applied, Known, Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CALM = SystemSettings(storm=100)


def check(
    name: str, *upstream: str, hold: int = 1, severity: Severity = Severity.MEDIUM, at: str | None = None
) -> Check:
    return Check(
        name=name,
        kind=CheckKind.SQL,
        path=f"checks/{name}.sql",
        why="it happened",
        decided="never again",
        upstream=upstream,
        hold=hold,
        severity=severity,
        at=at,
        key=("id",),
        sha256="0" * 64,
    )


def result(name: str, word: str, asked_at: datetime, rows: tuple[Row, ...] = ({"id": 1},)) -> CheckResult:
    """A result of the state that a word's first letter names: r(ed), g(reen), e(rror)."""
    state = {"r": CheckState.FAILING, "g": CheckState.OK, "e": CheckState.ERROR}[word[0]]
    red = state is CheckState.FAILING
    return CheckResult(
        check=name, state=state, asked_at=asked_at, seconds=0.1, rows=rows if red else (), total=len(rows) if red else 0
    )


class World:
    """A system whose sweeps are told as `a=red b=green`; each sweep is a minute after the last."""

    def __init__(self, store: Store, *checks: Check, rules: SystemSettings = CALM) -> None:
        self.store, self.checks, self.rules, self.now = store, checks, rules, NOON

    def sweep(self, words: str, *, rows: Mapping[str, tuple[Row, ...]] | None = None) -> Applied:
        self.now += MINUTE
        by_name = {one.name: one for one in self.checks}
        for word in words.split():
            name, state = word.split("=")
            found = result(name, state, self.now, (rows or {}).get(name, ({"id": 1},)))
            self.store.save_result("feed", found, check=by_name[name])
        return self.apply()

    def apply(self) -> Applied:
        return self.store.apply_detected("feed", self.decide, now=self.now)

    def decide(self, known: Known) -> Detected:
        return detect(
            "feed",
            self.checks,
            known.results,
            known.alerts,
            known.tickets,
            now=self.now,
            settings=self.rules,
            first_seen=known.first_seen,
        )

    def move(self, ticket: int, *path: Status) -> None:
        for new in path:
            self.now += timedelta(seconds=1)
            old = self.store.get_ticket(ticket).status
            self.store.move(ticket, old, new, actor="test", reason="told to", now=self.now)


SHIP = (Status.DIAGNOSED, Status.PATCHED, Status.PROVEN, Status.APPROVED, Status.SHIPPED)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/andon.db") as store:
        yield store


def test_red_check_opens_one_ticket_and_stays_on_it(store: Store) -> None:
    world = World(store, check("a", severity=Severity.HIGH))
    (opened,) = world.sweep("a=red").opened
    ticket = store.get_ticket(opened)
    assert (ticket.check, ticket.checks, ticket.severity) == ("a", ("a",), Severity.HIGH)
    assert ticket.title == "a is red: 1 offending row"
    assert world.sweep("a=red") == Applied()
    (alert,) = store.list_alerts("feed")
    assert (alert.state, alert.sweeps, alert.ticket) == (AlertState.FIRING, 2, opened)


def test_error_opens_nothing_and_resolves_nothing(store: Store) -> None:
    world = World(store, check("a"))
    assert world.sweep("a=error") == Applied()
    assert store.list_alerts() == ()
    (opened,) = world.sweep("a=red").opened
    assert world.sweep("a=error") == Applied()
    assert store.get_ticket(opened).status is Status.OPEN
    assert store.list_alerts()[0].sweeps == 1


def test_check_that_cannot_be_asked_for_three_sweeps_is_shown(store: Store) -> None:
    world = World(store, check("a"), check("b"))
    for words in ("a=error b=error", "a=error b=green", "a=error b=error"):
        world.sweep(words)
    counts = {name: last.errors for name, last in store.list_results("feed").items()}
    assert cannot_be_asked(counts) == ("a",)


def test_for_two_sweeps_means_the_second_red_in_a_row(store: Store) -> None:
    world = World(store, check("a", hold=2))
    assert world.sweep("a=red") == Applied()
    assert store.list_alerts()[0].state is AlertState.PENDING
    assert world.sweep("a=green") == Applied()
    assert world.sweep("a=red") == Applied()
    assert world.sweep("a=error") == Applied()
    assert len(world.sweep("a=red").opened) == 1


def test_same_results_decided_twice_count_once(store: Store) -> None:
    world = World(store, check("a", hold=2))
    world.sweep("a=red")
    assert world.apply() == Applied()
    assert store.list_alerts()[0].sweeps == 1


def test_checks_below_a_red_check_go_to_its_ticket_in_the_same_sweep(store: Store) -> None:
    world = World(store, check("c", "b"), check("b", "a"), check("a"), check("d", "c", severity=Severity.HIGH))
    (opened,) = world.sweep("c=red b=green a=red d=red").opened
    ticket = store.get_ticket(opened)
    assert (ticket.check, set(ticket.checks), ticket.severity) == ("a", {"a", "c", "d"}, Severity.HIGH)


def test_check_that_turns_red_later_goes_to_the_ticket_above(store: Store) -> None:
    world = World(store, check("a"), check("b", "a"))
    (opened,) = world.sweep("a=red b=green").opened
    assert world.sweep("a=red b=red").attached == (opened,)
    assert store.get_ticket(opened).checks == ("a", "b")


def test_upstream_that_turns_red_later_takes_over_an_untouched_ticket(store: Store) -> None:
    world = World(store, check("a"), check("b", "a"))
    (below,) = world.sweep("a=green b=red").opened
    applied = world.sweep("a=red b=red")
    (above,) = applied.opened
    assert applied.absorbed == (below,)
    assert store.get_ticket(below).status is Status.ABANDONED
    assert f"duplicate of ticket {above}" in store.get_ticket(below).reason
    assert store.get_ticket(above).checks == ("a", "b")
    assert {alert.ticket for alert in store.list_alerts()} == {above}
    assert world.sweep("a=red b=red") == Applied()


def test_upstream_that_turns_red_later_leaves_a_ticket_that_was_worked_on(store: Store) -> None:
    world = World(store, check("a"), check("b", "a"))
    (below,) = world.sweep("a=green b=red").opened
    world.move(below, Status.DIAGNOSED)
    applied = world.sweep("a=red b=red")
    assert len(applied.opened) == 1
    assert applied.absorbed == ()
    assert store.get_ticket(below).status is Status.DIAGNOSED


def test_check_waits_for_an_upstream_that_is_red_but_does_not_count_yet(store: Store) -> None:
    world = World(store, check("a", hold=2), check("b", "a"))
    assert world.sweep("a=red b=red") == Applied()
    (opened,) = world.sweep("a=red b=red").opened
    assert store.get_ticket(opened).checks == ("a", "b")


def test_check_does_not_wait_for_ever_for_its_upstream(store: Store) -> None:
    world = World(store, check("a", hold=2), check("b", "a"))
    world.sweep("a=red b=red")
    world.sweep("a=error b=red")
    (opened,) = world.sweep("a=error b=red").opened
    assert store.get_ticket(opened).checks == ("b",)


def test_circle_of_upstreams_makes_one_ticket(store: Store) -> None:
    world = World(store, check("b", "c"), check("c", "b"), check("d", "c"))
    (opened,) = world.sweep("d=red c=red b=red").opened
    assert store.get_ticket(opened).checks == ("b", "c", "d")


def test_untouched_ticket_is_resolved_when_green_again_by_itself(store: Store) -> None:
    world = World(store, check("a"), check("b", "a"))
    (opened,) = world.sweep("a=red b=red").opened
    assert world.sweep("a=green b=red") == Applied()
    assert world.sweep("a=green b=green").resolved == (opened,)
    assert "by itself" in store.get_ticket(opened).reason


def test_ticket_that_was_worked_on_only_notes_that_it_is_green(store: Store) -> None:
    world = World(store, check("a"))
    (opened,) = world.sweep("a=red").opened
    world.move(opened, Status.DIAGNOSED)
    for _ in range(2):
        assert world.sweep("a=green") == Applied()
    assert store.get_ticket(opened).status is Status.DIAGNOSED
    assert [event.kind for event in store.list_events(opened)].count("green") == 1


def test_green_from_before_a_ticket_was_reopened_does_not_close_it(store: Store) -> None:
    world = World(store, check("a"))
    (opened,) = world.sweep("a=red").opened
    world.move(opened, *SHIP)
    world.sweep("a=green")
    world.move(opened, Status.OPEN)
    assert world.apply() == Applied()
    assert store.get_ticket(opened).status is Status.OPEN


def test_storm_is_one_ticket_for_a_person_that_later_causes_join(store: Store) -> None:
    names = [check(name) for name in "abcd"]
    world = World(store, *names, check("e", "a"), rules=SystemSettings(storm=3))
    (opened,) = world.sweep("a=red b=red c=red e=red d=green").opened
    ticket = store.get_ticket(opened)
    assert (ticket.status, ticket.check) == (Status.ESCALATED, None)
    assert set(ticket.checks) == {"a", "b", "c", "e"}
    assert "3 independent checks" in ticket.reason
    assert world.sweep("a=red d=red").attached == (opened,)
    assert len(store.list_tickets()) == 1
    assert world.sweep("a=green b=green c=green d=green e=green").resolved == (opened,)


def test_fewer_causes_than_a_storm_get_a_ticket_each(store: Store) -> None:
    world = World(store, *(check(name) for name in "ab"), rules=SystemSettings(storm=3))
    assert len(world.sweep("a=red b=red").opened) == 2


def test_resolved_check_that_fires_again_reopens_its_ticket(store: Store) -> None:
    world = World(store, check("a"))
    (opened,) = world.sweep("a=red").opened
    world.sweep("a=green")
    assert world.sweep("a=red").reopened == (opened,)
    ticket = store.get_ticket(opened)
    assert (ticket.status, ticket.reopened) == (Status.OPEN, 1)


def test_setting_new_gives_a_new_ticket_of_the_same_cause(store: Store) -> None:
    world = World(store, check("a"), rules=SystemSettings(when_fires_again="new"))
    (first,) = world.sweep("a=red").opened
    world.sweep("a=green")
    (second,) = world.sweep("a=red").opened
    assert store.get_ticket(second).cause == first


def test_ticket_resolved_long_ago_is_not_reopened(store: Store) -> None:
    world = World(store, check("a"), rules=SystemSettings(reopen_within=timedelta(hours=1)))
    (first,) = world.sweep("a=red").opened
    world.sweep("a=green")
    world.now += timedelta(hours=2)
    (second,) = world.sweep("a=red").opened
    assert store.get_ticket(second).cause == second != first


def test_old_rows_that_stay_after_the_resolution_are_silent_and_a_newer_one_is_not(store: Store) -> None:
    world = World(store, check("a", at="at"))
    old: Row = {"id": 1, "at": NOON.isoformat()}
    (opened,) = world.sweep("a=red", rows={"a": (old,)}).opened
    world.move(opened, *SHIP, Status.RESOLVED)
    assert world.sweep("a=red", rows={"a": (old,)}) == Applied()
    assert world.decide(store.known("feed")).silenced == ("a",)
    new: Row = {"id": 2, "at": (world.now + MINUTE).isoformat()}
    assert world.sweep("a=red", rows={"a": (old, new)}).reopened == (opened,)


def test_rows_without_a_time_of_their_own_are_residue_when_seen_before(store: Store) -> None:
    world = World(store, check("a"))
    (opened,) = world.sweep("a=red", rows={"a": ({"id": 1},)}).opened
    world.move(opened, *SHIP, Status.RESOLVED)
    assert world.sweep("a=red", rows={"a": ({"id": 1},)}) == Applied()
    assert world.sweep("a=red", rows={"a": ({"id": 1}, {"id": 2})}).reopened == (opened,)


def test_abandoned_check_is_silent_until_it_has_been_green(store: Store) -> None:
    world = World(store, check("a"))
    (first,) = world.sweep("a=red").opened
    world.move(first, Status.ABANDONED)
    assert world.sweep("a=red") == Applied()
    world.sweep("a=green")
    (second,) = world.sweep("a=red").opened
    assert second != first


def test_alert_of_a_check_whose_file_is_gone_stays_as_it_was(store: Store) -> None:
    world = World(store, check("a"))
    world.sweep("a=red")
    before = store.list_alerts()
    world.checks = ()
    assert world.sweep("") == Applied()
    assert store.list_alerts() == before


NAMES = "abcdef"
GRAPHS = st.lists(
    st.tuples(st.lists(st.sampled_from(NAMES), max_size=2), st.integers(1, 3), st.sampled_from(Severity)),
    min_size=len(NAMES),
    max_size=len(NAMES),
)
SWEEPS = st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from("rrge"), min_size=1), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graph=GRAPHS,
    sweeps=SWEEPS,
    storm=st.integers(1, 6),
    again=st.sampled_from(["reopen", "new"]),
    moves=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(Status)), max_size=6),
)
def test_no_check_is_on_two_open_tickets_and_every_firing_one_is_on_one(
    tmp_path_factory: pytest.TempPathFactory,
    graph: list[tuple[list[str], int, Severity]],
    sweeps: list[dict[str, str]],
    storm: int,
    again: str,
    moves: list[tuple[int, Status]],
) -> None:
    checks = [
        check(name, *upstream, hold=hold, severity=severity)
        for name, (upstream, hold, severity) in zip(NAMES, graph, strict=True)
    ]
    rules = SystemSettings.model_validate({"storm": storm, "when_fires_again": again})
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('world')}/andon.db") as store:
        world = World(store, *checks, rules=rules)
        pending = list(moves)
        for states in sweeps:
            world.sweep(" ".join(f"{name}={word}" for name, word in states.items()))
            holds(world)
            assert world.apply() == Applied(), "the same sweep twice changes nothing"
            if pending:
                person_moves(world, *pending.pop())


def person_moves(world: World, pick: int, new: Status) -> None:
    """Somebody moves a ticket, where that is allowed, as people and the loop do between sweeps."""
    from andon.errors import ConflictError

    tickets = world.store.list_tickets()
    if tickets:
        ticket = tickets[pick % len(tickets)]
        world.now += timedelta(seconds=1)
        try:
            world.store.move(ticket.id, ticket.status, new, actor="ann", reason="so", now=world.now)
        except ConflictError:
            return


def holds(world: World) -> None:
    tickets = world.store.list_tickets()
    on: dict[str, list[int]] = {}
    for ticket in tickets:
        for name in ticket.checks if ticket.status not in CLOSED else ():
            on.setdefault(name, []).append(ticket.id)
    assert all(len(numbers) == 1 for numbers in on.values())
    silenced = set(world.decide(world.store.known("feed")).silenced)
    for alert in world.store.list_alerts():
        if alert.state is AlertState.FIRING and alert.check not in silenced:
            assert on.get(alert.check) == [alert.ticket]


@settings(max_examples=60, deadline=None)
@given(graph=GRAPHS, states=st.lists(st.sampled_from("rrge"), min_size=6, max_size=6), order=st.permutations(range(6)))
def test_order_of_checks_and_results_does_not_matter(
    graph: list[tuple[list[str], int, Severity]], states: list[str], order: list[int]
) -> None:
    checks = [check(name, *up, hold=hold, severity=level) for name, (up, hold, level) in zip(NAMES, graph, strict=True)]
    results = [result(name, word, NOON) for name, word in zip(NAMES, states, strict=True)]
    rules = SystemSettings(storm=4)
    one = detect("feed", checks, results, (), (), now=NOON, settings=rules)
    shuffled = [checks[place] for place in order], [results[place] for place in reversed(order)]
    assert detect("feed", *shuffled, (), (), now=NOON, settings=rules) == one


def test_two_threads_that_apply_one_sweep_open_one_ticket(store: Store) -> None:
    world = World(store, check("a"), check("b", "a"), check("c"))
    world.now += MINUTE
    for name in "abc":
        store.save_result("feed", result(name, "red", world.now), check=world.checks["abc".index(name)])
    applied: list[Applied] = []
    threads = [threading.Thread(target=lambda: applied.append(world.apply())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one.opened) for one in applied) == [0, 0, 0, 0, 0, 2]
    assert len(store.list_tickets()) == 2
