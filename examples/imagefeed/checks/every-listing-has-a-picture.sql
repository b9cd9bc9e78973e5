-- check: every-listing-has-a-picture
-- every: 15m
-- at: seen_at
-- key: fingerprint
-- upstream: source-answers
-- severity: medium
-- lateness: 150m
-- why: 2026-02-20. prairie renamed its picture folder; the listings came, the pictures did not, and the site showed
--   frames around nothing.
-- decided: two hours, which is four runs. A picture that does not come in one run is asked for again in the next.
select l.fingerprint, l.run_id, l.origin, l.listing_id, l.edition, l.picture_url, l.large_url, l.seen_at
from listings l left join images i on i.listing_fingerprint = l.fingerprint
where i.fingerprint is null and l.seen_at > :since and l.seen_at + interval '2 hours' <= :now
-- population:
select l.fingerprint, l.run_id, l.origin, l.edition, l.page, l.seen_at
from listings l where l.seen_at > :since and l.seen_at + interval '2 hours' <= :now
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
