"""The phase lock: until a diagnosis is accepted no agent changes one byte of the tree or of a repository."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from claims import honest

from andon.agents.tools import Phase, Toolbox
from andon.protocols import Case, Sandbox, Workspace
from andon.sandboxes import LandlockSandbox, open_sandbox
from andon.testing.agents import file_diff
from andon.testing.cases import Stage, open_case

HOSTILE = Path(__file__).with_name("hostile.py")
WAYS: dict[str, Callable[[], Sandbox]] = {
    "bubblewrap": lambda: open_sandbox("bubblewrap"),
    "landlock": lambda: open_sandbox("landlock"),
    "landlock alone": lambda: LandlockSandbox(namespaces=False),
}
Opened = tuple[Case, Stage, Sandbox]
UNRULED = "modes, owners and times of the user's own files can be changed, though not what is in them"
Seen = dict[str, tuple[int, int, str]]


@pytest.fixture(scope="module", params=list(WAYS))
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A case in each sandbox."""
    sandbox = WAYS[request.param]()
    with open_case(tmp_path_factory.mktemp("leash"), "unit", sandbox=sandbox) as (case, stage):
        yield case, stage, sandbox


def everything(*tops: Path) -> Seen:
    """Returns mode, time of change and content of all files and folders below some, by path."""
    found = {}
    for top in tops:
        for path in (top, *top.rglob("*")):
            stat = path.lstat()
            text = os.readlink(path) if path.is_symlink() else ""
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not text else text
            found[str(path)] = (stat.st_mode, stat.st_mtime_ns, content)
    return found


def differing(before: Seen, after: Seen) -> list[str]:
    """Returns what is not as it was, its mode and time too; what andon itself adds to its own clone does not count."""
    new = [path for path in after.keys() - before.keys() if "/mirror.git/objects/" not in path]
    old = [path for path, seen in before.items() if after.get(path) != seen]
    folders = [path for path in old if path in after and Path(path).is_dir() and "/mirror.git/objects" in path]
    return sorted({*new, *old} - set(folders))


def changed_by(sandbox: Sandbox, before: Seen, after: Seen) -> list[str]:
    """Returns what is not as it was; of the weaker sandbox, only what no longer holds the same."""
    if UNRULED not in sandbox.weaker:
        return differing(before, after)
    return [path for path in differing(before, after) if after.get(path, ("",))[-1] != before.get(path, ("",))[-1]]


def guarded(case: Case, stage: Stage) -> tuple[Path, ...]:
    """Returns what no agent may change: its tree, andon's clone, the person's repository and remote, data, settings."""
    here = (stage.folder / name for name in ("tinyfeed", "origin.git", "live.db", "andon.toml"))
    return (case.workspace.root, stage.repo.mirror, *here)


def targets(case: Case, stage: Stage) -> list[str]:
    tree, mirror, work, origin, data, settings = guarded(case, stage)
    files = [tree / "tinyfeed" / "prices.py", tree / "README.md", mirror / "HEAD", origin / "config"]
    files += [work / ".git" / "HEAD", work / "tinyfeed" / "prices.py", data, settings]
    return [str(path) for path in (*files, tree, tree / "tinyfeed", mirror, work, origin)]


def orders(case: Case, stage: Stage) -> str:
    return json.dumps({"tree": str(case.workspace.root), "targets": targets(case, stage), "andon": os.getpid()})


def attack(workspace: Workspace, case: Case, stage: Stage, *, writable: bool = False) -> list[str]:
    """Runs the hostile agent where agents run; returns what it thinks it did."""
    given = orders(case, stage)
    argv = [sys.executable, "-I", "-S", "-c", HOSTILE.read_text(encoding="utf-8"), given]
    ran = workspace.run(argv, seconds=240, writable=writable)
    assert ran.code == 0, ran.words
    done = json.loads(ran.stdout.strip().splitlines()[-1])
    assert isinstance(done, list)
    return done


def test_agent_cannot_change_one_byte_before_a_diagnosis_is_accepted(opened: Opened) -> None:
    case, stage, sandbox = opened
    before = everything(*guarded(case, stage))
    done = attack(case.workspace, case, stage)
    assert changed_by(sandbox, before, everything(*guarded(case, stage))) == []
    assert {"trace andon", "memory of andon"}.isdisjoint(done)


def test_agent_that_fixes_changes_its_own_tree_and_nothing_else(opened: Opened) -> None:
    case, stage, sandbox = opened
    before = everything(*guarded(case, stage))
    with case.workspace.at() as own:
        attack(own, case, stage, writable=True)
        ran = own.run(["/bin/sh", "-c", "echo x > tinyfeed/new.py; echo y > README.md"], writable=True)
        assert ran.code == 0, ran.words
        assert "+y" in own.changed()
    assert changed_by(sandbox, before, everything(*guarded(case, stage))) == []


def test_nothing_that_a_tool_takes_reaches_the_tree(opened: Opened) -> None:
    case, stage, sandbox = opened
    before = everything(*guarded(case, stage))
    box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent="claims")
    tree = case.workspace.root
    escape = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+OWNED\n"
    for path in (f"../{tree.name}/owned.py", f"{tree}/owned.py", ".git/hooks/post-checkout", "a/../../owned"):
        assert box.answer("replay", {"diff": escape.format(path)}).refused
    assert box.answer("submit_patch", {"summary": "x"}).refused
    assert box.answer("run_tests", {}).refused
    assert box.answer("replay", {"with_changes": True}).refused
    for path in ("../../etc/passwd", "/etc/passwd", "--output=/tmp/x", ":(top)README.md"):
        assert box.answer("history", {"path": path, "start": 1}).refused
    assert changed_by(sandbox, before, everything(*guarded(case, stage))) == []


def test_code_that_a_replayed_diff_brings_reaches_no_other_tree(opened: Opened) -> None:
    case, stage, sandbox = opened
    before = everything(*guarded(case, stage))
    given = orders(case, stage)
    old = case.history.show(case.workspace.commit, "tinyfeed/__init__.py")
    code = HOSTILE.read_text(encoding="utf-8").replace("json.loads(sys.argv[1])", f"json.loads({given!r})")
    diff = file_diff("tinyfeed/__init__.py", old, code)
    box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent="claims")
    assert "replay" in box.call("replay", {"diff": diff})
    assert changed_by(sandbox, before, everything(*guarded(case, stage))) == []


def test_second_session_has_the_same_lock(opened: Opened) -> None:
    case, stage, sandbox = opened
    before = everything(*guarded(case, stage))
    boxes = [Toolbox(case, Phase.DIAGNOSE, case.workspace, agent=name) for name in ("one", "other")]
    assert not boxes[0].answer("submit_diagnosis", honest()).refused
    for box in boxes:
        assert box.answer("submit_patch", {"summary": "x"}).refused
        assert box.patch is None
    attack(case.workspace, case, stage)
    assert changed_by(sandbox, before, everything(*guarded(case, stage))) == []


def test_what_the_weaker_sandbox_cannot_guarantee_is_named(opened: Opened) -> None:
    _, _, sandbox = opened
    if sandbox.name == "bubblewrap":
        assert "process namespace" not in sandbox.weaker
        assert UNRULED not in sandbox.weaker
    else:
        for words in (UNRULED, "names and sizes of files outside can be seen", "there is no process namespace"):
            assert words in sandbox.weaker
