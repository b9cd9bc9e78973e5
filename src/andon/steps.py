"""The steps of the loop: each loads, calls one stage, saves, and returns an id, a word or a number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from andon import asking, budget
from andon.app import App
from andon.cases import case, load
from andon.config import person
from andon.errors import AgentError, ConfigError, ConflictError, DataError, LimitError, NotFoundError
from andon.models import (
    AlertState,
    Approval,
    Attempt,
    Autonomy,
    Check,
    CheckKind,
    CheckResult,
    CheckState,
    Diagnosis,
    Evidence,
    Lane,
    Patch,
    Proof,
    RowsFact,
    Status,
    Ticket,
    Verdict,
    VerdictOutcome,
    Why,
    row_fingerprint,
)
from andon.quoting import counted
from andon.spending import granted, spending, used_up

if TYPE_CHECKING:
    from andon.judge.record import Tape
    from andon.store import Known

LOOP = "loop"


# --- sweep ----------------------------------------------------------------------------------------------------------


def ask_due(app: App, system: str) -> int:
    """Asks the checks that are due, saves what they gave, and returns how many were asked."""
    now = app.now()
    settings = app.config.system(system)
    due = asking.due_checks(
        app.checks(system),
        last=app.store.last_asked(system),
        asked=app.store.texts_asked(system),
        now=now,
        every=settings.check_every,
    )
    if not due:
        return 0
    results = asking.ask_now(app, system, due, app.store.watermarks(system))
    for check, result in zip(due, results, strict=True):
        app.store.save_result(system, beyond_residue(app, system, check, result), check=check)
    return len(due)


def beyond_residue(app: App, system: str, check: Check, result: CheckResult) -> CheckResult:
    """Returns a result without the rows that a bug left behind before its fix was released."""
    settled = app.store.settled_until(system, check.name)
    if settled is None or result.state is not CheckState.FAILING:
        return result
    newer = ask_newer(app, system, check, settled, result)
    if newer.state is CheckState.OK:
        return newer.model_copy(
            update={"message": f"{counted(result.total, 'old row')} left from before {settled:%Y-%m-%d %H:%M}"}
        )
    return newer


def ask_newer(app: App, system: str, check: Check, moment: datetime, result: CheckResult) -> CheckResult:
    """Returns a check's result for rows newer than a moment; the result itself where rows have no time of their own."""
    from andon.checks import ask_sql, newer_than

    if check.kind is not CheckKind.SQL or check.at is None:
        return result
    data = app.data(system)
    return ask_sql(newer_than(check, moment, dialect=data.dialect), data, None, app.now())


def detect(app: App, system: str) -> list[int]:
    """Turns the latest results into alerts and tickets, and returns the tickets touched."""
    from andon import detect as stage

    now = app.now()
    checks = app.checks(system)
    settings = app.config.system(system)

    def decide(known: Known) -> stage.Detected:
        return stage.detect(
            system, checks, known.results, known.alerts, known.tickets,
            now=now, settings=settings, first_seen=known.first_seen,
        )  # fmt: skip

    applied = app.store.apply_detected(system, decide, now=now)
    return sorted(applied.touched)


# --- diagnose -------------------------------------------------------------------------------------------------------


def record_evidence(app: App, ticket: int) -> int:
    """Records the offending rows and what a replay needs besides, once; returns how many rows offend."""
    from andon.checks import ask, record_evidence

    found = app.store.find_evidence(ticket)
    if found is not None:
        return found.total
    with spending(app, ticket, "evidence"):
        it, check = load(app, ticket)
        app.progress(ticket, f"records what {check.name} found")
        data = app.data(it.system)
        result = ask(
            check,
            data=data,
            since=app.store.watermark(it.system, check.name),
            now=app.now(),
            root=app.check_root(it.system),
        )
        result = beyond_residue(app, it.system, check, result)
        if result.state is CheckState.ERROR:
            raise DataError(f"{check.name} could not be asked: {result.message}")
        if result.state is CheckState.OK:
            raise ConflictError(f"{check.name} is green again")
        evidence = record_evidence(check, result, data)
        app.store.save_evidence(ticket, evidence)
        return evidence.total


def write_brief(app: App, ticket: int) -> int:
    """Computes the brief and returns how many contrasts and changes it holds."""
    from andon.brief import compute_brief, deploys_of, rules_of
    from andon.checks import population

    with spending(app, ticket, "brief"):
        it, check = load(app, ticket)
        app.progress(ticket, "compares offending rows with healthy ones, and looks at what changed")
        settings = app.config.system(it.system)
        data, repo = app.data(it.system), app.repo(it.system)
        repo.fetch()
        head = repo.head(settings.branch)
        evidence = app.store.get_evidence(ticket)
        alerts = app.store.list_alerts(it.system)
        red = {alert.check for alert in alerts if alert.state is AlertState.FIRING}
        try:
            healthy_and_not = population(check, data, now=evidence.asked_at)
        except (ConfigError, DataError) as error:  # no contrast then; the rest of the brief stands
            healthy_and_not = None
            note(app, ticket, f"no rows to compare with: {error}")
        brief = compute_brief(
            check=check,
            evidence=evidence,
            population=healthy_and_not,
            history=repo,
            branch_head=head,
            deploys=deploys_of(settings.deploys, data),
            upstream_red=tuple(name for name in check.upstream if name in red),
            memories=app.store.memories(it.system, it.checks, f"{it.title} {check.why}", without=ticket),
            rules=rules_of(repo, head, settings.folder, settings.rules),
            now=app.now(),
            folder=settings.folder,
            first_red=next((alert.since for alert in alerts if alert.check == check.name), None),
            dialect=data.dialect,
        )
        app.store.save_brief(ticket, brief, now=app.now())
        return len(brief.contrasts) + len(brief.changes)


def diagnose(app: App, ticket: int) -> str:
    """Finds the cause with the first agent that names one; returns the lane."""
    from andon.diagnose import diagnose as stage

    if not app.config.system(app.store.get_ticket(ticket).system).replay:
        app.store.save_diagnosis(ticket, without_replay(app, ticket), now=app.now())
        return Lane.UNKNOWN.value
    found: Diagnosis | None = None
    before: tuple[Diagnosis, ...] = ()
    for agent in app.agents():
        if trouble := used_up(app, ticket):
            if found is None:
                raise LimitError(f"{trouble}; {known_of(app, ticket)}")
            app.store.add_event(ticket, kind="stopped", actor=LOOP, text=trouble, now=app.now())
            break
        with spending(app, ticket, f"diagnose {agent.name}") as bill, case(app, ticket, agent.name, bill.wallet) as it:
            app.progress(ticket, f"{agent.name} asks why")
            found, cost = stage(it._replace(before=before), agent)
            bill.add(cost)
        before = (*before, found)
        app.store.save_diagnosis(ticket, found, app.now())  # each, so that a next agent that dies takes none with it
        if found.lane != "unknown":
            break
    if found is None:
        raise AgentError("no agent is configured", permanent=True)
    return found.lane.value


def without_replay(app: App, ticket: int) -> Diagnosis:
    """Returns what can be said of a system that cannot be replayed: the rows, and that no cause can be shown."""
    it, check = load(app, ticket)
    evidence = app.store.get_evidence(ticket)
    whys = (
        Why(
            question=f"Why is {check.name} red?",
            answer=f"{evidence.total} rows offend; the brief says what sets them apart, since when, and what changed.",
            facts=(RowsFact(check=check.name, where={}, count=len(evidence.rows)),),
        ),
        Why(question="Why were they written?", answer="unknown"),
    )
    words = f"the cause cannot be shown: {it.system} has no `replay` in andon.toml (docs/replay.md)"
    return Diagnosis(whys=whys, root_cause=words, lane=Lane.UNKNOWN, agent=LOOP)


def cause_of(app: App, ticket: int) -> str:
    """Returns what a diagnosis says, in a sentence for the ticket."""
    found = app.store.get_diagnosis(ticket)
    return found.root_cause if found.lane == "code bug" else f"{found.lane.value}: {found.root_cause}"


def known_of(app: App, ticket: int) -> str:
    """Returns what is known of a ticket so far, diagnosed or not, in a sentence."""
    if app.store.find_diagnosis(ticket) is not None:
        return f"known so far: {cause_of(app, ticket)}"
    evidence = app.store.find_evidence(ticket)
    rows = f"{evidence.total} rows offend" if evidence else "its rows are not recorded"
    return f"known so far: {rows}, and what the brief says (`andon show {ticket}`)"


# --- fix ------------------------------------------------------------------------------------------------------------


def suite_before(app: App, ticket: int) -> str:
    """Runs the suite on the branch before anyone touches it; returns what is red, or nothing."""
    from andon.judge import suite_of

    it = standing(app, ticket, Status.DIAGNOSED)
    if used_up(app, ticket):
        return ""  # no attempt will start either, and that says why
    with app.workspace(it.system) as workspace, spending(app, ticket, "suite before"):
        app.progress(ticket, "runs the suite on the branch as it is")
        run = suite_of(
            workspace, app.config.system(it.system), isolation=isolation(app), cache=app.state_folder("judge")
        )
    if run.green:
        return ""
    if not run.complete:
        return f"the suite did not reach its end on the branch before anyone touched it: {run.ran.words}"
    names = ", ".join(event.id for event in run.failed[:5])
    return f"the suite was red on the branch before anyone touched it; no fix is put on top: {names}"


def begin_attempt(app: App, ticket: int) -> int:
    """Starts the next attempt and returns its number; 0 when attempts, time, tokens or money are used up."""
    store, now = app.store, app.now()
    it = standing(app, ticket, Status.DIAGNOSED)
    attempts = store.list_attempts(ticket)
    # Begun before a crash, nothing came of it yet: it is counted already, and goes on while there is time for it.
    begun = attempts[-1] if attempts and attempts[-1].patch is None and not attempts[-1].notes else None
    trouble = (
        used_up(app, ticket)
        if begun
        else budget.allows(
            spend=store.spent(it.cause),
            attempts=attempts_of(app, it.cause),
            day_spend=store.spent_on(now.date()),
            day_fixes=store.fixes_on(now.date()),
            settings=app.config.budget,
            grant=granted(app, ticket),
        )
    )
    if trouble:
        store.add_event(ticket, kind="stopped", actor=LOOP, text=trouble, now=now)
        return 0
    if begun:
        return begun.number
    agent = next_agent(app, attempts)
    if agent == "":
        return 0
    return store.start_attempt(ticket, agent=agent, now=now).number


def attempts_of(app: App, cause: int) -> int:
    """Returns how many attempts a cause has had; a patch that was carried to a moved branch is none of its own."""
    return sum(1 for attempt in app.store.list_cause_attempts(cause) if attempt.agent != "rebase")


def next_agent(app: App, attempts: tuple[Attempt, ...]) -> str:
    """Returns whose turn it is: the first agent that has not yet abstained; empty when all have."""
    abstained = {attempt.agent for attempt in attempts if attempt.patch is None}
    return next((agent.name for agent in app.agents() if agent.name not in abstained), "")


def write_patch(app: App, ticket: int, number: int) -> bool:
    """Lets the attempt's agent write a patch; tells whether there is one."""
    from andon.fix import fix as stage

    attempt = app.store.get_attempt(ticket, number)
    if attempt.patch is not None:
        return True
    agent = next(agent for agent in app.agents() if agent.name == attempt.agent)
    earlier = tuple(one for one in app.store.list_attempts(ticket) if one.number < number)
    with spending(app, ticket, f"fix {number}") as bill, case(app, ticket, agent.name, bill.wallet) as it:
        app.progress(ticket, f"{agent.name} looks for a fix, attempt {number}")
        fixed = stage(it, app.store.get_diagnosis(ticket), agent, earlier)
        bill.add(fixed.spend)
    notes = fixed.notes or ("abstained" if fixed.patch is None else "")
    app.store.save_attempt(attempt.model_copy(update={"patch": fixed.patch, "notes": notes, "spend": bill.spend}))
    return fixed.patch is not None


def judge(app: App, ticket: int, number: int) -> str:
    """Judges an attempt's patch, keeps the record of the verdict, and returns the verdict's outcome."""
    from andon.judge.record import Origin, Tape
    from andon.records import save_record

    attempt = app.store.get_attempt(ticket, number)
    origin = Origin(system=app.store.get_ticket(ticket).system, ticket=ticket, attempt=number)
    tape = Tape(origin, at=app.now())
    with spending(app, ticket, f"judge {number}"):
        verdict = verdict_on(app, ticket, patch_of(attempt), tape=tape)
    feedback = verdict.reason if verdict.outcome is VerdictOutcome.REJECTED else ""
    if tape.record is not None:
        save_record(app, ticket, number, tape.record)
    app.store.save_attempt(attempt.model_copy(update={"verdict": verdict, "feedback": feedback}))
    return verdict.outcome.value


def verdict_on(
    app: App,
    ticket: int,
    patch: Patch,
    *,
    seed: int | None = None,
    evidence: Evidence | None = None,
    tape: Tape | None = None,
    heard: Callable[[Proof], None] = lambda _: None,
) -> Verdict:
    """Returns the judge's verdict on a patch for a ticket; saves nothing.

    The seed is drawn anew each time unless one is given: whoever knew it could please the judge.
    """
    from andon.judge import PROOFS
    from andon.judge import judge as stage
    from andon.judge.record import fresh_seed

    it, check = load(app, ticket)
    with app.workspace(it.system, patch.base) as workspace:
        app.progress(ticket, "the judge begins")
        return stage(
            patch,
            ticket_check=check,
            evidence=evidence or app.store.get_evidence(ticket),
            diagnosis=app.store.find_diagnosis(ticket),
            history=app.repo(it.system),
            workspace=workspace,
            settings=app.config.system(it.system),
            seed=fresh_seed() if seed is None else seed,
            isolation=isolation(app),
            progress=lambda text: app.progress(ticket, text),
            cache=app.state_folder("judge"),
            heard=heard,
            tape=tape,
            rules=[rule for rule in PROOFS if rule.name in app.proofs],
        )


def isolation(app: App) -> str:
    """Returns the sandbox's name, and why it is the weaker one where it is."""
    return app.sandbox.name + (f" ({app.sandbox.weaker})" if app.sandbox.weaker else "")


def patch_from(diff: str, base: str) -> Patch:
    """Returns a diff that somebody wrote as a patch; its regression tests are the new test files in it."""
    from andon.fix import new_tests

    return Patch(base=base, diff=diff, tests=new_tests(diff), summary="a diff given by hand", strategy="by hand")


def verdict_reason(app: App, ticket: int, reason: str) -> str:
    """Returns a sentence on the latest verdict: what it means and the class of its reason."""
    verdict = app.store.list_attempts(ticket)[-1].verdict
    return f"{reason}: {verdict.reason}" if verdict is not None and verdict.reason else reason


def may_ship_unsigned(app: App, ticket: int, number: int) -> bool:
    """Tells whether a proven patch may ship without a person, and signs it in the loop's name when it may."""
    it = app.store.get_ticket(ticket)
    verdict = app.store.get_attempt(ticket, number).verdict
    if it.autonomy is not Autonomy.SHIP_WHEN_PROVEN or verdict is None or verdict.outcome != VerdictOutcome.PROVEN:
        return False
    sign(app, ticket, number, who=LOOP, note="ships when proven")
    return True


def give_up(app: App, ticket: int) -> str:
    """Escalates a ticket whose attempts came to nothing, with what was tried."""
    attempts = app.store.list_attempts(ticket)
    stops = [event.text for event in app.store.list_events(ticket) if event.kind == "stopped"]
    why = stops[-1] if stops else "no agent found a patch that holds"
    tried = (
        "; ".join(f"attempt {one.number}: {one.feedback or 'abstained'}" for one in attempts) or "no attempt was made"
    )
    return move(
        app, ticket, Status.DIAGNOSED, Status.ESCALATED, f"{why} ({tried}). Known so far: {cause_of(app, ticket)}"
    )


# --- gate -----------------------------------------------------------------------------------------------------------


def sign(app: App, ticket: int, number: int, *, who: str, note: str) -> None:
    """Stores an approval of an attempt, bound to the record of its verdict.

    Raises:
        ConflictError: patch, verdict and record are not of one piece.
    """
    from andon.records import on_record

    record = on_record(app, app.store.get_attempt(ticket, number))
    app.store.save_approval(
        Approval(ticket=ticket, attempt=number, decision="approve", who=who, at=app.now(), note=note, record=record)
    )


def approve(app: App, ticket: int, *, note: str = "") -> Ticket:
    """Signs the latest attempt of a ticket in the name of the person at the keyboard.

    Raises:
        ConflictError: there is nothing to approve; says why.
    """
    it = app.store.get_ticket(ticket)
    attempt = judged_attempt(app, it)
    sign(app, ticket, attempt.number, who=person(), note=note)
    return app.store.move(ticket, it.status, Status.APPROVED, actor=person(), reason=note or "approved", now=app.now())


def reject(app: App, ticket: int, *, why: str) -> Ticket:
    """Sends the latest attempt of a ticket back with a reason; escalates when no attempt is left.

    Raises:
        ConflictError: there is nothing to reject; says why.
    """
    it = app.store.get_ticket(ticket)
    attempt = judged_attempt(app, it)
    now = app.now()
    app.store.save_approval(
        Approval(ticket=ticket, attempt=attempt.number, decision="reject", who=person(), at=now, note=why)
    )
    app.store.save_attempt(attempt.model_copy(update={"feedback": f"a person rejected it: {why}"}))
    left = app.config.budget.attempts + granted(app, ticket).attempts - attempts_of(app, it.cause)
    new = Status.DIAGNOSED if left > 0 else Status.ESCALATED
    return app.store.move(ticket, it.status, new, actor=person(), reason=f"rejected: {why}", now=now)


def judged_attempt(app: App, ticket: Ticket) -> Attempt:
    """Returns the attempt that waits at the gate.

    Raises:
        ConflictError: none does.
    """
    attempts = app.store.list_attempts(ticket.id)
    waits = ticket.status is Status.PROVEN or (
        ticket.status is Status.PATCHED
        and bool(attempts)
        and attempts[-1].verdict is not None
        and attempts[-1].verdict.outcome is VerdictOutcome.NEEDS_EYES
    )
    if not waits:
        raise ConflictError(f"ticket {ticket.id} is {ticket.status.value}: nothing waits for a decision")
    return attempts[-1]


def close(app: App, ticket: int, *, why: str) -> Ticket:
    """Ends a ticket in a person's name: whoever closes it says that nothing more is to be done."""
    it = app.store.get_ticket(ticket)
    return app.store.move(ticket, it.status, Status.ABANDONED, actor=person(), reason=why, now=app.now())


def open_again(app: App, ticket: int, *, why: str) -> Ticket:
    """Opens an ended or escalated ticket again; the loop begins anew with its evidence."""
    it = app.store.get_ticket(ticket)
    return app.store.move(ticket, it.status, Status.OPEN, actor=person(), reason=why, now=app.now())


# --- ship -----------------------------------------------------------------------------------------------------------


def ship(app: App, ticket: int) -> str:
    """Pushes the approved patch once; returns `shipped`, `moved`, `conflict`, or `waits` (for a person to merge)."""
    from andon.records import on_record
    from andon.ship import ship as stage

    it = standing(app, ticket, Status.APPROVED)
    attempt = app.store.list_attempts(ticket)[-1]
    approval = app.store.find_approval(ticket, attempt.number)
    if approval is None or approval.record != on_record(app, attempt):
        raise ConflictError(f"attempt {attempt.number} of ticket {ticket} is not what was judged and approved")
    app.progress(ticket, "ships")
    shipped = stage(
        it,
        app.store.get_diagnosis(ticket),
        attempt,
        repo=app.repo(it.system),
        settings=app.config.system(it.system),
        approval=approval,
        now=app.now(),
    )
    if shipped.release is not None and app.store.find_release(ticket, shipped.release.commit) is None:
        app.store.save_release(shipped.release)
    return shipped.outcome


def begin_rebased(app: App, ticket: int) -> int:
    """Saves the approved patch, carried over to the branch's new head, as an attempt; returns its number."""
    from andon.ship import rebase

    it = app.store.get_ticket(ticket)
    attempts = app.store.list_attempts(ticket)
    if attempts[-1].agent == "rebase" and attempts[-1].verdict is None and attempts[-1].patch is not None:
        return attempts[-1].number
    judged = next(one for one in reversed(attempts) if one.verdict is not None)
    patch = rebase(patch_of(judged), repo=app.repo(it.system), branch=app.config.system(it.system).branch)
    if patch is None:
        raise ConflictError("the patch does not apply to the branch's new head")
    # The number is given: an attempt that was begun before a crash, and holds nothing yet, is filled now.
    attempt = app.store.start_attempt(ticket, agent="rebase", now=app.now(), number=judged.number + 1)
    app.store.save_attempt(
        attempt.model_copy(update={"patch": patch, "notes": "carried over to the branch's new head"})
    )
    return attempt.number


def approve_again(app: App, ticket: int, number: int) -> bool:
    """Carries a person's approval over to the rebased attempt, which proved itself anew."""
    from andon.records import on_record

    approvals = app.store.list_approvals(ticket)
    given = next(one for one in reversed(approvals) if one.decision == "approve")
    record = on_record(app, app.store.get_attempt(ticket, number))
    app.store.save_approval(given.model_copy(update={"attempt": number, "record": record}))
    it = app.store.get_ticket(ticket)
    if it.status is Status.PROVEN:
        move(app, ticket, Status.PROVEN, Status.APPROVED, f"approved by {given.who} before the branch moved")
    return True


def deploy(app: App, ticket: int) -> str:
    """Runs the system's deploy command for the latest release; returns what went wrong, or nothing."""
    from andon.ship import deploy as stage
    from andon.ship import own_variables

    it = app.store.get_ticket(ticket)
    release = app.store.get_release(ticket)
    settings = app.config.system(it.system)
    if release.deployed_at is not None:
        return ""
    app.progress(ticket, "deploys")
    ran = stage(settings, home=app.config.home, hidden=own_variables(app.config))
    done = release.model_copy(update={"deployed_at": app.now(), "deploy_output": ran.words})
    app.store.save_release(done if ran.code == 0 else release.model_copy(update={"deploy_output": ran.words}))
    return (
        "" if ran.code == 0 else f"commit {release.commit[:10]} is pushed, but the deploy command failed: {ran.words}"
    )


# --- watch ----------------------------------------------------------------------------------------------------------


def watch(app: App, ticket: int) -> str:
    """Looks once whether new rows offend; returns `quiet`, `waiting`, `fired` or `error`."""
    from andon.checks import ask
    from andon.watch import settled_at
    from andon.watch import watch as stage

    standing(app, ticket, Status.SHIPPED)
    it, check = load(app, ticket)
    release = app.store.get_release(ticket)
    result = ask(check, data=app.data(it.system), since=None, now=app.now(), root=app.check_root(it.system))
    app.store.save_result(it.system, result, check=check)  # so that each row has a time at which it was first seen
    newer = result
    if result.state is CheckState.FAILING:
        newer = ask_newer(app, it.system, check, settled_at(release, app.config.system(it.system)), result)
    watched = stage(
        check,
        release,
        result=result,
        newer=newer,
        evidence=app.store.get_evidence(ticket),
        first_seen=app.store.first_seen(it.system, check.name, [row_fingerprint(check, row) for row in result.rows]),
        now=app.now(),
        settings=app.config.system(it.system),
    )
    app.store.save_watched(ticket, watched)
    return watched.state


def settle_residue(app: App, ticket: int) -> int:
    """Remembers that rows from before the release are residue, so that they never fire again; returns their number."""
    from andon.watch import settled_at

    it = app.store.get_ticket(ticket)
    release = app.store.get_release(ticket)
    watched = app.store.find_watched(ticket)
    count = watched.residue_total if watched is not None else 0
    if count:
        app.store.settle(it.system, it.checks, settled_at(release, app.config.system(it.system)))
    return count


def quiet_reason(app: App, ticket: int) -> str:
    """Returns why a ticket is resolved, with the residue."""
    it = app.store.get_ticket(ticket)
    watched = app.store.find_watched(ticket)
    residue = watched.residue_total if watched is not None else 0
    left = f"; {residue} rows that the bug wrote before remain (`andon show {ticket}` lists them)" if residue else ""
    return f"no new offending row for {app.config.system(it.system).quiet}{left}"


def revert(app: App, ticket: int) -> str:
    """Takes the release back with a revert commit, pushed once; returns the commit."""
    from andon.ship import revert as stage

    it = app.store.get_ticket(ticket)
    release = app.store.get_release(ticket)
    if release.reverted_by is not None:
        return release.reverted_by
    app.progress(ticket, "fired again: takes the release back")
    commit = stage(release, it, repo=app.repo(it.system), settings=app.config.system(it.system), now=app.now())
    # What is deployed now is what must go: the next deploy brings the revert.
    app.store.save_release(release.model_copy(update={"reverted_by": commit, "deployed_at": None}))
    return commit


def reopen(app: App, ticket: int, trouble: str = "") -> str:
    """Opens a ticket again whose fix did not hold, with the cause marked as refuted. `trouble` is the deploy's."""
    app.store.refute(ticket, app.now())
    reason = "the alert fired again after the release; it was reverted"
    return move(app, ticket, Status.SHIPPED, Status.OPEN, f"{reason}, but {trouble}" if trouble else reason)


# --- shared ---------------------------------------------------------------------------------------------------------


def standing(app: App, ticket: int, *statuses: Status) -> Ticket:
    """Returns a ticket that stands where a phase begins.

    Raises:
        ConflictError: it does not (any more): somebody moved it while the phase waited for its turn.
    """
    it = app.store.get_ticket(ticket)
    if it.status not in statuses:
        raise ConflictError(f"ticket {ticket} is {it.status.value}")
    return it


def patch_of(attempt: Attempt) -> Patch:
    """Returns an attempt's patch.

    Raises:
        NotFoundError: it has none.
    """
    if attempt.patch is None:
        raise NotFoundError(f"attempt {attempt.number} of ticket {attempt.ticket} has no patch")
    return attempt.patch


def move(app: App, ticket: int, old: Status, new: Status, reason: str) -> str:
    """Moves a ticket in the loop's name; a step that runs again finds it moved already."""
    try:
        return app.store.move(ticket, old, new, actor=LOOP, reason=reason, now=app.now()).status.value
    except ConflictError:
        if app.store.get_ticket(ticket).status is new:
            return new.value
        raise


def escalate(app: App, ticket: int, reason: str) -> str:
    """Hands a ticket to a person from wherever it stands."""
    it = app.store.get_ticket(ticket)
    if it.status in (Status.ESCALATED, Status.RESOLVED, Status.ABANDONED):
        return it.status.value
    return move(app, ticket, it.status, Status.ESCALATED, reason)


def wait(app: App, ticket: int, reason: str) -> int:
    """Writes down that a ticket's phase waits for something outside; returns how often it has since it last moved."""
    app.store.add_event(ticket, kind="waits", actor=LOOP, text=reason, now=app.now())
    since = app.store.last_move(ticket)
    events = app.store.list_events(ticket, after=since)
    return sum(1 for event in events if event.kind == "waits" and not event.data.get("outage"))


def note(app: App, ticket: int, text: str) -> str:
    """Writes a sentence into a ticket's history and its reason."""
    app.store.add_event(ticket, kind="note", actor=LOOP, text=text, now=app.now())
    return text
