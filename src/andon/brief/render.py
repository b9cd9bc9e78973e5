"""Writes a brief as Markdown for agents and people; whatever the system itself said is quoted, never spoken."""

from __future__ import annotations

from collections.abc import Iterator

from andon.models import Brief, Contrast, Onset
from andon.quoting import counted, fence, quote

BARS = " ▁▂▃▄▅▆▇█"
PICTURE_WIDTH = 60


def render_brief(brief: Brief) -> str:
    """Returns a brief as Markdown in which values, titles and rules are code, so that they cannot act as markup."""
    parts = [
        *section("What separates offending from healthy rows", contrast_lines(brief)),
        *section("Since when", onset_lines(brief.onset)),
        *section("What changed before it", change_lines(brief)),
        *section("Red upstream", [f"- {quote(name)}" for name in brief.upstream_red]),
        *section("Earlier tickets", memory_lines(brief)),
        *section("Tables that the check reads", [", ".join(quote(name) for name in brief.tables)]),
        *section("The system's rules", [fence(brief.rules, 8192)] if brief.rules else []),
    ]
    return "\n".join(["# Brief", "", *parts]).rstrip() + "\n"


def section(title: str, lines: list[str]) -> list[str]:
    """Returns a titled section; nothing at all when it has no lines."""
    return [f"## {title}", "", *lines, ""] if any(lines) else []


def contrast_lines(brief: Brief) -> list[str]:
    lines = [f"- {contrast_words(item)}" for item in brief.contrasts]
    return lines + (
        [quote(brief.contrast_note, 1000) if not lines else brief_note(brief)] if brief.contrast_note else []
    )


def brief_note(brief: Brief) -> str:
    return "\n" + quote(brief.contrast_note, 1000)


def contrast_words(item: Contrast) -> str:
    """Returns one contrast as a sentence."""
    terms = " and ".join(quote(term, 120) for term in item.terms)
    return (
        f"{terms}: {item.offending:,} of {counted(item.offending_total, 'offending row')} ({item.support:.0%}), "
        f"{item.healthy:,} of {item.healthy_total:,} healthy; lift {item.lift:.1f}, p {item.p_value:.1g}"
    )


def onset_lines(onset: Onset | None) -> list[str]:
    if onset is None:
        return []
    rates = f"{onset.before_rate:.1%} of rows offended before, {onset.after_rate:.1%} after"
    lines = [f"- Began {onset.at.isoformat()}: {rates}."]
    if onset.last_healthy:
        lines.append(f"- Last healthy row before it: {onset.last_healthy.isoformat()}.")
    if len(onset.buckets) > 1:
        lines.append(f"- {onset.buckets[0][0].isoformat()} {picture(onset)} {onset.buckets[-1][0].isoformat()}")
    return lines


def picture(onset: Onset) -> str:
    """Returns the offending share over time as a row of bars; a dot where there were no rows."""
    step = -(-len(onset.buckets) // PICTURE_WIDTH)
    bars = []
    for start in range(0, len(onset.buckets), step):
        chunk = onset.buckets[start : start + step]
        bad, rows = sum(item[1] for item in chunk), sum(item[2] for item in chunk)
        bars.append(BARS[-(-bad * (len(BARS) - 1) // rows)] if rows else "·")
    return "".join(bars)


def change_lines(brief: Brief) -> list[str]:
    onset = brief.onset
    if onset is not None and not brief.changes:
        return [f"Nothing that is known: no commit and no deploy in the two weeks before {onset.at.isoformat()}."]
    return [
        f"- {change.kind} {quote(change.commit[:12], 12)} {change.at.isoformat()} {quote(change.title, 120)} "
        f"(score {change.score:.1f}): {quote(change.why, 300)}"
        for change in brief.changes
    ]


def memory_lines(brief: Brief) -> list[str]:
    return list(memories(brief))


def memories(brief: Brief) -> Iterator[str]:
    for memory in brief.memories:
        cause = f"; {'refuted cause' if memory.refuted else 'cause'}: {quote(memory.root_cause, 300)}"
        yield (
            f"- #{memory.ticket} ({memory.status.value}) {quote(memory.title, 120)}{cause if memory.root_cause else ''}"
        )
