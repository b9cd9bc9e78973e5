"""A database that hides bad rows from the check is found out by putting bad rows into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from grounds import Stand
from hearings import heard
from test_honest import FIXES

from andon.judge.rows.restore import of_table
from andon.judge.rows.tables import Table
from andon.judge.sensitivity import sensitivity
from andon.models import Outcome, Proof
from andon.protocols import Change
from andon.sandboxes.scratch import open_scratch

STORE = "tinyfeed/store.py"
END = "made_at text not null);\n"
HONEST = FIXES["unwrapped-call"]


def proof_of(ground: Stand, source: dict[str, str]) -> Proof:
    with heard(ground, ground.patch(source)) as hearing:
        found = sensitivity(hearing)
    assert found is not None
    return found


@pytest.mark.parametrize("bug", FIXES)
def test_check_still_finds_bad_rows_after_an_honest_fix(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    proof = proof_of(ground, ground.edited(*FIXES[bug]))
    assert proof.outcome is Outcome.HOLDS, proof
    assert "are found when they are put back" in proof.saw


HIDING = {
    "a trigger takes bad rows away": (
        "create trigger if not exists tidy after insert on pictures when new.bytes = 0\n"
        "begin delete from pictures where bytes = 0; end;\n"
    ),
    "a trigger refuses them in silence": (
        "create trigger if not exists tidy before insert on pictures when new.bytes = 0\n"
        "begin select raise(ignore); end;\n"
    ),
    "a trigger paints them over": (
        "create trigger if not exists tidy after insert on pictures when new.bytes = 0\n"
        "begin update pictures set bytes = 17 where bytes = 0; end;\n"
    ),
    "a trigger moves them out of the check's time": (
        "create trigger if not exists tidy after insert on pictures when new.bytes = 0\n"
        "begin update pictures set fetched_at = '' where bytes = 0; end;\n"
    ),
}


@pytest.mark.parametrize("what", HIDING)
@pytest.mark.parametrize("fixed", [False, True], ids=["alone", "beside a fix"])
def test_database_that_hides_bad_rows_fails(what: str, fixed: bool, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(STORE, END, END + HIDING[what]) | (ground.edited(*HONEST) if fixed else {})
    proof = proof_of(ground, source)
    assert proof.outcome is Outcome.FAILS, proof
    assert "do not stay there" in proof.saw


def test_view_in_the_place_of_a_table_fails(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    text = ground.text(STORE).replace("exists pictures (", "exists every_picture (")
    view = "create view if not exists pictures as select * from every_picture where bytes > 0;\n"
    source = {STORE: text.replace(END, END + view)}
    source |= ground.edited("tinyfeed/pipeline.py", 'store, "pictures"', 'store, "every_picture"')
    proof = proof_of(ground, source)
    assert proof.outcome is Outcome.FAILS, proof
    assert "is a view now" in proof.saw


def test_constraint_that_refuses_bad_rows_is_no_fault_of_a_fix(stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    source = ground.edited(*HONEST)
    source[STORE] = ground.text(STORE).replace("bytes integer not null", "bytes integer not null check (bytes > 0)")
    proof = proof_of(ground, source)
    assert proof.outcome is Outcome.HOLDS, proof
    assert "CHECK constraint failed" in proof.details[0]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_scratch_database_is_changed_from_outside(kind: str, tmp_path: Path) -> None:
    """Rows that need each other go in whatever their order, and what is refused is told."""
    scratch = open_scratch(kind, tmp_path)
    try:
        with scratch.fresh() as database:
            fill(kind, database.url)
            statements = ("insert into b values (2, 1)", "insert into a values (1)", "insert into c values (1)")
            refused = database.change([Change((statement,)) for statement in statements])
            assert [bool(words) for words in refused] == [False, False, True]
            both = Change(("insert into a values (2)", "insert into a values (2)"), otherwise=("delete from b",))
            assert database.change([both]) == ("",)
            source = database.source()
            asked = source.ask("select (select count(*) from a) as a, (select count(*) from b) as b")
            assert asked.rows[0] == {"a": 1, "b": 0}
            source.close()
    finally:
        scratch.close()


def test_trigger_that_foreign_code_left_is_no_administrator(tmp_path: Path) -> None:
    scratch = open_scratch("postgres", tmp_path)
    try:
        with scratch.fresh() as database:
            import psycopg

            with psycopg.connect(database.url, autocommit=True) as connection:
                connection.execute("create table a (id text)")
                connection.execute(
                    "create function who() returns trigger language plpgsql as"
                    " $$ begin new.id := session_user || (select rolsuper::text from pg_roles"
                    " where rolname = session_user); return new; end $$"
                )
                connection.execute("create trigger who before insert on a for each row execute function who()")
            assert database.change([Change(("insert into a values ('x')",))]) == ("",)
            source = database.source()
            seen = str(source.ask("select id from a").rows[0]["id"])
            source.close()
            assert seen.startswith("w_")
            assert seen.endswith("false")
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(database.url)
    finally:
        scratch.close()


def fill(kind: str, url: str) -> None:
    statements = ["create table a (id integer primary key)", "create table b (id integer, a integer references a (id))"]
    if kind == "sqlite":
        import sqlite3

        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
    else:
        import psycopg

        with psycopg.connect(url, autocommit=True) as session:
            for statement in statements:
                session.execute(statement.encode())


def test_row_that_is_updated_gets_its_old_time_back_too() -> None:
    """A check asks up to a time: a row that a mended run wrote later would not be seen there any more."""
    types = {"url": "text", "bytes": "integer", "fetched_at": "text"}

    def table(size: int, second: int) -> Table:
        at = f"2026-11-20T12:00:0{second}+00:00"
        rows = tuple({"url": url, "bytes": size, "fetched_at": at} for url in "ab")
        return Table("pictures", False, rows, 2, types, frozenset())

    changes = list(of_table(table(9, 7), table(0, 1), postgres=False))
    assert len(changes) == 2
    for change in changes:
        assert "\"fetched_at\" = '2026-11-20T12:00:01+00:00'" in change.otherwise[0]
