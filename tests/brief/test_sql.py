"""Reading a query for its tables and columns."""

from __future__ import annotations

import pytest

from andon.brief import asked_columns, columns_of, tables_of

QUERY = """
with late as (select run_id from public.runs where started_at < :since)
select i.fingerprint, i.bytes from images i join late using (run_id) where i.bytes = 0 and i.fetched_at > :since
"""


@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
def test_tables_are_named_without_ctes(dialect: str) -> None:
    assert tables_of(QUERY, dialect) == ("images", "runs")


def test_columns_that_decide_are_part_of_the_question() -> None:
    assert asked_columns(QUERY) == ("bytes", "fetched_at", "started_at")
    assert {"bytes", "fingerprint"} <= set(columns_of(QUERY))


def test_query_that_does_not_parse_still_names_its_tables() -> None:
    assert tables_of("selec ((( from Images join runs on") == ("images", "runs")
    assert asked_columns("selec (((") == ()
