"""Lays Markdown out for a terminal; what one copies is whole: code keeps its lines, a wide table becomes records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, ListItem, Markdown, MarkdownElement, TableElement
from rich.segment import Segment
from rich.syntax import Syntax
from rich.text import Text

GAP = "  "
"""Between two columns."""


class Code(CodeBlock):
    """A block of code with the lines that it has, however narrow the terminal is."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del options
        code = str(self.text).rstrip()
        for line in Syntax(code, self.lexer_name, theme=self.theme).highlight(code).split("\n"):
            yield from line.render(console, end="\n")


class Item(ListItem):
    """An item of a list whose lines are not cut: there may be code in it."""

    def render_bullet(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Gives the item behind a dash."""
        yield from self._behind("- ", console, options)

    def render_number(self, console: Console, options: ConsoleOptions, number: int, last_number: int) -> RenderResult:
        """Gives the item behind its number."""
        yield from self._behind(f"{number}.".ljust(len(f"{last_number}. ")), console, options)

    def _behind(self, mark: str, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        inside = console.render(self.elements, options.update(width=max(20, options.max_width - len(mark))))
        for number, line in enumerate(Segment.split_lines(inside)):
            yield Segment(mark if number == 0 else " " * len(mark))
            yield from line
            yield Segment.line()


class Rows(TableElement):
    """A table: in columns where the terminal has room for them, else a record a row."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = _cells(self.header.row if self.header else None)
        rows = [_cells(row) for row in self.body.rows] if self.body else []
        widths = [max(cell_len(row[place].plain) for row in (names, *rows)) for place in range(len(names))]
        if sum(widths) + len(GAP) * (len(widths) - 1) <= options.max_width:
            for row in (names, *rows):
                yield from _line(row, widths, console)
            return
        width = max((cell_len(name.plain) for name in names), default=0)
        for number, row in enumerate(rows):
            if number:
                yield Segment.line()
            for name, value in zip(names, row, strict=True):
                yield from _line([name, value], [width, 0], console)


class Page(Markdown):
    """Markdown in which code, lists and tables keep all that they hold."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": Code,
        "code_block": Code,
        "list_item_open": Item,
        "table_open": Rows,
    }


def _cells(row: object) -> list[Text]:
    """Returns the texts of a row of a table."""
    return [cell.content for cell in getattr(row, "cells", ())]


def _line(cells: list[Text], widths: list[int], console: Console) -> Iterable[Segment]:
    """Gives the cells of a row side by side, each as wide as its column; the last one as it is."""
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        yield from cell.render(console)
        if place + 1 < len(cells):
            yield Segment(" " * (width - cell_len(cell.plain)) + GAP)
    yield Segment.line()
