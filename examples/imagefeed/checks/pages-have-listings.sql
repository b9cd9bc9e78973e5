-- check: pages-have-listings
-- every: 15m
-- at: opened_at            of the newest empty batch
-- key: origin
-- upstream: source-answers
-- severity: medium
-- why: 2026-01-12. lumen renamed its table's class. Every page came with status 200, the parser found nothing on it,
--   and nothing went red for a day.
-- decided: a shop lists something every quarter of an hour, so two runs in three hours without one listing mean that
--   we cannot read its pages.
select b.origin, max(b.run_id) as run_id, count(distinct b.batch_id) as batches, max(b.opened_at) as opened_at
from batches b left join listings l on l.batch_id = b.batch_id
where b.all_pages and b.opened_at + interval '3 hours' > :now and b.opened_at <= :now
group by b.origin having count(distinct b.batch_id) >= 2 and count(l.fingerprint) = 0
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
