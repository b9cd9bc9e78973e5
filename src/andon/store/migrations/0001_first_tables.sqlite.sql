create trigger events_never_change before update on events
begin select raise(abort, 'events are never changed'); end;
create trigger events_never_go before delete on events
begin select raise(abort, 'events are never deleted'); end;
