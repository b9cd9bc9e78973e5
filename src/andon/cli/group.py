"""All commands as one group, each imported when it is called, and how an error is told; it decides nothing."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from typing import NoReturn

import click

from andon import __version__
from andon.errors import AndonError

COMMANDS = {
    "init": ("andon.cli.setup", "Write a working andon.toml and a first check for this repository."),
    "doctor": ("andon.cli.setup", "Tell, line by line, whether each thing the loop stands on really works."),
    "grants": ("andon.cli.setup", "Print the SQL that makes the data login one that can only read."),
    "check": ("andon.cli.check", "Ask the checks now; exit 0 when all are ok, 1 when one fails, 2 on an error."),
    "up": ("andon.cli.up", "Run the loop: sweeps, diagnosis, fixes, releases, watching."),
    "tickets": ("andon.cli.tickets", "List tickets, or keep a new one."),
    "show": ("andon.cli.tickets", "Show everything known about a ticket."),
    "diagnose": ("andon.cli.work", "Find the cause of one failing check; no code is touched."),
    "fix": ("andon.cli.work", "Write and prove a fix for a diagnosed ticket, now."),
    "judge": ("andon.cli.judge", "Prove a ticket's patch again, or the change between two commits anywhere."),
    "mcp": ("andon.cli.mcp", "Serve a ticket's tools over MCP to a coding agent of your own."),
    "skill": ("andon.cli.skill", "Print a SKILL.md that teaches a coding agent to work with andon."),
    "review": ("andon.cli.tickets", "Show the one packet that a person signs."),
    "approve": ("andon.cli.tickets", "Sign a ticket's patch: it ships."),
    "reject": ("andon.cli.tickets", "Send a ticket's patch back, with the reason."),
    "close": ("andon.cli.tickets", "End a ticket that needs nothing more."),
    "reopen": ("andon.cli.tickets", "Open an ended or escalated ticket again."),
    "budget": ("andon.cli.budget", "Show what a ticket's cause and the day have cost, or add to a cause's limits."),
    "demo": ("andon.cli.demo", "Break a real pipeline and watch the loop mend it."),
}


class Lazy(click.Group):
    """Imports a command's module only when that command is called: `andon check` must start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the commands in the order a newcomer needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command by name, or None."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="andon")
@click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The andon.toml to use; found here or above when not given.",
)
@click.pass_context
def andon(ctx: click.Context, path: Path | None) -> None:
    """Keep running systems running: red check, root cause, proven fix, your signature, release, quiet alert."""
    ctx.obj = path
    ctx.color = False if without_colour() else None


def without_colour() -> bool:
    """Tells whether the person asked every program for no colours (https://no-color.org)."""
    from andon.config import is_set

    return is_set("NO_COLOR")


def run() -> None:
    """Runs the command line; an error of andon's own, or of the disk, is one clear line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no arrows still gets the words
    try:
        code = andon(standalone_mode=False, prog_name="andon")
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort as error:
        click.echo("stopped", err=True)
        sys.exit(getattr(error.__cause__, "code", 130))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code if error.exit_code != 1 else 2)
    except BrokenPipeError:
        sys.exit(141)  # the reader of a pipe went away (`andon tickets | head`)
    except AndonError as error:
        end(str(error))
    except OSError as error:
        end(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))


def end(words: str) -> NoReturn:
    """Prints what went wrong and ends with exit code 2."""
    label = click.style("error:", fg=None if without_colour() else "red", bold=True)
    click.echo(f"{label} {words}", err=True)
    sys.exit(2)
