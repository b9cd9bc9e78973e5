-- check: freshness
-- every: 30m
-- at: newest               the newest listing
-- key: origin
-- upstream: source-answers, run-finished, pages-have-listings
-- severity: high
-- why: 2025-12-22. The scheduler's machine was full; the last run was from Friday and the site looked fine all
--   weekend.
-- decided: three hours without a new listing of a shop. At night shops list as by day.
select l.origin, max(l.run_id) as run_id, max(l.seen_at) as newest
from listings l where l.seen_at <= :now
group by l.origin having max(l.seen_at) + interval '3 hours' < :now
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
