"""Makes text that others wrote safe to show: one place decides how, and it never changes what is stored."""

from __future__ import annotations

import re
import unicodedata

LINE_LIMIT = 200
"""Characters of a value that are shown in a line."""
BLOCK_LIMIT = 4000
"""Characters of a text that are shown in a block."""
MARKS_IN_A_ROW = 3
"""More combining marks than this on one letter draw over the lines around it."""

BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f")
"""Letters and marks that show nothing, though Unicode does not call them format characters."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""Unicode categories that steer, hide or reorder text instead of being seen."""

# What rich takes for a tag: a bracket before one of these characters, with an even number of backslashes in front.
TAG = re.compile(r"(\\*)\[(?=[a-z#/@])")


def quote(text: str, limit: int = LINE_LIMIT) -> str:
    """Returns hostile text as one Markdown code span: nothing in it can act as markup or move a cursor.

    Control, format, bidi and invisible characters are shown as escapes (`\\x1b`, `\\u202e`), and what is longer than
    `limit` is cut, with the full length said after the span.
    """
    inside = escape_tags(visible(text, limit))
    ticks = "`" * (longest_run(inside) + 1)
    pad = " " if not inside.strip() or "`" in (inside[0], inside[-1]) else ""
    return f"{ticks}{pad}{inside}{pad}{ticks}{length_note(text, limit)}"


def prose(text: str, limit: int = LINE_LIMIT) -> str:
    """Returns hostile text as plain Markdown prose: one line, whatever Markdown or rich would read is escaped."""
    return re.sub(r"([\\`*_\[\]<>#|~!&])", r"\\\1", visible(text, limit)) + length_note(text, limit)


def fence(text: str, limit: int = BLOCK_LIMIT, language: str = "") -> str:
    """Returns hostile text as a fenced Markdown block of its lines; otherwise as `quote`."""
    lines = [escape_tags(visible(line, limit)) for line in text[:limit].splitlines() or [""]]
    note = length_note(text, limit)
    if note:
        lines.append("…" + note)
    ticks = "`" * max(3, max(longest_run(line) for line in lines) + 1)
    return "\n".join((ticks + language, *lines, ticks))


def counted(count: int, word: str) -> str:
    """Returns a count with its word, in the singular where it is one: `1 row`, `1,204 rows`."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def visible(text: str, limit: int = LINE_LIMIT) -> str:
    """Returns text as one line of characters that can be seen; plain, so Markdown and rich markup in it stay alive.

    For whatever prints without interpreting (rich `Text`, JSON, a log).
    """
    shown: list[str] = []
    marks = 0
    for character in text[:limit]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        shown.append(character if is_plain(character) and marks <= MARKS_IN_A_ROW else escaped(character))
    return "".join(shown) + ("…" if len(text) > limit else "")


def is_plain(character: str) -> bool:
    """Tells whether a character is seen as itself and changes nothing around it."""
    if " " <= character <= "~":
        return True
    if character in BLANKS or "\ufe00" <= character <= "\ufe0f" or "\U000e0000" <= character <= "\U000e0fff":
        return False
    return unicodedata.category(character) not in HIDDEN


def escaped(character: str) -> str:
    """Returns a character as Python would write it in a literal."""
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    code = ord(character)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def escape_tags(text: str) -> str:
    """Returns text in which rich finds no tag; Markdown shows the added backslash, plain eyes can live with it."""

    def odd(found: re.Match[str]) -> str:
        slashes = found[1] if len(found[1]) % 2 else found[1] + "\\"
        return slashes + "["

    return TAG.sub(odd, text)


def longest_run(text: str) -> int:
    """Returns the length of the longest run of backticks."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def length_note(text: str, limit: int) -> str:
    """Returns the words that tell the full length of a text that was cut; empty when it was not."""
    return f" ({len(text):,} characters in all)" if len(text) > limit else ""
