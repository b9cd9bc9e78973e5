"""Tools that tell what is known already: brief, evidence, schema, memory; they run nothing of the watched system."""

from __future__ import annotations

from collections.abc import Sequence

from andon.agents.tools.arguments import EvidenceAsked, MemoryAsked, Nothing, SchemaAsked
from andon.agents.tools.bench import Bench, Phase, Refused
from andon.agents.tools.fencing import handed, rows_text
from andon.brief import render_brief
from andon.errors import DataError
from andon.models import Memory, Row
from andon.quoting import counted, quote

ROWS_A_PAGE = 20
MOST_COLUMNS = 2000

WANTED = {
    Phase.DIAGNOSE: (
        "Find why the check is red: a chain of two to seven whys, each answer with evidence that andon can run again. "
        "The tree is read-only. Hand in with `submit_diagnosis`; what does not hold when it is run again is sent back."
    ),
    Phase.FIX: (
        "Mend the cause in the tree and add a regression test that is red without your change and green with it. "
        "Change no existing test and nothing that is not needed. Look with `run_tests` and `replay`, hand in with "
        "`submit_patch`. A judge then proves it on a checkout of its own."
    ),
}
SQL = {
    "sqlite": "select name as tbl, type as kind, sql as def from sqlite_master where type in ('table', 'view')",
    "postgres": (
        "select n.nspname || '.' || c.relname as tbl, a.attname as col, format_type(a.atttypid, a.atttypmod) as kind "
        "from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid "
        "where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped "
        "and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%' "
        "order by 1, a.attnum"
    ),
}


def brief(bench: Bench, _: Nothing) -> str:
    """Returns what the machine knows, and what is wanted."""
    case = bench.case
    evidence = case.evidence
    parts = [
        f"# Ticket {case.ticket.id}: {quote(case.check.name)} is failing in {quote(case.ticket.system)}",
        WANTED[bench.phase],
        f"Commit: {bench.head}. Time left until {case.deadline:%Y-%m-%d %H:%M} UTC.",
        handed("The check's note", f"why: {case.check.why}\ndecided: {case.check.decided}", limit=4000),
        handed("The check's question", case.check.query or case.check.kind.value, limit=6000),
        f"{counted(evidence.total, 'row')} offend, {len(evidence.rows)} are recorded, with the columns "
        f"{', '.join(quote(name, 60) for name in evidence.columns[:60])}. "
        + (
            f"Recorded besides: {', '.join(quote(name, 60) for name in evidence.context)}. "
            if evidence.context
            else "Nothing is recorded besides. "
        )
        + "`evidence` shows them.",
        render_brief(case.brief),
        *([handed("Other open tickets of the system", other_tickets(bench))] if case.others else []),
        *([refuted(bench)] if case.before and bench.given is None else []),
        *([known(bench)] if bench.given is not None else []),
    ]
    return "\n\n".join(parts)


def other_tickets(bench: Bench) -> str:
    """Returns the other open tickets, one a line: one of them may have the same cause."""
    return "\n".join(
        f"#{one.id} ({one.status.value}) {one.title}: {one.reason}"[:400] for one in bench.case.others[:20]
    )


def refuted(bench: Bench) -> str:
    """Returns what agents before this one found: how far they came, and what did not hold."""
    lines = [
        "# What was tried before",
        "None of these found the cause. What is said with facts held; go on from there.",
    ]
    for one in bench.case.before[-3:]:
        told = [f"{number}. {why.question} {why.answer}" for number, why in enumerate(one.whys, 1)]
        told += [f"- did not hold: {reason}" for reason in one.refused[:10]]
        told += [f"- looked suspicious: {place.path} {place.start}-{place.end}" for place in one.locations[:5]]
        lines.append(handed(f"{quote(one.agent, 40)} ends in {one.lane.value}", "\n".join(told), limit=5000))
    return "\n\n".join(lines)


def known(bench: Bench) -> str:
    """Returns the accepted diagnosis and what came of earlier attempts."""
    given = bench.given
    assert given is not None
    lines = ["# The accepted diagnosis", quote(given.root_cause, 1000)]
    lines += [
        f"{number}. {quote(why.question, 400)} {quote(why.answer, 1200)}" for number, why in enumerate(given.whys, 1)
    ]
    lines += [
        f"- look at {quote(one.path)} {one.start}-{one.end} {quote(one.function, 80)}" for one in given.locations[:5]
    ]
    tried = [one for one in bench.earlier if one.patch is not None]
    lines += ["", "# Earlier attempts", "None of these held:"] if tried else []
    for one in tried:
        assert one.patch is not None
        lines += [handed(f"Attempt {one.number}: {quote(one.feedback or 'rejected', 400)}", one.patch.diff, limit=4000)]
    return "\n".join(lines)


def evidence(bench: Bench, asked: EvidenceAsked) -> str:
    """Returns a page of the recorded rows."""
    found = bench.case.evidence
    if asked.table and asked.table not in found.context:
        names = ", ".join(quote(name, 60) for name in found.context) or "none"
        raise Refused(f"no such table is recorded; there are: {names}")
    rows = found.context[asked.table] if asked.table else found.rows
    pages = max(1, -(-len(rows) // ROWS_A_PAGE))
    if asked.page > pages:
        raise Refused(f"there are {counted(pages, 'page')}")
    shown = rows[(asked.page - 1) * ROWS_A_PAGE : asked.page * ROWS_A_PAGE]
    what = f"table {quote(asked.table, 60)}" if asked.table else f"offending rows ({found.total:,} in all)"
    head = f"Recorded {what}, {counted(len(rows), 'row')} kept, page {asked.page} of {pages}"
    return handed(head, rows_text(shown), limit=16_000)


def schema(bench: Bench, asked: SchemaAsked) -> str:
    """Returns tables and columns of the live data."""
    data = bench.case.data
    if data is None:
        raise Refused("the live data cannot be reached")
    try:
        answer = data.ask(SQL[data.dialect], rows_kept=MOST_COLUMNS)
    except DataError as error:
        raise Refused(f"the schema cannot be read: {quote(str(error), 400)}") from error
    wanted = asked.table.lower()
    rows = [row for row in answer.rows if not wanted or str(row["tbl"]).lower() in (wanted, f"public.{wanted}")]
    if not rows:
        names = sorted({str(row["tbl"]) for row in answer.rows})
        raise Refused(f"there is no such table; there are: {', '.join(quote(name, 60) for name in names[:100])}")
    return handed(f"The schema of the live data ({data.dialect})", "\n".join(column_lines(rows)))


def column_lines(rows: Sequence[Row]) -> list[str]:
    """Returns a table a line (Postgres: with its columns and types), as the database itself names them."""
    tables: dict[str, list[str]] = {}
    for row in rows:
        columns = tables.setdefault(str(row["tbl"]), [])
        columns.append(f"{row['col']} {row['kind']}" if "col" in row else str(row["def"]))
    return [f"{name}: {', '.join(columns)}" for name, columns in tables.items()]


def memory(bench: Bench, asked: MemoryAsked) -> str:
    """Returns what earlier tickets taught."""
    found = bench.case.recall(asked.words) if asked.words.strip() else bench.case.brief.memories
    if not found:
        return "No earlier ticket is like this."
    return handed("What earlier tickets of this system say", "\n".join(memory_line(one) for one in found))


def memory_line(one: Memory) -> str:
    """Returns an earlier ticket as a line."""
    cause = (
        f"{'refuted cause' if one.refuted else 'cause'}: {one.root_cause}" if one.root_cause else "no cause is known"
    )
    return f"#{one.ticket} ({one.status.value}) {one.title}: {cause}"
