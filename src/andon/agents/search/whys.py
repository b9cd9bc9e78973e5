"""Words what was found as a chain of whys with facts; it says unknown where the facts end, and finds nothing itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from andon.agents.search.bisect import Colour
from andon.agents.search.cause import (
    deviation_of,
    deviation_words,
    place_of_change,
    place_of_writer,
    plural,
    suspect_of,
    swapped,
    terms_of,
)
from andon.agents.search.deviance import Deviation
from andon.agents.search.findings import Change, Findings, strong_contrasts
from andon.agents.search.localise import ranges
from andon.agents.search.source import Function, excerpt, ran, statement_at
from andon.agents.search.terms import literal
from andon.models import (
    CommitFact,
    ContrastFact,
    Fact,
    LinesFact,
    ReplayFact,
    Row,
    RowsFact,
    TraceFact,
    Why,
)
from andon.protocols import Case
from andon.quoting import visible

LONGEST = 12
"""Lines of code that one fact quotes."""
SHOWN = 3


def why_red(case: Case) -> Why:
    """Returns the first why: the failing rows, and what separates them from healthy ones."""
    evidence = case.evidence
    facts: list[Fact] = [RowsFact(check=evidence.check, where={}, count=len(evidence.rows))]
    strong = strong_contrasts(case.brief.contrasts)
    total = plural(evidence.total or len(evidence.rows), "row")
    if strong:
        best = strong[0]
        answer = (
            f"{total} offend. {best.offending} of {best.offending_total} offending rows have {terms_of(best.terms)}, "
            f"and {best.healthy} of {best.healthy_total} healthy ones."
        )
        facts.append(ContrastFact(contrast=best))
    else:
        same = shared_values(evidence.rows, (*evidence.key, evidence.at or ""))
        words = " and ".join(f"{column} = {literal(value)}" for column, value in same.items())
        answer = f"{total} offend." + (f" All of them have {visible(words, 160)}." if same else "")
        facts += [RowsFact(check=evidence.check, where=same, count=len(evidence.rows))] if same else []
    return Why(question=f"Why is {case.check.name} red?", answer=answer, facts=tuple(facts))


def shared_values(rows: Sequence[Row], without: Collection[str]) -> Row:
    """Returns up to three columns in which all rows hold the same value that says something."""
    first = rows[0] if len(rows) > 1 else {}
    same = {
        column: value
        for column, value in first.items()
        if column not in without and value is not None and all(row.get(column) == value for row in rows)
    }
    return dict(list(same.items())[:SHOWN])


def why_written(found: Findings) -> Why:
    """Returns where the rows were written: writers by text that ran in the replay."""
    tables = ", ".join(found.case.brief.tables) or "the check's tables"
    question = f"Where are rows of {visible(tables)} written?"
    if not found.wrote:
        known = "; ".join(place_of_writer(writer) for writer in found.writers[:SHOWN])
        missing = f"these write them but did not run in the replay: {known}" if known else "no code here writes them"
        return Why(question=question, answer=f"unknown: {missing}")
    told = found.wrote[:SHOWN]
    more = f" and {len(found.wrote) - SHOWN} more" if len(found.wrote) > SHOWN else ""
    words = "; ".join(place_of_writer(writer) for writer in told)
    facts: list[Fact] = [
        fact for writer in told for fact in lines_that_ran(found, writer.path, writer.start, writer.end)
    ]
    return Why(
        question=question, answer=f"By {words}{more}: it ran when the evidence was replayed.", facts=tuple(facts)
    )


def why_came(found: Findings) -> Why:
    """Returns how the value got there: the call path to the writer, and what ran only with the fault."""
    way = " → ".join(f"{function.name} ({function.path}:{function.start})" for function in found.path)
    said = [f"Through {way}." if way else ""]
    facts: list[Fact] = [fact for function in found.path[-SHOWN:] for fact in entry_facts(found, function)]
    if found.origins:
        named = ", ".join(f"{function.name} ({function.path}:{function.start})" for function in found.origins[:SHOWN])
        said.append(f"The value that marks the rows is set in {named}.")
        facts += [fact for function in found.origins[:SHOWN] for fact in entry_facts(found, function)]
    if found.only_failing and found.passing:
        places = [(path, start, end) for path, lines in found.only_failing.items() for start, end in ranges(lines)]
        places.sort(key=lambda place: (-believed(found, *place), place[1] - place[2]))
        told = places[:SHOWN]
        words = ", ".join(f"{path}:{start}-{end}" for path, start, end in told)
        said.append(f"Ran with the failing evidence and in none of {plural(found.passing, 'passing run')}: {words}.")
        facts += [fact for path, start, end in told for fact in lines_that_ran(found, path, start, end)]
    answer = " ".join(part for part in said if part) or "unknown: the trace holds no call path to the writer"
    return Why(question="How did the value get there?", answer=answer, facts=unique(facts))


def believed(found: Findings, path: str, start: int, end: int) -> float:
    """Returns the highest suspicion of a location that meets these lines."""
    return max(
        (
            place.suspicion
            for place in found.locations
            if place.path == path and place.start <= end and start <= place.end
        ),
        default=0.0,
    )


def why_since(found: Findings) -> Why:
    """Returns since when: the change that turns the replay red, or why there is none to name."""
    question = "Since when, and by which change?"
    change = found.change
    if change is not None:
        entry = change.entry
        asked = len(found.bisected.colours) if found.bisected else 0
        answer = (
            f"Since commit {entry.commit[:10]} ({visible(entry.subject, 100)}) of {entry.at:%Y-%m-%d}: "
            f"the same evidence gives {plural(rows_found(change.red), 'row')} there and none at "
            f"{change.parent[:10]} just before it ({plural(asked, 'commit')} replayed)."
        )
        return Why(question=question, answer=answer, facts=change_facts(change))
    return Why(question=question, answer=without_culprit(found), facts=colour_facts(found))


def change_facts(change: Change) -> tuple[Fact, ...]:
    entry = change.entry
    return (
        CommitFact(commit=entry.commit, subject=entry.subject, files=entry.files),
        ReplayFact(commit=change.parent, total=0),
        ReplayFact(commit=entry.commit, total=rows_found(change.red)),
    )


def without_culprit(found: Findings) -> str:
    bisected = found.bisected
    if bisected is None:
        return "There is no older commit to compare with; the head commit replays red."
    if bisected.suspects:
        names = ", ".join(commit[:10] for commit in bisected.suspects)
        return (
            f"One of {len(bisected.suspects)} commits, which cannot be told apart because they do not replay: {names}."
        )
    colours = list(bisected.colours.values())
    red, crashed = colours.count(Colour.RED), colours.count(Colour.CRASHED)
    skipped = f" ({plural(crashed, 'commit')} cannot be replayed)" if crashed else ""
    return f"As far back as it can be replayed: {plural(red, 'commit')} tried, all red{skipped}. No change brought it."


def colour_facts(found: Findings) -> tuple[Fact, ...]:
    head = found.case.workspace.commit
    facts: list[Fact] = [ReplayFact(commit=head, total=rows_found(found.head))]
    if found.bisected and found.bisected.good:
        facts.append(ReplayFact(commit=found.bisected.good, total=0))
    return tuple(facts)


def why_broke(found: Findings) -> Why:
    """Returns why that code could break it: what of the change ran, what its siblings do and it does not."""
    suspect = suspect_of(found)
    question = "Why could that change break it?" if found.change else "Which code is to blame?"
    said: list[str] = []
    facts: list[Fact] = []
    deviation = deviation_of(found, suspect)
    if found.change is not None:
        words, more = change_that_ran(found, found.change, suspect)
        said.append(words)
        facts += more
    if deviation is not None:
        said.append(deviation_words(deviation) + ".")
        facts += deviation_facts(found, deviation)
    if found.change and found.change.reverse:
        deciding = found.change.deciding[0] if found.change.deciding else None
        what = f"what it did at {deciding.path}:{deciding.start}" if deciding else "the whole change"
        said.append(f"Taking {what} out of head makes the replay find nothing.")
        facts.append(ReplayFact(commit=found.case.workspace.commit, diff=found.change.reverse, total=0))
    if found.change is None and found.locations:
        best = found.locations[0]
        where = (
            f"{best.function} ({best.path}:{best.start}-{best.end})" if best.function else f"{best.path}:{best.start}"
        )
        said.append(f"Most suspicious of what ran: {where}, compared with {plural(found.passing, 'passing run')}.")
        facts += lines_that_ran(found, best.path, best.start, best.end)
    answer = " ".join(part for part in said if part) or "unknown: no executed line of that change was found"
    return Why(question=question, answer=answer, facts=unique(facts))


def change_that_ran(found: Findings, change: Change, suspect: Function | None) -> tuple[str, list[Fact]]:
    """Returns which touched lines ran, in words and facts: those of a deciding piece first."""
    place = place_of_change(found, change, suspect)
    if place is None:
        return "", []
    path, start, end = place
    facts = lines_that_ran(found, path, start, end)
    inside = f" in {suspect.name}" if suspect else ""
    it_ran = any(isinstance(fact, TraceFact) for fact in facts)
    did = "ran in the replay" if it_ran else "stand where it changed the file"
    swap = swapped(change, suspect)
    return f"Its lines {path}:{start}-{end}{inside} {did}.{f' There {swap}.' if swap else ''}", facts


def deviation_facts(found: Findings, deviation: Deviation) -> list[Fact]:
    """Returns the lines of both places: where the practice is missing and where a sibling has it."""
    facts: list[Fact] = entry_facts(found, deviation.function)
    sibling = deviation.siblings[0]
    facts.append(lines_fact(found, sibling.path, sibling.top, min(sibling.end, sibling.top + LONGEST - 1)))
    return facts


def entry_facts(found: Findings, function: Function) -> list[Fact]:
    """Returns a function's first lines, and those of them that ran."""
    end = min(function.end, function.top + LONGEST - 1)
    facts: list[Fact] = [lines_fact(found, function.path, function.top, end)]
    lines = [line for line in found.head.trace.get(function.path, ()) if function.body <= line <= function.end]
    if lines and ran(function, lines):
        facts.append(
            TraceFact(commit=found.case.workspace.commit, path=function.path, lines=tuple(sorted(lines)[:LONGEST]))
        )
    return facts


def lines_that_ran(found: Findings, path: str, start: int, end: int) -> list[Fact]:
    """Returns the lines of a place, and those of them that ran (statements are traced by their first line)."""
    end = min(end, start + LONGEST - 1)
    first = statement_at(found.sources[path], start).start if path.endswith(".py") else start
    lines = tuple(sorted(line for line in found.head.trace.get(path, ()) if first <= line <= end))
    facts: list[Fact] = [lines_fact(found, path, start, end)]
    if lines:
        facts.append(TraceFact(commit=found.case.workspace.commit, path=path, lines=lines))
    return facts


def lines_fact(found: Findings, path: str, start: int, end: int) -> LinesFact:
    text = excerpt(found.sources[path], start, end)
    return LinesFact(commit=found.case.workspace.commit, path=path, start=start, text=text)


def rows_found(replay: object) -> int:
    result = getattr(replay, "result", None)
    return int(result.total) if result is not None else 0


def unique(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Returns facts without repetitions, in order; lines within longer quoted lines count as repeated."""
    kept = tuple({fact.model_dump_json(): fact for fact in facts}.values())
    lines = [fact for fact in kept if isinstance(fact, LinesFact)]
    return tuple(fact for fact in kept if not any(within(fact, other) for other in lines if other is not fact))


def within(fact: Fact, other: LinesFact) -> bool:
    """Tells whether a fact quotes lines that another one quotes as well, with more around them."""
    if not isinstance(fact, LinesFact) or (fact.path, fact.commit) != (other.path, other.commit):
        return False
    end, last = fact.start + fact.text.count("\n"), other.start + other.text.count("\n")
    return other.start <= fact.start and end <= last and (fact.start, end) != (other.start, last)


def is_unknown(why: Why) -> bool:
    """Tells whether an answer says that the evidence ends."""
    return why.answer.strip().lower().startswith("unknown")
