"""Opening, migrating and failing, on both engines where it applies."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from andon.errors import ConfigError, ExternalError
from andon.models import Status
from andon.store import Store
from andon.store.tables import metadata


def test_tables_are_what_the_migrations_made(store: Store) -> None:
    found = inspect(store._db.engine)
    assert set(found.get_table_names()) == {*metadata.tables, "andon_schema"}
    for name, table in metadata.tables.items():
        columns = {column["name"]: column for column in found.get_columns(name)}
        assert set(columns) == set(table.columns.keys()), name
        for column in table.columns:
            assert column.primary_key or bool(columns[column.name]["nullable"]) == bool(column.nullable), (name, column)
        primary = set(found.get_pk_constraint(name)["constrained_columns"])
        assert primary == {column.name for column in table.primary_key}, name


def test_opening_again_changes_nothing_and_keeps_everything(url: str, now: datetime) -> None:
    with Store.open(url) as store:
        made = store.create_ticket(system="feed", check="a", title="a", now=now)
    with Store.open(url) as store:
        assert store.get_ticket(made.id) == made


def test_many_that_open_an_empty_database_at_once_all_get_one_schema(url: str) -> None:
    troubles: list[BaseException] = []

    def open_it() -> None:
        try:
            Store.open(url).close()
        except BaseException as error:  # noqa: BLE001 - whatever a thread meets is what this test is about
            troubles.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    with Store.open(url) as store, store._db.engine.connect() as connection:
        versions = connection.execute(text("select version from andon_schema order by version")).scalars().all()
        assert versions == list(range(1, len(versions) + 1))


def test_schema_of_a_newer_andon_is_refused(url: str) -> None:
    with Store.open(url) as store, store._db.engine.begin() as connection:
        connection.execute(text("insert into andon_schema (version, applied_at) values (99, 'later')"))
    with pytest.raises(ConfigError, match="schema 99, written by a newer andon"):
        Store.open(url)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_url_that_cannot_be_used_says_what_to_write(url: str) -> None:
    with pytest.raises(ConfigError, match="write sqlite:///path"):
        Store.open(url)


def test_server_that_is_away_is_an_external_error_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ExternalError) as caught:
        Store.open(f"postgresql://ann:secret@/db?host={tmp_path}")
    assert "secret" not in str(caught.value)
    assert not caught.value.permanent


def test_sqlite_is_in_wal_and_survives_a_crash_of_the_writer(tmp_path: Path, now: datetime) -> None:
    url = f"sqlite:///{tmp_path}/andon.db"
    with Store.open(url) as store:
        assert sqlite3.connect(tmp_path / "andon.db").execute("pragma journal_mode").fetchone() == ("wal",)
        kept = store.create_ticket(system="feed", check="a", title="a", now=now)
    code = (
        "import os, sys\nfrom andon.store import Store\nfrom andon.models import Status\n"
        "store = Store.open(sys.argv[1])\nticket = store.get_ticket(1)\n"
        "store.move(1, Status.OPEN, Status.DIAGNOSED, actor='loop', reason='r', now=ticket.created_at)\n"
        "store._db.write(lambda c: (c.exec_driver_sql('delete from ticket_checks'), os.kill(os.getpid(), 9)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == -9
    with Store.open(url) as store:
        assert store.get_ticket(kept.id).status is Status.DIAGNOSED
        assert store.find_open_ticket("feed", "a") is not None


@pytest.fixture
def small_files() -> Iterator[None]:
    """Makes writes past 400 kB fail, as on a full disk."""
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_disk_that_is_full_is_told_and_nothing_is_lost(
    tmp_path: Path, now: datetime, request: pytest.FixtureRequest
) -> None:
    with Store.open(f"sqlite:///{tmp_path}/andon.db") as store:
        made = store.create_ticket(system="feed", check="a", title="a", now=now)
        request.getfixturevalue("small_files")
        with pytest.raises(ExternalError, match="disk") as caught:
            store.save_note(made.id, "transcript", os.urandom(600_000).hex(), now=now)
        assert not caught.value.permanent
        assert store.get_ticket(made.id) == made
        assert store.list_notes(made.id) == ()


def test_database_that_another_holds_is_told(tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    from andon.store import database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with Store.open(f"sqlite:///{tmp_path}/andon.db") as store:
        holder = sqlite3.connect(tmp_path / "andon.db", isolation_level=None)
        holder.execute("begin immediate")
        with pytest.raises(ExternalError, match="held it for too long"):
            store.create_ticket(system="feed", check="a", title="a", now=now)
        holder.execute("rollback")
        holder.close()
        assert store.create_ticket(system="feed", check="a", title="a", now=now).id == 1


def test_writer_waits_for_another_that_is_soon_done(tmp_path: Path, now: datetime) -> None:
    with Store.open(f"sqlite:///{tmp_path}/andon.db") as store:
        holder = sqlite3.connect(tmp_path / "andon.db", isolation_level=None, check_same_thread=False)
        holder.execute("begin immediate")
        threading.Timer(0.2, holder.execute, ["rollback"]).start()
        assert store.create_ticket(system="feed", check="a", title="a", now=now).id == 1
        holder.close()


def test_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "andon.db").write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(ExternalError, match="damaged or not a database") as caught:
        Store.open(f"sqlite:///{tmp_path}/andon.db")
    assert caught.value.permanent


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExternalError, match="cannot make the folder"):
        Store.open(f"sqlite:///{tmp_path}/file/andon.db")


def test_database_that_can_only_be_read_is_told(tmp_path: Path, now: datetime) -> None:
    with Store.open(f"sqlite:///{tmp_path}/andon.db") as store:
        store.create_ticket(system="feed", check="a", title="a", now=now)
    url = f"sqlite:///file:{tmp_path}/andon.db?mode=ro&uri=true"
    with Store.open(url) as store:
        assert len(store.list_tickets()) == 1
        with pytest.raises(ExternalError, match="can only be read"):
            store.create_ticket(system="feed", check="b", title="b", now=now)
    assert not Path("file:").exists()


def test_doctor_line_comes_from_a_real_write(store: Store) -> None:
    assert store.describe().endswith("can be read and written")
    assert store.list_workers() == ()


def test_importing_the_product_does_not_import_the_database_library() -> None:
    code = "import sys, andon.detect, andon.budget, andon.watch; print('sqlalchemy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
