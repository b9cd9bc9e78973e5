"""A process of its own that applies one sweep once a file exists: `python sweeper.py URL START_FILE`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from andon.config import SystemSettings
from andon.detect import Detected, detect
from andon.models import Check, CheckKind, CheckResult, CheckState
from andon.store import Known, Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHECKS = tuple(
    Check(name=name, kind=CheckKind.SQL, path="p", why="w", decided="d", upstream=upstream, sha256="0")
    for name, upstream in (("a", ()), ("b", ("a",)), ("c", ()))
)


def decide(known: Known) -> Detected:
    return detect("feed", CHECKS, known.results, known.alerts, known.tickets, now=NOON, settings=SystemSettings())


def main() -> None:
    url, start = sys.argv[1], Path(sys.argv[2])
    with Store.open(url) as store:
        print("ready", flush=True)
        while not start.exists():
            time.sleep(0.005)
        for check in CHECKS:
            result = CheckResult(check=check.name, state=CheckState.FAILING, asked_at=NOON, seconds=0.1, total=3)
            store.save_result("feed", result, check=check)
        print(len(store.apply_detected("feed", decide, now=NOON).opened), flush=True)


if __name__ == "__main__":
    main()
