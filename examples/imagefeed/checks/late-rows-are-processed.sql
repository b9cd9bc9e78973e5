-- check: late-rows-are-processed
-- every: 15m
-- at: seen_at
-- key: fingerprint
-- upstream: run-finished
-- severity: high
-- lateness: 30m
-- why: 2026-02-24. A listing that a person had looked at first appeared eight minutes after its own time; the
--   watermark had passed it, and it never became an item.
-- decided: what was seen is an item twenty minutes later. The watermark allows fifteen minutes of lateness; whatever
--   it steps over for another reason is a bug.
select l.fingerprint, l.run_id, l.origin, l.listing_id, l.edition, l.published_text, l.seen_at
from listings l
where l.seen_at > :since and l.seen_at + interval '20 minutes' <= :now
  and not exists (select 1 from items i where i.origin = l.origin and i.listing_id = l.listing_id)
-- population:
select l.fingerprint, l.run_id, l.origin, l.edition, l.page, l.currency, l.seen_at
from listings l where l.seen_at > :since and l.seen_at + interval '20 minutes' <= :now
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
