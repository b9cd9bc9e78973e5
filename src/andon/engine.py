"""Runs the workflows durably with DBOS: schedules, queues, recovery; it decides nothing about tickets."""

from __future__ import annotations

import os
import secrets
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID

from andon import steps, workflows
from andon.app import App
from andon.errors import AndonError, ExternalError
from andon.models import Status

VERSION = "1"
"""DBOS strands running work when this changes: bump it by hand, when a step's name or result changes its meaning."""
LEASE = timedelta(seconds=30)
"""A worker that has not shown itself for so long is taken for dead."""
CRASHES = 8
"""A phase that killed its process so often is not tried again: a person gets the ticket."""
TICKETS, FIXES = "tickets", "fixes"


def _no_boundary(name: str) -> None:
    """Does nothing at a step's boundary."""


_app: App | None = None  # DBOS calls plain functions: the one place where a running engine finds its app
_boundary: Callable[[str], None] = _no_boundary


def step(name: str, work: Callable[[], workflows.Result]) -> workflows.Result:
    """Runs a step of the current workflow once; an outside failure that may pass is tried three times."""

    def whole() -> workflows.Result:
        _boundary(f"before {name}")
        result = work()
        _boundary(f"done {name}")
        return result

    return DBOS.run_step(
        {
            "name": name,
            "retries_allowed": True,
            "max_attempts": 3,
            "interval_seconds": 1.0,
            "should_retry": lambda error: isinstance(error, ExternalError) and not error.permanent,
        },
        whole,
    )


def current_app() -> App:
    """Returns the app of the running engine."""
    if _app is None:
        raise AndonError("the engine is not running")
    return _app


@DBOS.workflow(name="sweep")
def sweep_workflow(scheduled_at: datetime, system: str) -> None:
    """Sweeps a system once."""
    del scheduled_at
    workflows.sweep(current_app(), system, step)


@DBOS.workflow(name="phase", max_recovery_attempts=CRASHES)
def phase_workflow(phase: str, ticket: int) -> str:
    """Runs one phase of a ticket."""
    return workflows.run_phase(current_app(), phase, ticket, step)


def cron(every: timedelta) -> str:
    """Returns the six-field cron expression of the longest even rhythm that is not longer than a duration."""
    seconds = max(1, int(every.total_seconds()))
    for unit, size, template in ((3600, 24, "0 0 */{} * * *"), (60, 60, "0 */{} * * * *"), (1, 60, "*/{} * * * * *")):
        fitting = [n for n in range(1, size) if size % n == 0 and n * unit <= seconds]
        if fitting:
            return template.format(fitting[-1])
    return "* * * * * *"


class Engine:
    """A running engine: sweeps on schedule, starts what each ticket asks for, takes over dead workers' work."""

    def __init__(
        self,
        app: App,
        *,
        poll: timedelta = timedelta(seconds=1),
        sweeps: bool = True,
        boundary: Callable[[str], None] = _no_boundary,
    ) -> None:
        self.app = app
        self.poll = poll
        self.sweeps = sweeps
        self.boundary = boundary
        """Called before each step, and after its work is done but not yet remembered; tests pull the plug here."""
        self.sqlite = app.database_url.startswith("sqlite:")
        self.worker = "local" if self.sqlite else f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}"
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked = datetime.min.replace(tzinfo=UTC)
        self._started: deque[str] = deque(maxlen=5000)  # spares asking the engine again for what it knows already
        self.trouble = ""
        """Why the last look for work failed; empty when it did not."""

    def start(self) -> None:
        """Launches the executor; work that was running when the last process died goes on."""
        global _app, _boundary
        _app, _boundary = self.app, self.boundary
        config: DBOSConfig = {
            "name": "andon",
            "system_database_url": engine_url(self.app.database_url),
            "executor_id": self.worker,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "enable_otlp": False,
            "log_level": "ERROR",
            "console_log_level": "ERROR",
            "scheduler_polling_interval_sec": 1.0,
            "notification_listener_polling_interval_sec": 1.0,
            "run_migrations": True,
        }
        if self.sqlite:
            prepare_sqlite(config["system_database_url"] or "")
        self.app.store.beat(self.worker, self.app.now())
        DBOS(config=config)
        DBOS.launch()
        pace = min(1.0, self.poll.total_seconds())
        for system in self.app.config.systems if self.sweeps else ():
            DBOS.register_queue(
                f"sweep-{system}", global_concurrency=1, polling_interval_sec=pace, on_conflict="always_update"
            )
        DBOS.register_queue(TICKETS, worker_concurrency=4, polling_interval_sec=pace, on_conflict="always_update")
        DBOS.register_queue(
            FIXES,
            partition_concurrency=1,
            worker_concurrency=self.app.config.workers,
            polling_interval_sec=pace,
            on_conflict="always_update",
        )
        if self.sweeps:
            self.schedule_sweeps()
        self._thread = threading.Thread(target=self.look_for_work, name="andon-work", daemon=True)
        self._thread.start()

    def schedule_sweeps(self) -> None:
        """Makes the cron rows those of the configuration: one sweep a system."""
        DBOS.apply_schedules(
            [
                {
                    "schedule_name": f"sweep-{name}",
                    "workflow_fn": sweep_workflow,
                    "schedule": cron(settings.every),
                    "context": name,
                    "queue_name": f"sweep-{name}",
                }
                for name, settings in self.app.config.systems.items()
            ]
        )
        wanted = {f"sweep-{name}" for name in self.app.config.systems}
        for schedule in DBOS.list_schedules():
            if schedule["schedule_name"] not in wanted:
                DBOS.delete_schedule(schedule["schedule_name"])

    def sweep_now(self, system: str) -> list[int]:
        """Sweeps a system at once and returns the tickets that came of it."""
        return workflows.sweep(self.app, system, workflows.straight)

    def look_for_work(self) -> None:
        """Starts the phase that each ticket asks for, until the engine stops."""
        while not self._stop.is_set():
            try:
                self.start_phases()
                self.take_over()
                self.trouble = ""
            except Exception as error:  # noqa: BLE001
                # The store can be away for a while (full disk, restarted server): the loop outlives it and says so.
                self.trouble = f"{type(error).__name__}: {error}"
            self._stop.wait(self.poll.total_seconds())

    def start_phases(self) -> None:
        """Puts one workflow on a queue for every ticket that asks for a phase; the same fact never starts two."""
        store = self.app.store
        tickets = store.list_tickets(status=(Status.OPEN, Status.DIAGNOSED, Status.APPROVED, Status.SHIPPED))
        for ticket, phase, fact in workflows.due(self.app, tickets):
            if fact in self._started or self.is_busy(ticket.id):
                continue
            repo = self.app.config.systems[ticket.system].repo
            queue, partition = (FIXES, repo) if phase == "fix" else (TICKETS, None)
            with SetWorkflowID(fact), SetEnqueueOptions(queue_partition_key=partition):
                DBOS.enqueue_workflow(queue, phase_workflow, phase, ticket.id)
            self._started.append(fact)

    def is_busy(self, ticket: int) -> bool:
        """Tells whether a phase of a ticket is under way anywhere, also one that a dead process left: one at a time."""
        under_way = DBOS.list_workflows(
            workflow_id_prefix=f"ticket-{ticket}-",
            status=["PENDING", "ENQUEUED", "DELAYED"],
            limit=1,
            load_input=False,
            load_output=False,
        )
        return bool(under_way)

    def take_over(self) -> None:
        """Shows that this worker lives, and gives the work of dead workers back to the queues (Postgres only)."""
        now = self.app.now()
        if now - self._looked < LEASE / 6:
            return
        self._looked = now
        self.app.store.beat(self.worker, now)
        self.hand_over_crashing()
        if self.sqlite:
            return
        alive = set(self.app.store.live_workers(now, LEASE))
        for status in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False):
            if status.executor_id in alive or not status.queue_name:
                continue
            if status.name == "phase" and self.crashes(status.workflow_id) >= CRASHES:
                self.hand_over(status.workflow_id)
            else:
                DBOS.resume_workflows([status.workflow_id], queue_name=status.queue_name)

    def crashes(self, workflow: str) -> int:
        """Counts, and returns, how often a phase was taken from a dead worker: a resumed workflow forgets it."""
        ticket = int(workflow.split("-")[1])
        text = f"taken over from a dead worker: {workflow}"
        self.app.store.add_event(ticket, kind="taken over", actor=steps.LOOP, text=text, now=self.app.now())
        events = self.app.store.list_events(ticket, after=self.app.store.last_move(ticket))
        return sum(1 for event in events if event.text == text)

    def hand_over_crashing(self) -> None:
        """Escalates tickets whose phase has killed its process too often."""
        exceeded = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
        for status in DBOS.list_workflows(status=exceeded, name="phase", limit=20, load_input=False):
            self.hand_over(status.workflow_id)

    def hand_over(self, workflow: str) -> None:
        """Gives a ticket whose phase keeps killing its process to a person, once."""
        _, ticket, phase, *_ = workflow.split("-")
        reason = f"{phase} ended its process {CRASHES} times: look into the log of andon up"
        steps.escalate(self.app, int(ticket), reason)
        DBOS.cancel_workflow(workflow)  # so that it is never found again, whatever the person does with the ticket

    def stop(self) -> None:
        """Stops taking work and waits shortly for steps that run; what is cut off goes on at the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        DBOS.destroy(workflow_completion_timeout_sec=2)


def engine_url(url: str) -> str:
    """Returns where the engine keeps its progress: a SQLite file beside ours, or the same Postgres database."""
    return url.removesuffix(".db") + "-engine.db" if url.startswith("sqlite:") else url


def prepare_sqlite(url: str) -> None:
    """Sets write-ahead logging, which the engine never does: 1.5 to 3 times faster than the default journal."""
    import sqlite3

    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("pragma journal_mode=wal")
