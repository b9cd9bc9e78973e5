"""Statements and logins that try to do more than read; every one of them is refused, and honest reads are not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from andon.data import open_source
from andon.data.grants import grants_sql
from andon.errors import DataError
from andon.protocols import DataSource
from andon.testing.postgres import PostgresServer

HOSTILE = [
    # other statements
    "insert into images values (9)",
    "update images set bytes = 1",
    "delete from images",
    "truncate images",
    "merge into images using images i on false when not matched then insert values (1)",
    "drop table images",
    "create table x (a int)",
    "create temp table x as select 1",
    "alter table images add column x int",
    "grant all on images to public",
    "copy images to '/tmp/x'",
    "copy (select 1) to program 'sh'",
    "copy images from '/etc/passwd'",
    "do $$ begin perform 1; end $$",
    "call something()",
    "vacuum images",
    "lock table images",
    "listen news",
    "notify news",
    "prepare p as delete from images",
    "execute p",
    "declare c cursor with hold for select 1",
    "set default_transaction_read_only = off",
    "set role postgres",
    "reset all",
    "discard all",
    "begin",
    "commit",
    "rollback; delete from images",
    "load 'auto_explain'",
    "checkpoint",
    "refresh materialized view v",
    "security label on table images is 'x'",
    "comment on table images is 'x'",
    # hidden in a question
    "select 1; delete from images",
    "select 1;;delete from images",
    "with gone as (delete from images returning *) select * from gone",
    "with a as (select 1), b as (insert into images values (9) returning 1) select * from a, b",
    "select * from images where id in (with g as (update images set id = 1 returning id) select id from g)",
    "explain analyze delete from images",
    "explain analyze create table x as select 1",
    "explain (analyze) execute p",
    "select * into x from images",
    "select * from images for update",
    "select * from images for key share skip locked",
    "select * from (select * from images for update) i",
    "table images; truncate images",
    "/* select */ delete from images",
    "select 1 --\n; drop table images",
    # functions that do
    "select nextval('s')",
    "select setval('s', 1)",
    "select lo_create(0)",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/x')",
    "select lo_unlink(1)",
    "select pg_notify('a', 'b')",
    "select pg_terminate_backend(1)",
    "select pg_cancel_backend(1)",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_sleep(100)",
    "select pg_catalog.pg_sleep(100)",
    "select set_config('default_transaction_read_only', 'off', false)",
    "select txid_current()",
    "select query_to_xml('delete from images', true, true, '')",
    "select ts_stat('delete from images')",
    "select ts_rewrite('a'::tsquery, 'select 1')",
    "select dblink('dbname=postgres', 'delete from images')",
    "select dblink_exec('dbname=postgres', 'delete from images')",
    "select public.count(1)",
    "select images.erase()",
    "select other.public.f(1)",
    "select pg_logical_emit_message(true, 'a', 'b')",
    "select pg_create_restore_point('x')",
    "select pg_switch_wal()",
    "select pg_reload_conf()",
    "select pg_stat_reset()",
    "select * from lateral pg_sleep(1)",
    "select * from rows from (pg_sleep(1), generate_series(1, 2)) r",
    "select count(*) filter (where pg_sleep(1) is null) from images",
    "select 1 order by pg_sleep(1)",
    "select 1 from images limit pg_backend_pid()",
    "select row_number() over (order by nextval('s')) from images",
    "select array[lo_create(0)]",
    "select case when true then lo_create(0) end",
    # functions called without parentheses
    "select ('/etc/passwd'::text).pg_read_file",
    "select (array['/etc/passwd'])[1].pg_read_file",
    "select (v).pg_sleep from (values (1.0::float8)) x(v)",
    "select x.pg_read_file from lower('/etc/passwd') x",
    "select lower.pg_read_file from lower('/etc/passwd')",
    "select x.erase from lower('images') x",
    "select x.pg_read_file from lower('/e') x where exists (select from lower('q') x(pg_read_file))",
    # operators and types of others
    "select 1 operator(public.+) 2",
    "select id from images order by id using operator(public.<)",
    "select 1 operator(public.=) any (select 1)",
    "select '1'::public.evil",
    "select * from images tablesample public.evil(1)",
    # secrets
    "select * from pg_authid",
    "select * from pg_catalog.pg_authid",
    "table pg_shadow",
    "select rolpassword from \"pg_authid\"",
    "select passwd from pg_user",
    "select * from pg_user_mappings",
    "select * from information_schema.user_mapping_options",
    "select * from pg_settings",
    "select * from pg_file_settings",
    "select * from pg_hba_file_rules",
    "select query from pg_stat_activity",
    "select * from pg_stat_replication",
    "select * from pg_largeobject",
    "select * from pg_subscription",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select * from pg_ls_waldir()",
    "select pg_stat_file('/etc/passwd')",
    "select current_setting('app.secret')",
    "show all",
    "show \"app.secret\"",
    "show primary_conninfo",
    "select * from pg_toast.pg_toast_1260",
    "select * from otherdb.public.images",
    # not SQL at all
    "",
    ";",
    "-- nothing",
    "selec 1",
    "select 'unfinished",
    "select 1\0; delete from images",
    "select " + "(" * 100_000,
    "select " + "1 + " * 60_000 + "1",
]  # fmt: skip

HONEST = [
    "select 1;",
    "(select 1) union all (select 2) order by 1",
    "values (1), (2)",
    "table images",
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select * from n",
    "select count(*) filter (where bytes = 0), sum(bytes)::float8 / nullif(count(*), 0) from images",
    "select date_trunc('hour', fetched_at), percentile_cont(0.5) within group (order by bytes) from images group by 1",
    "select *, lag(id) over (partition by bytes order by id) from images",
    "select extract(epoch from now() - fetched_at), fetched_at at time zone 'UTC', age(fetched_at) from images",
    "select d::date from generate_series(date '2026-01-01', date '2026-02-01', interval '1 day') d",
    "select d.d from generate_series(1, 2) d",
    "select j.key, j.value from jsonb_each('{\"a\": 1}'::jsonb) j",
    "select (jsonb_each('{\"a\": 1}'::jsonb)).key",
    "select e.i, e.ordinality from unnest(array[1, 2]) with ordinality as e(i, ordinality)",
    "select r.a from json_to_recordset('[{\"a\": 1}]') as r(a int)",
    "select '{\"a\": [1]}'::jsonb -> 'a' ->> 0, '{\"a\": 1}'::jsonb @> '{}', jsonb_path_exists('{\"a\": 1}', '$.a')",
    "select md5('a'), encode(sha256('a'::bytea), 'hex'), regexp_replace('a', 'b', 'c'), split_part('a/b', '/', 2)",
    "select coalesce(null, 1), greatest(1, 2), case when true then 1 end, current_date, current_user, trim(' a ')",
    "select * from images tablesample system (50)",
    "select i.id from images i join lateral (select max(id) as newest from images) m on i.id = m.newest",
    "select id from images where not exists (select from images o where o.id > images.id) and id = any(array[1, 2])",
    "select 1 operator(pg_catalog.+) 2, pg_catalog.count(*), '1'::pg_catalog.int4",
    "select relname, pg_size_pretty(pg_total_relation_size(oid)) from pg_class where relkind = 'r'",
    "select table_name, column_name from information_schema.columns where table_schema = 'public'",
    "select n_live_tup, last_autovacuum from pg_stat_user_tables",
    "select 'delete from images; drop table images', $$ truncate $$ -- update images",
    "explain select * from images",
    "explain (analyze, buffers, format json) select * from images",
    "show server_version",
    "show timezone",
    "select string_agg(distinct name, ', ' order by name), array_agg(id), json_agg(images) from images",
    "select make_interval(hours => 1), to_char(now(), 'YYYY'), gen_random_uuid() is not null, pg_typeof(1)",
]  # fmt: skip


@pytest.fixture(scope="module")
def hostile_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.fresh_database()
    postgres_server.run(
        "create table images (id int, name text, bytes int, fetched_at timestamptz)",
        "insert into images values (1, 'a', 0, now())",
        "create sequence s",
        url=url,
    )
    return url


@pytest.fixture(scope="module")
def reader(postgres_server: PostgresServer, hostile_url: str) -> Iterator[DataSource]:
    source = open_source(postgres_server.reader_url(hostile_url))
    yield source
    source.close()


@pytest.fixture(scope="module")
def master(hostile_url: str) -> Iterator[DataSource]:
    """A superuser's login: only the gate and the transaction stand between a statement and the data."""
    source = open_source(hostile_url)
    yield source
    source.close()


@pytest.mark.parametrize("sql", HOSTILE, ids=lambda sql: sql[:60].replace("\0", "NUL"))
def test_hostile_statement_is_refused_even_to_a_superuser(sql: str, master: DataSource) -> None:
    with pytest.raises(DataError) as raised:
        master.ask(sql, timeout=timedelta(seconds=5))
    assert raised.value.permanent
    assert any(word in str(raised.value) for word in ("refused", "not SQL", "cannot be parsed"))


@pytest.mark.parametrize("sql", HONEST, ids=lambda sql: sql[:60])
def test_honest_read_is_answered(sql: str, reader: DataSource) -> None:
    assert reader.ask(sql).columns


def test_what_the_gate_lets_through_still_cannot_write(
    master: DataSource, postgres_server: PostgresServer, hostile_url: str
) -> None:
    """A function of the database's own, behind a view and behind an operator: the transaction is read-only."""
    postgres_server.run(
        "create function erase() returns int language sql as 'delete from images returning 1'",
        "create view quiet as select erase() as n",
        url=hostile_url,
    )
    with pytest.raises(DataError, match="read-only transaction"):
        master.ask("select * from quiet")


ENDLESS = [
    "with recursive n(i) as (select 1 union all select i % 7 from n) select count(*) from n",
    "select count(*) from generate_series(1, 1e15::bigint)",
    "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 100000) c",
    "select sum(length(repeat('a', 100000000 + i))) from generate_series(1, 100000) i",
    "explain analyze select count(*) from generate_series(1, 1e15::bigint)",
    "select count(*) from endless",
]


@pytest.mark.parametrize("sql", ENDLESS)
def test_question_without_an_end_is_ended(
    sql: str, master: DataSource, postgres_server: PostgresServer, hostile_url: str
) -> None:
    view = "create or replace view endless as select 1 from pg_sleep(3600)"
    postgres_server.run(view, url=hostile_url)
    with pytest.raises(DataError, match="took longer than its timeout"):
        master.ask(sql, timeout=timedelta(seconds=0.3))
    assert master.ask("select 1 as one").rows == ({"one": 1},)


def test_table_that_somebody_locks_is_not_waited_for_beyond_the_timeout(master: DataSource, hostile_url: str) -> None:
    with psycopg.connect(hostile_url) as other:
        other.execute("lock table images in access exclusive mode")
        with pytest.raises(DataError, match="took longer than its timeout"):
            master.ask("select * from images", timeout=timedelta(seconds=0.3))


def test_shadowing_function_is_not_called(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    postgres_server.run(
        "create schema evil",
        "create function evil.upper(text) returns text language sql as $$ select 'evil' $$",
        "grant usage on schema evil to public",
        url=url,
    )
    reader = postgres_server.reader_url(url)
    role = reader.partition("//")[2].partition(":")[0]
    postgres_server.run(f'alter role "{role}" set search_path = evil, public, pg_catalog', url=url)
    source = open_source(reader)
    assert source.ask("select upper('a') as up").rows == ({"up": "A"},)
    source.close()


def test_backslash_trick_of_old_strings_does_not_split_the_statement(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    reader = postgres_server.reader_url(url)
    role = reader.partition("//")[2].partition(":")[0]
    postgres_server.run(f'alter role "{role}" set standard_conforming_strings = off', url=url)
    source = open_source(reader)
    assert source.ask(r"select 'a\' as text").rows == ({"text": "a\\"},)
    source.close()


SETUPS: dict[str, tuple[list[str], str]] = {
    "insert on a table": (["grant insert on t to {role}"], "may INSERT on t"),
    "update of one column": (["grant update (a) on t to {role}"], "may UPDATE on t"),
    "truncate through a group": (
        ["create role {role}_group", "grant truncate on t to {role}_group", "grant {role}_group to {role}",
         "alter role {role} inherit"],
        "may TRUNCATE on t",
    ),
    "owner of a table": (["alter table t owner to {role}"], "owns the table t"),
    "owner through a group it may become": (
        ["create role {role}_owner", "alter table t owner to {role}_owner", "grant {role}_owner to {role}"],
        "owns the table t",
    ),
    "superuser": (["alter role {role} superuser"], "is SUPERUSER"),
    "createrole": (["alter role {role} createrole"], "is CREATEROLE"),
    "replication": (["alter role {role} replication"], "is REPLICATION"),
    "bypass of row security": (["alter role {role} bypassrls"], "is BYPASSRLS"),
    "all of the data": (["grant pg_read_all_data to {role}"], "member of pg_read_all_data"),
    "files of the server": (["grant pg_read_server_files to {role}"], "member of pg_read_server_files"),
    "signals to others": (["grant pg_signal_backend to {role}"], "member of pg_signal_backend"),
    "sequence": (["create sequence s", "grant usage on sequence s to {role}"], "move the sequence s"),
    "create in a schema": (["grant create on schema public to {role}"], "create in schema public"),
    "create for everybody": (["grant create on schema public to public"], "create in schema public"),
    "temporary tables": (["grant temporary on database {base} to {role}"], "make TEMPORARY things"),
    "schemas": (["grant create on database {base} to {role}"], "make CREATE things"),
    "security definer function": (
        ["create function wipe() returns void language sql security definer as 'delete from t'"],
        "wipe(), which runs with its owner's rights",
    ),
    "large objects": (["grant execute on function lo_create(oid) to {role}"], "may call lo_create(oid)"),
    "server file function": (["grant execute on function pg_read_file(text) to {role}"], "may call pg_read_file(text)"),
    "password hashes": (["grant select on pg_authid to {role}"], "may read pg_authid"),
    "foreign server": (
        ["create foreign data wrapper w", "create server far foreign data wrapper w",
         "grant usage on foreign server far to {role}"],
        "foreign server far",
    ),
    "foreign servers of its own": (
        ["create foreign data wrapper v", "grant usage on foreign data wrapper v to {role}"],
        "foreign data wrapper v",
    ),
    "read-only by its own default alone": (
        ["alter role {role} set default_transaction_read_only = on", "grant insert, update, delete on t to {role}"],
        "may DELETE, INSERT, UPDATE on t",
    ),
    "writing all of the data": (["grant pg_write_all_data to {role}"], "member of pg_write_all_data"),
    "programs of the server": (["grant pg_execute_server_program to {role}"], "member of pg_execute_server_program"),
    "writing files of the server": (["grant pg_write_server_files to {role}"], "member of pg_write_server_files"),
    "monitoring": (["grant pg_monitor to {role}"], "member of pg_monitor"),
    "createdb": (["alter role {role} createdb"], "is CREATEDB"),
    "superuser that it may become": (
        ["create role {role}_root superuser", "grant {role}_root to {role}"], "is SUPERUSER through role {role}_root"
    ),
    "superuser behind a weak role of its settings": (
        ["create role {role}_weak", "grant usage on schema public to {role}_weak", "alter role {role} superuser",
         "alter role {role} set role = {role}_weak"],
        "is SUPERUSER",
    ),
    "superuser behind a weak session of its settings": (
        ["create role {role}_low", "grant usage on schema public to {role}_low", "alter role {role} superuser",
         "alter role {role} set session_authorization = {role}_low"],
        "is SUPERUSER",
    ),
    "grant that comes through two groups": (
        ["create role {role}_outer", "create role {role}_inner", "grant update on t to {role}_outer",
         "grant {role}_outer to {role}_inner", "grant {role}_inner to {role}"],
        "may UPDATE on t",
    ),
    "insert of one column through a group": (
        ["create role {role}_clerks", "grant insert (a) on t to {role}_clerks", "grant {role}_clerks to {role}"],
        "may INSERT on t",
    ),
    "view that is written through": (
        ["create view v as select a from t", "grant update on v to {role}"], "may UPDATE on v"
    ),
    "triggers of its own": (["grant trigger on t to {role}"], "may TRIGGER on t"),
    "keys that hold a table": (["grant references on t to {role}"], "may REFERENCES on t"),
    "reading that it may pass on": (["grant select on t to {role} with grant option"], "pass on SELECT on t"),
    "tables that are made later": (
        ["alter default privileges in schema public grant insert, select on tables to {role}"],
        "will have INSERT on tables that postgres makes later in schema public",
    ),
    "sequences that are made later": (
        ["alter default privileges grant usage on sequences to {role}"],
        "will have USAGE on sequences that postgres makes later",
    ),
    "owner of the schema": (["create schema own authorization {role}"], "owns the schema own"),
    "owner of a function": (
        ["create function f() returns int language sql as 'select 1'", "alter function f() owner to {role}"],
        "owns the function f()",
    ),
    "owner of the database": (["alter database {base} owner to {role}"], "owns the database {base}"),
    "function in a language that is not trusted": (
        ["create language wild handler plpgsql_call_handler",
         "create function free() returns int language wild as 'begin return 1; end'"],
        "may call free(), written in wild, which is not a trusted language",
    ),
    "server settings": (
        ["grant alter system on parameter log_statement to {role}"], "ALTER SYSTEM parameter log_statement"
    ),
    "settings of superusers": (
        ["grant set on parameter session_replication_role to {role}"], "SET parameter session_replication_role"
    ),
    "large object": (
        ["select lo_create(417)", "grant update on large object 417 to {role}"], "write the large object 417"
    ),
}  # fmt: skip


@pytest.mark.parametrize("setup", SETUPS)
def test_login_that_can_do_more_than_read_is_found_out_and_cured(setup: str, postgres_server: PostgresServer) -> None:
    statements, expected = SETUPS[setup]
    url = postgres_server.fresh_database()
    postgres_server.run("create table t (a int)", url=url)
    reader = postgres_server.reader_url(url)
    names = {"role": reader.partition("//")[2].partition(":")[0], "base": reader.partition("@/")[2].partition("?")[0]}
    postgres_server.run(*(statement.format(**names) for statement in statements), url=url)
    source = open_source(reader)
    powers = source.powers()
    assert any(expected.format(**names) in power.what for power in powers), powers
    for power in powers:
        if "another_role" in power.remedy:
            postgres_server.run(power.remedy.replace("another_role", "postgres"), url=url)
        else:
            postgres_server.run(power.remedy, url=url)
    fresh = open_source(reader)  # settings of a login count from its next session on
    assert fresh.powers() == ()
    fresh.close()
    source.close()


def test_plain_login_of_a_new_database_is_refused_with_reasons(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    postgres_server.run("create role plain login password 'plain'", url=url)
    source = open_source(url.replace("//postgres:", "//plain:").replace(url.split(":")[2].partition("@")[0], "plain"))
    assert any("TEMPORARY" in power.what for power in source.powers())
    source.close()


def test_grants_can_be_run_twice_and_name_odd_things(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    name = url.partition("@/")[2].partition("?")[0]
    postgres_server.run('create schema "Odd ""name"""', 'create table "Odd ""name""".t (a int)', url=url)
    script = grants_sql(name, role='rea"der', schemas=["public", 'Odd "name"'])
    postgres_server.run(script, script, url=url)
    with psycopg.connect(url) as connection:
        row = connection.execute('select has_table_privilege(\'rea"der\', \'"Odd ""name""".t\', \'SELECT\')').fetchone()
    assert row == (True,)


SQLITE_HOSTILE = [
    "insert into images values (9)",
    "update images set id = 1",
    "delete from images",
    "drop table images",
    "create table x (a)",
    "create temp table x (a)",
    "create view v as select 1",
    "attach 'x.db' as x",
    "detach main",
    "pragma query_only = off",
    "pragma writable_schema = on",
    "vacuum",
    "vacuum into 'x.db'",
    "reindex",
    "analyze",
    "begin",
    "commit",
    "savepoint a",
    "select 1; delete from images",
    "with g as (select 1) delete from images",
    "with g as (select 1) insert into images select 9",
    "replace into images values (1)",
    "select load_extension('x')",
    "select writefile('x', 'y')",
    "select readfile('/etc/passwd')",
    "select fts3_tokenizer('simple', x'00')",
    "select * from pragma_database_list",
    "select edit('x')",
    "select zeroblob(1000000000)",
    "select randomblob(1000000000)",
    "explain delete from images",
    "",
    "selec 1",
    "select 1\0",
]


@pytest.fixture
def sqlite_source(tmp_path: Path) -> Iterator[DataSource]:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.executescript("create table images (id integer); insert into images values (1);")
    connection.close()
    source = open_source(f"sqlite:///{tmp_path}/a.db")
    yield source
    source.close()


@pytest.mark.parametrize("sql", SQLITE_HOSTILE, ids=lambda sql: sql[:60].replace("\0", "NUL"))
def test_hostile_sqlite_statement_is_refused(sql: str, sqlite_source: DataSource, tmp_path: Path) -> None:
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(DataError):
        sqlite_source.ask(sql, timeout=timedelta(seconds=5))
    assert (tmp_path / "a.db").read_bytes() == before
    assert sqlite_source.ask("select count(*) as n from images").rows == ({"n": 1},)
