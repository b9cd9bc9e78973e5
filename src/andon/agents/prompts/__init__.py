"""What agents are told, as files; a text that names something it is not given is an error, never a gap."""

from __future__ import annotations

from pathlib import Path
from string import Template

from andon.quoting import visible

FOLDER = Path(__file__).parent
MOST = 300
"""Characters of a value that is filled in."""


def rendered(name: str, **values: str) -> str:
    """Returns a prompt with its values filled in, each as one line that can be seen.

    Raises:
        KeyError: it names a value that is not given.
        ValueError: it does not name one that is given, or a `$` in it stands for nothing.
    """
    template = Template((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    if unused := set(values) - set(template.get_identifiers()):
        raise ValueError(f"{name}.md does not name {', '.join(sorted(unused))}")
    return template.substitute({key: visible(value, MOST) for key, value in values.items()}).strip()
