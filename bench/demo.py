"""Measures the demonstration: seconds from red to the gate and to the end, a fault a line, with the outcome.

    python bench/demo.py                      # every fault, after scripts/setup
    python bench/demo.py retry-429 time-zone

Each fault runs as `andon demo --fault NAME --yes --json` in a process of its own. Ends with 1 when one did not end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from andon.demo import faults

LIMIT = 900.0


def measure(fault: str) -> tuple[str, bool]:
    """Returns a fault's line of the table, and whether the demonstration came to an end."""
    began = time.monotonic()
    argv = (sys.executable, "-m", "andon", "demo", "--fault", fault, "--yes", "--json")
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"| {fault} | | | {LIMIT:.0f} | did not end |", False
    whole = time.monotonic() - began
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if not lines:
        words = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"| {fault} | | | {whole:.0f} | {words} |", False
    told = json.loads(lines[-1])
    times = {name.split(":")[-1]: seconds for name, seconds in told["seconds"].items()}
    gate, ended = told["red_to_gate_seconds"], times.get(told["outcome"])
    return f"| {fault} | {shown(gate)} | {shown(ended)} | {whole:.0f} | {told['outcome']} |", True


def shown(seconds: float | None) -> str:
    """Returns seconds as a cell."""
    return "" if seconds is None else f"{seconds:.0f}"


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", default=list(faults()), metavar="FAULT")
    told = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds")
    print("| fault | start to gate | start to end | whole command | outcome |\n|---|--:|--:|--:|---|", flush=True)
    ended = True
    for fault in told.faults:
        line, came = measure(fault)
        ended = ended and came
        print(line, flush=True)
    sys.exit(0 if ended else 1)


if __name__ == "__main__":
    main()
