"""Prints Markdown for people: laid out in a terminal, as it is in a pipe; code and rows are never wrapped or cut."""

from __future__ import annotations

import sys

import click


def print_markdown(text: str) -> None:
    """Prints Markdown, laid out when stdout is a terminal."""
    if not sys.stdout.isatty():
        click.echo(text.rstrip("\n"))
        return
    from rich.console import Console

    from andon.cli.layout import Page

    # No crop: a line of code that is longer than the terminal is wide is the terminal's to wrap, and copies whole.
    Console().print(Page(text, code_theme="ansi_dark", hyperlinks=False), crop=False)
