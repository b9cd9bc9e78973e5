"""`andon check`: asks checks now and prints like pytest; it moves no watermark and opens no ticket."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from andon.app import App
from andon.cli.open import open_app
from andon.errors import NotFoundError
from andon.models import Check, CheckResult, CheckState


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
    from andon.checks import as_json as to_json
    from andon.checks import junit as to_junit
    from andon.checks import render

    with open_app(ctx) as app:
        name = app.config.system_name(system)
        chosen = choose(app.checks(name), names)
        watermarks = {} if full or not any(one.incremental for one in chosen) else stored_watermarks(app, name)
        results = ask_now(app, name, chosen, watermarks)
    if junit is not None:
        junit.write_text(to_junit(results), encoding="utf-8")
    click.echo(to_json(results) if as_json else render(results, chosen, colour=use_colour()))
    states = {result.state for result in results}
    ctx.exit(2 if CheckState.ERROR in states else 1 if CheckState.FAILING in states else 0)


def ask_now(
    app: App, system: str, chosen: tuple[Check, ...], watermarks: dict[str, datetime]
) -> tuple[CheckResult, ...]:
    """Returns what the checks give now, without saving anything."""
    from andon.checks import ask_all

    needs_data = any(one.kind in ("sql", "python") for one in chosen)
    if needs_data and app.config.system(system).data:
        app.find_data(system)  # refuses a login that can write, before any question is asked
    pings = app.store.pings(system) if any(one.kind == "heartbeat" for one in chosen) else {}
    return ask_all(
        chosen,
        open_data=lambda: app.open_data(system),
        watermarks=watermarks,
        now=app.now(),
        root=app.check_root(system),
        pings=pings,
    )


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


def use_colour() -> bool:
    """Tells whether stdout is a terminal that wants colours."""
    import sys

    from andon.config import env_flag

    return sys.stdout.isatty() and not env_flag("NO_COLOR")
