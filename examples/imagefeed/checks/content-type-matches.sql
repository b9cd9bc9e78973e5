-- check: content-type-matches
-- every: 15m
-- at: fetched_at
-- key: fingerprint
-- upstream: source-answers
-- severity: low
-- why: 2026-01-30. harbor's cache served its error page with status 200 under picture addresses for an hour.
-- decided: the content type must be the one that the address promises. The bytes are CLIP's to judge.
select fingerprint, run_id, origin, url, fetcher, http_status, content_type, bytes, fetched_at
from images
where http_status = 200 and fetched_at > :since and fetched_at <= :now
  and (content_type is null
       or (url like '%.png%' and content_type <> 'image/png')
       or (url like '%.jpg%' and content_type <> 'image/jpeg'))
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
