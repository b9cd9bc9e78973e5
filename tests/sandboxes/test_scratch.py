"""Scratch databases: what a hostile replay cannot do with the one it is given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from andon.errors import ConfigError, DataError
from andon.protocols import Command, Scratch
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import SqliteScratch, open_scratch


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with closing(open_scratch("postgres", tmp_path_factory.mktemp("scratch"))) as scratch:
        yield scratch


def tried(url: str, *statements: str) -> list[str]:
    """Returns what came of each statement: `done`, or the server's words."""
    told = []
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
                told.append("done")
            except psycopg.Error as error:
                told.append(str(error).splitlines()[0])
    return told


def test_command_in_the_sandbox_fills_the_database_and_andon_reads_it(server: Scratch) -> None:
    code = (
        "import os, psycopg\nwith psycopg.connect(os.environ['URL']) as connection:\n"
        " connection.execute('create table images (id int primary key, bytes int)')\n"
        " connection.execute('insert into images values (1, 0), (2, 7)')"
    )
    with server.fresh() as database:
        command = Command(
            argv=("python", "-c", code),
            cwd=Path("/"),
            env={"URL": database.url},
            writable=database.binds,
            path=(Path(sys.prefix, "bin"),),
        )
        ran = open_sandbox().run(command)
        assert ran.code == 0, ran.words
        with closing(database.source()) as source:
            assert source.ask("select id from images where bytes = 0").rows == ({"id": 1},)
            assert source.powers() == ()


def test_login_makes_tables_and_nothing_else(server: Scratch) -> None:
    allowed = ["create table t (id serial primary key)", "create index on t (id)", "create view v as select * from t"]
    refused = [
        "copy t to program 'id'",
        "create database another",
        "create schema another",
        "create role another",
        "create extension plpython3u",
        "create function f() returns int language c as 'libc.so.6', 'getpid'",
        "select pg_read_file('/etc/passwd')",
        "select * from pg_authid",
        "create temp table q (a int)",
        "select lo_create(0)",
        "set temp_file_limit = -1",
        "set role postgres",
        "alter role current_user superuser",
    ]
    with server.fresh() as database:
        assert tried(database.url, *allowed) == ["done"] * len(allowed)
        told = dict(zip(refused, tried(database.url, *refused), strict=True))
    assert [statement for statement, words in told.items() if words == "done"] == []


def test_login_reaches_no_other_database(server: Scratch) -> None:
    with server.fresh() as one, server.fresh() as other:
        name = other.url.partition("@/")[2].partition("?")[0]
        mine = one.url.partition("@/")[2].partition("?")[0]
        for forbidden in (name, "postgres", "template1", "andon_blank"):
            with pytest.raises(psycopg.OperationalError, match=r"permission denied|not currently accepting"):
                psycopg.connect(one.url.replace(f"@/{mine}", f"@/{forbidden}"))


def test_writer_is_shut_out_before_the_check_is_asked(server: Scratch) -> None:
    with server.fresh() as database:
        with psycopg.connect(database.url, autocommit=True) as writer:
            writer.execute("create table t (a int)")
            with closing(database.source()) as source:
                assert source.ask("select * from t").total == 0
            with pytest.raises(psycopg.OperationalError):
                writer.execute("insert into t values (1)")
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            psycopg.connect(database.url)


def test_database_is_gone_at_the_end(server: Scratch) -> None:
    with server.fresh() as database:
        pass
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.url)


def test_second_user_of_a_folder_shares_the_server_and_does_not_stop_it(server: Scratch) -> None:
    folder = server.folder  # type: ignore[attr-defined]
    with closing(open_scratch("postgres", folder)) as other, other.fresh() as database:
        assert tried(database.url, "create table t (a int)") == ["done"]
    with server.fresh() as database:
        assert tried(database.url, "create table t (a int)") == ["done"]


def test_server_that_was_closed_starts_again(tmp_path: Path) -> None:
    scratch = open_scratch("postgres", tmp_path / "pg")
    for _ in range(2):
        with closing(scratch), scratch.fresh() as database:
            assert tried(database.url, "select 1") == ["done"]


def test_file_that_is_a_link_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.db"
    secret.touch()
    for suffix in ("", "-wal", "-journal"):
        with SqliteScratch(tmp_path / "s").fresh() as database:
            file = Path(database.url.removeprefix("sqlite:///"))
            file.touch()
            place = file.with_name(file.name + suffix)
            place.unlink(missing_ok=True)
            place.symlink_to(secret)
            with pytest.raises(DataError, match="something else in the place"):
                database.source()


def test_file_that_is_shared_with_another_name_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.db"
    secret.touch()
    with SqliteScratch(tmp_path / "s").fresh() as database:
        Path(database.url.removeprefix("sqlite:///")).hardlink_to(secret)
        with pytest.raises(DataError, match="something else in the place"):
            database.source()


def test_file_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with SqliteScratch(tmp_path).fresh() as database, pytest.raises(DataError, match="wrote no database"):
        database.source()


def test_unknown_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="write sqlite or postgres"):
        open_scratch("mysql", tmp_path)
