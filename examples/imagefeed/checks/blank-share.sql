-- check: blank-share
-- every: 15m
-- at: classified_at        the last label of the group
-- key: run_id, origin
-- upstream: no-zero-byte-images
-- severity: medium
-- why: 2026-03-02. Same evening as no-zero-byte-images: the pictures that were empty had been labelled blank, and
--   the count of blanks had tripled hours before anybody saw it.
-- decided: shops do put up a blank picture now and then (about 1 in 50), so a quarter of at least four in one run of
--   one shop is the line, not the first one.
select c.run_id, c.origin, count(*) as labelled, count(*) filter (where c.label = 'a blank image') as blank,
       max(c.classified_at) as classified_at
from classifications c where c.classified_at > :since and c.classified_at <= :now
group by c.run_id, c.origin
having count(*) >= 4 and count(*) filter (where c.label = 'a blank image') * 4 > count(*)
-- population:
select c.run_id, c.origin, c.label, c.model, i.fetcher, i.http_status, c.classified_at
from classifications c join images i on i.fingerprint = c.image_fingerprint
where c.classified_at > :since and c.classified_at <= :now
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
