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
  select oid from pg_catalog.pg_roles where rolname in (current_user, session_user)
    or oid = (select usesysid from pg_catalog.pg_stat_activity where pid = pg_backend_pid())
  union select m.roleid from pg_catalog.pg_auth_members m join member on member.oid = m.member
), mine as (select r.oid, r.rolname from member join pg_catalog.pg_roles r using (oid))
"""
"""Whoever logged in, the role that its settings put before it, and every role that these are in or may become."""
ME = "string_agg(distinct quote_ident(mine.rolname), ', ') as me"


class Rule(NamedTuple):
    """One way to have power: the query gives `what` (and `name`, `owner`, `kind` for the remedy) for each."""

    query: str
    what: str
    remedy: str
    since: int = 0
    """The first server version that knows what is asked about."""


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
        f"""{ROLES} select {ME}, quote_ident(r.rolname) as name
        from mine join pg_catalog.pg_auth_members m on m.member = mine.oid
        join pg_catalog.pg_roles r on r.oid = m.roleid
        where r.rolname like 'pg\\_%' and mine.rolname not like 'pg\\_%' group by r.rolname order by 2""",
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
        f"""{ROLES} select {ME}, c.oid::regclass::text as name
        from mine cross join pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname {OWN} and c.relowner <> mine.oid
          and has_table_privilege(mine.oid, c.oid, 'SELECT WITH GRANT OPTION')
        group by c.oid order by 2 limit 50""",
        "may pass on SELECT on {name} to others",
        "revoke grant option for select on {name} from {me}",
    ),
    Rule(
        f"""{ROLES} select {ME}, quote_ident(pg_get_userbyid(d.defaclrole)) as owner,
          coalesce(' in schema ' || quote_ident(n.nspname), '') as inside,
          case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' else 'schemas' end as kind,
          string_agg(distinct a.privilege_type, ', ') as verbs
        from pg_catalog.pg_default_acl d cross join lateral aclexplode(d.defaclacl) a
        join mine on a.grantee in (mine.oid, 0) left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
        where a.grantee <> d.defaclrole and (d.defaclobjtype, a.privilege_type) not in
          (('r', 'SELECT'), ('S', 'SELECT'), ('n', 'USAGE')) and d.defaclobjtype in ('r', 'S', 'n')
        group by d.oid, d.defaclrole, d.defaclobjtype, n.nspname order by 2, 3 limit 50""",
        "will have {verbs} on {kind} that {owner} makes later{inside}",
        "alter default privileges for role {owner}{inside} revoke {verbs} on {kind} from {me}, public",
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
          union all select 'large object', oid::text, lomowner from pg_catalog.pg_largeobject_metadata
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
        f"""{ROLES} select {ME}, p.oid::regprocedure::text as name, quote_ident(l.lanname) as language
        from mine cross join pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        join pg_catalog.pg_language l on l.oid = p.prolang
        where not l.lanpltrusted and l.lanname not in ('internal', 'c')
          and has_schema_privilege(mine.oid, n.oid, 'USAGE') and has_function_privilege(mine.oid, p.oid, 'EXECUTE')
        group by p.oid, l.lanname order by 2 limit 50""",
        "may call {name}, written in {language}, which is not a trusted language",
        "revoke execute on function {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, quote_ident(fdwname) as name
        from mine cross join pg_catalog.pg_foreign_data_wrapper w
        where has_foreign_data_wrapper_privilege(mine.oid, w.oid, 'USAGE') group by fdwname order by 2""",
        "may make servers of the foreign data wrapper {name}",
        "revoke usage on foreign data wrapper {name} from {me}, public",
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
    Rule(
        f"""{ROLES} select {ME}, o.oid::text as name from pg_catalog.pg_largeobject_metadata o
        cross join lateral aclexplode(o.lomacl) a join mine on a.grantee in (mine.oid, 0)
        where a.privilege_type = 'UPDATE' and o.lomowner <> mine.oid group by o.oid order by 2 limit 50""",
        "may write the large object {name}",
        "revoke update on large object {name} from {me}, public",
    ),
    Rule(
        f"""{ROLES} select {ME}, a.parname as name, p.word as verb
        from mine cross join pg_catalog.pg_parameter_acl a cross join (values ('SET'), ('ALTER SYSTEM')) p(word)
        where has_parameter_privilege(mine.oid, a.parname, p.word) group by a.parname, p.word order by 2, 3""",
        "may {verb} parameter {name}",
        "revoke {verb} on parameter {name} from {me}, public",
        since=150_000,
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
    (told,) = ask("select current_setting('server_version_num') as version")
    version = int(str(told["version"]))
    found = [power for rule in RULES if rule.since <= version for power in _apply(rule, ask(rule.query))]
    if found:
        return tuple(found)  # it is refused anyway: no need to try
    return tuple(Power(what, "make a new login: `andon grants`") for sql, what in ATTEMPTS if attempt(sql))


def _apply(rule: Rule, rows: Iterable[Row]) -> Iterable[Power]:
    for row in rows:
        words = {name: str(value) for name, value in row.items()}
        yield Power(rule.what.format(**words), rule.remedy.format(**words) + ";")
