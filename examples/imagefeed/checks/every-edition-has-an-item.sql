-- check: every-edition-has-an-item
-- every: 15m
-- at: seen_at
-- key: fingerprint
-- upstream: late-rows-are-processed
-- severity: medium
-- lateness: 30m
-- why: 2026-03-16. A framed print could not be bought for a month: its plain edition had the same number, and one of
--   the two had been dropped as a repetition.
-- decided: each edition that a shop lists is an item twenty minutes later, next to its siblings. A listing without
--   any item is the business of late-rows-are-processed.
select l.fingerprint, l.run_id, l.origin, l.listing_id, l.edition, l.page, l.seen_at
from listings l
where l.seen_at > :since and l.seen_at + interval '20 minutes' <= :now
  and exists (select 1 from items i where i.origin = l.origin and i.listing_id = l.listing_id)
  and not exists (select 1 from items i
                  where i.origin = l.origin and i.listing_id = l.listing_id and i.edition = l.edition)
-- population:
select l.fingerprint, l.run_id, l.origin, l.edition, l.page, l.currency, l.price_unit, l.seen_at
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
