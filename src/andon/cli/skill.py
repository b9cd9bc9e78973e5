"""`andon skill`: writes the by-hand mode as a SKILL.md, for coding agents that a person works with."""

from __future__ import annotations

from pathlib import Path

import click

from andon.errors import ConflictError

TEXT = Path(__file__).with_name("skill.md")


@click.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of skills (.claude/skills, ~/.codex/skills, ...): writes andon/SKILL.md in it.",
)
@click.option("--force", is_flag=True, help="Write over what is there.")
def skill(into: Path | None, *, force: bool) -> None:
    """Print a SKILL.md that teaches a coding agent to mend a failing check with andon, or write it where skills lie."""
    text = TEXT.read_text(encoding="utf-8")
    if into is None:
        click.echo(text, nl=False)
        return
    place = into / "andon" / "SKILL.md"
    if place.exists() and place.read_text(encoding="utf-8") != text and not force:
        raise ConflictError(f"{place} is there and reads otherwise; --force writes over it")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    click.echo(f"wrote {place}")
