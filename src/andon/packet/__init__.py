"""The one packet that a person signs: everything known about a ticket as one value, and as Markdown."""

from __future__ import annotations

from pydantic import JsonValue

from andon.models import (
    Approval,
    Attempt,
    Autonomy,
    Brief,
    Check,
    Diagnosis,
    Event,
    Evidence,
    Model,
    Release,
    Row,
    Spend,
    Status,
    Ticket,
    Verdict,
    VerdictOutcome,
    Watched,
)
from andon.packet.wording import cell, code, prose
from andon.quoting import escaped, is_plain, longest_run
from andon.store import Store

ROWS_SHOWN = 5


class Packet(Model):
    """All that is known about a ticket."""

    ticket: Ticket
    check: Check | None
    evidence: Evidence | None = None
    brief: Brief | None = None
    diagnosis: Diagnosis | None = None
    attempts: tuple[Attempt, ...] = ()
    approvals: tuple[Approval, ...] = ()
    release: Release | None = None
    watched: Watched | None = None
    spend: Spend = Spend()
    events: tuple[Event, ...] = ()

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt that has a patch."""
        return next((one for one in reversed(self.attempts) if one.patch is not None), None)


def collect(store: Store, ticket: int, check: Check | None) -> Packet:
    """Returns the packet of a ticket."""
    it = store.get_ticket(ticket)
    return Packet(
        ticket=it,
        check=check,
        evidence=store.find_evidence(ticket),
        brief=store.find_brief(ticket),
        diagnosis=store.find_diagnosis(ticket),
        attempts=store.list_attempts(ticket),
        approvals=store.list_approvals(ticket),
        release=store.find_latest_release(ticket),
        watched=store.find_watched(ticket),
        spend=store.spent(it.cause),
        events=store.list_events(ticket),
    )


def render_packet(packet: Packet, *, full: bool = False) -> str:
    """Returns the packet as Markdown, in the order in which a busy person decides; `full` adds history and brief."""
    parts = [head(packet), symptom(packet), *claim(packet), change(packet), *doubts(packet), cause(packet)]
    parts += [not_checked(packet), *proofs(packet)]
    if full:
        from andon.brief import render_brief

        parts += [render_brief(packet.brief) if packet.brief is not None else "", history(packet)]
    parts.append(what_next(packet))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def head(packet: Packet) -> str:
    """Returns what the ticket is, where it stands, and what it cost so far."""
    it, spend = packet.ticket, packet.spend
    cost = f"{spend.seconds:.0f} s"
    if spend.tokens or spend.usd:
        cost += f", {spend.tokens} tokens, ${spend.usd:.2f}"
    lines = [
        f"# Ticket {it.id}: {prose(it.title, 200)}",
        f"**{it.status.value}** · {it.system} · severity {it.severity.value} · autonomy {it.autonomy.value}"
        f" · cost {cost}",
    ]
    if it.reason:
        lines.append(f"> {prose(it.reason, 600, opens=True)}")
    if it.body and packet.check is None:
        lines += [prose(part, 2000, opens=True) for part in it.body.split("\n\n") if part.strip()]
    return "\n\n".join(lines)


def symptom(packet: Packet) -> str:
    """Returns the check, its note, and the first offending rows."""
    check, evidence = packet.check, packet.evidence
    if check is None:
        return ""
    lines = [
        f"## The check: {check.name}",
        f"*Why it exists*: {prose(check.why, 600)}",
        f"*What was decided*: {prose(check.decided, 600)}",
    ]
    if evidence is not None:
        lines.append(
            f"It was red at {evidence.asked_at:%Y-%m-%d %H:%M:%S} UTC with **{evidence.total}** offending rows:"
        )
        lines.append(table(evidence.rows[:ROWS_SHOWN], evidence.columns))
    return "\n\n".join(lines)


def table(rows: tuple[Row, ...], columns: tuple[str, ...]) -> str:
    """Returns rows as a Markdown table with hostile text made harmless."""
    if not rows:
        return ""
    shown = columns or tuple(rows[0])
    lines = ["| " + " | ".join(cell(name, 40) for name in shown) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(valued(row.get(name)) for name in shown) + " |" for row in rows]
    return "\n".join(lines)


def valued(value: JsonValue) -> str:
    """Returns a value as a table's cell; nothing for null."""
    return "" if value is None else cell(str(value), 48)


def cause(packet: Packet) -> str:
    """Returns the five whys."""
    if packet.diagnosis is None:
        return ""
    from andon.diagnose import render_diagnosis

    return render_diagnosis(packet.diagnosis)


def change(packet: Packet) -> str:
    """Returns the patch: how it was found, and the diff itself."""
    attempt = packet.attempt
    if attempt is None or attempt.patch is None:
        notes = [one.notes for one in packet.attempts if one.notes]
        return f"## No patch\n\n{prose(notes[-1], 2000, opens=True)}" if notes else ""
    from andon.judge.telling.render import tagged

    patch = attempt.patch
    tests = ", ".join(code(one, 120) for one in patch.tests) or "none"
    fence = "`" * max(3, longest_run(patch.diff) + 1)
    return "\n\n".join(
        [
            f"## The fix (attempt {attempt.number}, {attempt.agent}, {prose(patch.strategy or 'no strategy named')})",
            prose(patch.summary, 800, opens=True),
            f"On base `{patch.base[:12]}`; regression test: {tests}",
            f"{fence}diff\n{seen(reviewed(tagged(patch.diff, attempt.verdict)))}\n{fence}",
        ]
    )


def reviewed(diff: str, *, limit: int = 120) -> str:
    """Returns a diff for reading: long recorded evidence is cut, with the number of lines that were cut."""
    sections = diff.split("diff --git ")
    shown = []
    for section in sections[1:]:
        lines = section.rstrip("\n").split("\n")
        if len(lines) > limit and ".json" in lines[0]:
            lines = [*lines[:12], f"[... {len(lines) - 12} more lines of recorded evidence; --json has all]"]
        shown.append("diff --git " + "\n".join(lines))
    return "\n".join(shown) if shown else diff


def seen(diff: str) -> str:
    """Returns a diff with every character that hides or turns text shown as an escape; line breaks and tabs stay."""
    return "".join(c if c in "\n\t" or is_plain(c) else escaped(c) for c in diff)


def verdict_of(packet: Packet) -> Verdict | None:
    """Returns the verdict on the latest patch."""
    return packet.attempt.verdict if packet.attempt is not None else None


def claim(packet: Packet) -> tuple[str, ...]:
    """Returns the verdict, the symptom before and after, and the regression test before and after."""
    if (verdict := verdict_of(packet)) is None:
        return ()
    from andon.judge.telling.render import headline, symptom_part, test_part

    return headline(verdict), symptom_part(verdict), test_part(verdict)


def doubts(packet: Packet) -> tuple[str, ...]:
    """Returns what each hunk is for, what to look at, contested tests, and what the patch does differently."""
    if (verdict := verdict_of(packet)) is None:
        return ()
    from andon.judge.telling.render import contested_part, differences_part, flags_part, hunks_part, whys_part

    patch = packet.attempt.patch if packet.attempt is not None else None
    parts = hunks_part(verdict), flags_part(verdict), contested_part(verdict, patch), differences_part(verdict)
    return (*parts, whys_part(verdict))


def proofs(packet: Packet) -> tuple[str, ...]:
    """Returns every proof in its order, with the hash of the record."""
    if (verdict := verdict_of(packet)) is None:
        return ()
    from andon.judge.telling.render import proofs_part

    return (proofs_part(verdict),)


def not_checked(packet: Packet) -> str:
    """Returns what a person should know was not checked, and what came of the release."""
    lines = []
    attempt = packet.attempt
    if attempt is not None and attempt.verdict is not None and is_at_gate(packet.ticket, packet.attempts):
        from andon.judge.telling.render import unchecked

        lines.append("## Not checked")
        lines.append(
            "Inputs that nobody recorded: the proofs speak of the recorded evidence and the system's own suite. "
            "Rows that the bug already wrote are not repaired by the fix."
        )
        if told := unchecked(attempt.verdict):
            lines.append("\n".join(told))
    if packet.release is not None:
        release = packet.release
        lines.append(
            f"## Released\n\n`{release.commit[:12]}` on `{release.branch}` at {release.shipped_at:%Y-%m-%d %H:%M} UTC"
        )
        if release.reverted_by:
            lines.append(f"taken back by `{release.reverted_by[:12]}`")
    if packet.watched is not None and packet.watched.residue_total:
        lines.append(f"## Residue\n\n{packet.watched.residue_total} rows that the bug wrote before the release remain:")
        lines.append(table(packet.watched.residue[:ROWS_SHOWN], ()))
    return "\n\n".join(lines)


def is_at_gate(ticket: Ticket, attempts: tuple[Attempt, ...]) -> bool:
    """Tells whether a judged patch waits for a person's approve or reject."""
    if ticket.status is Status.PATCHED and attempts and (verdict := attempts[-1].verdict) is not None:
        return verdict.outcome is VerdictOutcome.NEEDS_EYES
    return ticket.status is Status.PROVEN


def what_next(packet: Packet) -> str:
    """Returns the commands that a person may give now, each with what comes of it."""
    ticket = packet.ticket
    steps = next_steps(ticket, at_gate=is_at_gate(ticket, packet.attempts))
    return "## What next\n\n" + "\n".join(f"- {step}" for step in steps)


def next_steps(ticket: Ticket, *, at_gate: bool) -> tuple[str, ...]:
    """Returns what a person may do with a ticket now, the likeliest first, as Markdown."""
    number, status, steps = ticket.id, ticket.status, []
    anew = "lets the loop begin anew" if ticket.check else "opens it again"
    reopen = f'`andon reopen {number} --why "..."` {anew}'
    if status in (Status.RESOLVED, Status.ABANDONED):
        return (reopen,)
    if at_gate:
        steps += [f"`andon approve {number}` signs it", f'`andon reject {number} --why "..."` sends it back']
    if status is Status.APPROVED and ticket.autonomy is Autonomy.PROPOSE:
        steps.append(f"the loop pushes it as the branch `andon/ticket-{number}`: merge that, and it is shipped")
    if status is Status.DIAGNOSED and ticket.autonomy is Autonomy.REPORT:
        steps.append(f"`andon fix {number}` looks for a fix now")
    if status is Status.ESCALATED:
        steps.append(reopen)
        if ticket.check:
            steps.append(f"`andon diagnose {ticket.check}` looks for the cause once more, and changes nothing")
    return (*steps, f'`andon close {number} --why "..."` ends it: nothing more is to be done')


def history(packet: Packet) -> str:
    """Returns the events, oldest first."""
    lines = []
    for event in packet.events:
        moved = f" {event.old.value} → {event.new.value}" if event.old and event.new else ""
        # As one text: a mark in the name and one in the words must not become a pair.
        said = prose(f"{event.actor[:60]}: {event.text}", 460)
        lines.append(f"- {event.at:%Y-%m-%d %H:%M:%S} {event.kind}{moved} by {said}")
    return "## History\n\n" + "\n".join(lines)
