create function andon_refuse() returns trigger language plpgsql as
$$ begin raise exception 'events are never changed or deleted'; end $$;
create trigger events_never_change before update or delete on events
for each row execute function andon_refuse();
create trigger events_never_go before truncate on events
for each statement execute function andon_refuse();
