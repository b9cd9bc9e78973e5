-- check: source-answers
-- every: 15m
-- at: last_at              the last attempt
-- key: origin
-- severity: high
-- for: 2
-- why: 2026-01-19. lumen moved to another host and answered nothing for a night; every other check went red and four
--   people looked for a bug that was not there.
-- decided: a source counts as away when nothing it was asked in two hours was answered with 200, twice in a row.
--   Single bad answers are what the retries are for.
select origin, max(run_id) as run_id, count(*) as attempts, max(status) as highest_status, max(at) as last_at
from fetches where at + interval '2 hours' > :now and at <= :now
group by origin having count(*) >= 3 and count(*) filter (where status = 200) = 0
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
