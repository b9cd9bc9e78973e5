"""What every sandbox promises, tried on each of them with hostile commands."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from talking import grows, python_command

from andon.errors import SandboxError
from andon.models import Limits, Ran
from andon.protocols import Command, Sandbox
from andon.sandboxes import isolation_report, open_sandbox
from andon.sandboxes.bounds import unbounded
from andon.sandboxes.cgroups import find_hierarchy
from andon.testing.waiting import wait_until

Python = Callable[..., Ran]


def test_command_says_what_it_says_and_ends_as_it_ends(python: Python) -> None:
    ran = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (ran.code, ran.stdout, ran.stderr, ran.timed_out) == (3, "out\n", "err\n", False)


def test_command_reads_what_it_is_fed(python: Python) -> None:
    ran = python("import sys; print(len(sys.stdin.read()))", stdin="x" * 300_000)
    assert ran.stdout == "300000\n"


def test_command_that_does_not_read_its_input_ends_all_the_same(python: Python) -> None:
    assert python("print('done')", stdin="x" * 3_000_000).stdout == "done\n"


def test_death_by_a_signal_is_128_and_its_number(python: Python) -> None:
    assert python("import os; os.kill(os.getpid(), 9)").code == 137


def test_program_that_does_not_exist_ends_with_127(sandbox: Sandbox) -> None:
    assert sandbox.run(Command(argv=("no-such-program",), cwd=Path("/"))).code == 127


def test_environment_holds_only_what_was_given(python: Python, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "hunter2")
    ran = python("import os; print(sorted(os.environ))")
    names = set(ran.stdout.strip("[]\n").replace("'", "").split(", "))
    assert names <= {"HOME", "TMPDIR", "PATH", "LANG", "PWD", "LC_CTYPE"}


def test_home_and_temporary_folder_are_fresh_and_writable(python: Python) -> None:
    code = (
        "import os\nfor name in ('HOME', 'TMPDIR'):\n place = os.environ[name] + '/planted'\n"
        " print(os.path.exists(place)); open(place, 'w').write('x')"
    )
    first, second = python(code), python(code)
    assert first.code == second.code == 0
    assert second.stdout == "False\nFalse\n"


def test_only_writable_folders_can_be_written(python: Python, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "data").write_text("kept")
    code = (
        f"print(open({str(shown / 'data')!r}).read())\nopen('mine', 'w').write('x')\n"
        f"for act in (lambda: open({str(shown / 'data')!r}, 'w'), lambda: open({str(shown / 'new')!r}, 'w')):\n"
        "    try: act()\n    except OSError: print('refused')"
    )
    ran = python(code, readable=(shown,))
    assert ran.stdout.split() == ["kept", "refused", "refused"]
    assert (tmp_path / "room" / "mine").read_text() == "x"
    assert (shown / "data").read_text() == "kept"


def test_link_in_a_writable_folder_leads_nowhere(python: Python, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "link").symlink_to(tmp_path / "secret")
    assert python("print(open('link').read())").code != 0
    python("open('link', 'w').write('gone')")
    assert (tmp_path / "secret").read_text() == "secret"


def test_tree_of_processes_dies_at_the_time_limit(python: Python, tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
        "  while True: open('beat', 'a').write('.'); time.sleep(0.01)\n"
        "time.sleep(60)"
    )
    ran = python(code, seconds=0.6)
    beat = tmp_path / "room" / "beat"
    size = beat.stat().st_size
    assert ran.timed_out
    assert ran.seconds < 5
    assert size > 0
    assert not grows(beat, size)


def test_command_that_is_told_to_stop_is_killed_with_all_its_tree(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n os.setsid()\n while True: open('beat', 'a').write('.'); time.sleep(0.01)\n"
        "time.sleep(60)"
    )
    stop, beat = threading.Event(), tmp_path / "room" / "beat"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(sandbox.run, python_command(code, tmp_path / "room")._replace(stop=stop))
        wait_until(lambda: beat.exists() and beat.stat().st_size > 0)
        stop.set()
        ran = running.result()
    assert ran.timed_out
    assert ran.seconds < 15, "its time limit is 20"
    assert not grows(beat, beat.stat().st_size)


def test_what_a_command_leaves_behind_dies_with_it(python: Python, tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n os.setsid(); os.close(1); os.close(2)\n"
        " while True: open('beat', 'a').write('.'); time.sleep(0.01)\n"
        "while not os.path.exists('beat'): pass"
    )
    assert python(code).code == 0
    beat = tmp_path / "room" / "beat"
    assert not grows(beat, beat.stat().st_size)


def test_flood_of_output_is_kept_head_and_tail(python: Python) -> None:
    code = "print('first')\nfor _ in range(1000): print('x' * 60000)\nprint('last')"
    ran = python(code, output_bytes=20_000)
    assert ran.stdout.startswith("first\n")
    assert ran.stdout.endswith("last\n")
    assert "bytes left out" in ran.stdout
    assert len(ran.stdout) < 21_000


def test_endless_flood_ends_at_the_time_limit(python: Python) -> None:
    ran = python("while True: print('x' * 60000)", seconds=0.5, output_bytes=5_000)
    assert ran.timed_out
    assert len(ran.stdout) < 6_000


def test_memory_is_bounded(python: Python) -> None:
    ran = python("x = bytearray(300 * 2**20); print(len(x))", memory_bytes=100 * 2**20)
    assert ran.code != 0
    assert ran.stdout == ""


def test_memory_of_all_processes_together_is_bounded_or_the_sandbox_says_that_it_is_not(
    sandbox: Sandbox, python: Python
) -> None:
    assert ("memory is bounded for each process only" in sandbox.weaker) == (find_hierarchy() is None)
    if find_hierarchy() is None:
        return
    code = (
        "import os, time\nfor n in range(6):\n if os.fork() == 0:\n"
        "  x = bytearray(b'x') * (40 * 2**20); time.sleep(60)\n"
        "os.wait(); raise SystemExit(5)"
    )
    # The kernel kills one of the six, or the one that waits for them.
    assert python(code, memory_bytes=100 * 2**20).code in (5, 137)


def test_what_control_groups_alone_can_bound_is_told_where_there_are_none() -> None:
    assert unbounded(groups=True, root=True) == []
    assert unbounded(groups=False, root=False) == ["memory is bounded for each process only"]
    assert len(unbounded(groups=False, root=True)) == 2


def test_file_size_is_bounded(python: Python, tmp_path: Path) -> None:
    ran = python("open('big', 'wb').write(b'x' * 3_000_000)", file_bytes=1_000_000)
    assert ran.code != 0
    assert (tmp_path / "room" / "big").stat().st_size <= 1_000_000


def test_processor_time_is_bounded(python: Python) -> None:
    ran = python("while True: pass", cpu_seconds=1)
    assert ran.code in (128 + 9, 128 + 24)
    assert not ran.timed_out


def test_every_way_out_is_shut_that_the_sandbox_does_not_own_up_to(sandbox: Sandbox) -> None:
    open_ways = {what for what, held, _ in isolation_report(sandbox) if not held}
    owned = set()
    if "UDP" in sandbox.weaker:
        owned = {"send UDP", "use its own loopback"}
    if "Unix sockets outside" in sandbox.weaker:
        owned.add("reach a Unix socket by its path")
    assert open_ways == owned


def test_folder_of_settings_beside_an_interpreter_is_not_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    """A prefix may be somebody's ~/.local: only the parts of an installation are shown."""
    prefix = tmp_path / "local"
    for name in ("bin", "lib/python3.11", "share"):
        (prefix / name).mkdir(parents=True)
    (prefix / "lib/python3.11/os.py").touch()
    (prefix / "share" / "token").write_text("secret")
    (prefix / "bin" / "tool").write_text(f"#!/bin/sh\ncat {prefix}/share/token || echo hidden\n")
    (prefix / "bin" / "tool").chmod(0o755)
    ran = sandbox.run(Command(argv=("tool",), cwd=Path("/"), path=(prefix / "bin",)))
    assert ran.stdout == "hidden\n"


def test_interpreter_of_a_virtual_environment_runs_with_its_packages(sandbox: Sandbox) -> None:
    command = Command(
        argv=("python", "-c", "import sys, pluggy, sqlite3, ssl; print(sys.prefix)"),
        cwd=Path("/"),
        path=(Path(sys.prefix, "bin"),),
    )
    assert sandbox.run(command).stdout.strip() == sys.prefix


@pytest.mark.parametrize("runtime", ["node"])
def test_runtime_that_reserves_much_address_space_runs(sandbox: Sandbox, runtime: str) -> None:
    ran = sandbox.run(Command(argv=(runtime, "-e", "console.log(6 * 7)"), cwd=Path("/"), limits=Limits(seconds=20)))
    if ran.code == 127:
        pytest.skip(f"{runtime} is not installed on this machine")
    assert ran.stdout == "42\n"


def test_start_is_quick() -> None:
    sandbox = open_sandbox("bubblewrap")
    command = Command(argv=("/bin/true",), cwd=Path("/"))
    assert min(sandbox.run(command).seconds for _ in range(5)) < 0.1


def test_writable_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    command = Command(argv=("/bin/true",), cwd=Path("/"), writable=(tmp_path / "missing",))
    with pytest.raises(SandboxError, match="could not be started in isolation"):
        open_sandbox("bubblewrap").run(command)


def test_sandbox_of_an_unknown_name_is_an_error() -> None:
    with pytest.raises(SandboxError, match="there is no sandbox 'chroot'"):
        open_sandbox("chroot")


def test_no_control_group_is_left(sandbox: Sandbox) -> None:
    sandbox.run(Command(argv=("/bin/true",), cwd=Path("/")))
    found = find_hierarchy()
    names = [name for parent in (found.parents if found else ()) for name in os.listdir(parent)]
    # Another run of this machine may hold one just now; ours has ended.
    assert sum(name.startswith(f"andon-{os.getpid()}-") for name in names) == 0


def test_environment_of_a_command_is_not_on_a_command_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """Everybody on a machine may read the command lines of others."""
    out = tmp_path / "out"
    out.mkdir()
    worker = threading.Thread(
        target=sandbox.run,
        args=(
            Command(
                argv=("sh", "-c", f"touch {out}/here; read x < {out}/go"),
                cwd=Path("/"),
                env={"WORD": "pa55w0rd"},
                writable=(out,),
            ),
        ),
    )
    os.mkfifo(out / "go")
    worker.start()
    while not (out / "here").exists():
        time.sleep(0.005)
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(place.read_text(errors="replace"))
    (out / "go").write_text("go\n")
    worker.join()
    assert lines
    assert not any("pa55w0rd" in line for line in lines)
