"""`andon init`, `doctor`, `grants`: what a person needs before the loop can be trusted with a system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from andon.cli.open import open_config, print_json
from andon.config import FILE_NAME, find_file
from andon.errors import ConfigError
from andon.quoting import visible

if TYPE_CHECKING:
    from andon.app import App

STATES = {
    "works": ("ok", "green"),
    "weak": ("weak", "yellow"),
    "broken": ("broken", "red"),
    "not looked at": ("-", "bright_black"),
}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=".", help="The repository.")
@click.option("--force", is_flag=True, help="Write over an andon.toml that is there.")
def init(folder: Path, *, force: bool) -> None:
    """Write a working andon.toml for the repository one stands in, and a first check."""
    from andon.starter import survey, write

    path = folder.resolve() / FILE_NAME
    if not path.parent.is_dir():
        raise ConfigError("is no folder", file=path.parent)
    if path.exists() and path.read_text(encoding="utf-8", errors="replace").strip() and not force:
        raise ConfigError("is there already; --force writes over it", file=path)
    found = survey(folder.resolve())
    written = write(found, folder.resolve(), force=force)
    for line in found.saw:
        click.echo(f"  {line}")
    for one in written:
        click.echo(click.style(f"wrote {one.relative_to(folder.resolve())}", fg="green"))
    click.echo("next: `andon doctor` tells what works; `andon check` asks the first check; `andon up` runs the loop")


@click.command()
@click.option("--no-suite", is_flag=True, help="Do not run the test suite (the slow part).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def doctor(ctx: click.Context, *, no_suite: bool, as_json: bool) -> None:
    """Tell, line by line, whether each thing the loop stands on really works. Exit code 1 when one is broken."""
    from andon.doctor import examine

    path = ctx.obj if isinstance(ctx.obj, Path) else find_file(Path.cwd())
    findings = []
    for one in examine(path, suite=not no_suite):
        findings.append(one)
        if not as_json:
            word, colour = STATES[one.state]
            click.echo(f"{click.style(f'{word:<7}', fg=colour)} {one.what}: {visible(one.saw, 1000)}")
            if one.mend:
                click.echo(f"        do: {one.mend}")
    if as_json:
        print_json([one.model_dump(mode="json") for one in findings])
    ctx.exit(1 if any(one.state == "broken" for one in findings) else 0)


@click.command()
@click.argument("system", required=False)
@click.option("--role", help="The login to narrow; the one of the system's `data` when not given.")
@click.option("--schema", "schemas", multiple=True, default=("public",), show_default=True, help="Schemas it may read.")
@click.pass_context
def grants(ctx: click.Context, system: str | None, role: str | None, schemas: tuple[str, ...]) -> None:
    """Print the SQL that makes the data login one that can only read. Run it as the database's owner."""
    from urllib.parse import urlsplit

    from andon.app import App
    from andon.data.grants import grants_sql

    with App(open_config(ctx)) as app:
        name = app.config.system_name(system)
        url = urlsplit(app.data_url(name))
        if url.scheme.startswith("sqlite"):
            click.echo(f"-- The data of {name} is a SQLite file: there are no logins in it, and no grants to give.")
            click.echo("-- andon opens the file read-only (mode=ro, query_only, and an authorizer that allows reading")
            click.echo("-- alone), so it can be used as it is. Keep it readable for the user that andon runs as.")
            return
        if not url.scheme.startswith("postgres"):
            raise ConfigError("write postgresql://... or sqlite:///path", file=FILE_NAME, key=f"systems.{name}.data")
        for line in powers(app, name):
            click.echo(f"-- {line}")
    click.echo(
        grants_sql(url.path.lstrip("/") or "postgres", role=role or url.username or "andon_reader", schemas=schemas)
    )


def powers(app: App, system: str) -> Iterator[str]:
    """Yields what the login of a system's data can do now besides reading, or why that cannot be told."""
    from andon.errors import AndonError

    try:
        source = app.open_data(system)
        try:
            yield from (f"can now: {power.what}" for power in source.powers())
        finally:
            source.close()
    except AndonError as error:
        yield f"the login could not be tried: {error}"
