"""Environments that are really made: from a folder of wheels, in the sandbox, for projects that nobody prepared."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

from andon.environments import Environment, find_environment, lay_over
from andon.environments.installing import pip_options
from andon.errors import ConfigError, ExternalError
from andon.models import Ran
from andon.protocols import Command, Sandbox
from andon.sandboxes import open_sandbox

INSTALLED = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
BACKEND = """\
import os, zipfile

def build_wheel(folder, settings=None, metadata=None):
    with open("src/made.py", "w") as file:
        file.write("ANSWER = 42")
    try:  # in the sandbox this is nowhere, or a folder that is gone with it
        open({outside!r}, "w").write("x")
    except OSError:
        pass
    with zipfile.ZipFile(os.path.join(folder, "lib_x-7.1-py3-none-any.whl"), "w") as wheel:
        wheel.write("src/made.py", "made.py")
        wheel.write("src/lib_x.py", "lib_x.py")
        wheel.writestr("lib_x-7.1.dist-info/METADATA", "Name: lib-x\\nVersion: 7.1\\n")
        wheel.writestr("lib_x-7.1.dist-info/entry_points.txt", "[console_scripts]\\nlib-x = lib_x:main\\n")
    return "lib_x-7.1-py3-none-any.whl"
"""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels of what andon's own environment has, and of a tiny module."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in INSTALLED:
        found = metadata.distribution(name)
        plain = str(found.metadata["Name"]).replace("-", "_")
        with ZipFile(folder / f"{plain}-{found.version}-py3-none-any.whl", "w") as wheel:
            for path in found.files or ():
                if ".." not in path.parts and path.suffix != ".pyc":
                    wheel.write(str(path.locate()), str(path))
    with ZipFile(folder / "tiny_thing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_thing.py", "SIZE = 1\n")
        wheel.writestr("tiny_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        wheel.writestr(
            "tiny_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny_thing-1.0.dist-info/RECORD", "")
    return folder


@pytest.fixture
def offline(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user's pip knows nothing but the folder of wheels."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    pip_options.cache_clear()
    yield
    pip_options.cache_clear()


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return open_sandbox()


def write(folder: Path, files: dict[str, str]) -> Path:
    """Writes files into a new folder and returns it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def ran(found: Environment, tree: Path, sandbox: Sandbox) -> Ran:
    """Runs the suite of a checkout as the judge does."""
    lay_over(tree, found.overlay)
    argv = shlex.split(found.test)
    command = Command(
        argv=(str(found.python), *argv[1:], "-p", "no:cacheprovider"),
        cwd=tree / found.folder,
        env={"PYTHONPATH": ":".join(str(tree / root) for root in found.roots), "PYTHONDONTWRITEBYTECODE": "1"},
        readable=tuple(map(Path, found.runtime)),
        writable=(tree,),
        path=(found.python.parent,),
    )
    return sandbox.run(command)


@pytest.mark.usefixtures("offline")
def test_project_is_seen_as_installed_in_an_environment_made_for_it(tmp_path: Path, sandbox: Sandbox) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "lib-x"\nversion = "7.1"\ndependencies = ["tiny-thing"]\n'
        '[project.scripts]\nlib-x = "lib_x:main"\n[project.entry-points.pytest11]\nx = "lib_x_plugin"\n',
        "src/lib_x.py": "import tiny_thing\ndef main():\n    print('ran', tiny_thing.SIZE)\n",
        "src/lib_x_plugin.py": "import pytest\n@pytest.fixture\ndef number():\n    return 5\n",
        "tests/test_x.py": "import subprocess\nfrom importlib.metadata import version\nimport lib_x\n"
        "def test_version():\n    assert version('lib-x') == '7.1'\n"
        "def test_script():\n    assert subprocess.check_output(['lib-x'], text=True) == 'ran 1\\n'\n"
        "def test_plugin(number):\n    assert number == 5\n",
    }
    tree = write(tmp_path / "tree", files)
    found = find_environment(tmp_path / "repo", tree, cache=tmp_path / "cache", sandbox=sandbox)
    assert (found.roots, found.tests, found.notes) == (("src", "."), 3, ())
    end = ran(found, tree, sandbox)
    assert end.code == 0, end.stdout


@pytest.mark.usefixtures("offline")
def test_environment_is_kept_for_every_base_that_declares_the_same(tmp_path: Path, sandbox: Sandbox) -> None:
    said: list[str] = []
    for number in (1, 2):
        tree = write(tmp_path / f"tree{number}", {"lib.py": f"N = {number}", "test_lib.py": "def test_a(): pass"})
        find_environment(tmp_path, tree, cache=tmp_path / "cache", sandbox=sandbox, progress=said.append)
    assert sum("installing" in line for line in said) == 1


@pytest.mark.usefixtures("offline")
def test_build_runs_in_the_sandbox_and_what_it_generates_is_laid_over(tmp_path: Path, sandbox: Sandbox) -> None:
    outside = tmp_path / "outside"
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
        '[project]\nname = "lib-x"\ndynamic = ["version"]\n',
        "own.py": BACKEND.format(outside=str(outside)),
        "src/lib_x.py": "import made\n",
        "tests/test_x.py": "import lib_x, made, importlib.metadata as m\n"
        "def test_made():\n    assert made.ANSWER == 42\n"
        "    assert m.version('lib-x') == '7.1'\n",
    }
    tree = write(tmp_path / "tree", files)
    found = find_environment(tmp_path / "repo", tree, cache=tmp_path / "cache", sandbox=sandbox)
    assert not (tree / "src" / "made.py").exists()
    assert set(found.overlay) >= {"src/made.py", "src/lib_x-7.1.dist-info/METADATA"}
    assert ran(found, tree, sandbox).code == 0
    assert not outside.exists()


@pytest.mark.usefixtures("offline")
def test_undeclared_distribution_that_the_suite_imports_is_installed_and_told(tmp_path: Path, sandbox: Sandbox) -> None:
    tree = write(tmp_path / "tree", {"tests/test_x.py": "import tiny_thing\ndef test_a(): pass\n"})
    found = find_environment(tmp_path / "repo", tree, cache=tmp_path / "cache", sandbox=sandbox)
    assert found.notes == ("installed though not declared: tiny-thing",)


@pytest.mark.usefixtures("offline")
def test_distribution_that_a_persons_change_declares_is_installed_and_told(tmp_path: Path, sandbox: Sandbox) -> None:
    tree = write(tmp_path / "tree", {"tests/test_x.py": "def test_a(): pass\n"})
    head = write(tmp_path / "head", {"requirements-dev.txt": "tiny-thing"})
    found = find_environment(tmp_path / "repo", tree, cache=tmp_path / "cache", sandbox=sandbox, head=head)
    assert found.notes == ("installed because the change declares it: tiny-thing",)
    assert any(Path(found.runtime[0]).glob("lib/python*/site-packages/tiny_thing.py"))


@pytest.mark.usefixtures("offline")
def test_name_that_no_registry_has_is_told_and_stops_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    files = {
        "requirements-dev.txt": "no-such-thing-anywhere\ntiny-thing",
        "tests/test_x.py": "import tiny_thing\ndef test_a(): pass",
    }
    tree = write(tmp_path / "tree", files)
    found = find_environment(tmp_path / "repo", tree, cache=tmp_path / "cache", sandbox=sandbox)
    assert found.tests == 1
    assert "no-such-thing-anywhere" in found.notes[0]


@pytest.mark.usefixtures("offline")
def test_suite_that_no_environment_can_collect_is_told_with_the_last_words(tmp_path: Path, sandbox: Sandbox) -> None:
    tree = write(tmp_path / "tree", {"tests/test_x.py": "print 'hello'\n"})
    with pytest.raises(ExternalError, match="SyntaxError"):
        find_environment(tmp_path / "repo", tree, cache=tmp_path / "cache", sandbox=sandbox)


def test_environment_that_a_person_names_is_used_and_changed_by_nobody(tmp_path: Path, sandbox: Sandbox) -> None:
    tree = write(tmp_path / "tree", {"one/setup.py": "", "one/test_x.py": "def test_a(): pass\n"})
    before = sorted(Path(sys.prefix, "bin").iterdir())
    found = find_environment(
        tmp_path / "repo",
        tree,
        cache=tmp_path / "cache",
        sandbox=sandbox,
        python=Path(sys.prefix),
        changed=("one/test_x.py",),
    )
    assert (found.folder, found.roots, found.python) == ("one", ("one",), Path(sys.prefix, "bin", "python"))
    assert ran(found, tree, sandbox).code == 0
    assert sorted(Path(sys.prefix, "bin").iterdir()) == before


def test_options_of_the_project_that_speak_of_the_runners_cache_are_taken(tmp_path: Path, sandbox: Sandbox) -> None:
    files = {
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--cache-clear"\n',
        "test_x.py": "def test_a(): pass\n",
    }
    tree = write(tmp_path / "tree", files)
    found = find_environment(tmp_path, tree, cache=tmp_path, sandbox=sandbox, python=Path(sys.prefix))
    assert found.python == Path(sys.prefix, "bin", "python")
    assert not (tree / ".pytest_cache").exists()


def test_named_interpreter_that_is_none_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="no virtual environment"):
        find_environment(tmp_path, tmp_path, cache=tmp_path, sandbox=sandbox, python=tmp_path / "gone")


@pytest.mark.usefixtures("offline")
def test_repositorys_own_environment_comes_first_unless_it_cannot_collect(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = tmp_path / "repo"
    own = repository / ".venv"
    tree = write(tmp_path / "tree", {"tests/test_x.py": "import tiny_thing\ndef test_a(): pass\n"})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    packages = own / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    write(packages, {"pytest/__init__.py": "raise SystemExit(3)"})
    found = find_environment(repository, tree, cache=tmp_path / "cache", sandbox=sandbox)
    assert found.python.parent.parent != own
    assert found.notes[0] == ".venv of the repository cannot collect the suite, so an environment was made"
