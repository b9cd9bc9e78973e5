"""Parses Python source, also of some newer Pythons than andon runs on: what it cannot know stands as blanks."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Sequence
from typing import NamedTuple

OWN = f"Python {sys.version_info.major}.{sys.version_info.minor}"
"""What andon itself runs on."""
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


class Blank(NamedTuple):
    """A piece of a source that an older Python reads otherwise."""

    start: tuple[int, int]
    end: tuple[int, int]
    by: str = ""
    """What stands at its start; the rest is blanks."""


def parse(text: str) -> ast.Module:
    """Returns the tree of a source; places in it are those of the text.

    Parameters of types, the word `type` of an alias, and commas between exceptions (3.12 to 3.14) are read as what an
    older Python knows in their place.

    Raises:
        SyntaxError: it is no Python that andon's own can read.
        ValueError: it holds a null byte.
    """
    try:
        return ast.parse(text)
    except SyntaxError:
        older = as_older(text)
        if older == text:
            raise
        return ast.parse(older)


def as_older(text: str) -> str:
    """Returns a source with newer syntax blanked out, of the same lines and, in bytes, the same places."""
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type not in (tokenize.NL, tokenize.COMMENT)
        ]
    except (tokenize.TokenError, SyntaxError):  # an open bracket, or dedents that fit nothing
        return text
    lines = text.split("\n")  # as tokens count them: a form feed ends none
    for blank in sorted(blanks(tokens), reverse=True):
        blank_out(lines, blank)
    return "\n".join(lines)


def blanks(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[Blank]:
    """Yields what is to be blanked out."""
    for at, token in enumerate(tokens[:-2]):
        begins = not at or tokens[at - 1].type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        following, after = tokens[at + 1 : at + 3]
        if token.string in ("def", "class") and after.string == "[":
            yield from bracketed(tokens, at + 2)
        elif token.string == "type" and begins and following.type == tokenize.NAME and after.string in ("=", "["):
            yield Blank(token.end, following.start, ";")  # the name `type`, and an assignment
            yield from bracketed(tokens, at + 2) if after.string == "[" else ()
        elif token.string == "except" and begins:
            yield from separated(tokens, at + 1)


def bracketed(tokens: Sequence[tokenize.TokenInfo], at: int) -> Iterator[Blank]:
    """Yields the brackets that open at a token, with what is in them."""
    deep = 0
    for token in tokens[at:]:
        deep += (token.string in OPENING) - (token.string in CLOSING)
        if not deep:
            yield Blank(tokens[at].start, token.end)
            return


def separated(tokens: Sequence[tokenize.TokenInfo], at: int) -> Iterator[Blank]:
    """Yields the commas between the exceptions of a clause without brackets, read as if they were `|`."""
    deep = 0
    for token in tokens[at:]:
        deep += (token.string in OPENING) - (token.string in CLOSING)
        if not deep and token.string in (":", "as"):
            return
        if not deep and token.string == ",":
            yield Blank(token.start, token.end, "|")


def blank_out(lines: list[str], blank: Blank) -> None:
    """Replaces a piece by what stands for it, line by line."""
    (first, left), (last, right) = blank.start, blank.end
    for number in range(first, last + 1):
        line = lines[number - 1]
        start, end = (left if number == first else 0), (right if number == last else len(line.rstrip("\r")))
        size = len(line[start:end].encode())
        piece = blank.by.ljust(size) if number == last else "\\".rjust(size)  # the line goes on in the next one
        lines[number - 1] = line[:start] + piece + line[end:]
