"""Every noun of andon, as frozen values; it holds facts and the table of allowed moves, and never does anything."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Row = dict[str, JsonValue]
"""One row of a result as JSON values: times ISO 8601 with offset, decimals and big integers as text, bytes base64."""


class Model(BaseModel):
    """A frozen value; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def digest(value: JsonValue) -> str:
    """Returns the hex SHA-256 of the canonical JSON of a value: the fingerprint used everywhere."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- checks ---------------------------------------------------------------------------------------------------------


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Autonomy(StrEnum):
    """How far the loop goes without a person."""

    REPORT = "report"
    """Open the ticket and diagnose; touch no code."""
    PROPOSE = "propose"
    """Fix and prove; a person approves what is proven, and looks at what needs eyes."""
    SHIP_ON_APPROVAL = "ship-on-approval"
    """As propose, and the approval ships to the branch itself, where `propose` pushes a branch for a person."""
    SHIP_WHEN_PROVEN = "ship-when-proven"
    """A proven verdict ships without a person; whatever needs eyes still waits."""


class CheckKind(StrEnum):
    SQL = "sql"
    PYTHON = "python"
    HTTP = "http"
    COMMAND = "command"
    HEARTBEAT = "heartbeat"


class Check(Model):
    """A question about a system, with the note that says why it is asked. Loaded from a file, never edited by andon."""

    name: str
    kind: CheckKind
    path: str
    """The file it came from, relative to the repository or the configuration."""
    why: str
    """The note: what happened that made somebody write this check."""
    decided: str
    """The note: what was decided about what is acceptable."""
    every: timedelta = timedelta(minutes=15)
    at: str | None = None
    """Column that holds the row's own time."""
    key: tuple[str, ...] = ()
    """Columns that identify a row; all columns when empty."""
    upstream: tuple[str, ...] = ()
    """Checks of the same system whose redness explains this one."""
    severity: Severity = Severity.MEDIUM
    hold: int = 1
    """Sweeps in a row that must be red before it counts (`for` in the file)."""
    lateness: timedelta = timedelta(0)
    """How late a row may arrive: the watermark stays this far behind the newest judged row."""
    timeout: timedelta = timedelta(seconds=30)
    rows_kept: int = 100
    autonomy: Autonomy | None = None
    """Overrides the system's level for this check."""
    query: str = ""
    """The main query of an SQL check."""
    population: str | None = None
    """Query of all rows that the question was asked of."""
    evidence: dict[str, str] = {}
    """Named queries of what a replay needs besides the rows; `offending` is a CTE of the main query."""
    options: dict[str, JsonValue] = {}
    """What an http, command or heartbeat file says besides (url, expect, argv, period, grace, ...)."""
    sha256: str
    """Hash of the file's bytes: the judge pins it."""

    @property
    def incremental(self) -> bool:
        """Tells whether the query asks only of rows after the watermark."""
        return ":since" in self.query or bool(self.options.get("incremental"))


class CheckState(StrEnum):
    OK = "ok"
    FAILING = "failing"
    ERROR = "error"
    """The question could not be asked; says nothing about the code."""


class CheckResult(Model):
    """What asking a check once gave."""

    check: str
    state: CheckState
    asked_at: datetime
    seconds: float
    rows: tuple[Row, ...] = ()
    """The first `rows_kept` offending rows."""
    total: int = 0
    """How many rows offend in all."""
    columns: tuple[str, ...] = ()
    message: str = ""
    """For error: why it could not be asked. For http and command checks: what was seen."""
    since: datetime | None = None
    """The watermark that was asked from (incremental checks)."""
    watermark: datetime | None = None
    """Where the next sweep may start: never past a row that was not judged."""


class Evidence(Model):
    """What makes a failure reproducible: the offending rows, the query, the time, and what a replay needs besides."""

    check: str
    asked_at: datetime
    query: str
    key: tuple[str, ...] = ()
    at: str | None = None
    columns: tuple[str, ...] = ()
    total: int = 0
    rows: tuple[Row, ...] = ()
    context: dict[str, tuple[Row, ...]] = {}

    @property
    def fingerprint(self) -> str:
        """Hash of the whole evidence; the judge pins it."""
        return digest(self.model_dump(mode="json"))


def row_fingerprint(check: Check, row: Row) -> str:
    """Returns the identity of an offending row: the check's name and the row's key values."""
    columns = check.key or tuple(sorted(row))
    return digest([check.name, [row.get(column) for column in columns]])


class AlertState(StrEnum):
    PENDING = "pending"
    """Red, but not yet for as many sweeps as the check's `for` asks."""
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """A check that is failing. One a (system, check)."""

    fingerprint: str
    system: str
    check: str
    state: AlertState
    since: datetime
    """When it last became red."""
    last_seen: datetime
    """When it was last red."""
    sweeps: int = 1
    """Red sweeps in a row."""
    total: int = 0
    ticket: int | None = None


def alert_fingerprint(system: str, check: str) -> str:
    """Returns the identity of the alert of a check in a system."""
    return digest([system, check])


# --- tickets --------------------------------------------------------------------------------------------------------


class Status(StrEnum):
    """The last fact established about a ticket."""

    OPEN = "open"
    DIAGNOSED = "diagnosed"
    PATCHED = "patched"
    """Has a patch; waits for its verdict, or, where the verdict needs eyes, for a person."""
    PROVEN = "proven"
    APPROVED = "approved"
    SHIPPED = "shipped"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    """A person must act."""
    ABANDONED = "abandoned"


MOVES: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.DIAGNOSED, Status.RESOLVED, Status.ESCALATED, Status.ABANDONED}),
    Status.DIAGNOSED: frozenset({Status.PATCHED, Status.OPEN, Status.ESCALATED, Status.ABANDONED}),
    Status.PATCHED: frozenset({Status.PROVEN, Status.APPROVED, Status.DIAGNOSED, Status.ESCALATED, Status.ABANDONED}),
    Status.PROVEN: frozenset({Status.APPROVED, Status.DIAGNOSED, Status.PATCHED, Status.ESCALATED, Status.ABANDONED}),
    Status.APPROVED: frozenset({Status.SHIPPED, Status.PATCHED, Status.ESCALATED, Status.ABANDONED}),
    Status.SHIPPED: frozenset({Status.RESOLVED, Status.OPEN, Status.ESCALATED, Status.ABANDONED}),
    Status.RESOLVED: frozenset({Status.OPEN}),
    Status.ESCALATED: frozenset({Status.OPEN, Status.DIAGNOSED, Status.RESOLVED, Status.ABANDONED}),
    Status.ABANDONED: frozenset({Status.OPEN}),
}
"""The one table of allowed moves: from a status to the statuses it may become."""


class Lane(StrEnum):
    """Where a diagnosis sends the ticket; only `code bug` goes on to a fix."""

    CODE_BUG = "code bug"
    DATA_BUG = "data bug"
    CHECK_WRONG = "check wrong"
    OUTAGE = "outage"
    FLAKY = "flaky"
    DUPLICATE = "duplicate"
    FEATURE = "feature"
    UNKNOWN = "unknown"


class Ticket(Model):
    """The unit of repair."""

    id: int
    system: str
    check: str | None
    """None: a person's ticket without a failing check; the loop never picks it up."""
    title: str
    body: str = ""
    status: Status
    severity: Severity = Severity.MEDIUM
    autonomy: Autonomy
    created_at: datetime
    updated_at: datetime
    cause: int
    """The first ticket of this cause (itself, or the one it descends from): budgets count per cause."""
    checks: tuple[str, ...] = ()
    """All checks whose alerts are attached, its own first."""
    reason: str = ""
    """Why it stands where it stands, in a sentence: for escalated, what a person must do."""
    reopened: int = 0


class Event(Model):
    """One fact in a ticket's history; never changed or deleted."""

    id: int
    ticket: int
    at: datetime
    kind: str
    """`moved`, `note`, `attached`, `spent`, `progress`, ..."""
    old: Status | None = None
    new: Status | None = None
    actor: str
    """`loop`, `judge`, an agent's name, or a person's."""
    text: str = ""
    data: dict[str, JsonValue] = {}


class Line(Model):
    """One line of a ticket's transcript: what an agent did or said, as far as it is kept. No fact, only words."""

    id: int
    ticket: int
    at: datetime
    actor: str
    """The agent."""
    kind: str
    """`prompt`, `thought`, `message`, `plan`, `call`, `result`, `refusal`, `usage`, ..."""
    text: str


# --- brief ----------------------------------------------------------------------------------------------------------


class Contrast(Model):
    """An attribute value (or a pair, or a numeric range) that separates offending rows from healthy ones."""

    terms: tuple[str, ...]
    """Conditions such as `fetcher = 'gallery'` or `price >= 100000`, one or two."""
    offending: int
    """Offending rows that match."""
    offending_total: int
    healthy: int
    """Healthy rows that match."""
    healthy_total: int
    lift: float
    """Share among offending divided by share among all rows."""
    support: float
    """Share of the offending rows that match, 0 to 1."""
    p_value: float
    """Fisher's exact test, corrected for the number of candidates (Holm)."""


class Onset(Model):
    """When it began, by a change point over the counts of offending rows in time."""

    at: datetime
    before_rate: float
    """Offending share before, 0 to 1."""
    after_rate: float
    last_healthy: datetime | None = None
    buckets: tuple[tuple[datetime, int, int], ...] = ()
    """(start, offending, all) for each bucket, for a picture."""


class Change(Model):
    """A commit or a deploy in the window before the onset."""

    kind: Literal["commit", "deploy"]
    at: datetime
    commit: str
    title: str
    files: tuple[str, ...] = ()
    score: float = 0.0
    """Higher is more suspicious: what it touches, and how near the onset it lies."""
    why: str = ""


class Memory(Model):
    """What an earlier ticket taught."""

    ticket: int
    title: str
    status: Status
    root_cause: str = ""
    refuted: bool = False
    """The cause was named and shown wrong (the alert fired again, or the judge refuted it)."""
    similarity: float = 0.0


class Brief(Model):
    """What the machine knows before an agent starts: computed, not generated."""

    contrasts: tuple[Contrast, ...] = ()
    contrast_note: str = ""
    """Why there is no contrast, when there is none."""
    onset: Onset | None = None
    changes: tuple[Change, ...] = ()
    upstream_red: tuple[str, ...] = ()
    memories: tuple[Memory, ...] = ()
    rules: str = ""
    """The system's rules.md / AGENTS.md, capped."""
    tables: tuple[str, ...] = ()
    """Tables that the check reads."""


# --- diagnosis ------------------------------------------------------------------------------------------------------


class QueryFact(Model):
    """A read-only query on the live data gave these rows."""

    kind: Literal["query"] = "query"
    sql: str
    rows: tuple[Row, ...]
    total: int


class LinesFact(Model):
    """These lines stand in a file at a commit."""

    kind: Literal["lines"] = "lines"
    commit: str
    path: str
    start: int
    text: str


class ReplayFact(Model):
    """The replay at a commit (with a diff on top, or none) gave this many offending rows."""

    kind: Literal["replay"] = "replay"
    commit: str
    diff: str = ""
    total: int


class TraceFact(Model):
    """The replay at a commit executed these lines."""

    kind: Literal["trace"] = "trace"
    commit: str
    path: str
    lines: tuple[int, ...]


class TestFact(Model):
    """A test at a commit ended so."""

    __test__ = False  # not a test class for pytest

    kind: Literal["test"] = "test"
    commit: str
    test: str
    outcome: str


class CommitFact(Model):
    """A commit exists, with this subject, and touches these files."""

    kind: Literal["commit"] = "commit"
    commit: str
    subject: str
    files: tuple[str, ...] = ()


class ContrastFact(Model):
    """Offending and healthy rows differ so, computed again from the live data or the recorded evidence."""

    kind: Literal["contrast"] = "contrast"
    contrast: Contrast


class RowsFact(Model):
    """The recorded evidence holds rows with these values."""

    kind: Literal["rows"] = "rows"
    check: str
    where: Row
    """Column -> value; `count` rows of the recorded evidence match all of them."""
    context: str = ""
    """Name of a context table of the evidence; empty for the offending rows themselves."""
    count: int


class LogFact(Model):
    """These lines stand in a log file of the system, at this byte or where the file was rotated to."""

    kind: Literal["log"] = "log"
    path: str
    offset: int
    text: str


Fact = Annotated[
    QueryFact | LinesFact | ReplayFact | TraceFact | TestFact | CommitFact | ContrastFact | RowsFact | LogFact,
    Field(discriminator="kind"),
]
"""Evidence of one answer, of a kind that the engine can run again by itself."""


class Why(Model):
    question: str
    answer: str
    """`unknown` where the evidence ends."""
    facts: tuple[Fact, ...] = ()


class Location(Model):
    """A place in the code."""

    path: str
    start: int
    end: int
    function: str = ""
    suspicion: float = 0.0
    """0 to 1, Ochiai or a strategy's own."""


class Diagnosis(Model):
    """The ordered whys with their evidence, the root cause, and its lane."""

    whys: tuple[Why, ...]
    root_cause: str
    lane: Lane
    locations: tuple[Location, ...] = ()
    """Most suspicious first."""
    culprit: str | None = None
    """The commit that brought the bug, where bisecting found it."""
    agent: str
    duplicate: int | None = None
    """The open ticket that has the same cause, where the lane is `duplicate`."""
    refused: tuple[str, ...] = ()
    """What the engine could not reproduce when it ran the facts again."""


# --- patch, verdict, gate, release ----------------------------------------------------------------------------------


class Patch(Model):
    """A change on a base commit, as text."""

    base: str
    diff: str
    tests: tuple[str, ...]
    """Test files in the diff that hold the regression tests, relative to the repository."""
    summary: str
    strategy: str = ""
    """How it was found: `revert`, `sibling`, `template:...`, or an agent's name."""

    @property
    def fingerprint(self) -> str:
        """Hash of base and diff: what was judged is what ships."""
        return digest([self.base, self.diff])


class Outcome(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    NEEDS_EYES = "needs eyes"


class Proof(Model):
    """One rule of the judge with its outcome and what it saw."""

    name: str
    outcome: Outcome
    saw: str
    seconds: float = 0.0
    details: tuple[str, ...] = ()


class VerdictOutcome(StrEnum):
    PROVEN = "proven"
    REJECTED = "rejected"
    NEEDS_EYES = "needs eyes"
    NOT_REPRODUCED = "not reproduced"
    JUDGE_BROKEN = "judge broken"


class Verdict(Model):
    """All proofs of one patch."""

    outcome: VerdictOutcome
    reason: str = ""
    """The class of the reason; all that an agent learns."""
    patch: str
    """Fingerprint of the judged patch."""
    base: str
    proofs: tuple[Proof, ...]
    seconds: float
    isolation: str = ""
    """Name of the sandbox it ran in, and whether it is the weaker one."""
    record: str = ""
    """Hash of the record of all that it stands on; empty where none was kept."""


class Spend(Model):
    """What something cost. Seconds of wall time, tokens, US dollars."""

    seconds: float = 0.0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spend) -> Spend:
        return Spend(seconds=self.seconds + other.seconds, tokens=self.tokens + other.tokens, usd=self.usd + other.usd)


class Grant(Model):
    """What a person adds to the limits of one cause."""

    attempts: int = 0
    minutes: float = 0.0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Grant) -> Grant:
        return Grant(
            attempts=self.attempts + other.attempts,
            minutes=self.minutes + other.minutes,
            tokens=self.tokens + other.tokens,
            usd=self.usd + other.usd,
        )


class Attempt(Model):
    """One go at patch and verdict."""

    ticket: int
    number: int
    agent: str
    started_at: datetime
    patch: Patch | None = None
    verdict: Verdict | None = None
    spend: Spend = Spend()
    feedback: str = ""
    """What the next attempt is told: the class of the judge's reason, or a person's words."""
    notes: str = ""
    """What the agent tried, for people."""


class Approval(Model):
    """A person's approve or reject."""

    ticket: int
    attempt: int
    decision: Literal["approve", "reject"]
    who: str
    at: datetime
    note: str = ""
    record: str = ""
    """Hash of the record of the verdict that was signed: what ships must be that, and nothing judged since."""


class Release(Model):
    """What shipped, where, and how to revert it."""

    ticket: int
    attempt: int
    commit: str
    branch: str
    remote: str
    shipped_at: datetime
    deployed_at: datetime | None = None
    deploy_output: str = ""
    reverted_by: str | None = None
    """The commit that took it back."""


class Watched(Model):
    """What the watch saw of a shipped ticket."""

    state: Literal["quiet", "waiting", "fired", "error"]
    quiet_since: datetime | None = None
    new_rows: tuple[Row, ...] = ()
    residue: tuple[Row, ...] = ()
    """Offending rows older than the release: the bug wrote them, the fix does not undo them."""
    residue_total: int = 0
    message: str = ""


# --- running commands -----------------------------------------------------------------------------------------------


class Limits(Model):
    """Bounds of one command in the sandbox."""

    seconds: float = 300.0
    """Wall time; the whole process tree dies at the end of it."""
    cpu_seconds: int = 900
    memory_bytes: int = 4 * 2**30
    file_bytes: int = 2**30
    processes: int = 512
    output_bytes: int = 2**20
    """Kept of stdout and of stderr each: the head and the tail."""


class Ran(Model):
    """How a command ended."""

    code: int
    """Exit code; 128 + n for signal n."""
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False

    @property
    def words(self) -> str:
        """The last words of a command, for a message."""
        text = (self.stderr.strip() or self.stdout.strip())[-800:]
        return "timed out" + (f": {text}" if text else "") if self.timed_out else text


TestOutcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "error"]
TestPhase = Literal["collect", "setup", "call", "teardown"]


class TestEvent(Model):
    """How one test ended, from the events of the runner and not from its text."""

    __test__ = False

    id: str
    outcome: TestOutcome
    """`error`: it broke outside its call phase (collection, set-up, tear-down)."""
    phase: TestPhase = "call"
    seconds: float = 0.0
    message: str = ""
    """The failure, capped."""
    where: tuple[str, int] | None = None
    """File (relative to the tree where it lies in it) and line that raised."""


class TestRun(Model):
    """One run of a suite."""

    __test__ = False

    ran: Ran
    complete: bool
    """The runner reached its own end; a run that exited in the middle is never green."""
    events: tuple[TestEvent, ...]
    covered: dict[str, dict[str, tuple[int, ...]]] = {}
    """Test id -> file -> lines executed, when coverage was asked for."""
    notes: dict[str, JsonValue] = {}
    """What more plugins of the runner wrote down, by their names; written where the tested code could forge it."""

    @property
    def green(self) -> bool:
        return self.complete and self.ran.code in (0, 5) and not self.failed

    @property
    def failed(self) -> tuple[TestEvent, ...]:
        return tuple(event for event in self.events if event.outcome in ("failed", "error"))


class Replay(Model):
    """One run of a system's replay on recorded evidence, and what the check then found in the scratch database."""

    ran: Ran
    result: CheckResult | None
    """None when the replay crashed: it proves nothing, neither red nor green."""
    trace: dict[str, tuple[int, ...]] = {}
    """File -> lines executed, when a trace was asked for. Relative to the tree."""
    calls: tuple[tuple[str, str], ...] = ()
    """(caller, callee) as `path:function`, when a trace was asked for."""
    errors: JsonValue = None
    """Which errors were raised and where they were taken, as the tracer told it, when a trace was asked for."""
    answers: tuple[CheckResult, ...] = ()
    """What more questions found in the same scratch database, in the order they were asked; empty after a crash."""

    @property
    def red(self) -> bool:
        return self.result is not None and self.result.state is CheckState.FAILING

    @property
    def green(self) -> bool:
        return self.result is not None and self.result.state is CheckState.OK
