create table records (
    ticket bigint not null references tickets (id),
    attempt integer not null,
    sha256 text not null,
    at {moment} not null,
    doc text not null,
    primary key (ticket, attempt)
);
