"""Writes text of others as Markdown that shows it unchanged, with as few escapes as that takes; it shortens by no word.

What is stored never changes. `andon.quoting` tells which characters may be seen at all.
"""

from __future__ import annotations

import re

from andon.quoting import LINE_LIMIT, length_note, longest_run, visible

SPAN = re.compile(r"(?<!`)(`[^`]*[^`\s][^`]*`)(?!`)")
"""A code span that the text itself holds: it stays one, as nothing in it can act."""
ENTITY = re.compile(r"&(?=#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]*;)")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
LINK = re.compile(r"\][(\[:]")
BLOCK = re.compile(
    r"(?P<number>\d{1,9}(?=[.)](?:\s|$)))|[-+*](?=\s|$)|#(?=#{0,5}(?:\s|$))|>|([-_*])(?=(?:\s*\2){2,}\s*$)"
)
"""What begins a list, a heading, a quote or a rule at the beginning of a line."""
PAIRED = {"*": re.compile(r"(?<!\s)\*|\*(?!\s)"), "_": re.compile(r"_+"), "~": re.compile("~")}


def prose(text: str, limit: int = LINE_LIMIT, *, opens: bool = False) -> str:
    """Returns text as one line of Markdown prose that reads as the text does; a code span in it stays a code span.

    `opens` tells that it begins a line, where more characters mean something.
    """
    shown = visible(text, limit).strip()
    pieces = SPAN.split(shown)
    plain = "\0".join(pieces[::2])
    escaped = escape(plain).split("\0")
    spans = [*pieces[1::2], ""]
    whole = "".join(piece + span for piece, span in zip(escaped, spans, strict=True))
    if opens and (found := BLOCK.match(shown)) and not whole.startswith("\\"):
        place = found.end() if found["number"] else 0
        whole = f"{whole[:place]}\\{whole[place:]}"
    return whole + length_note(text, limit)


def escape(text: str) -> str:
    """Returns text, which holds no code span, with a backslash before what Markdown would take for more than it is."""
    text = re.sub(r"\\(?=[!-/:-@\[-`{-~\0]|$)", r"\\\\", text)
    text = text.replace("`", "\\`")
    text = ENTITY.sub(r"\\&", text)
    if TAG.search(text):
        text = re.sub(r"[<>]", r"\\\g<0>", text)
    if LINK.search(text):
        text = re.sub(r"[\[\]]", r"\\\g<0>", text)
    for mark, active in PAIRED.items():
        found = [one for one in active.finditer(text) if not (mark == "_" and is_inside_word(text, one))]
        if sum(len(one[0]) for one in found) > 1:
            for one in reversed(found):
                text = text[: one.start()] + f"\\{mark}" * len(one[0]) + text[one.end() :]
    return text


def is_inside_word(text: str, run: re.Match[str]) -> bool:
    """Tells whether underscores stand inside a word, or apart from any, where they mark nothing."""
    before, after = text[: run.start()][-1:], text[run.end() :][:1]
    return (before.isalnum() and after.isalnum()) or (not before.strip() and not after.strip())


def code(text: str, limit: int = LINE_LIMIT) -> str:
    """Returns text as one Markdown code span in which nothing is escaped, for it needs none."""
    inside = visible(text, limit)
    ticks = "`" * (longest_run(inside) + 1)
    pad = " " if not inside.strip() or "`" in (inside[0], inside[-1]) else ""
    return f"{ticks}{pad}{inside}{pad}{ticks}{length_note(text, limit)}"


def cell(text: str, limit: int = LINE_LIMIT) -> str:
    """Returns text as a code span for a cell of a table, where a bar would end the cell."""
    return code(text, limit).replace("|", "\\|")
