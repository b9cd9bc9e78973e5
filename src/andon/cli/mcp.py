"""`andon mcp`: a ticket's tools for a person's own coding agent, over MCP on stdio."""

from __future__ import annotations

from pathlib import Path

import click

from andon.cli.open import NUMBER, open_app, say_progress
from andon.config import person


@click.command()
@click.option(
    "--ticket", "-t", type=NUMBER, required=True, help="The ticket: open (to diagnose) or diagnosed (to fix)."
)
@click.option(
    "--tree",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Your work tree of the system, for the fix; the one you stand in when not given.",
)
@click.pass_context
def mcp(ctx: click.Context, ticket: int, tree: Path) -> None:
    """Serve a ticket's tools over MCP on stdio, to a coding agent of your own (Claude Code, Codex, ...)."""
    from andon.agents.tools.mcp import serve_stdio
    from andon.byhand import Session, tree_of

    with open_app(ctx, say_progress) as app, Session(app, ticket, who=person(), tree=tree_of(tree)) as session:
        serve_stdio(session)
