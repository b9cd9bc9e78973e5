-- check: run-finished
-- every: 15m
-- at: started_at
-- key: run_id
-- severity: high
-- why: 2025-12-08. A run died in etl on a price without digits and nobody noticed until the morning, because the
--   next one looked healthy.
-- decided: a run that failed, or that still runs after half an hour, is red. A slow one of twenty minutes is not.
select run_id, as_of, status, error, code_version, started_at
from runs
where started_at > :since and started_at <= :now
  and (status = 'failed' or (status = 'running' and started_at + interval '30 minutes' < :now))
-- population:
select run_id, as_of, status, code_version, started_at from runs where started_at > :since and started_at <= :now
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
