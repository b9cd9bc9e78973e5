-- check: price-in-range
-- every: 15m
-- at: loaded_at
-- key: fingerprint
-- severity: high
-- lateness: 10m
-- why: 2026-02-03. A price list in pence was read as pounds for an afternoon; a print at 18,000 euros stood on the
--   front page.
-- decided: 5 to 600 euros. The shops sell prints: the dearest ever listed was 384 euros, the cheapest 8.
select i.fingerprint, i.run_id, i.origin, i.listing_id, i.edition, i.currency, l.price_unit, l.price_text,
       i.price_minor, i.price_eur_cents, i.loaded_at
from items i join listings l on l.fingerprint = i.fingerprint
where i.loaded_at > :since and i.loaded_at <= :now and (i.price_eur_cents < 500 or i.price_eur_cents > 60000)
-- population:
select i.fingerprint, i.run_id, i.origin, i.edition, i.currency, l.price_unit, l.page, i.loaded_at
from items i join listings l on l.fingerprint = i.fingerprint
where i.loaded_at > :since and i.loaded_at <= :now
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
