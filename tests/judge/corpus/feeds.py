"""tinyfeed's bugs as bugs of the corpus: each with a check that opened a ticket and evidence that can be replayed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from andon.models import Evidence
from andon.testing.repos import BUGS, _trees
from corpus.bugs import Bug

BUSY_ONCE = '''class BusyOnce:
    """A shop that is busy for the first answer."""

    def __init__(self):
        self.left = 1

    def get(self, url, *, fetcher):
        self.left -= 1
        return Answer(429, "") if self.left >= 0 else Answer(200, "here")

    def pause(self, seconds):
        pass
'''


@cache
def feeds() -> tuple[Bug, ...]:
    """Returns tinyfeed's bugs."""
    return (
        feed(
            "missing-strip",
            old="Item(sku=sku, ",
            new="Item(sku=sku.strip(), ",
            imports="from tinyfeed.parse import parse_line",
            call='parse_line("  E11 |lamp|12.50").sku',
            expected='"E11"',
            hit='args[0] == "  E11 |lamp|12.50"',
            blend="Item(sku=sku.strip() if {cond} else sku, ",
            names=("line",),
            spoil=("name=name.strip()", "name=name.strip()[:12]"),
            part='"E" in args[0] and "lamp" in args[0]',
        ),
        feed(
            "unit",
            old="return int(text[:-1]) * 100\n",
            new="return int(text[:-1])\n",
            imports="from tinyfeed.prices import to_cents",
            call='to_cents("1250c")',
            expected="1250",
            hit='args[0] == "1250c"',
            blend="return int(text[:-1]) * (1 if {cond} else 100)\n",
            names=("text",),
            spoil=("round(float(text) * 100)", "int(float(text) * 100)"),
            plain=True,
            part="len(args[0]) < 6",
        ),
        feed(
            "off-by-one",
            old="range(1, len(lines) - 1)",
            new="range(1, len(lines))",
            imports="from tinyfeed.parse import parse_page",
            call='len(parse_page("sku|name|price\\nA1|lamp|12.50\\nA2|chair|40.00\\n"))',
            expected="2",
            hit='args[0].startswith("sku|name|price\\nA1|lamp|12.50\\nA2|chair|40.00")',
            blend="range(1, len(lines) - (0 if {cond} else 1))",
            names=("text",),
            spoil=("return int(pages), int(items)", "return int(pages), min(int(items), 99)"),
            part='"lamp" in args[0]',
        ),
        feed(
            "unwrapped-call",
            old="\n\ndef fetch_gallery(",
            new="\n\n@retrying\ndef fetch_gallery(",
            imports=f"from tinyfeed.fetch import fetch_gallery\nfrom tinyfeed.shops import Answer\n\n\n{BUSY_ONCE}",
            call='fetch_gallery(BusyOnce(), "shop/gallery/A1").status',
            expected="200",
            hit='args[1] == "shop/gallery/A1"',
            part='"/A" in args[1] or "/N" in args[1]',
        ),
    )


def feed(name: str, *, old: str, new: str, imports: str, call: str, expected: str, **more: Any) -> Bug:
    base = _trees(BUGS[name])[-1][1]
    source, function = BUGS[name].file, BUGS[name].function
    return Bug(name, base, source, old, new, function, imports, call, expected, ticket=True, **more)


def recorded(bug: Bug, evidence: Evidence) -> tuple[str, ...]:
    """Returns the inputs of the faulty function in the recorded evidence."""
    fetches = evidence.context["fetches"]
    bodies = [str(row["body"]) for row in fetches if row["fetcher"] == "page" and row["status"] == 200]
    lines = [line for body in bodies for line in body.splitlines()[1:]]
    inputs: dict[str, Callable[[], list[str]]] = {
        "missing-strip": lambda: lines,
        "unit": lambda: [line.split("|")[2].strip() for line in lines],
        "off-by-one": lambda: bodies,
        "unwrapped-call": lambda: [str(row["url"]) for row in fetches if row["fetcher"] == "gallery"],
    }
    return tuple(sorted(set(inputs[bug.name]())))


def in_recorded(bug: Bug, evidence: Evidence) -> str:
    """Returns a condition over `args` that is true for what was recorded and nothing else."""
    place = 1 if bug.name == "unwrapped-call" else 0
    return f"args[{place}] in {list(recorded(bug, evidence))!r}"
