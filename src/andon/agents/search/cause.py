"""Names what is to blame among what was found, in words; it looks for nothing new."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from andon.agents.search.deviance import Deviation
from andon.agents.search.findings import Change, Findings, strong_contrasts
from andon.agents.search.lineage import Writer
from andon.agents.search.localise import ranges
from andon.agents.search.source import Block, Function, Lines, code_lines, functions_of
from andon.agents.search.terms import equal_value
from andon.quoting import visible

SHOWN = 3
LONGEST_PIECE = 6
"""Lines of a piece of a change that is told in full."""
PLAIN = 0.6
"""Score from which a deviation is believed before the piece of the change that decides."""


def place_of_change(found: Findings, change: Change, suspect: Function | None) -> tuple[str, int, int] | None:
    """Returns (path, start, end) of what the change did in a function (None: outside of all); None when nothing."""
    for block in change.deciding:
        start, end = block.lines[0], block.lines[-1]
        if suspect is None or (block.path == suspect.path and suspect.top <= end and start <= suspect.end):
            return block.path, max(start, suspect.top) if suspect else start, min(end, suspect.end) if suspect else end
    places = [
        (path, start, min(end, suspect.end) if suspect else end)
        for path, lines in change.touched.items()
        for start, end in ranges(set(lines) & set(found.head.trace.get(path, ())) or set(lines), gap=2)
        if suspect is None or (path == suspect.path and suspect.top <= start <= suspect.end)
    ]
    return max(places, key=lambda place: place[2] - place[1], default=None)


def swapped(change: Change, suspect: Function | None) -> str:
    """Returns what a small piece of the change put in place of what; empty for an addition or a large piece."""
    for block in change.deciding or change.blocks:
        if suspect and not (block.path == suspect.path and suspect.top <= block.start <= suspect.end + 1):
            continue
        old, new = (" ".join(code_lines(lines)) for lines in (block.old, block.new))
        if old and max(len(block.old), len(block.new)) <= LONGEST_PIECE:
            return (
                f"`{visible(old, 200)}` became `{visible(new, 200)}`"
                if new
                else f"`{visible(old, 200)}` was taken away"
            )
    return ""


def root_cause(found: Findings) -> str:
    """Returns the cause in one plain sentence: which rows, which function, which commit, what is wrong with it."""
    suspect = suspect_of(found)
    deviation = deviation_of(found, suspect)
    best = found.locations[0] if found.locations else None
    terms = telling_terms(found)
    rows = f"Rows with {terms}" if terms else f"The rows that {found.case.check.name} reports"
    place = f"{suspect.name} ({suspect.path}:{suspect.start})" if suspect else ""
    if constant := constant_of(found) if suspect is None else None:
        place = f"{assigned(constant)}{constant.path}:{constant.start}"
    place = place or (f"{best.path}:{best.start}" if best else "code that was not found")
    own = suspect is not None and any(writer.function == suspect for writer in found.wrote)
    parts = [f"{rows} {'are written by' if own else 'come from'} {place}"]
    if found.change is not None:
        came = (
            "came with" if suspect and suspect.start in found.change.added.get(suspect.path, ()) else "was changed by"
        )
        entry = found.change.entry
        parts.append(f"which {came} commit {entry.commit[:10]} '{visible(entry.subject, 80)}'")
    if deviation is not None:
        parts[-1] += (
            f" and {deviation_words(deviation, subject='') if len(parts) > 1 else deviation_words(deviation, 'it')}"
        )
    elif found.change is not None and (swap := swapped(found.change, suspect)):
        parts[-1] += f", where {swap}"
    elif best is not None and best.function and found.change is None:
        parts.append(f"most likely from its lines {best.start}-{best.end}")
    sentence = ", ".join(parts)
    return sentence if own or not found.wrote else f"{sentence}; they are written by {place_of_writer(found.wrote[0])}"


def assigned(block: Block) -> str:
    """Returns the name that a piece outside of all functions assigns, with ` in ` behind it; else nothing."""
    name = re.match(r"\s*(\w+)\s*(?::[^=]+)?=", "\n".join(block.new))
    return f"{name[1]} in " if name else ""


def telling_terms(found: Findings) -> str:
    """Returns the terms of the strongest contrast, with the value that stands in the code when that is another one."""
    strong = strong_contrasts(found.case.brief.contrasts)
    if not strong:
        return ""
    named = next((one for one in strong if any(origin_of(found, term) for term in one.terms)), strong[0])
    terms = dict.fromkeys((*strong[0].terms, *named.terms))
    return terms_of(list(terms)[:SHOWN])


def origin_of(found: Findings, term: str) -> bool:
    pair = equal_value(term)
    return pair is not None and any(repr(pair[1]) in ast.unparse(one.node) for one in found.origins)


def suspect_of(found: Findings) -> Function | None:
    """Returns the function to blame: one that plainly deviates, else a deciding piece's, else the most suspicious.

    None when a deciding piece lies outside of all functions, in a constant.
    """
    plain = [one for one in found.deviations if one.score >= PLAIN or not found.change]
    if plain and plain[0].function in found.suspects:
        return plain[0].function
    if constant_of(found):
        return None
    order = {(place.path, place.function): -index for index, place in enumerate(reversed(found.locations))}
    known = [one for one in found.suspects if (one.path, one.name) in order]
    if known and found.change:
        return min(known, key=lambda one: order[one.path, one.name])
    for location in found.locations:
        for function in functions_of(location.path, found.sources.get(location.path, "")):
            if function.name == location.function and location.function:
                return function
    return None


def constant_of(found: Findings) -> Block | None:
    """Returns the deciding piece that lies outside of all functions, when every deciding piece does."""
    deciding = found.change.deciding if found.change else ()
    outside = [block for block in deciding if block.new and not inside_function(found, block)]
    return outside[0] if outside and len(outside) == len(deciding) else None


def inside_function(found: Findings, block: Block) -> bool:
    known = functions_of(block.path, found.sources[block.path])
    return any(one.top <= line <= one.end for one in known for line in block.lines)


def holds(touched: Lines, function: Function) -> bool:
    return any(function.top <= line <= function.end for line in touched.get(function.path, ()))


def deviation_of(found: Findings, suspect: Function | None) -> Deviation | None:
    return next((one for one in found.deviations if suspect and one.function == suspect), None)


def deviation_words(deviation: Deviation, subject: str | None = None) -> str:
    """Returns a deviation as a clause, such as `fetch_b lacks @retrying, which 2 of 2 sibling functions have (...)`."""
    names = ", ".join(f"{one.name} ({one.path}:{one.start})" for one in deviation.siblings[:SHOWN])
    who = (
        f"{deviation.function.name} ({deviation.function.path}:{deviation.function.start})"
        if subject is None
        else subject
    )
    of = f"{len(deviation.siblings)} of {plural(deviation.of, 'sibling function')}"
    verb = "has" if deviation.of == 1 else "have"
    return f"{who} lacks {visible(deviation.lacks, 120)}, which {of} {verb} ({names})".strip()


def place_of_writer(writer: Writer) -> str:
    place = f"{writer.path}:{writer.start}"
    return f"{writer.function.name} ({place})" if writer.function else place


def terms_of(terms: Sequence[str]) -> str:
    return " and ".join(visible(term, 120) for term in terms)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
