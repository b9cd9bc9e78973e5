"""Text of others as Markdown: what a reader sees is the text, and no backslash stands where none is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from andon.packet.wording import SPAN, cell, code, prose

MARKS = ["a", "b ", "`", "``", "*", "**", "_", "__", "~~", "[", "](", "]:", "<b>", "</", "&amp;", "# ", "> ", "- "]
MARKS += ["1. ", "\\", " ", "http://x", "|", "---", "==="]
TEXTS = st.text(alphabet=[*'ab1 `*_~[]()<>!#&;:|\\-+./="é'], max_size=14) | st.lists(
    st.sampled_from(MARKS), max_size=8
).map("".join)


def seen(markup: str) -> str:
    """Returns what a reader of Markdown sees; whatever is more than a paragraph of text shows as its name."""

    def words(tokens: Iterable[Token]) -> Iterable[str]:
        for token in tokens:
            if token.children:
                yield from words(token.children)
            elif token.content:
                yield token.content
            elif token.type not in ("paragraph_open", "paragraph_close", "inline", "text"):
                yield f"<{token.type}>"

    return "".join(words(MarkdownIt().enable("strikethrough").enable("table").parse(markup)))


def plain(text: str) -> str:
    """Returns text with runs of spaces as one, as Markdown shows them."""
    return re.sub(" +", " ", text).strip()


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_prose_reads_as_the_text_does_wherever_it_stands(text: str) -> None:
    wanted = plain(SPAN.sub(lambda span: span[0][1:-1], text.strip()))
    assert plain(seen(prose(text, opens=True))) == wanted
    assert plain(seen(f"Why: {prose(text)}").removeprefix("Why:")) == wanted


@settings(max_examples=300, deadline=None)
@given(TEXTS.filter(str.strip))
def test_value_in_a_table_stays_one_cell_and_reads_as_it_is(text: str) -> None:
    told = seen(f"| x | y |\n|---|---|\n| {cell(text)} | end |\n")
    assert plain(text) in plain(told)
    assert told.count("<td_open>") == 2


@pytest.mark.parametrize(
    "text",
    [
        "no-empty_pictures is red: 26 rows (of 100), 3 * 4 < 20 & more > less",
        "tickets #12 and ~5 more; costs $3; see `andon review 1` [sic]!",
        "C:\\temp is gone",
    ],
)
def test_no_backslash_stands_where_markdown_changes_nothing(text: str) -> None:
    assert prose(text) == text


def test_nothing_inside_code_is_escaped() -> None:
    assert code("[red] a_b *c* <d>") == "`[red] a_b *c* <d>`"
    assert prose("run `git -C x[1] log *.py` now") == "run `git -C x[1] log *.py` now"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "[click](javascript:alert(1))", "# Approved", "![x](y)"])
def test_markup_of_others_stays_text(text: str) -> None:
    assert seen(prose(text, opens=True)) == text
