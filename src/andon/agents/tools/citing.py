"""Turns what an agent cites into facts that the engine can run again; whether they hold is decided elsewhere."""

from __future__ import annotations

from andon.agents.tools.arguments import (
    Cited,
    CommitCited,
    ContrastCited,
    LinesCited,
    LogCited,
    QueryCited,
    ReplayCited,
    RowsCited,
    SeenFact,
    TraceCited,
)
from andon.agents.tools.bench import Bench, Refused
from andon.errors import GitError
from andon.models import (
    CommitFact,
    ContrastFact,
    Fact,
    LinesFact,
    LogFact,
    QueryFact,
    ReplayFact,
    RowsFact,
    TestFact,
    TraceFact,
)
from andon.quoting import quote

MOST_LINES = 60


def fact_of(bench: Bench, cited: Cited) -> Fact:
    """Returns the fact that is cited.

    Raises:
        Refused: there is no such thing; says what there is.
    """
    if isinstance(cited, SeenFact):
        if cited.fact not in bench.facts:
            names = ", ".join(list(bench.facts)[-30:]) or "none yet"
            raise Refused(f"no tool gave a fact {quote(cited.fact, 60)}; there are: {names}")
        return bench.facts[cited.fact]
    if isinstance(cited, LinesCited):
        return lines_of(bench, cited)
    if isinstance(cited, RowsCited):
        return RowsFact(check=bench.case.evidence.check, where=cited.where, context=cited.context, count=cited.count)
    if isinstance(cited, CommitCited):
        entry = bench.case.history.log(bench.commit(cited.commit), limit=1)[0]
        return CommitFact(commit=entry.commit, subject=entry.subject, files=cited.files)
    if isinstance(cited, ContrastCited):
        contrasts = bench.case.brief.contrasts
        if cited.number > len(contrasts):
            raise Refused(f"the brief has {len(contrasts)} contrasts")
        return ContrastFact(contrast=contrasts[cited.number - 1])
    if isinstance(cited, LogCited):
        return LogFact(path=cited.path, offset=cited.offset, text=cited.text)
    if isinstance(cited, QueryCited):
        return QueryFact(sql=cited.sql, rows=cited.rows, total=cited.total)
    commit = bench.commit(cited.commit)
    if isinstance(cited, ReplayCited):
        return ReplayFact(commit=commit, diff=cited.diff, total=cited.total)
    if isinstance(cited, TraceCited):
        return TraceFact(commit=commit, path=cited.path, lines=cited.lines)
    return TestFact(commit=commit, test=cited.test, outcome=cited.outcome)


def lines_of(bench: Bench, cited: LinesCited) -> LinesFact:
    """Returns lines of a file as they stand at a commit; where the agent says how they read, they must read so.

    Raises:
        Refused: there are no such lines, or they read otherwise.
    """
    commit = bench.commit(cited.commit)
    try:
        text = bench.case.history.show(commit, cited.path)
    except GitError:
        raise Refused(f"there is no file {quote(cited.path)} at {commit[:12]}") from None
    lines = text.split("\n")
    if not cited.start <= cited.end <= len(lines):
        raise Refused(f"{quote(cited.path)} has {len(lines)} lines, and `start` comes before `end`")
    if cited.end - cited.start >= MOST_LINES:
        raise Refused(f"cite at most {MOST_LINES} lines: those that matter")
    there = "\n".join(lines[cited.start - 1 : cited.end])
    if cited.text and squeezed(cited.text) not in squeezed(there):
        raise Refused(f"these lines of {quote(cited.path)} read otherwise; read them again, or leave `text` out")
    return LinesFact(commit=commit, path=cited.path, start=cited.start, text=there)


def squeezed(text: str) -> str:
    """Returns a text whose blanks count for nothing: line numbers and the words matter, not the indentation."""
    return " ".join(text.split())
