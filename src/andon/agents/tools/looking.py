"""Tools that look things up: a query, the history, the logs; each reads through a guard that stands elsewhere."""

from __future__ import annotations

from itertools import islice

from andon.agents.tools.arguments import HistoryAsked, LogsAsked, QueryAsked
from andon.agents.tools.bench import Bench, Refused
from andon.agents.tools.fencing import handed, rows_text
from andon.errors import DataError, GitError, NotFoundError
from andon.logs import find_lines, list_logs
from andon.models import LogFact, QueryFact
from andon.protocols import LONG_AGO, CommitEntry
from andon.quoting import counted, quote

ROWS_KEPT = 50
COMMITS_A_PAGE = 20
DIFF_A_PAGE = 12_000
LINES_A_PAGE = 40
MOST_BLAMED = 200


def query(bench: Bench, asked: QueryAsked) -> str:
    """Returns the first rows of a read-only query on the live data, and the name of what it found."""
    data = bench.case.data
    if data is None:
        raise Refused("the live data cannot be reached; `evidence` shows what is recorded")
    bench.in_time()
    params = {"since": LONG_AGO, "now": bench.case.evidence.asked_at}
    try:
        answer = data.ask(asked.sql, params, rows_kept=ROWS_KEPT)
    except DataError as error:
        raise Refused(f"the query was not answered: {quote(str(error), 600)}") from error
    name = bench.keep(QueryFact(sql=asked.sql, rows=answer.rows[:20], total=answer.total))
    head = f"{name}: the query gives {counted(answer.total, 'row')}, the first {len(answer.rows)} from the live data"
    return handed(head, rows_text(answer.rows))


def history(bench: Bench, asked: HistoryAsked) -> str:
    """Returns commits, a commit with its diff, or who last changed lines."""
    if asked.commit and not asked.path:
        return told_commit(bench, bench.commit(asked.commit), asked.page)
    if asked.path and asked.start:
        return blamed(bench, asked)
    try:
        entries = bench.case.history.log(
            bench.commit(asked.commit), limit=COMMITS_A_PAGE * asked.page + 1, path=asked.path or None
        )
    except GitError as error:
        raise Refused(f"there is no such history: {quote(str(error), 300)}") from error
    shown = entries[COMMITS_A_PAGE * (asked.page - 1) : COMMITS_A_PAGE * asked.page]
    if not shown:
        raise Refused("there are no commits" + (" so far back" if asked.page > 1 else f" of {quote(asked.path)}"))
    more = " (there are more: next page)" if len(entries) > COMMITS_A_PAGE * asked.page else ""
    return handed(f"Commits, newest first{more}, from the repository", "\n".join(commit_line(one) for one in shown))


def commit_line(entry: CommitEntry) -> str:
    """Returns a commit as a line."""
    files = ", ".join(entry.files[:8]) + (f" and {len(entry.files) - 8} more" if len(entry.files) > 8 else "")
    return f"{entry.commit} {entry.at:%Y-%m-%d %H:%M} {entry.author[:60]}: {entry.subject[:200]} [{files}]"


def told_commit(bench: Bench, commit: str, page: int) -> str:
    """Returns a commit's message and a page of its diff to its first parent."""
    try:
        entries = bench.case.history.log(commit, limit=2)
        entry, parent = entries[0], entries[1].commit if len(entries) > 1 else ""
        diff = bench.case.history.diff(parent, commit) if parent else "(the first commit)"
    except (GitError, IndexError) as error:
        raise Refused(f"the commit cannot be read: {quote(str(error), 300)}") from error
    pages = max(1, -(-len(diff) // DIFF_A_PAGE))
    if page > pages:
        raise Refused(f"there are {counted(pages, 'page')}")
    part = diff[(page - 1) * DIFF_A_PAGE : page * DIFF_A_PAGE]
    message = f"{commit_line(entry)}\n\n{entry.body[:2000]}".rstrip()
    return (
        handed("A commit of the repository, its message", message, limit=4000)
        + "\n\n"
        + handed(f"Its diff, page {page} of {pages}", part, limit=DIFF_A_PAGE)
    )


def blamed(bench: Bench, asked: HistoryAsked) -> str:
    """Returns the commits that last changed lines of a file."""
    commit = bench.commit(asked.commit)
    try:
        commits = bench.case.history.blame(commit, asked.path)
        lines = bench.case.history.show(commit, asked.path).split("\n")
    except GitError as error:
        raise Refused(f"there is no such file at that commit: {quote(str(error), 300)}") from error
    end = min(asked.end or asked.start, asked.start + MOST_BLAMED - 1, len(commits))
    if asked.start > len(commits):
        raise Refused(f"the file has {counted(len(commits), 'line')}")
    shown = [f"{number:>5} {commits[number - 1][:12]} {lines[number - 1]}" for number in range(asked.start, end + 1)]
    seen = dict.fromkeys(commits[asked.start - 1 : end])
    entries = [bench.case.history.log(one, limit=1)[0] for one in list(seen)[:10]]
    return (
        handed(
            f"Lines {asked.start}-{end} of {quote(asked.path)} with the commit that last changed each", "\n".join(shown)
        )
        + "\n\n"
        + handed("These commits", "\n".join(map(commit_line, entries)))
    )


def logs(bench: Bench, asked: LogsAsked) -> str:
    """Returns the log files, or lines of one, newest first."""
    patterns = bench.case.logs
    if not patterns:
        raise Refused("no logs are configured for this system (`logs` in andon.toml)")
    if not asked.path:
        files = list_logs(patterns)
        listed = "\n".join(
            f"{one.path} ({one.size:,} bytes, last changed {one.changed:%Y-%m-%d %H:%M})" for one in files
        )
        return handed("Log files of the system", listed or "none stands there now")
    bench.in_time()
    try:
        lines = list(islice(find_lines(patterns, asked.path, asked.words, before=asked.before or None), LINES_A_PAGE))
    except NotFoundError as error:
        raise Refused(f"{error}: `logs` without a path lists the files") from error
    if not lines:
        return f"No line of {quote(asked.path)} holds {quote(asked.words)}." if asked.words else "There are no lines."
    named = [
        f"{bench.keep(LogFact(path=asked.path, offset=one.offset, text=one.text))} @{one.offset}: {one.text}"
        for one in lines
    ]
    more = f" Go on with `before`: {lines[-1].offset}." if len(lines) == LINES_A_PAGE else ""
    return handed(
        f"Lines of {quote(asked.path)}, newest first, each with its fact and byte.{more} From the log", "\n".join(named)
    )
