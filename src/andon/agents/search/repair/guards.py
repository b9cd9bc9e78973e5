"""Doubts a survivor: does it lose rows, change healthy ones, unwire a feature or know the evidence by heart?"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import exp

from andon.agents.search.repair.candidates import Candidate, rank_of
from andon.agents.search.repair.diffs import changed_lines
from andon.agents.search.repair.evaluate import Bench
from andon.agents.search.repair.source import Sources
from andon.models import Check, CheckKind, Evidence, Row, digest

ROWS_COMPARED = 2000


class Doubts(NamedTuple):
    """What speaks against a survivor, in sentences; `shifted` healthy rows come out otherwise than on base."""

    sentences: tuple[str, ...] = ()
    shifted: int = 0
    mild: tuple[str, ...] = ()
    """What a person should look at, though it is no reason to put the survivor last."""
    emptied: tuple[str, ...] = ()
    """Tables that hold nothing any more: the check then finds nothing because there is nothing."""


class Output(NamedTuple):
    """What a replay wrote: rows by table, and the rows that the check was asked of."""

    counts: Mapping[str, int]
    rows: Counter[str]


def tables_of(check: Check, dialect: str) -> tuple[str, ...]:
    """Returns the tables that an SQL check reads; none when the query cannot be parsed."""
    try:
        tree = sqlglot.parse_one(check.query, read=dialect)
    except sqlglot.errors.SqlglotError:
        return ()
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    names = (".".join(part.name for part in table.parts) for table in tree.find_all(exp.Table))
    return tuple(sorted({name for name in names if name and name not in ctes}))


def count_check(check: Check, tables: Sequence[str]) -> Check:
    """Returns the question how many rows each table holds, in one row."""
    counts = ", ".join(f"(select count(*) from {table}) as n{number}" for number, table in enumerate(tables))
    return check.model_copy(update={"query": f"select {counts}", "at": None, "key": ()})


def population_check(check: Check, tables: Sequence[str]) -> Check:
    """Returns the question for all rows that the check was asked of."""
    query = check.population or f"select * from {tables[0]}"
    return check.model_copy(update={"query": query, "at": None, "key": (), "rows_kept": ROWS_COMPARED})


def read_output(bench: Bench, diff: str, tables: Sequence[str], *, rows: bool) -> Output | None:
    """Returns what the replay with a diff wrote, `rows` with the rows themselves; None when it could not be asked."""
    counted = bench.replay(diff, check=count_check(bench.case.check, tables))
    asked = bench.replay(diff, check=population_check(bench.case.check, tables)) if rows else None
    if counted is None or counted.result is None or not counted.result.rows:
        return None
    values = counted.result.rows[0]
    counts = {table: int(str(values[f"n{number}"])) for number, table in enumerate(tables)}
    found = asked.result.rows if asked is not None and asked.result is not None else ()
    return Output(counts, Counter(digest(dict(row)) for row in found))


def doubts_about(candidate: Candidate, base: Output | None, output: Output | None, offending: int) -> Doubts:
    """Returns what the rows that a survivor writes say against it; `offending` rows were wrong on base.

    A revert that writes fewer rows, by no more than were wrong, does what the code did before: worth a look only.
    """
    if base is None or output is None:
        return Doubts()
    lost = {table: base.counts[table] - count for table, count in output.counts.items() if count < base.counts[table]}
    sentences = tuple(
        f"{table} has {output.counts[table]} rows after the replay, {base.counts[table]} without it" for table in lost
    )
    emptied = tuple(table for table in lost if output.counts[table] == 0)
    changed = max(0, sum((base.rows - output.rows).values()) - offending)
    if rank_of(candidate.strategy) == 0 and all(count <= offending for count in lost.values()):
        return Doubts((), changed, sentences, emptied)
    return Doubts(sentences, changed, (), emptied)


def can_count(bench: Bench) -> tuple[str, ...]:
    """Returns the tables whose rows can be counted: those of an SQL check that parses."""
    case = bench.case
    if case.check.kind is not CheckKind.SQL:
        return ()
    dialects = [case.data.dialect] if case.data is not None else ["postgres", "sqlite"]
    return next((tables for dialect in dialects if (tables := tables_of(case.check, dialect))), ())


# --- what the text of a candidate says ------------------------------------------------------------------------------


def knows_the_evidence(candidate: Candidate, evidence: Evidence, sources: Sources) -> str:
    """Returns the literal of the evidence that a candidate brings into the code, empty when it brings none.

    A text or number that the sources already held elsewhere is an ingredient, not knowledge of the evidence.
    """
    removed, added = changed_lines(candidate.diff)
    new = literals(added) - literals(removed)
    if not new:
        return ""
    values = set(evidence_values(evidence))
    everywhere = "\n".join(file.text for file in sources.values())
    for literal in sorted(new, key=repr):
        telling = len(literal) >= 3 if isinstance(literal, str) else abs(literal) >= 1000 and literal % 10 != 0
        if telling and literal in values and (not isinstance(literal, str) or literal not in everywhere):
            return repr(literal)
    return ""


def literals(lines: Iterable[str]) -> set[str | int | float]:
    """Returns the texts and numbers that stand as literals in lines of Python."""
    found: set[str | int | float] = set()
    for line in lines:
        for tree in parsed_somehow(line.strip()):
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
                    found.add(node.value)
    return found


def parsed_somehow(line: str) -> list[ast.AST]:
    """Returns the tree of a line that may be the head of a block or an element of a list; else nothing."""
    for text in (
        line,
        f"{line} pass",
        f"if 1: pass\n{line} pass",
        f"({line})",
        f"f({line})",
        f"[{line}]",
        f"{{{line}}}",
    ):
        try:
            return [ast.parse(text)]
        except (SyntaxError, ValueError):
            continue
    return []


def evidence_values(evidence: Evidence) -> Iterable[str | int | float]:
    """Yields all values of the recorded rows and their context."""
    rows: list[Row] = [*evidence.rows, *(row for table in evidence.context.values() for row in table)]
    for row in rows:
        for value in row.values():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                yield value


def unwired(sources: Sources, changed: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the functions that are used now and by nobody once files have these texts: a feature switched off."""
    before, after = Counter[str](), Counter[str]()
    defined: set[str] = set()
    for path, file in sources.items():
        before += uses(file.tree)
        tree = ast.parse(changed[path]) if path in changed else file.tree
        after += uses(tree)
        defined |= {n.name for n in ast.walk(file.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    return tuple(sorted(name for name in defined if before[name] and not after[name]))


def uses(tree: ast.AST) -> Counter[str]:
    """Returns how often each name is read in a tree; imports do not count."""
    names = (
        n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute)
    )
    return Counter(names)
