"""What is wrong with a statement, and in which of its lines; it never knows the file that the statement stands in."""

from __future__ import annotations

from andon.errors import DataError


class SqlError(DataError):
    """The statement itself cannot be asked: it does not parse, is refused, or names what is not there."""

    def __init__(self, words: str, *, line: int | None = None) -> None:
        """Takes what is wrong and the line of the statement where it is, counted from 1; None where nobody can tell."""
        super().__init__(f"{words} (line {line})" if line else words, permanent=True)
        self.words = words
        self.line = line


def line_at(sql: str, place: int) -> int:
    """Returns the line, counted from 1, of the character at a place counted from 0."""
    return sql.count("\n", 0, max(place, 0)) + 1


def line_of(sql: str, word: str) -> int | None:
    """Returns the one line that holds a word; None when none or several do, as then nobody can tell which is meant."""
    lines = [number for number, text in enumerate(sql.split("\n"), 1) if word.lower() in text.lower()] if word else []
    return lines[0] if len(lines) == 1 else None
