"""`andon check`: asks checks now and prints like pytest; it moves no watermark and opens no ticket."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from andon.app import App
from andon.cli.open import open_app
from andon.errors import NotFoundError
from andon.models import Check


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--system", "-s", help="The system to ask; needed where andon.toml has several.")
@click.option("--full", is_flag=True, help="Ask incremental checks from the beginning, not from the watermark.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the results as JUnit XML too.")
@click.pass_context
def check(
    ctx: click.Context, names: tuple[str, ...], system: str | None, *, full: bool, as_json: bool, junit: Path | None
) -> None:
    """Ask the checks now (all, or these). Exit code 0: ok. 1: one is failing. 2: one could not be asked."""
    from andon import asking
    from andon.checks import as_json as to_json
    from andon.checks import exit_code, render
    from andon.checks import junit as to_junit

    with open_app(ctx) as app:
        name = app.config.system_name(system)
        chosen = choose(app.checks(name), names)
        watermarks = {} if full or not any(one.incremental for one in chosen) else stored_watermarks(app, name)
        results = asking.ask_now(app, name, chosen, watermarks)
    if junit is not None:
        junit.write_text(to_junit(results), encoding="utf-8")
    click.echo(to_json(results) if as_json else "\n".join(colourful(line) for line in render(results)))
    ctx.exit(exit_code(results))


def colourful(line: str) -> str:
    """Returns a line of the report with its state in colour; click leaves colours out of a pipe."""
    for state, colour in (
        (" ok ", "green"),
        (" FAILING", "red"),
        (" failing", "red"),
        (" ERROR", "yellow"),
        (" error", "yellow"),
    ):
        if state in f"{line} " and not line.startswith(("_", " ")):
            return line.replace(state.strip(), click.style(state.strip(), fg=colour), 1)
    return line


def stored_watermarks(app: App, system: str) -> dict[str, datetime]:
    """Returns the watermarks of the loop's last sweep; none when the loop has never run here."""
    url = app.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return {}
    return dict(app.store.watermarks(system))


def choose(checks: tuple[Check, ...], names: tuple[str, ...]) -> tuple[Check, ...]:
    """Returns the checks of these names, or all.

    Raises:
        NotFoundError: one does not exist; names the nearest.
    """
    import difflib

    known = {one.name: one for one in checks}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
            raise NotFoundError(f"no check {name!r}; {hint}")
    return tuple(known[name] for name in names) if names else checks
