"""Opens the configuration and the app for a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import JsonValue

from andon.app import App, silent
from andon.config import Config, find_file, load
from andon.errors import NotFoundError

LARGEST = 2**31 - 1
NUMBER = click.IntRange(1, LARGEST)
"""A ticket's number, as databases keep it."""


def open_config(ctx: click.Context) -> Config:
    """Returns the configuration that a command was pointed at, or the nearest one."""
    path = ctx.obj if isinstance(ctx.obj, Path) else find_file(Path.cwd())
    return load(path)


@contextmanager
def open_app(ctx: click.Context, progress: Callable[[int, str], None] = silent) -> Iterator[App]:
    """Gives the app of the configuration and closes it at the end."""
    with App(open_config(ctx), progress=progress) as app:
        yield app


def say_progress(ticket: int, text: str) -> None:
    """Prints one line of progress to stderr, so that stdout stays for what was asked."""
    label = f"ticket {ticket}  " if ticket else ""
    click.echo(click.style(f"  {label}{text}", dim=True), err=True)


def print_json(value: JsonValue) -> None:
    """Prints a value as JSON, for scripts."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def some_words(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Returns what was typed; blank words are refused, as nobody could read them later."""
    if value is not None and not value.strip():
        raise click.BadParameter("say it in words; it is blank", ctx=ctx, param=param)
    return value


def ticket_number(text: str) -> int | None:
    """Returns the number that a text is, or None when it is a name.

    Raises:
        NotFoundError: no ticket can have such a number.
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    if not 1 <= int(text) <= LARGEST:
        raise NotFoundError(f"there is no ticket {text[:40]}")
    return int(text)
