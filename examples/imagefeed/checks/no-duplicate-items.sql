-- check: no-duplicate-items
-- every: 15m
-- at: loaded_at            the later of the two
-- key: origin, listing_id, edition
-- severity: high
-- why: 2025-12-15. Shops repeat the last listing of a page on the next one when a new listing pushes it down; both
--   became items and were counted twice.
-- decided: an item is an edition of a listing of a shop. Twice in two days is a bug, whatever the pages say.
select origin, listing_id, edition, max(run_id) as run_id, count(*) as items, max(loaded_at) as loaded_at
from items where loaded_at + interval '2 days' > :now and loaded_at <= :now
group by origin, listing_id, edition having count(*) > 1
-- population:
select fingerprint, run_id, origin, listing_id, edition, loaded_at
from items where loaded_at + interval '2 days' > :now and loaded_at <= :now
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
