"""`andon up` and the commands of one phase: signals, pipes, full disks, and what they leave behind."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from feeds import Call, clock
from rich.console import Console

from andon import steps
from andon.app import App
from andon.cli.tickets import waits_for
from andon.cli.up import Feed, picture
from andon.engine import Engine
from andon.models import Status
from andon.testing.loops import open_loop, use
from andon.testing.repos import git

ANDON = (sys.executable, "-m", "andon")


@contextmanager
def started(*words: str, cwd: Path, limit: Callable[[], None] = lambda: None) -> Iterator[subprocess.Popen[str]]:
    """Gives `andon WORDS...` as a process of its own, which is dead at the end."""

    def begin() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it, as nohup does
        limit()

    argv = (*ANDON, *words)
    with subprocess.Popen(
        argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=begin
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_interrupt_stops_the_loop_cleanly(red: Path) -> None:
    use(red, autonomy="report")
    with started("up", "--plain", cwd=red) as loop:
        assert loop.stdout is not None
        line = loop.stdout.readline()
        while line and "andon watches tinyfeed" not in line:
            line = loop.stdout.readline()
        assert line
        loop.send_signal(signal.SIGINT)
        out, err = loop.communicate(timeout=120)
    assert (loop.returncode, err) == (0, ""), err
    assert "goes on at the next start" in out


def test_second_loop_on_the_same_state_is_refused(red: Path) -> None:
    with open_loop(red, clock=clock()), started("up", "--once", cwd=red) as said:
        _, err = said.communicate(timeout=120)
    assert said.returncode == 2
    assert f"process {os.getpid()} already works with this state" in err


def test_once_takes_a_red_check_to_a_diagnosis(red: Path, andon: Call) -> None:
    use(red, autonomy="report")
    said = andon("up", "--once", cwd=red)
    assert said.code == 0, said.err
    (ticket,) = json.loads(andon("tickets", "--json", cwd=red).out)
    assert ticket["status"] == "diagnosed", said.out
    assert "fetch" in ticket["reason"]


def test_once_ships_what_was_approved_and_resolves_it(proven: Path, andon: Call) -> None:
    assert andon("approve", "1", cwd=proven).code == 0
    said = andon("up", "--once", cwd=proven)
    assert said.code == 0, said.err
    assert "\nTicket: 1\n" in git("log", "-1", "--format=%B", "main", cwd=proven / "origin.git")
    (ticket,) = json.loads(andon("tickets", "--json", "--all", cwd=proven).out)
    assert ticket["status"] in ("shipped", "resolved")


def test_once_says_what_waits_for_a_person(proven: Path, andon: Call) -> None:
    said = andon("up", "--once", cwd=proven)
    assert said.code == 0
    assert "ticket 1 waits for you: proven" in said.out
    assert "(andon review 1)" in said.out


def test_missing_repository_stops_the_start_and_loses_nothing(proven: Path, andon: Call) -> None:
    use(proven, repo="nowhere")
    said = andon("up", "--once", cwd=proven)
    assert said.code == 2
    assert "nowhere" in said.err
    assert "Traceback" not in said.err
    use(proven, repo="tinyfeed")
    assert "# Ticket 1" in andon("review", "1", cwd=proven).out


def test_branch_that_does_not_exist_is_named_with_those_that_do(red: Path, andon: Call) -> None:
    use(red, branch="trunk")
    said = andon("up", "--once", cwd=red)
    assert said.code == 2
    assert "no branch 'trunk'" in said.err
    assert "main" in said.err


def test_diagnosis_by_hand_touches_nothing(red: Path, andon: Call) -> None:
    head = git("rev-parse", "main", cwd=red / "origin.git")
    said = andon("diagnose", "no-empty-pictures", "--json", cwd=red)
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["diagnosis"]["lane"] == "code bug"
    assert told["brief"]["contrasts"]
    assert git("rev-parse", "main", cwd=red / "origin.git") == head
    assert git("status", "--porcelain", cwd=red / "tinyfeed") == ""
    assert not (red / ".andon" / "andon.db").exists()


def test_diagnosis_of_a_green_check_says_so(red: Path, andon: Call) -> None:
    said = andon("diagnose", "totals-add-up", cwd=red)
    assert said.code == 2
    assert "is ok now" in said.err


def test_reader_of_a_pipe_that_goes_away_is_no_fault(red: Path) -> None:
    with open_loop(red, clock=clock()) as app:
        for number in range(150):
            app.store.create_ticket(system="tinyfeed", title=f"wish {number}", body="words " * 200, now=app.now())
    with started("tickets", "--json", cwd=red) as said:
        assert said.stdout is not None
        assert said.stdout.read(10)
        said.stdout.close()
        assert said.stderr is not None
        err = said.stderr.read()
    said.wait(timeout=120)
    assert "Traceback" not in err
    assert "Exception" not in err


def test_full_disk_is_a_clear_error_and_loses_nothing(red: Path, andon: Call) -> None:
    andon("tickets", "--new", "kept", cwd=red)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    with started("tickets", "--new", "lost", "--body", "words " * 2000, cwd=red, limit=full) as said:
        _, err = said.communicate(timeout=120)
    assert said.returncode == 2, err
    assert err.startswith("error:")
    assert "Traceback" not in err
    assert [one["title"] for one in json.loads(andon("tickets", "--json", cwd=red).out)] == ["kept"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_before_the_loop_has_begun_ends_cleanly_and_leaves_nothing_half_done(
    number: signal.Signals, red: Path
) -> None:
    # The configuration comes through a pipe, which opens when the other end is read: the start stands still at it for
    # as long as the test needs.
    os.mkfifo(red / "slow.toml")
    slow = ("--config", "slow.toml", "up", "--plain")
    with started(*slow, cwd=red) as loop, (red / "slow.toml").open("w", encoding="utf-8"):
        loop.send_signal(number)
        out, err = loop.communicate(timeout=60)
    assert (loop.returncode, out, err) == (0, "stopped; the loop had not begun\n", "")
    assert not (red / ".andon").exists()


def test_interrupt_of_once_is_one_line_and_130(red: Path) -> None:
    os.mkfifo(red / "slow.toml")
    slow = ("--config", "slow.toml", "up", "--once")
    with started(*slow, cwd=red) as loop, (red / "slow.toml").open("w", encoding="utf-8"):
        loop.send_signal(signal.SIGINT)
        out, err = loop.communicate(timeout=60)
    assert (loop.returncode, out.count("\n"), err) == (130, 1, "")


def test_interrupt_while_andon_is_still_being_imported_is_one_line(red: Path) -> None:
    os.mkfifo(red / "slow")
    (red / "click.py").write_text("open('slow').read()\n", encoding="utf-8")  # found before the real one
    with started("tickets", cwd=red) as loop:
        with (red / "slow").open("w", encoding="utf-8"):
            loop.send_signal(signal.SIGINT)
        out, err = loop.communicate(timeout=60)  # a signal just before it waits for the pipe is seen when that ends
    assert (loop.returncode, out, err) == (130, "", "stopped\n")


def test_live_view_sends_a_person_where_there_is_something_to_do(proven: Path) -> None:
    with open_loop(proven, clock=clock()) as app:
        assert waits_for(app.store, app.store.get_ticket(1)) == "andon review 1"
        view = drawn(app)
        assert "waits for you: andon review 1" in view
        steps.escalate(app, 1, "the judge could not work")
        view = drawn(app)
        assert "waits for you: andon show 1" in view
        assert "andon review" not in view


def test_live_view_says_of_a_patch_that_is_being_judged_that_the_loop_has_it(proven: Path) -> None:
    with open_loop(proven, clock=clock()) as app:
        app.store.move(1, Status.PROVEN, Status.PATCHED, actor="loop", reason="judged again", now=app.now())
        assert waits_for(app.store, app.store.get_ticket(1)) == ""


def test_live_view_outlives_titles_that_look_like_markup(red: Path) -> None:
    with open_loop(red, clock=clock()) as app:
        app.store.create_ticket(system="tinyfeed", title="[/red] [bold]x[/nope]", now=app.now())
        assert "[/red] [bold]x[/nope]" in drawn(app)


def drawn(app: App) -> str:
    """Returns the live view of a moment, as a terminal of 100 columns shows it."""
    page = Console(width=100, file=io.StringIO(), force_terminal=False)
    page.print(picture(app, Engine(app), Feed(echo=False)))
    assert isinstance(page.file, io.StringIO)
    return page.file.getvalue()
