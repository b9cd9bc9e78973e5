-- check: summary-matches-items
-- every: 15m
-- at: computed_at
-- key: fingerprint
-- upstream: run-finished
-- severity: high
-- why: 2026-03-09. The site said 31 blue rings and showed 28: the summary had counted a batch while its pictures
--   were still coming.
-- decided: a summary counts the items of the batches that were complete when it was computed, all of them and no
--   others. No tolerance: these are counts.
select s.fingerprint, s.run_id, s.origin, s.label, s.day, s.items as summed, count(b.batch_id) as written,
       s.computed_at
from summaries s
left join items i on i.origin = s.origin and i.day = s.day
     and exists (select 1 from images m join classifications c on c.image_fingerprint = m.fingerprint
                 where m.listing_fingerprint = i.fingerprint and c.label = s.label)
left join batches b on b.batch_id = i.batch_id and b.status = 'complete' and b.completed_at <= s.computed_at
where s.computed_at > :since and s.computed_at <= :now
group by s.fingerprint, s.run_id, s.origin, s.label, s.day, s.items, s.computed_at
having s.items <> count(b.batch_id)
-- population:
select s.fingerprint, s.run_id, s.origin, s.label, s.day, s.computed_at
from summaries s where s.computed_at > :since and s.computed_at <= :now
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
