"""Lists what a Postgres login may do beyond reading, as the login itself; it changes nothing and mends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from andon.models import Row
from andon.protocols import Power

Ask = Callable[[str], tuple[Row, ...]]
OWN = "not like 'pg\\_%' and nspname <> 'information_schema'"
ROLES = """
with recursive member(oid) as (
  select oid from pg_catalog.pg_roles where rolname = current_user
  union select m.roleid from pg_catalog.pg_auth_members m join member on member.oid = m.member
), mine as (select r.oid, r.rolname from member join pg_catalog.pg_roles r using (oid))
"""
"""The login's own role and every role that it is in or may become, whether it inherits from it or not."""
ME = "string_agg(distinct quote_ident(mine.rolname), ', ') as me"


class Rule(NamedTuple):
    """One way to have power: the query gives `what` (and `name`, `owner`, `kind` for the remedy) for each."""

    query: str
    what: str
    remedy: str


RULES = (
    Rule(
        f"""{ROLES} select quote_ident(r.rolname) as role, a.attribute as name
        from mine join pg_catalog.pg_roles r using (oid)
        cross join lateral (values ('SUPERUSER', r.rolsuper),
          ('CREATEROLE', r.rolcreaterole), ('CREATEDB', r.rolcreatedb),
          ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)) a(attribute, has)
        where a.has order by 2, 1""",
        "is {name} through role {role}",
        "alter role {role} no{name}",
    ),
    Rule(
        f"""{ROLES} select quote_ident(current_user) as me, quote_ident(r.rolname) as name
        from mine join pg_catalog.pg_roles r using (oid)
        where r.rolname <> current_user and r.rolname like 'pg\\_%' order by 2""",
        "is a member of {name}",
        "revoke {name} from {me}",
    ),
    Rule(
        f"""{ROLES} select {ME}, c.oid::regclass::text as name, string_agg(distinct p.word, ', ') as verbs
        from mine cross join pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        cross join (values ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) p(word)
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname {OWN}
          and (has_table_privilege(mine.oid, c.oid, p.word)
            or (p.word in ('INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(mine.oid, c.oid, p.word)))
        group by c.oid order by 2 limit 50""",
        "may {verbs} on {name}",
        "revoke {verbs} on {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, c.oid::regclass::text as name
        from mine cross join pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where case when c.relkind = 'S' and n.nspname {OWN}
          then has_sequence_privilege(mine.oid, c.oid, 'USAGE') or has_sequence_privilege(mine.oid, c.oid, 'UPDATE')
          else false end
        group by c.oid order by 2 limit 50""",
        "may move the sequence {name}",
        "revoke usage, update on sequence {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select o.kind, o.name, o.kind || ' ' || o.name as thing
        from (
          select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
            when 'f' then 'foreign table' else 'table' end as kind, c.oid::regclass::text as name, c.relowner as owner
          from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
          where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname {OWN}
          union all select 'schema', quote_ident(nspname), nspowner from pg_catalog.pg_namespace where nspname {OWN}
          union all select 'function', p.oid::regprocedure::text, p.proowner from pg_catalog.pg_proc p
            join pg_catalog.pg_namespace n on n.oid = p.pronamespace where n.nspname {OWN}
          union all select 'database', quote_ident(datname), datdba from pg_catalog.pg_database
            where datname = current_database()
        ) o join mine on mine.oid = o.owner order by 1, 2 limit 50""",
        "owns the {thing}",
        "alter {kind} {name} owner to another_role",
    ),
    Rule(
        f"""{ROLES} select {ME}, quote_ident(n.nspname) as name from mine cross join pg_catalog.pg_namespace n
        where n.nspname {OWN} and has_schema_privilege(mine.oid, n.oid, 'CREATE') group by n.nspname order by 2""",
        "may create in schema {name}",
        "revoke create on schema {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, quote_ident(current_database()) as name, p.word as verb
        from mine cross join (values ('CREATE'), ('TEMPORARY')) p(word)
        where has_database_privilege(mine.oid, current_database(), p.word) group by p.word order by 3""",
        "may make {verb} things in database {name}",
        "revoke {verb} on database {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, p.oid::regprocedure::text as name
        from mine cross join pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where p.prosecdef and n.nspname <> 'pg_catalog' and has_schema_privilege(mine.oid, n.oid, 'USAGE')
          and has_function_privilege(mine.oid, p.oid, 'EXECUTE') group by p.oid order by 2 limit 50""",
        "may call {name}, which runs with its owner's rights (SECURITY DEFINER)",
        "revoke execute on function {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, quote_ident(lanname) as name from mine cross join pg_catalog.pg_language l
        where not lanpltrusted and lanname not in ('internal', 'c')
          and has_language_privilege(mine.oid, l.oid, 'USAGE') group by lanname order by 2""",
        "may use the untrusted language {name}",
        "revoke usage on language {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, quote_ident(srvname) as name from mine cross join pg_catalog.pg_foreign_server s
        where has_server_privilege(mine.oid, s.oid, 'USAGE') group by srvname order by 2""",
        "may reach the foreign server {name}",
        "revoke usage on foreign server {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, p.oid::regprocedure::text as name from mine cross join pg_catalog.pg_proc p
        where p.pronamespace = 'pg_catalog'::regnamespace and has_function_privilege(mine.oid, p.oid, 'EXECUTE')
          and (p.proname in ('lo_import', 'lo_export', 'lo_put', 'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_unlink',
              'lowrite', 'lo_truncate', 'lo_truncate64', 'pg_read_file', 'pg_read_binary_file', 'pg_stat_file',
              'pg_ls_dir', 'pg_reload_conf', 'pg_rotate_logfile', 'pg_switch_wal', 'pg_promote',
              'pg_create_restore_point', 'pg_logical_emit_message'))
        group by p.oid order by 2""",
        "may call {name}",
        "revoke execute on function pg_catalog.{name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, p.oid::regprocedure::text as name
        from mine cross join pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where p.proname ~ '^(dblink|pg_file_|lo_manage)' and n.nspname <> 'pg_catalog'
          and has_schema_privilege(mine.oid, n.oid, 'USAGE') and has_function_privilege(mine.oid, p.oid, 'EXECUTE')
        group by p.oid order by 2""",
        "may call {name}, which reaches out of this database",
        "revoke execute on function {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, f.name from mine cross join (values ('pg_authid'), ('pg_largeobject')) f(name)
        where has_table_privilege(mine.oid, 'pg_catalog.' || f.name, 'SELECT') group by f.name""",
        "may read {name}, which holds secrets",
        "revoke select on pg_catalog.{name} from {me}, public",
    ),
)

ATTEMPTS = (
    ("create temporary table andon_may_not_write (x int)", "made a temporary table when it was tried (rolled back)"),
    ("select pg_catalog.lo_create(0)", "made a large object when it was tried (rolled back)"),
)
"""What the catalogues say is one thing; what the server lets happen is the proof."""


def list_powers(ask: Ask, attempt: Callable[[str], bool]) -> tuple[Power, ...]:
    """Returns what the login may do beyond SELECT, each with the SQL that takes it away; empty for a true reader.

    `ask` runs our own catalogue queries read-only; `attempt` tries a statement in a transaction that is rolled back.
    """
    found = [power for rule in RULES for power in _apply(rule, ask(rule.query))]
    if found:
        return tuple(found)  # it is refused anyway: no need to try
    return tuple(Power(what, "make a new login: `andon grants`") for sql, what in ATTEMPTS if attempt(sql))


def _apply(rule: Rule, rows: Iterable[Row]) -> Iterable[Power]:
    for row in rows:
        words = {name: str(value) for name, value in row.items()}
        yield Power(rule.what.format(**words), rule.remedy.format(**words) + ";")
