"""Measures the demonstration: seconds from red to the gate and to the end, a fault a line, with verdict and outcome.

    python bench/demo.py                      # every fault, after scripts/setup
    python bench/demo.py retry-429 unit-mixup
    python bench/demo.py --agent model      # unit-mixup, by the agent `model` and a scripted model on loopback

Each fault runs as `andon demo --fault NAME --yes --json` in a process of its own. Ends with 1 when one did not end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engineer import FAULT, engineer

from andon.demo import faults
from andon.testing.endpoint import endpoint

LIMIT = 900.0


def measure(fault: str, *words: str) -> tuple[str, bool]:
    """Returns a fault's line of the table, and whether the demonstration came to an end."""
    began = time.monotonic()
    argv = (sys.executable, "-m", "andon", "demo", "--fault", fault, "--yes", "--json", *words)
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"| {fault} | | did not end | | | {LIMIT:.0f} |", False
    whole = time.monotonic() - began
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if not lines:
        words = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"| {fault} | | {words} | | | {whole:.0f} |", False
    told = json.loads(lines[-1])
    times = {name.split(":")[-1]: seconds for name, seconds in told["seconds"].items()}
    gate, ended = told["red_to_gate_seconds"], times.get(told["outcome"])
    verdict = ": ".join(filter(None, (told["verdict"], told["verdict_reason"])))
    return f"| {fault} | {verdict} | {told['outcome']} | {shown(gate)} | {shown(ended)} | {whole:.0f} |", True


@contextmanager
def asked_of(agent: str) -> Iterator[tuple[str, ...]]:
    """Gives the options that make the demonstration use an agent; its model answers for as long."""
    if agent == "search":
        yield ()
        return
    os.environ["ENGINEER_KEY"] = "a-key-of-loopback"
    with endpoint(engineer, key=os.environ["ENGINEER_KEY"]) as model:
        yield ("--agent", "model", "--model", "openai:scripted", "--url", f"{model.url}/v1", "--key", "ENGINEER_KEY")


def shown(seconds: float | None) -> str:
    """Returns seconds as a cell."""
    return "" if seconds is None else f"{seconds:.0f}"


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT")
    parser.add_argument("--agent", choices=["search", "model"], default="search")
    told = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds")
    print("| fault | verdict | ended | red to gate | red to end | whole |\n|---|---|---|--:|--:|--:|", flush=True)
    ended = True
    with asked_of(told.agent) as words:
        for fault in told.faults or (list(faults()) if told.agent == "search" else [FAULT]):
            line, came = measure(fault, *words)
            ended = ended and came
            print(line, flush=True)
    sys.exit(0 if ended else 1)


if __name__ == "__main__":
    main()
