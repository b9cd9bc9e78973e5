"""Workspaces: replays and suites on clean checkouts, and what hostile code in them cannot spoil."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from andon.errors import GitError
from andon.launch import with_events, with_tests, with_trace
from andon.models import CheckState
from andon.protocols import Case, Needs
from andon.testing.cases import Stage, open_case
from andon.testing.repos import BUGS
from andon.workspace import TreeWorkspace, open_workspace

Write = Callable[[dict[str, str]], str]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Case, Stage]]:
    """A case on tinyfeed that no test changes."""
    with open_case(tmp_path_factory.mktemp("case"), "unwrapped-call") as opened:
        yield opened


@pytest.fixture
def case(opened: tuple[Case, Stage]) -> Case:
    return opened[0]


@pytest.fixture
def stage(opened: tuple[Case, Stage]) -> Stage:
    return opened[1]


@pytest.fixture
def added() -> Write:
    """Returns a diff that adds files to the tree."""

    def write(files: dict[str, str]) -> str:
        parts = []
        for path, text in files.items():
            lines = text.splitlines()
            body = "".join(f"+{line}\n" for line in lines)
            head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
            parts.append(f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}")
        return "".join(parts)

    return write


def leftovers(stage: Stage) -> list[str]:
    return sorted(path.name for path in (stage.folder / "trees").iterdir() if path.name.startswith("run-"))


def parent(case: Case) -> str:
    return case.history.log(case.workspace.commit)[1].commit


@pytest.mark.parametrize("bug", list(BUGS))
def test_replay_is_red_with_the_bug_and_green_before_it(bug: str, tmp_path: Path) -> None:
    with open_case(tmp_path, bug) as (case, _):
        red = case.workspace.replay(case.check, case.evidence)
        assert red.red
        assert red.result is not None
        assert red.result.total == case.evidence.total
        with case.workspace.at(parent(case)) as before:
            assert before.replay(case.check, case.evidence).green


def test_replay_with_the_fix_is_green(case: Case) -> None:
    source = case.history.show(case.workspace.commit, "tinyfeed/fetch.py")
    number = source.splitlines().index("def fetch_gallery(transport, url):") + 1
    diff = (
        "--- a/tinyfeed/fetch.py\n+++ b/tinyfeed/fetch.py\n"
        f"@@ -{number},1 +{number},2 @@\n+@retrying\n def fetch_gallery(transport, url):\n"
    )
    with case.workspace.at(diff=diff) as fixed:
        assert fixed.diff == diff
        assert fixed.replay(case.check, case.evidence).green


def test_replay_that_crashes_is_neither_red_nor_green(case: Case, added: Write) -> None:
    with case.workspace.at(diff=added({"sqlite3.py": "raise SystemExit('broken')"})) as broken:
        replay = broken.replay(case.check, case.evidence)
    assert replay.ran.code == 1
    assert "broken" in replay.ran.words
    assert not replay.red
    assert not replay.green


def test_replay_that_writes_nothing_is_not_green(case: Case, added: Write) -> None:
    with case.workspace.at(diff=added({"sqlite3.py": "raise SystemExit(0)"})) as silent:
        replay = silent.replay(case.check, case.evidence)
    assert replay.ran.code == 0
    assert replay.result is not None
    assert replay.result.state is CheckState.ERROR
    assert not replay.green


def test_replay_that_links_its_database_to_a_file_outside_is_not_asked(case: Case, stage: Stage, added: Write) -> None:
    """The healthy live rows of somebody else would be green."""
    code = (
        "import os\nplace = os.environ['ANDON_SCRATCH_URL'].removeprefix('sqlite:///')\n"
        f"os.symlink({str(stage.folder / 'live.db')!r}, place)\nraise SystemExit(0)"
    )
    with case.workspace.at(diff=added({"sqlite3.py": code})) as sly:
        result = sly.replay(case.check, case.evidence).result
    assert result is not None
    assert result.state is CheckState.ERROR
    assert "something else in the place" in result.message


def test_trace_tells_lines_and_calls_of_the_system_only(case: Case) -> None:
    replay = case.workspace.replay(case.check, case.evidence, trace=True)
    assert replay.red
    assert set(replay.trace) >= {"tinyfeed/fetch.py", "tinyfeed/retry.py", "tinyfeed/pipeline.py"}
    assert all(path.startswith("tinyfeed/") for path in replay.trace)
    source = case.history.show(case.workspace.commit, "tinyfeed/fetch.py").splitlines()
    gallery = next(number for number, line in enumerate(source, 1) if '"gallery"' in line)
    assert gallery in replay.trace["tinyfeed/fetch.py"]
    assert ("tinyfeed/pipeline.py:save_pictures", "tinyfeed/fetch.py:fetch_gallery") in replay.calls
    assert ("tinyfeed/retry.py:retrying.<locals>.ask_again", "tinyfeed/fetch.py:fetch_picture") in replay.calls


def test_suite_gives_an_event_for_each_test(case: Case) -> None:
    run = case.workspace.test()
    assert run.green
    assert run.complete
    assert len(run.events) == 9
    assert "tests/test_fetch.py::test_gallery_is_fetched" in {event.id for event in run.events}


def test_named_tests_run_alone_with_the_lines_that_each_ran(case: Case) -> None:
    name = "tests/test_fetch.py::test_gallery_is_fetched"
    run = case.workspace.test([name, "tests/test_parse.py"], coverage=True)
    assert run.green
    assert len(run.events) == 5
    assert "tinyfeed/fetch.py" in run.covered[name]
    assert "tinyfeed/parse.py" not in run.covered[name]
    assert set(run.covered["tests/test_parse.py::test_price_becomes_cents"]) >= {"tinyfeed/prices.py"}


OUTCOMES = """
import pytest

def test_passes(): pass
def test_fails():
    value = 1
    assert value == 2
@pytest.mark.skip(reason="later")
def test_skipped(): assert False
@pytest.mark.xfail
def test_expected(): assert False
@pytest.mark.xfail
def test_unexpected(): pass
@pytest.fixture
def broken(): raise RuntimeError("set-up")
def test_setup(broken): pass
@pytest.fixture
def late():
    yield
    raise RuntimeError("tear-down")
def test_teardown(late): pass
"""


def test_outcomes_come_from_events_and_say_where(case: Case, added: Write) -> None:
    with case.workspace.at(diff=added({"tests/test_odd.py": OUTCOMES, "tests/test_gone.py": "import nowhere"})) as odd:
        run = odd.test(["tests/test_odd.py", "tests/test_gone.py"])
        broken = run.events
        run = odd.test(["tests/test_odd.py"])
    assert [(event.id, event.outcome, event.phase) for event in broken] == [("tests/test_gone.py", "error", "collect")]
    told = {event.id.partition("::")[2]: (event.outcome, event.phase) for event in run.events}
    assert told == {
        "test_passes": ("passed", "call"),
        "test_fails": ("failed", "call"),
        "test_skipped": ("skipped", "setup"),
        "test_expected": ("xfailed", "call"),
        "test_unexpected": ("xpassed", "call"),
        "test_setup": ("error", "setup"),
        "test_teardown": ("error", "teardown"),
    }
    failure = next(event for event in run.events if event.id.endswith("test_fails"))
    assert failure.where == ("tests/test_odd.py", 7)
    assert "assert 1 == 2" in failure.message
    assert run.complete
    assert not run.green


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef test_a(): os._exit(0)\ndef test_b(): assert False",
        "import pytest\ndef test_a(): pytest.exit('done', returncode=0)\ndef test_b(): assert False",
        "import os, signal\ndef test_a(): os.kill(os.getpid(), 9)",
        "import sys\nsys.exit(0)",
    ],
    ids=["_exit", "pytest.exit", "kill", "exit at import"],
)
def test_run_that_ends_in_the_middle_is_never_green(code: str, case: Case, added: Write) -> None:
    with case.workspace.at(diff=added({"tests/test_quit.py": code})) as quitting:
        run = quitting.test(["tests/test_quit.py"])
    assert not run.green


def test_forged_events_out_of_number_are_not_complete(case: Case, added: Write) -> None:
    code = (
        "import os, json\ndef test_a():\n"
        " with open(os.environ['ANDON_EVENTS'], 'a') as file:\n"
        "  file.write(json.dumps({'n': 99, 'type': 'report', 'id': 'x', 'when': 'call', 'outcome': 'passed'}) + '\\n')"
    )
    with case.workspace.at(diff=added({"tests/test_forge.py": code})) as forging:
        assert not forging.test(["tests/test_forge.py"]).complete


def test_events_replaced_by_a_link_are_not_followed(case: Case, added: Write, tmp_path: Path) -> None:
    code = (
        "import os\ndef test_a():\n place = os.environ['ANDON_EVENTS']\n"
        f" os.unlink(place); os.symlink({str(tmp_path)!r}, place)"
    )
    with case.workspace.at(diff=added({"tests/test_link.py": code})) as linking:
        run = linking.test(["tests/test_link.py"])
    assert not run.complete
    assert run.events == ()


def test_test_that_takes_too_long_fails_with_the_place_it_hung_at(case: Case, added: Write) -> None:
    code = (
        "import time\ndef wait_for_ever():\n    while True: time.sleep(0.01)\n"
        "def test_a(): wait_for_ever()\ndef test_b(): pass"
    )
    with case.workspace.at(diff=added({"tests/test_slow.py": code})) as slow:
        run = slow.test(["tests/test_slow.py"], seconds=0.3)
    assert [event.outcome for event in run.events] == ["failed", "passed"]
    assert "took more than 0.3 s" in run.events[0].message
    assert "wait_for_ever" in run.events[0].message
    assert run.complete


def test_suite_cannot_change_the_checkout(case: Case, added: Write) -> None:
    code = "def test_a():\n open('tinyfeed/fetch.py', 'w').write('')\n open('made', 'w').write('x')"
    with case.workspace.at(diff=added({"tests/test_write.py": code})) as writing:
        assert writing.test(["tests/test_write.py"]).green
        assert (writing.folder / "tinyfeed" / "fetch.py").stat().st_size > 0
        assert not (writing.folder / "made").exists()


def test_replay_and_run_see_the_checkout_read_only(case: Case) -> None:
    tree = case.workspace
    assert tree.run(["touch", "made"]).code != 0
    with tree.at() as other:
        assert other.run(["touch", "made"], writable=True).code == 0
        assert (other.folder / "made").exists()
    assert not (tree.folder / "made").exists()


@pytest.mark.parametrize("writable", [False, True])
def test_program_that_is_talked_to_changes_only_a_checkout_that_it_may_change(case: Case, writable: bool) -> None:
    words = 'read word; touch "$word" 2>/dev/null && echo made || echo refused; echo "$PYTHONPATH"'
    with (
        case.workspace.at() as other,
        other.start(("/bin/sh", "-c", words), Needs(seconds=20), writable=writable) as running,
    ):
        running.stdin.write(b"new\n")
        running.stdin.flush()
        assert running.stdout.read() == (b"made\n\n" if writable else b"refused\n\n")
        assert (other.folder / "new").exists() is writable


def test_command_finds_scratch_and_no_secrets(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_READONLY_URL", "postgresql://secret")
    ran = case.workspace.run(["sh", "-c", "env; ls $ANDON_SCRATCH; touch $ANDON_SCRATCH/x"])
    assert ran.code == 0
    assert "ANDON_SCRATCH_URL=sqlite:////" in ran.stdout
    assert "secret" not in ran.stdout


def test_everything_a_run_made_is_removed_however_deep(case: Case, stage: Stage) -> None:
    code = (
        "import os\nos.chdir(os.environ['ANDON_SCRATCH'])\n"
        "for _ in range(1500): os.mkdir('d'); os.chdir('d')\nos.chmod('.', 0)"
    )
    assert case.workspace.run(["python", "-c", code]).code == 0
    assert leftovers(stage) == []


def test_checkout_is_removed_at_the_end(case: Case) -> None:
    with case.workspace.at() as other:
        place = other.root
        assert place.is_dir()
        assert not (place / ".git").exists()
    assert not place.exists()


def test_commit_or_diff_or_folder_that_is_not_there_is_an_error(case: Case, stage: Stage) -> None:
    with pytest.raises(GitError, match="has no commit"), case.workspace.at("f" * 40):
        pass
    with pytest.raises(GitError, match="git apply"), case.workspace.at(diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"):
        pass
    elsewhere = stage.means._replace(settings=stage.means.settings.model_copy(update={"folder": "../outside"}))
    with pytest.raises(GitError, match="there is no folder"), open_workspace(elsewhere, case.workspace.commit):
        pass


def test_runner_that_is_not_pytest_gives_one_event(case: Case, stage: Stage) -> None:
    assert isinstance(case.workspace, TreeWorkspace)
    for command, outcome in (("sh -c 'exit 0'", "passed"), ("sh -c 'echo no; exit 3'", "failed")):
        settings = stage.means.settings.model_copy(update={"test": command})
        plain = TreeWorkspace(stage.means._replace(settings=settings), case.workspace.root, case.workspace.commit)
        run = plain.test()
        assert [(event.id, event.outcome) for event in run.events] == [("suite", outcome)]
        assert run.green == (outcome == "passed")


def test_events_plugin_is_loaded_right_after_the_runner() -> None:
    argv = ("/venv/bin/python", "-m", "pytest", "-q", "tests")
    assert with_events(argv)[2:7] == ("pytest", "-p", "andon_events", "-p", "no:cacheprovider")


def test_named_tests_take_the_place_of_paths_and_not_of_values(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "ini").touch()
    argv = ("python", "-m", "pytest", "-c", "ini", "-q", "tests", "-k", "tests")
    assert with_tests(argv, ["a.py::b"], tmp_path) == (
        "python",
        "-m",
        "pytest",
        "-c",
        "ini",
        "-q",
        "-k",
        "tests",
        "a.py::b",
    )


def test_only_python_commands_are_traced(tmp_path: Path) -> None:
    assert with_trace(("make", "replay"), tmp_path, tmp_path) == ("make", "replay")
    for before in (("/venv/bin/python", "-X", "dev"), ("env", "MODE=replay", "python3")):
        traced = with_trace((*before, "-m", "feed.replay"), tmp_path / "out", tmp_path)
        assert traced[: len(before)] == before
        assert traced[len(before)].endswith("andon_trace.py")
        assert traced[-2:] == ("-m", "feed.replay")
