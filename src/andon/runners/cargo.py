"""Runs a cargo package's test programs one by one: what each lists must be told of, line by line, to have run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from andon.models import Ran, TestEvent, TestRun
from andon.probes.reading import Place, read_bytes, read_lines
from andon.runners.bench import NOTHING, Bench, asked_for, event, files_of, inside, to_file

LISTED = re.compile(r"(?m)^(.+): (test|benchmark)$")
SUMMARY = re.compile(r"(?m)^(\d+) tests?, (\d+) benchmarks?$")
LINE = re.compile(r"(?m)^test (.+?)(?: - should panic(?: with .*?)?)? \.\.\. (ok|FAILED|ignored)(?:[, <].*)?$")
RESULT = re.compile(r"(?m)^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;")
BLOCK = re.compile(r"(?ms)^---- (.+?) stdout ----\n(.*?)(?=^---- |\nfailures:\n|\Z)")
PLACE = re.compile(r"panicked at (?:'(?s:.*?)', )?([^\s:']+):(\d+):\d+")
DOCTEST = re.compile(r"(\S+) - (.*?) ?\(line \d+\)(?: - compile(?: fail)?)?")
OUTCOMES = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}
START = 5.0
"""Seconds for what is not the tests themselves."""
ENDS = (0, 101)
"""Exit codes of a test program that came to its own end."""
MOST_PROGRAMS = 500


class Program(NamedTuple):
    """One test program that was built."""

    executable: Path
    target: str
    """The file that it was built from, from the system's folder."""
    package: Path
    """Folder of its package: test programs run there."""


class Built(NamedTuple):
    """What came of building."""

    ran: Ran
    programs: tuple[Program, ...]
    libraries: bool
    """There is a library, which may have examples in its documentation."""
    trouble: str
    """What the compiler says where it is no program yet."""


def is_cargo(argv: Sequence[str]) -> bool:
    """Tells whether a test command is `cargo test`."""
    return Path(argv[0]).name == "cargo" and "test" in argv[1:]


def run_cargo(bench: Bench, tests: Sequence[str] = ()) -> TestRun:
    """Returns the run of the suite, or of some of its programs; ids are `file of the target::module::test`.

    The programs are run themselves: what cargo would run them with is a project's setting.
    """
    built = build(bench)
    if built.ran.code or built.ran.timed_out:
        broken = event(id="build", phase="collect", outcome="error", message=built.trouble or built.ran.words)
        return TestRun(ran=built.ran, complete=False, events=(broken,))
    files = files_of(tests)
    events: list[TestEvent] = []
    complete, ran = True, built.ran
    for program in built.programs[:MOST_PROGRAMS]:
        if files and program.target not in files:
            continue
        told = run_program(bench, program)
        events += told.events
        complete, ran = complete and told.complete, worse(ran, told.ran)
    if built.libraries and not files and has_examples(bench.place):
        told = run_examples(bench)
        events += told.events
        complete, ran = complete and told.complete, worse(ran, told.ran)
    return TestRun(ran=ran, complete=complete, events=asked_for(events, tests))


def worse(one: Ran, other: Ran) -> Ran:
    """Returns how a run of two commands ended: as the first that did not end well, in the time of both."""
    bad = one if one.code or one.timed_out else other
    return bad.model_copy(update={"seconds": one.seconds + other.seconds})


# --- building ---------------------------------------------------------------------------------------------------------


def environment(bench: Bench) -> dict[str, str]:
    """Returns the environment for building: no network, and nothing is written into the tree.

    Packages come from a folder `registry` among those of the runtime, as in `~/.cargo/registry`, or from the project.
    """
    return {
        "CARGO_HOME": str(bench.out / "cargo"),
        **offline(bench.runtime),
        "CARGO_TARGET_DIR": str(bench.out / "target"),
        "CARGO_TERM_COLOR": "never",
        "CARGO_INCREMENTAL": "0",
    }


def offline(runtime: Iterable[Path]) -> dict[str, str]:
    """Returns the environment in which cargo finds the packages that are there, and asks nobody for others."""
    home = next((top.parent for top in runtime if top.name == "registry"), None)
    return {"CARGO_NET_OFFLINE": "true"} | ({"CARGO_HOME": str(home)} if home else {})


def build(bench: Bench) -> Built:
    """Builds the test programs of a tree."""
    words = [word for word in before_dashes(bench.argv) if word not in ("--no-run", "--offline", "-q", "--quiet")]
    out = bench.out / "build.jsonl"
    argv = (*words, "--no-run", "--offline", "--message-format=json")
    ran = bench.run(to_file(argv, out), env=environment(bench))
    programs: dict[str, Program] = {}
    libraries, errors = False, []
    for line in read_lines(out):
        target, profile = line.get("target"), line.get("profile")
        message = line.get("message")
        if line.get("reason") == "compiler-message" and isinstance(message, dict) and message.get("level") == "error":
            errors.append(str(message.get("rendered") or message.get("message") or ""))
        if line.get("reason") != "compiler-artifact" or not isinstance(target, dict) or not isinstance(profile, dict):
            continue
        manifest = Path(str(line.get("manifest_path") or ""))
        if not manifest.is_relative_to(bench.place.tree):
            continue
        libraries = libraries or bool(target.get("doctest"))
        executable = line.get("executable")
        if profile.get("test") and isinstance(executable, str):
            source = os.path.relpath(str(target.get("src_path") or ""), bench.place.folder)
            programs[executable] = Program(Path(executable), source, manifest.parent)
    found = tuple(one for _, one in sorted(programs.items()))
    return Built(ran, found, libraries, "\n".join(errors))


def before_dashes(argv: Sequence[str]) -> tuple[str, ...]:
    """Returns the words for cargo itself: those behind `--` are for the programs."""
    return tuple(argv[: argv.index("--")] if "--" in argv else argv)


# --- running ----------------------------------------------------------------------------------------------------------


def run_program(bench: Bench, program: Program) -> TestRun:
    """Returns how the tests of one program ended; one that does not list its tests is told by its exit code alone."""
    libraries = [program.executable.parent, program.executable.parent.parent, *(top / "lib" for top in bench.runtime)]
    env = {
        "CARGO_MANIFEST_DIR": str(program.package),
        "LD_LIBRARY_PATH": ":".join(str(folder) for folder in libraries),
        "RUST_BACKTRACE": "0",
        **bench.env,
    }
    name = program.executable.name
    listing, _ = said(bench, (str(program.executable), "--list"), name + ".list", program.package, env)
    listed = [found[1] for found in LISTED.finditer(listing) if found[2] == "test"]
    counts = SUMMARY.findall(listing)
    told, ran = said(bench, (str(program.executable),), name + ".run", program.package, env)
    each = ran.seconds / max(1, len(listed))
    if not counts or int(counts[-1][0]) != len(listed):
        return by_exit_code(program, ran)
    events = [
        one.model_copy(update={"id": f"{program.target}::{one.id}", "seconds": each})
        for one in events_of(told, bench.place, program.package)
    ]
    expected = {f"{program.target}::{test}" for test in listed}
    return TestRun(
        ran=ran, complete=came_to_its_end(told, ran) and {one.id for one in events} == expected, events=tuple(events)
    )


def by_exit_code(program: Program, ran: Ran) -> TestRun:
    """Returns the run of a program with a harness of its own."""
    outcome = "passed" if ran.code == 0 else "failed"
    one = event(id=f"{program.target}::(its exit code)", outcome=outcome, message=ran.words)
    return TestRun(ran=ran, complete=not ran.timed_out, events=(one,))


def came_to_its_end(told: str, ran: Ran) -> bool:
    """Tells whether a program said at the end what it had said line by line."""
    results = RESULT.findall(told)
    if ran.timed_out or ran.code not in ENDS or not results:
        return False
    counted = [found[2] for found in LINE.finditer(told)]
    sums = [sum(int(result[number]) for result in results) for number in (1, 2, 3)]
    green = all(result[0] == "ok" for result in results)
    return sums == [counted.count(word) for word in ("ok", "FAILED", "ignored")] and green == (ran.code == 0)


def said(bench: Bench, argv: Sequence[str], name: str, cwd: Path, env: Mapping[str, str] = NOTHING) -> tuple[str, Ran]:
    """Returns all that a command wrote to its standard output, and how it ended."""
    out = bench.out / name
    seconds = bench.patience + START if bench.patience else 0.0
    ran = bench.run(to_file(argv, out), cwd=cwd, env=env, seconds=seconds)
    return read_bytes(out).decode("utf-8", "replace"), ran


def events_of(told: str, place: Place, package: Path) -> Iterator[TestEvent]:
    """Yields what the lines of a test program say."""
    blocks: dict[str, str] = dict(BLOCK.findall(told))
    for found in LINE.finditer(told):
        name, words = found[1], blocks.get(found[1], "")
        at = PLACE.search(words)
        path = inside(os.path.relpath(package / at[1], place.folder), place) if at else ""
        yield event(
            id=name,
            outcome=OUTCOMES[found[2]],
            message=plain(words),
            where=(path, int(at[2])) if at else None,
        )


def plain(words: str) -> str:
    """Returns what a failure says without the lines that every failure has, its own words first."""
    lines = [line for line in words.splitlines() if line.strip() and not line.startswith("note: ")]
    told = [line for line in lines if not (line.startswith("thread '") and "panicked at" in line)]
    return " ".join(line.strip() for line in told[:3]) + "\n" + "\n".join(lines) if told else "\n".join(lines)


# --- examples in the documentation ------------------------------------------------------------------------------------


def has_examples(place: Place) -> bool:
    """Tells whether the documentation of any source has code in it."""
    files = (path for path in place.tree.rglob("*.rs") if path.is_file() and not path.is_symlink())
    return any(b"```" in read_bytes(path) for path in files)


def run_examples(bench: Bench) -> TestRun:
    """Returns how the examples ended; their names hold lines, which move, so they are called by their item."""
    words = [word for word in before_dashes(bench.argv) if word not in ("--offline", "--all-targets", "-q", "--quiet")]
    env = {**environment(bench), "RUST_BACKTRACE": "0", **bench.env}
    told, ran = said(bench, (*words, "--doc", "--offline"), "examples.run", bench.place.folder, env)
    events = []
    for one in events_of(told, bench.place, bench.place.folder):
        found = DOCTEST.fullmatch(one.id)
        file, item = (found[1], found[2]) if found else (one.id, "")
        events.append(one.model_copy(update={"id": f"{file}::documentation of {item or 'the module'}"}))
    return TestRun(ran=ran, complete=came_to_its_end(told, ran) or (ran.code == 0 and not events), events=tuple(events))
