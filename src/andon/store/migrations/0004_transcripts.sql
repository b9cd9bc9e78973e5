-- What agents did and said for a ticket, line by line. Not among the events: those are facts, these are words.
create table transcripts (
    id {id},
    ticket bigint not null references tickets (id),
    at {moment} not null,
    actor text not null,
    kind text not null,
    text text not null
);

create index transcripts_by_ticket on transcripts (ticket, id);
