-- check: times-are-plausible
-- every: 15m
-- at: loaded_at
-- key: fingerprint
-- severity: medium
-- lateness: 10m
-- why: 2026-01-08. harbor writes Berlin time without saying so; read as UTC, its listings came from the future and
--   stood on top of every page.
-- decided: nothing is published more than five minutes after we saw it, nor more than six hours before.
select i.fingerprint, i.run_id, i.origin, i.listing_id, l.published_text, i.published_at, l.seen_at, i.loaded_at
from items i join listings l on l.fingerprint = i.fingerprint
where i.loaded_at > :since and i.loaded_at <= :now
  and (i.published_at > l.seen_at + interval '5 minutes' or i.published_at < l.seen_at - interval '6 hours')
-- population:
select i.fingerprint, i.run_id, i.origin, i.edition, i.loaded_at
from items i where i.loaded_at > :since and i.loaded_at <= :now
-- evidence runs:
with newest as (select max(run_id) as run_id from offending)
select r.run_id, r.as_of, r.status, r.code_version from runs r, newest n
where r.run_id = n.run_id or r.run_id = (select max(p.run_id) from runs p where p.run_id < n.run_id)
order by r.as_of
-- evidence fetches:
with newest as (select max(run_id) as run_id from offending)
select f.run_id, f.origin, f.url, f.fetcher, f.attempt, f.status, f.content_type, f.retry_after, f.declared_bytes,
       f.bytes, f.body, f.error, f.at
from fetches f, newest n
where f.run_id = n.run_id or f.run_id = (select max(p.run_id) from runs p where p.run_id < n.run_id)
order by f.fetch_id
