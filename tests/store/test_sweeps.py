"""Sweeps by several processes at once, on both engines."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from andon.detect import Detected
from andon.errors import ConflictError
from andon.models import Alert, AlertState, Status, alert_fingerprint
from andon.store import Known, Store

SWEEPER = Path(__file__).with_name("sweeper.py")


def test_two_processes_that_open_the_store_and_sweep_at_once_open_each_ticket_once(url: str, tmp_path: Path) -> None:
    start = tmp_path / "start"
    argv = [sys.executable, str(SWEEPER), url, str(start)]
    sweepers = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for sweeper in sweepers:
            assert sweeper.stdout is not None
            assert sweeper.stdout.readline() == "ready\n"
        start.touch()
        opened = [int(sweeper.communicate(timeout=60)[0]) for sweeper in sweepers]
    finally:
        for sweeper in sweepers:
            sweeper.kill()
            sweeper.wait()
    assert sorted(opened) == [0, 2]
    with Store.open(url) as store:
        assert sorted(ticket.checks for ticket in store.list_tickets()) == [("a", "b"), ("c",)]
        assert {alert.sweeps for alert in store.list_alerts()} == {1}
        assert len(store.list_runs("feed", "a")) == 1


def test_sweep_that_fails_halfway_leaves_nothing(store: Store, now: datetime) -> None:
    alert = Alert(
        fingerprint=alert_fingerprint("feed", "a"),
        system="feed",
        check="a",
        state=AlertState.FIRING,
        since=now,
        last_seen=now,
        ticket=99,
    )
    with pytest.raises(ConflictError):  # there is no ticket 99: the tables say so
        store.apply_detected("feed", lambda _: Detected(alerts=(alert,)), now=now)
    assert store.list_alerts() == ()


def test_known_holds_open_tickets_and_the_closed_ones_that_alerts_point_to(store: Store, now: datetime) -> None:
    pointed = store.create_ticket(system="feed", check="a", title="a", now=now)
    store.move(pointed.id, Status.OPEN, Status.RESOLVED, actor="loop", reason="green", now=now)
    forgotten = store.create_ticket(system="feed", check="b", title="b", now=now)
    store.move(forgotten.id, Status.OPEN, Status.RESOLVED, actor="loop", reason="green", now=now)
    stays = store.create_ticket(system="feed", check="c", title="c", now=now)
    store.create_ticket(system="shop", check="c", title="c", now=now)
    alert = Alert(
        fingerprint=alert_fingerprint("feed", "a"),
        system="feed",
        check="a",
        state=AlertState.RESOLVED,
        since=now,
        last_seen=now,
        ticket=pointed.id,
    )
    store.save_alerts([alert])
    seen: list[Known] = []

    def look(known: Known) -> Detected:
        seen.append(known)
        return Detected(alerts=())

    store.apply_detected("feed", look, now=now)
    assert [ticket.id for ticket in seen[0].tickets] == [pointed.id, stays.id]
    assert seen[0].alerts == (alert,) == (store.get_alert(alert.fingerprint),)
