-- Every statement ends with a semicolon at the end of a line. {id} and {moment} are the two words that differ between engines.
create table tickets (
    id {id},
    system text not null,
    check_name text,
    status text not null,
    cause bigint not null,
    is_open boolean not null,
    dedupe text,
    created_at {moment} not null,
    updated_at {moment} not null,
    doc text not null
);
create unique index one_open_ticket_a_cause on tickets (dedupe) where is_open and dedupe is not null;
create index tickets_by_status on tickets (status, system);
create index tickets_by_cause on tickets (cause);

create table ticket_checks (
    ticket bigint not null references tickets (id),
    system text not null,
    check_name text not null,
    is_open boolean not null,
    primary key (ticket, check_name)
);
create unique index one_open_ticket_a_check on ticket_checks (system, check_name) where is_open;
create index ticket_checks_by_check on ticket_checks (system, check_name);

create table events (
    id {id},
    ticket bigint not null references tickets (id),
    at {moment} not null,
    kind text not null,
    doc text not null
);
create index events_by_ticket on events (ticket, id);

create table alerts (
    fingerprint text primary key,
    system text not null,
    check_name text not null,
    state text not null,
    ticket bigint references tickets (id),
    last_seen {moment} not null,
    doc text not null
);
create index alerts_by_system on alerts (system);

create table results (
    system text not null,
    check_name text not null,
    state text not null,
    asked_at {moment} not null,
    errors integer not null,
    doc text not null,
    primary key (system, check_name)
);

create table runs (
    system text not null,
    check_name text not null,
    asked_at {moment} not null,
    state text not null,
    total bigint not null,
    seconds double precision not null,
    primary key (system, check_name, asked_at)
);

create table offenders (
    system text not null,
    check_name text not null,
    fingerprint text not null,
    first_seen {moment} not null,
    last_seen {moment} not null,
    primary key (system, check_name, fingerprint)
);

create table settled (
    system text not null,
    check_name text not null,
    at {moment} not null,
    primary key (system, check_name)
);

create table watermarks (
    system text not null,
    check_name text not null,
    at {moment} not null,
    primary key (system, check_name)
);

create table sweeps (
    system text not null,
    started_at {moment} not null,
    seconds double precision not null,
    green integer not null,
    red integer not null,
    errors integer not null,
    primary key (system, started_at)
);

create table pings (
    id {id},
    system text not null,
    check_name text not null,
    kind text not null,
    at {moment} not null,
    doc text not null
);
create index pings_by_check on pings (system, check_name, id);

create table evidence (
    id {id},
    ticket bigint not null references tickets (id),
    name text not null,
    sha256 text not null,
    at {moment} not null,
    doc text not null
);
create unique index evidence_once on evidence (ticket, name, sha256);

create table briefs (
    id {id},
    ticket bigint not null references tickets (id),
    name text not null,
    sha256 text not null,
    at {moment} not null,
    doc text not null
);
create index briefs_by_ticket on briefs (ticket, id);

create table diagnoses (
    id {id},
    ticket bigint not null references tickets (id),
    name text not null,
    sha256 text not null,
    at {moment} not null,
    doc text not null
);
create index diagnoses_by_ticket on diagnoses (ticket, id);

create table attempts (
    ticket bigint not null references tickets (id),
    number integer not null,
    cause bigint not null,
    patch text,
    outcome text,
    started_at {moment} not null,
    doc text not null,
    primary key (ticket, number)
);
create index attempts_by_cause on attempts (cause);

create table approvals (
    ticket bigint not null references tickets (id),
    attempt integer not null,
    decision text not null,
    at {moment} not null,
    doc text not null,
    primary key (ticket, attempt)
);

create table releases (
    id {id},
    ticket bigint not null references tickets (id),
    attempt integer not null,
    commit_hash text not null,
    shipped_at {moment} not null,
    doc text not null
);
create unique index one_release_an_attempt on releases (ticket, attempt);

create table watches (
    ticket bigint primary key references tickets (id),
    doc text not null
);

create table spend (
    ticket bigint not null references tickets (id),
    item text not null,
    cause bigint not null,
    day text not null,
    seconds double precision not null,
    tokens bigint not null,
    usd double precision not null,
    primary key (ticket, item)
);
create index spend_by_cause on spend (cause);
create index spend_by_day on spend (day);

create table notes (
    ticket bigint not null references tickets (id),
    name text not null,
    at {moment} not null,
    doc text not null,
    primary key (ticket, name)
);

create table workers (
    name text primary key,
    beat_at {moment} not null,
    doc text not null
);
