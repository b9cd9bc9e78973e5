-- check: size-in-range
-- every: 15m
-- at: loaded_at
-- key: fingerprint
-- severity: medium
-- lateness: 10m
-- why: 2025-11-27. harbor writes inches. For its first week they were read as centimetres and the filter by size
--   lied.
-- decided: 80 to 800 millimetres a side, framed or not. Below and above it is a unit, not a picture.
select i.fingerprint, i.run_id, i.origin, i.listing_id, i.edition, l.size_text, i.width_mm, i.height_mm, i.loaded_at
from items i join listings l on l.fingerprint = i.fingerprint
where i.loaded_at > :since and i.loaded_at <= :now
  and (i.width_mm not between 80 and 800 or i.height_mm not between 80 and 800)
-- population:
select i.fingerprint, i.run_id, i.origin, i.edition, i.currency, i.loaded_at
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
