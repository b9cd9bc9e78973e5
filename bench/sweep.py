"""Measures what a sweep costs beside one bare psycopg connection that sends the same SQL; prints ratios of one run.

    python bench/sweep.py                     # 5 million rows, 50 checks: some minutes
    python bench/sweep.py --rows 200000       # a quick look

Every measured part runs in a process of its own, so that imports count and memory is its own; parts that are compared
run alternately, and the best of `--rounds` counts.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from andon.testing.postgres import PostgresServer

NOW = "2026-03-02 00:00+00"
FULL_LIMIT, INCREMENTAL_LIMIT, MEMORY_LIMIT = 0.95, 0.12, 120.0
SMALL_ROWS = 1000
DONE = " ok"
"""In the last line of every measured part: what broke early would look fast."""

FAULTY = 0.02
"""The faults began with this share of the rows, as faults do: before, all is well."""

TABLES = {"fetches": 0.4, "images": 0.4, "listings": 0.14, "prices": 0.06}
"""Share of all rows."""

SCHEMA = """
create table fetches (id bigint primary key, run_id int, source text, url text, status int, seconds real, bytes int,
  tries int, fetched_at timestamptz not null);
create table images (id bigint primary key, fingerprint text, fetch_id bigint, source text, fetcher text,
  http_status int, bytes int, width int, height int, label text, score real, fetched_at timestamptz not null);
create table listings (id bigint primary key, source text, url text, title text, price numeric(12,2), currency text,
  rooms int, seen_at timestamptz not null, fetched_at timestamptz not null);
create table prices (id bigint primary key, listing_id bigint, price numeric(12,2), currency text, day date,
  fetched_at timestamptz not null);
"""

FILL = {
    "fetches": """select i, (i / 500)::int, 'source-' || i % 7, 'https://example.org/' || i % 7 || '/' || i,
      case when {bad} and i % 97 = 0 then 429 when {bad} and i % 49 = 0 then 500 else 200 end, random(), {bytes},
      1 + (i % 97 = 0)::int, {at}""",
    "images": """select i, md5(i::text), i, 'source-' || i % 7, case when i % 3 = 0 then 'gallery' else 'listing' end,
      case when {bad} and i % 97 = 0 then 429 else 200 end, case when {bad} and i % 97 = 0 then 0 else {bytes} end,
      (64 + i % 512)::int, (64 + i % 512)::int, (array['circle', 'square', 'star', 'blank'])[1 + i % 4],
      (i % 1000) / 1000.0, {at}""",
    "listings": """select i, 'source-' || i % 7, 'https://example.org/l/' || i, 'Flat ' || i, 500 + i % 4000, 'EUR',
      1 + i % 6, {at}, {at}""",
    "prices": """select i, i, 500 + i % 4000, case when {bad} and i % 53 = 0 then 'CENT' else 'EUR' end,
      ({at})::date, {at}""",
}
BYTES = "((i * 7919) % 90000 + 100)::int"

PREDICATES = {
    "images": [
        "bytes = 0", "bytes < 64 and http_status = 200", "http_status = 429", "http_status >= 500", "width <= 0",
        "height <= 0", "width > 20000", "height > 20000", "label is null", "label = ''", "score < 0", "score > 1",
        "fingerprint is null", "length(fingerprint) <> 32", "source is null", "fetch_id is null",
        "label = 'blank' and score > 0.998", "fetcher not in ('gallery', 'listing')", "http_status is null",
        "bytes > 50000000",
    ],
    "fetches": [
        "status = 429", "status >= 500", "status is null", "bytes = 0", "bytes < 0", "seconds < 0", "seconds > 30",
        "tries > 5", "tries < 1", "url not like 'https://%'", "source is null", "run_id is null",
        "status = 200 and bytes = 0",
    ],
    "listings": [
        "price <= 0", "price > 100000", "currency <> 'EUR'", "title = ''", "rooms < 1", "seen_at > fetched_at",
        "url is null",
    ],
    "prices": ["price <= 0", "currency <> 'EUR'", "listing_id is null"],
}  # fmt: skip
"""Row-level checks, 43 of them: all can be incremental."""

WHOLE = {
    "duplicate-images": "select fingerprint, count(*) from images group by fingerprint having count(*) > 1",
    "source-silent": "select source from fetches group by source having max(fetched_at) < '2026-01-01'",
    "images-without-fetch": "select i.id from images i left join fetches f on f.id = i.fetch_id where f.id is null",
    "429-rate": "select source from fetches group by source having avg((status = 429)::int) > 0.1",
    "price-jumps": "select p.id from prices p join listings l on l.id = p.listing_id where p.price > l.price + 90000",
    "labels-uneven": "select label, count(*) from images group by label having count(*) < 10",
    "daily-gap": "select date_trunc('day', fetched_at) as day, count(*) from fetches group by 1 having count(*) < 1",
}

NOTE = "-- why: a benchmark asks it.\n-- decided: none is acceptable.\n-- timeout: 10m\n"


class Part(NamedTuple):
    """What a process took: seconds of wall time, and MiB of memory at its peak."""

    seconds: float
    memory: float
    asking: float = 0.0
    """Seconds of the questions alone, without the start of the process."""


def write_checks(folder: Path) -> None:
    """Writes the 50 check files."""
    folder.mkdir(parents=True)
    for table, predicates in PREDICATES.items():
        for number, predicate in enumerate(predicates):
            query = f"select * from {table} where ({predicate}) and fetched_at > :since"
            (folder / f"{table}-{number:02}.sql").write_text(f"-- at: fetched_at\n-- key: id\n{NOTE}{query}\n")
    for name, query in WHOLE.items():
        (folder / f"{name}.sql").write_text(f"{NOTE}{query}\n")


def fill(server: PostgresServer, url: str, rows: int, *, start: int = 0, share: float = 1.0) -> None:
    """Adds rows to every table: `share` of `rows`, in time order, after the first `start`."""
    for table, part in TABLES.items():
        first, count = int(start * part) + 1, max(int(rows * part * share), 1)
        at = f"timestamptz '{NOW}' + i * interval '1 second' / {max(part, 0.01)}"
        bad = f"i > {int(rows * part * (1 - FAULTY))}"
        query = FILL[table].format(at=at, bad=bad, bytes=BYTES)
        numbers = f"generate_series({first}::bigint, {first + count - 1}::bigint) i"
        server.run(f"insert into {table} {query} from {numbers}", url=url)


def make_database(server: PostgresServer, rows: int) -> tuple[str, str]:
    """Returns the owner's and the reader's URL of a filled, indexed and analysed database."""
    url = server.fresh_database()
    server.run(SCHEMA, url=url)
    fill(server, url, rows)
    for table in TABLES:
        server.run(f"create index on {table} (fetched_at)", f"vacuum analyze {table}", url=url)
    return url, server.reader_url(url)


# --- what runs in processes of its own ------------------------------------------------------------------------------


def run_bare(folder: Path, url: str) -> None:
    """One psycopg connection sends the SQL of the checks in turn, and fetches the rows."""
    import psycopg

    with psycopg.connect(url) as connection:
        for path in sorted(folder.glob("*.sql")):
            sql = path.read_text().replace(":since", "timestamptz '0001-01-02'")
            connection.execute(sql.encode()).fetchall()
    print("all ok")


def run_sweep(folder: Path, url: str, marks: Path, *, only_incremental: bool) -> None:
    """andon asks the checks, from the watermarks in a file where there are some, and keeps them there."""
    from andon.checks import ask_all, exit_code, load_checks, render
    from andon.data import open_source

    checks = load_checks(folder, root=folder)
    if only_incremental:
        checks = tuple(check for check in checks if check.incremental)
    lines = marks.read_text().splitlines() if marks.exists() else []
    known = {name: datetime.fromisoformat(text) for name, _, text in (line.partition(" ") for line in lines)}
    source = open_source(url)
    source.ask("select 1 as alive")  # the loop has imported its driver long before a sweep
    source.close()
    started = time.perf_counter()
    results = ask_all(
        checks, open_data=lambda: open_source(url), watermarks=known, now=datetime.now(UTC) + timedelta(days=9999)
    )
    seconds = time.perf_counter() - started
    found = {result.check: result.watermark for result in results if result.watermark}
    marks.write_text("\n".join(f"{name} {mark.isoformat()}" for name, mark in found.items()))
    print("\n".join(render(results)))
    print(f"all ok {seconds}")
    sys.exit(0 if exit_code(results) < 2 else 2)


def run_million(url: str) -> None:
    """A check with a million offending rows."""
    from andon.checks import ask_sql, load_check_text
    from andon.data import open_source

    query = "select i, repeat('x', 100) as pad from generate_series(1, 1000000) i"
    result = ask_sql(load_check_text(f"{NOTE}{query}", "million.sql"), open_source(url), None, datetime.now(UTC))
    print("all ok" if result.total == 1_000_000 else result.message)


# --- measuring ------------------------------------------------------------------------------------------------------


def measure(
    *words: str,
    runner: tuple[str, ...] = (sys.executable, str(Path(__file__).resolve()), "--part"),
    cwd: Path | None = None,
    **env: str,
) -> Part:
    """Returns what a process of these words took."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([*runner, *words], stdout=said, cwd=cwd, env={**os.environ, **env})
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        last = said.read().decode().strip().rpartition("\n")[2]
    if child.returncode > 1 or DONE not in last:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}: {last}")
    asking = float(last.rpartition(" ")[2]) if last.startswith("all ok ") else 0.0
    return Part(seconds, usage.ru_maxrss / 1024, asking)


def best(rounds: int, *parts: Callable[[], Part]) -> Iterator[Part]:
    """Yields the fastest run of each part; the parts take turns, so that a busy minute hits all of them."""
    runs = [[part() for part in parts] for _ in range(rounds)]
    for place in range(len(parts)):
        yield min(run[place] for run in runs)


def main() -> None:
    """Runs everything and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part", nargs="+")
    told = parser.parse_args()
    if told.part:
        run_part(*told.part)
        return
    with tempfile.TemporaryDirectory() as home, PostgresServer() as server:
        root = Path(home)
        write_checks(root / "checks")
        bench_large(server, root, told.rows, told.rounds)
        bench_small(server, root, told.rounds)
    print(f"memory of this process itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def run_part(name: str, *words: str) -> None:
    """Runs one measured part in this process."""
    if name == "bare":
        run_bare(Path(words[0]), words[1])
    elif name == "million":
        run_million(words[0])
    else:
        run_sweep(Path(words[0]), words[1], Path(words[2]), only_incremental=name == "incremental")


def bench_large(server: PostgresServer, root: Path, rows: int, rounds: int) -> None:
    """The whole sweep, the incremental one after 1% new rows, and memory."""
    url, reader = make_database(server, rows)
    folder = str(root / "checks")

    def whole(part: str) -> Part:
        marks = root / "marks"
        marks.unlink(missing_ok=True)
        return measure(part, folder, reader, str(marks))

    whole("bare")  # warms the cache for everybody
    bare, full = best(rounds, lambda: whole("bare"), lambda: whole("full"))
    say(
        "whole sweep / bare psycopg",
        full.seconds / bare.seconds,
        FULL_LIMIT,
        f"{full.seconds:.1f} / {bare.seconds:.1f} s",
    )
    own = min(whole("incremental").asking for _ in range(rounds))
    fill(server, url, rows, start=rows, share=0.01)
    server.run(*(f"analyze {table}" for table in TABLES), url=url)
    marks = (root / "marks").read_text()

    def after() -> float:
        (root / "marks").write_text(marks)
        return measure("incremental", folder, reader, str(root / "marks")).asking

    again = min(after() for _ in range(rounds))
    count = sum(map(len, PREDICATES.values()))
    say(
        "incremental after 1% new rows / in full",
        again / own,
        INCREMENTAL_LIMIT,
        f"{again:.2f} / {own:.1f} s, {count} checks",
    )
    say("memory of the sweep, MiB", full.memory, MEMORY_LIMIT, f"bare {bare.memory:.0f}")
    say("memory with a million offending rows, MiB", measure("million", reader).memory, MEMORY_LIMIT)


def bench_small(server: PostgresServer, root: Path, rounds: int) -> None:
    """`andon check` as a command, over tables of 1,000 rows; and the same without the command line."""
    _, reader = make_database(server, SMALL_ROWS * len(TABLES))
    folder = str(root / "checks")
    (root / "andon.toml").write_text('[systems.feed]\nchecks = "checks"\ndata = "env:FEED_URL"\n')
    command = (sys.executable, "-m", "andon", "check")

    def fresh(part: str) -> Part:
        (root / "marks").unlink(missing_ok=True)
        return measure(part, folder, reader, str(root / "marks"))

    bare, library, ours = best(
        rounds * 2,
        lambda: fresh("bare"),
        lambda: fresh("full"),
        lambda: measure(runner=command, cwd=root, FEED_URL=reader),
    )
    limit = 2 + 0.3 / bare.seconds
    for what, part in (("1,000-row tables: load, ask_all, render", library), ("1,000-row tables: `andon check`", ours)):
        say(f"{what} / bare psycopg", part.seconds / bare.seconds, limit, f"{part.seconds:.2f} / {bare.seconds:.2f} s")


def say(what: str, value: float, limit: float, more: str = "") -> None:
    """Prints a line: what, the value, its limit, whether it holds."""
    verdict = "holds" if value <= limit else "MISSED"
    print(f"{what:<52} {value:8.2f}   at most {limit:6.2f}   {verdict}   {more}", flush=True)


if __name__ == "__main__":
    main()
