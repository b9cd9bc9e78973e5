"""Writes the SQL that makes a Postgres login which can only read; it runs nothing."""

from __future__ import annotations

from collections.abc import Sequence

LARGE_OBJECTS = (
    "lo_creat(integer)",
    "lo_create(oid)",
    "lo_from_bytea(oid, bytea)",
    "lo_put(oid, bigint, bytea)",
    "lo_truncate(integer, integer)",
    "lo_truncate64(integer, bigint)",
    "lo_unlink(oid)",
    "lowrite(integer, bytea)",
    "pg_logical_emit_message(boolean, text, text)",
    "pg_logical_emit_message(boolean, text, bytea)",
)
"""Functions of Postgres that everybody may call and that write. Owners of large objects must be granted them again."""
FLAGGED = "pg_logical_emit_message(boolean, text, {}, boolean)"
"""The form that Postgres 17 and later have instead."""


def grants_sql(database: str, *, role: str = "andon_reader", schemas: Sequence[str] = ("public",)) -> str:
    """Returns the script that an administrator runs in the database: a login with SELECT on these schemas, no more.

    It takes from PUBLIC what Postgres gives to everybody (temporary tables, CREATE in public, large objects): the
    comments say so, and what to grant back to whoever needs it. Running it twice is harmless.
    """
    me, base = _name(role), _name(database)
    lines = [
        f"-- A login that can read and do nothing else, for andon. Run it as an administrator, in {base}.",
        f"do $$ begin create role {me} login; exception when duplicate_object then null; end $$;",
        f"-- \\password {me}   (or: alter role {me} password '...')",
        f"alter role {me} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit;",
        f"alter role {me} set default_transaction_read_only = on;",
        f"alter role {me} set statement_timeout = '60s';",
        f"revoke all on database {base} from {me};",
        "-- Postgres gives these to everybody; grant them back to the roles that write:",
        f"--   grant temporary on database {base} to app;  grant create on schema public to app;",
        f"revoke temporary, create on database {base} from public;",
        f"grant connect on database {base} to {me};",
    ]
    for schema in schemas:
        lines += _schema(_name(schema), me)
    lines.append("-- Large objects and WAL messages: nobody but a program that uses them misses them.")
    lines += [_revoke_if_there(function, me) for function in LARGE_OBJECTS]
    lines += [_revoke_if_there(FLAGGED.format(kind), me) for kind in ("text", "bytea")]
    return "\n".join(lines) + "\n"


def _schema(schema: str, me: str) -> list[str]:
    return [
        f"revoke create on schema {schema} from public;",
        f"revoke all on schema {schema} from {me};",
        f"revoke all on all tables in schema {schema} from {me};",
        f"revoke all on all sequences in schema {schema} from {me}, public;",
        f"grant usage on schema {schema} to {me};",
        f"grant select on all tables in schema {schema} to {me};",
        f"alter default privileges in schema {schema} grant select on tables to {me};",
    ]


def _revoke_if_there(function: str, me: str) -> str:
    return (
        f"do $$ begin revoke execute on function pg_catalog.{function} from {me}, public;"
        " exception when undefined_function then null; end $$;"
    )


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
