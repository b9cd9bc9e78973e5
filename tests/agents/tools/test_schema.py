"""What `schema` tells of a real Postgres, through the login that can only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from andon.agents.tools import Phase, Toolbox
from andon.data import open_source
from andon.protocols import Case
from andon.testing.postgres import PostgresServer

SCRIPT = (
    "create table images (id integer primary key, name varchar(20), gone text, taken_at timestamptz, tags text[])",
    "alter table images drop column gone",
    "create table days (day date, n bigint) partition by range (day)",
    "create table days_2026 partition of days for values from ('2026-01-01') to ('2027-01-01')",
    "create view empty_images as select id, name from images where tags is null",
    "create materialized view counts as select count(*) as n from images",
    "create schema shop",
    'create table shop."Odd ""name"" \x1b[2J" (price numeric(10, 2))',
    "create table shop.images (sku text)",
)


@pytest.fixture(scope="module")
def box(case: Case, postgres_server: PostgresServer) -> Iterator[Toolbox]:
    url = postgres_server.fresh_database()
    postgres_server.run(*SCRIPT, url=url)
    data = open_source(postgres_server.reader_url(url, schemas=("public", "shop")))
    yield Toolbox(case._replace(data=data), Phase.DIAGNOSE, case.workspace, agent="claims")
    data.close()


def test_schema_of_postgres_names_tables_views_and_partitions_with_their_columns(box: Toolbox) -> None:
    text = box.call("schema", {})
    assert "(postgres)" in text
    for line in (
        "public.images: id integer, name character varying(20), taken_at timestamp with time zone, tags text[]",
        "public.days: day date, n bigint",
        "public.days_2026: day date, n bigint",
        "public.empty_images: id integer, name character varying(20)",
        "public.counts: n bigint",
        "shop.images: sku text",
    ):
        assert line in text
    assert "pg_catalog" not in text


def test_one_table_of_postgres_is_named_with_its_schema_or_as_one_of_public(box: Toolbox) -> None:
    for name in ("images", "public.images", "Images"):
        text = box.call("schema", {"table": name})
        assert "public.images: id integer" in text
        assert "shop.images" not in text
    assert "shop.images: sku text" in box.call("schema", {"table": "shop.images"})


def test_table_that_postgres_does_not_have_is_answered_with_those_that_it_has(box: Toolbox) -> None:
    answer = box.answer("schema", {"table": "secrets"})
    assert answer.refused
    assert "`public.images`" in answer.text
    assert "`shop.images`" in answer.text


def test_name_that_would_steer_a_terminal_is_made_safe(box: Toolbox) -> None:
    text = box.call("schema", {}) + box.call("schema", {"table": "nothing"})
    assert "\x1b" not in text
    assert "numeric(10,2)" in text
