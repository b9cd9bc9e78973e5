"""Hostile text cannot steer a terminal, rich, or a Markdown reader."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.markup import render
from rich.text import Text

from andon.quoting import fence, quote, visible

NASTY = (
    "[]{}()<>`*_~#|\\/!&@:;=\"'\n\r\t\x00\x07\x1b\x7f\x9b\u202e\u2066\u200b\u200d\ufeff\u2028\U000e0041\u3164é漢🙂abc"
)
hostile = st.text(alphabet=st.one_of(st.sampled_from(NASTY), st.characters()), max_size=60)
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(hostile)
@example("\x1b[31mred\x1b[0m")
@example("a\u202egnp.exe")
def test_nothing_hidden_survives(text: str) -> None:
    for shown in (visible(text), quote(text), fence(text).replace("\n", "")):
        assert not [character for character in shown if unicodedata.category(character) in HIDDEN]


@given(hostile)
@example("` <script>alert(1)</script> `")
@example("``")
@example("[a](javascript:b)")
@example(" ")
@example("x\n\n# title")
def test_markdown_sees_only_a_code_span(text: str) -> None:
    (block,) = [token for token in MarkdownIt().parse(f"- before {quote(text)} after") if token.type == "inline"]
    assert block.children is not None
    assert [child.type for child in block.children] == ["text", "code_inline", "text"]
    assert block.children[0].content == "before "
    assert block.children[2].content == " after"


@given(hostile)
@example("```\n# out of the block\n```")
def test_markdown_sees_only_a_fenced_block(text: str) -> None:
    tokens = MarkdownIt().parse(f"{fence(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(hostile)
@example("[red]x[/red]")
@example("\\[red]x")
@example("\\\\[link=http://x]y[/link]")
@example("[/]")
@example("[@click=app.quit]x")
def test_rich_finds_no_tag(text: str) -> None:
    for shown in (quote(text), fence(text)):
        rendered: Text = render(shown, emoji=False)
        assert rendered.spans == []
        assert rendered.plain.replace("\\", "") == shown.replace("\\", "")


@pytest.mark.parametrize("text", ["retry-after: 5", "list[int]", "price >= 3.0", "Grüße, 漢字 🙂"])
def test_plain_text_stays_readable(text: str) -> None:
    assert visible(text) == text


def test_what_is_cut_says_how_long_it_was() -> None:
    shown = quote("a" * 2_000_000, 10)
    assert shown == "`aaaaaaaaaa…` (2,000,000 characters in all)"
    assert fence("b" * 5000, 100).splitlines()[-2] == "… (5,000 characters in all)"


def test_letters_buried_in_marks_show_only_a_few() -> None:
    shown = visible("e" + "\u0301" * 50)
    assert sum(1 for character in shown if unicodedata.combining(character)) == 3
