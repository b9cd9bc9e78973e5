create table runs (
    run_id text primary key,
    as_of timestamptz not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null check (status in ('running', 'finished', 'failed')),
    error text,
    code_version text not null,
    fingerprint text not null unique
);

create table stages (
    run_id text not null references runs,
    stage text not null,
    status text not null check (status in ('done', 'held', 'failed')),
    rows integer not null,
    note text,
    finished_at timestamptz not null,
    fingerprint text not null
);

create table fetches (
    fetch_id bigint generated always as identity primary key,
    run_id text not null references runs,
    origin text not null,
    url text not null,
    fetcher text not null,
    attempt integer not null,
    status integer not null,
    content_type text,
    retry_after double precision,
    declared_bytes integer,
    bytes integer not null,
    body text,
    error text,
    at timestamptz not null,
    fingerprint text not null
);
create index on fetches (run_id);
create index on fetches (at);

create table batches (
    batch_id text primary key,
    run_id text not null references runs,
    origin text not null,
    all_pages boolean not null,
    status text not null check (status in ('open', 'complete')),
    opened_at timestamptz not null,
    completed_at timestamptz,
    fingerprint text not null unique
);
create index on batches (origin, status);

create table listings (
    fingerprint text primary key,
    run_id text not null references runs,
    batch_id text not null references batches,
    origin text not null,
    listing_id text not null,
    edition text not null,
    page integer not null,
    title text not null,
    price_text text not null,
    price_unit text not null,
    currency text not null,
    size_text text not null,
    published_text text not null,
    picture_url text not null,
    large_url text,
    seen_at timestamptz not null
);
create index on listings (seen_at);
create index on listings (batch_id);

create table images (
    fingerprint text primary key,
    run_id text not null references runs,
    batch_id text not null references batches,
    listing_fingerprint text not null references listings,
    origin text not null,
    url text not null,
    fetcher text not null,
    http_status integer not null,
    content_type text,
    bytes integer not null,
    sha256 text not null,
    path text not null,
    fetched_at timestamptz not null
);
create index on images (fetched_at);
create index on images (listing_fingerprint);

create table classifications (
    fingerprint text primary key,
    run_id text not null references runs,
    image_fingerprint text not null references images,
    origin text not null,
    label text not null,
    score double precision not null,
    model text not null,
    classified_at timestamptz not null
);
create index on classifications (image_fingerprint);
create index on classifications (classified_at);

create table rates (
    fingerprint text primary key,
    run_id text not null references runs,
    day date not null,
    currency text not null,
    euro_per_unit numeric not null,
    fetched_at timestamptz not null
);

create table items (
    item_id bigint generated always as identity primary key,
    fingerprint text not null,
    run_id text not null references runs,
    batch_id text not null references batches,
    origin text not null,
    listing_id text not null,
    edition text not null,
    title text not null,
    currency text not null,
    price_minor bigint not null,
    price_eur_cents bigint not null,
    width_mm integer not null,
    height_mm integer not null,
    published_at timestamptz not null,
    day date not null,
    loaded_at timestamptz not null
);
create index on items (origin, published_at);
create index on items (loaded_at);
create index on items (fingerprint);

create table summaries (
    fingerprint text primary key,
    run_id text not null references runs,
    origin text not null,
    label text not null,
    day date not null,
    items integer not null,
    lowest_eur_cents bigint not null,
    highest_eur_cents bigint not null,
    total_eur_cents bigint not null,
    computed_at timestamptz not null
);
create index on summaries (computed_at);
