-- check: no-zero-byte-images
-- every: 15m
-- at: fetched_at           when the picture was kept
-- key: fingerprint
-- upstream: source-answers
-- severity: high
-- lateness: 10m
-- why: 2026-03-02. A shop began to answer 429 in the evening rush; 214 empty bodies were kept as pictures, shown as
--   grey squares and labelled blank. It was found two days later, by a customer.
-- decided: an empty file is never acceptable, whatever the source said. One row is enough to go red.
select fingerprint, run_id, origin, url, fetcher, http_status, content_type, bytes, fetched_at
from images where bytes = 0 and fetched_at > :since and fetched_at <= :now
-- population:
select fingerprint, run_id, origin, fetcher, http_status, content_type, fetched_at
from images where fetched_at > :since and fetched_at <= :now
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
