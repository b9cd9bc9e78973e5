-- check: every-image-classified
-- every: 15m
-- at: fetched_at
-- key: fingerprint
-- upstream: no-zero-byte-images
-- severity: medium
-- lateness: 30m
-- why: 2026-02-11. A batch that was mostly blank was held back, as it should be, and then forgotten: 40 pictures had
--   no label for a week.
-- decided: twenty minutes after it was kept a picture has a label, or somebody looks at why its batch is held.
select i.fingerprint, i.run_id, i.batch_id, i.origin, i.url, i.fetcher, i.http_status, i.bytes, i.fetched_at
from images i left join classifications c on c.image_fingerprint = i.fingerprint
where c.fingerprint is null and i.fetched_at > :since and i.fetched_at + interval '20 minutes' <= :now
-- population:
select i.fingerprint, i.run_id, i.origin, i.fetcher, i.http_status, i.content_type, i.bytes, i.fetched_at
from images i where i.fetched_at > :since and i.fetched_at + interval '20 minutes' <= :now
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
