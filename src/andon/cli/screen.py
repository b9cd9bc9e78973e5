"""Prints Markdown for people: rich in a terminal, plain text in a pipe."""

from __future__ import annotations

import sys

import click


def print_markdown(text: str) -> None:
    """Prints Markdown, rendered when stdout is a terminal."""
    if not sys.stdout.isatty():
        click.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text, code_theme="ansi_dark"))
