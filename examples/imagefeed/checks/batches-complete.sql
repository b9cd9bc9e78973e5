-- check: batches-complete
-- every: 15m
-- at: opened_at
-- key: batch_id
-- upstream: every-image-classified, every-listing-has-a-picture
-- severity: low
-- lateness: 210m
-- why: 2026-03-09. Looking into summary-matches-items we found two batches from January that were still open, and
--   their items in no summary.
-- decided: three hours: a batch that did not fill up in six runs will not.
select batch_id, run_id, origin, all_pages, status, opened_at
from batches where status = 'open' and opened_at > :since and opened_at + interval '3 hours' <= :now
-- population:
select batch_id, run_id, origin, all_pages, status, opened_at
from batches where opened_at > :since and opened_at + interval '3 hours' <= :now
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
