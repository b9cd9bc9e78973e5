"""Asks many checks side by side and gives every one a result; it stores nothing and decides nothing about tickets."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from andon.checks.asking import ask, error_result
from andon.errors import AndonError
from andon.models import Check, CheckKind, CheckResult, CheckState
from andon.protocols import DataSource, Sandbox

if TYPE_CHECKING:
    from andon.checks.heartbeat import Ping

ASKS_DATA = frozenset({CheckKind.SQL, CheckKind.PYTHON})
OUTSIDE = 4
"""Checks of other kinds (http, command) that run beside those which ask the database."""
PROBE = timedelta(seconds=5)


def ask_all(
    checks: Sequence[Check],
    *,
    open_data: Callable[[], DataSource],
    watermarks: Mapping[str, datetime],
    now: datetime,
    connections: int = 2,
    on_result: Callable[[CheckResult], None] | None = None,
    costs: Mapping[str, float] | None = None,
    root: Path | None = None,
    sandbox: Sandbox | None = None,
    pings: Mapping[str, Ping] | None = None,
) -> tuple[CheckResult, ...]:
    """Returns one result a check, in the order of the checks. `on_result` gets each as it comes, one at a time.

    `connections` checks ask the database at once, each over its own source from `open_data`; `costs` (seconds of
    earlier sweeps, by name) puts the longest first. A database that goes away makes the rest of them errors at once.
    """
    sweep = _Sweep(open_data, watermarks, now, on_result, root, sandbox, pings)
    costly = sorted(checks, key=lambda check: -(costs or {}).get(check.name, 0.0))
    asking = [check for check in costly if check.kind in ASKS_DATA]
    outside = [check for check in costly if check.kind not in ASKS_DATA]
    sweep.run([(asking, max(connections, 1)), (outside, OUTSIDE)])
    return tuple(sweep.results[check.name] for check in checks)


class _Sweep:
    """The state that the threads of one sweep share."""

    def __init__(
        self,
        open_data: Callable[[], DataSource],
        watermarks: Mapping[str, datetime],
        now: datetime,
        on_result: Callable[[CheckResult], None] | None,
        root: Path | None,
        sandbox: Sandbox | None,
        pings: Mapping[str, Ping] | None,
    ) -> None:
        self.results: dict[str, CheckResult] = {}
        self._open_data = open_data
        self._watermarks = watermarks
        self._now = now
        self._on_result = on_result
        self._root = root
        self._sandbox = sandbox
        self._pings = pings
        self._seen: dict[str, datetime | None] = {}
        self._gone = ""
        self._told = threading.Lock()
        self._failure: BaseException | None = None
        self._stopped = threading.Event()

    def run(self, groups: Sequence[tuple[Sequence[Check], int]]) -> None:
        """Asks all checks; returns when every one has its result, and raises what `on_result` raised."""
        threads: list[threading.Thread] = []
        for checks, workers in groups:
            work: queue.SimpleQueue[Check] = queue.SimpleQueue()
            for check in checks:
                work.put(check)
            # Daemons: on Ctrl-C nobody waits for a query that has a minute to go.
            threads += [
                threading.Thread(target=self._work, args=(work,), daemon=True) for _ in range(min(workers, len(checks)))
            ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self._stopped.set()
        if self._failure is not None:
            raise self._failure

    def _work(self, work: queue.SimpleQueue[Check]) -> None:
        data: DataSource | None = None
        try:
            while not self._stopped.is_set():
                try:
                    check = work.get_nowait()
                except queue.Empty:
                    return
                if check.kind in ASKS_DATA and data is None and not self._gone:
                    data = self._open()
                self._tell(self._ask(check, data))
        except BaseException as error:  # noqa: BLE001  a bug here has to reach the caller's thread
            self._failure = error
            self._stopped.set()
        finally:
            if data is not None:
                data.close()

    def _open(self) -> DataSource | None:
        try:
            return self._open_data()
        except AndonError as error:
            self._gone = str(error)
            return None

    def _ask(self, check: Check, data: DataSource | None) -> CheckResult:
        since = self._watermarks.get(check.name)
        if check.kind in ASKS_DATA and self._gone:
            return error_result(check, self._now, self._gone, since=since if check.incremental else None)
        result = ask(
            check,
            data=data,
            since=since,
            now=self._now,
            sandbox=self._sandbox,
            root=self._root,
            pings=self._pings,
            seen=self._seen,
        )
        if result.state is CheckState.ERROR and check.kind in ASKS_DATA and data is not None:
            self._probe(data)
        return result

    def _probe(self, data: DataSource) -> None:
        """Finds out whether an error was the check's own or the database's: then nobody waits for it again."""
        try:
            data.ask("select 1 as alive", timeout=PROBE)
        except AndonError as error:
            self._gone = str(error)

    def _tell(self, result: CheckResult) -> None:
        with self._told:
            self.results[result.check] = result
            if self._on_result is not None:
                self._on_result(result)
