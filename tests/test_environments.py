"""How a repository that nobody prepared is read: what it declares, what it is called, where its code and tests lie."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from pydantic import JsonValue

import andon.environments
from andon.environments import lay_over
from andon.environments.collecting import fixtures_wanted, missing
from andon.environments.declared import declared
from andon.environments.identity import guessed_identity, static_identity
from andon.environments.installing import pip_options
from andon.environments.interpreters import find_python, fits, installed, released
from andon.environments.layout import LOOSE, find_roots, find_suite, kept_options
from andon.environments.layout import test_files as files_of_tests
from andon.environments.making import own_day, release_day
from andon.environments.project import ProjectFiles, find_project
from andon.environments.released import find_release
from andon.environments.requirements import pinned_below, requirement
from andon.environments.wheels import read_wheel
from andon.errors import DataError


def project(tmp_path: Path, files: dict[str, str]) -> ProjectFiles:
    """Returns a project of these files."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return ProjectFiles(tmp_path)


# --- what is declared -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("six", "six"),
        ("attrs >= 19.2 , <22", "attrs>=19.2,<22"),
        ("zope.interface[test, docs] ; python_version > '3'", "zope.interface[test,docs]; python_version > '3'"),
        ("mock (>=1.0)", "mock>=1.0"),
        ("coverage==7.*", "coverage==7.*"),
        ("git+https://example.com/x.git", ""),
        ("x @ https://example.com/x.whl", ""),
        ("./local", ""),
        ("--no-binary :all:", ""),
    ],
)
def test_requirement_is_read_and_anything_else_is_none(line: str, read: str) -> None:
    assert requirement(line) == read


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        ({"pyproject.toml": '[project]\nname = "a"\noptional-dependencies.test = ["pretend"]'}, ("pretend",)),
        ({"pyproject.toml": '[dependency-groups]\ndev = [{include-group = "t"}]\nt = ["trio"]'}, ("trio",)),
        (
            {"pyproject.toml": '[tool.poetry.group.dev.dependencies]\npytest = "^7.1"\n[tool.poetry]\nname = "a"'},
            ("pytest>=7.1,<8",),
        ),
        ({"pyproject.toml": '[tool.hatch.envs.test]\ndependencies = ["freezegun"]'}, ("freezegun",)),
        ({"tox.ini": "[testenv]\ndeps =\n  py27: mock\n  py3: hypothesis\n  pretend"}, ("hypothesis", "pretend")),
        ({"tox.ini": "[testenv:docs]\ndeps = trio"}, ()),
        ({"setup.cfg": "[options]\ntests_require =\n  mock\n  pretend"}, ("mock", "pretend")),
        ({"setup.py": "T = ['mock']\nsetup(name='a', tests_require=T + ['six'])"}, ("mock", "six")),
        (
            {"requirements-dev.txt": "-r requirements/x.txt\nmock", "requirements/x.txt": "six"},
            ("six", "mock"),
        ),
        ({"noxfile.py": "def tests(session):\n    session.install('mock', '-e', '.')"}, ("mock",)),
    ],
)
def test_what_a_suite_needs_is_found_wherever_projects_write_it(
    tmp_path: Path, files: dict[str, str], tests: tuple[str, ...]
) -> None:
    assert set(tests) == set(declared(project(tmp_path, files), "a").tests)


def test_tools_of_people_and_documentation_are_left_out(tmp_path: Path) -> None:
    files = project(
        tmp_path,
        {
            "requirements-dev.txt": "sphinx\nblack==22\npytest-randomly\nmock",
            "requirements-tests.txt": "pytest-mypy-testing\npytest-mypy-plugins",
            "docs/requirements.txt": "six",
            "requirements-docs.txt": "trio",
        },
    )
    assert declared(files, "a").tests == ("mock",)


def test_project_itself_is_never_taken_from_a_registry(tmp_path: Path) -> None:
    text = '[project]\nname = "a"\n[project.optional-dependencies]\nci = ["A[extra1]", "mock"]\nextra1 = ["six"]'
    assert declared(project(tmp_path, {"pyproject.toml": text}), "a").tests == ("mock", "six")


def test_built_metadata_tells_requirements_and_extras_with_their_markers(tmp_path: Path) -> None:
    lines = ("six>=1", 'mock; python_version > "3" and extra == "test"', 'sphinx; extra == "docs"')
    found = declared(project(tmp_path, {}), "a", lines)
    assert found.project == ("six>=1",)
    assert found.tests == ('mock; python_version > "3" and python_version >= "3"',)


def test_pins_around_a_pytest_too_old_for_this_python_are_loosened(tmp_path: Path) -> None:
    files = project(tmp_path, {"requirements-dev.txt": "pytest==4.6.11\nmock==2.0.0"})
    assert declared(files, "a").tests == ("pytest", "mock")
    assert not pinned_below("pytest>=3", "pytest", (6, 2, 5))
    assert not pinned_below("pytest~=7.0", "pytest", (6, 2, 5))


def test_requirements_file_that_points_out_of_the_tree_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("six")
    inside = tmp_path / "tree"
    inside.mkdir()
    (inside / "requirements-dev.txt").write_text("-r ../secret.txt\nmock")
    assert declared(ProjectFiles(inside), "a").tests == ("mock",)


# --- what it is called ----------------------------------------------------------------------------------------------


def test_written_metadata_is_read_without_a_build(tmp_path: Path) -> None:
    text = '[project]\nname = "a.b"\nversion = "1.2"\nscripts.run = "a:main"\nentry-points.pytest11.p = "a.plugin"'
    found = static_identity(project(tmp_path, {"pyproject.toml": text}))
    assert found is not None
    assert found.folder == "a_b-1.2.dist-info"
    assert b"[pytest11]\np = a.plugin" in found.described()["a_b-1.2.dist-info/entry_points.txt"]
    assert found.scripts == {"run": "a:main"}


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nname = "a"\ndynamic = ["version"]',
        '[project]\nname = "a"\nversion = "1"\n[tool.setuptools_scm]\nx = 1',
        "",
    ],
)
def test_metadata_that_only_the_build_knows_is_not_made_up(tmp_path: Path, text: str) -> None:
    assert static_identity(project(tmp_path, {"pyproject.toml": text})) is None


def test_identity_is_guessed_where_nothing_can_be_built(tmp_path: Path) -> None:
    setup = "setup(name='a', version='3.1', entry_points={'console_scripts': ['go = a:main']})"
    found = guessed_identity(project(tmp_path, {"setup.py": setup}), "0.0.1", "folder")
    assert (found.name, found.version, found.scripts) == ("a", "3.1", {"go": "a:main"})


def test_wheel_is_read_and_what_leaves_its_folder_is_not() -> None:
    data = io.BytesIO()
    with ZipFile(data, "w") as wheel:
        wheel.writestr("a-1.dist-info/METADATA", "Name: a\nVersion: 1\nRequires-Dist: six\n")
        for path in ("a/__init__.py", "../evil.py", "/abs.py", "a-1.data/purelib/b.py", "a-1.data/scripts/c"):
            wheel.writestr(path, "x")
    found = read_wheel(data.getvalue())
    assert (found.name, found.version, found.requires) == ("a", "1", ("six",))
    assert set(found.files) == {"a/__init__.py", "b.py"}


def test_what_is_no_wheel_is_refused() -> None:
    with pytest.raises(DataError, match="no wheel"):
        read_wheel(b"hello")


def wheel_of(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Writes a wheel that can be installed."""
    info = f"{name}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    folder.mkdir(exist_ok=True)
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(path, text)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of wheels that is the only registry of the user's pip."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    pip_options.cache_clear()
    yield tmp_path / "wheels"
    pip_options.cache_clear()


def test_last_release_gives_what_only_a_build_makes_but_neither_tests_nor_compiled_code(
    tmp_path: Path, registry: Path
) -> None:
    held = {"graph/__init__.py": "", "graph/gen.py": "old", "graph/fast.so": "", "graph/tests/test_a.py": ""}
    wheel_of(registry, "graph", "1.2", held | {"other.py": ""})
    files = project(tmp_path / "work", {"src/graph/__init__.py": "new"})
    found = find_release(files, "graph", cache=tmp_path, python=Path(sys.executable), before=None)
    assert found is not None
    assert found.version == "1.2"
    assert found.files == {"graph/__init__.py": b"", "graph/gen.py": b"old"}
    gone = find_release(files, "unknown-to-all", cache=tmp_path, python=Path(sys.executable), before=None)
    assert gone is None


BACKEND = """asked = []


def get_requires_for_build_wheel(settings):
    asked.append(1)
    return {wants}


def build_wheel(folder, settings):
    assert not asked
    return "a-1-py3-none-any.whl"
"""


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        ("[]", {"wheel": "a-1-py3-none-any.whl"}),
        ("['pytest', 'no-such-thing>=2']", {"requires": ["no-such-thing>=2"]}),
        ("exit('no java')", {"error": "no java"}),
    ],
)
def test_each_hook_of_a_backend_runs_in_a_process_of_its_own(wants: str, told: JsonValue, tmp_path: Path) -> None:
    project(tmp_path, {"back/backend.py": BACKEND.format(wants=wants)})
    script = Path(andon.environments.__file__).with_name("inside") / "andon_build.py"
    argv = [sys.executable, str(script), str(tmp_path), "backend", "back"]
    subprocess.run(argv, cwd=tmp_path, check=True)
    found = json.loads((tmp_path / "told.json").read_text())
    if "error" in found:
        found["error"] = found["error"].strip().rpartition(" SystemExit: ")[2].splitlines()[-1].rpartition(": ")[2]
    assert found == told


# --- where things lie -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "roots"),
    [
        ({"src/a/__init__.py": ""}, ("src", "")),
        ({"a/__init__.py": ""}, ("",)),
        ({"lib/a/__init__.py": ""}, ("lib", "")),
        ({"lib/__init__.py": ""}, ("",)),
        (
            {
                "pyproject.toml": '[tool.poetry]\npackages = [{include = "a", from = "source"}]',
                "source/a.py": "",
            },
            ("source", ""),
        ),
        ({"setup.cfg": "[options]\npackage_dir =\n  = python", "python/a.py": ""}, ("python", "")),
    ],
)
def test_packages_are_found_where_projects_put_them(
    tmp_path: Path, files: dict[str, str], roots: tuple[str, ...]
) -> None:
    assert find_roots(project(tmp_path, files), {}) == roots


def test_wheel_tells_the_root_better_than_looks(tmp_path: Path) -> None:
    files = project(tmp_path, {"code/a/x.py": "", "build/lib/a/x.py": "", "src/other.py": ""})
    assert find_roots(files, {"a/x.py": b""}) == ("code", "")


def test_options_that_only_report_are_dropped_and_those_that_choose_tests_stay() -> None:
    said = "-n auto --cov=a --cov-report term -ra --doctest-modules -p no:x --durations 5 -m 'not slow' -vv --maxfail=1"
    assert kept_options(said) == ["--doctest-modules", "-p", "no:x", "-m", "not slow"]


def test_suite_is_where_the_project_says(tmp_path: Path) -> None:
    text = '[tool.pytest.ini_options]\ntestpaths = ["checks", "gone"]'
    files = project(tmp_path, {"pyproject.toml": text, "checks/test_a.py": "", "tests/test_b.py": ""})
    assert find_suite(files).paths == ("checks",)


def test_suite_is_where_tests_lie_when_nobody_says(tmp_path: Path) -> None:
    files = project(tmp_path, {"a/tests/test_a.py": "", "a/test_utils.py": "", "docs/test_x.py": ""})
    assert find_suite(files).paths == ("a/tests",)


def test_paths_among_the_options_are_where_the_tests_are(tmp_path: Path) -> None:
    text = "[pytest]\naddopts = -v --cov=a tests -p tests\n"
    files = project(tmp_path, {"tox.ini": text, "tests/test_a.py": "", "more/test_b.py": ""})
    found = find_suite(files)
    assert found.paths == ("tests",)
    assert found.argv[-2:] == ("addopts=-p tests", "tests")


def test_tests_of_unusual_names_are_collected(tmp_path: Path) -> None:
    found = find_suite(project(tmp_path, {"tests/a_tests.py": ""}))
    assert found.paths == ("tests",)
    assert any("*_tests.py" in word for word in found.argv)


def test_tests_that_a_patch_changes_are_collected_whatever_else_is_called_like_one(tmp_path: Path) -> None:
    files = project(tmp_path, {"test/test.py": "", "test/data/test_module.py": "", "app/test.py": ""})
    assert find_suite(files, ["app/test.py"]).argv == find_suite(files).argv
    found = find_suite(files, ["app/main.py", "test/test.py"])
    assert found.paths == ("test",)
    assert any("test.py" in word for word in found.argv)


def test_tests_of_a_patch_are_run_alone_where_all_folders_cannot_be_collected_together(tmp_path: Path) -> None:
    files = project(tmp_path, {"a/b/tests/test_a.py": "", "tests/test_b.py": "", "e/tests/test_c.py": ""})
    assert find_suite(files).paths == ("a/b/tests", "e/tests", "tests")
    assert find_suite(files).near == ("tests",)
    found = find_suite(files, ["a/b/tests/test_a.py", "a/b/code.py"])
    assert found.near == ("a/b/tests",)
    assert found.narrowed == (*found.argv[:-3], "a/b/tests")
    single = project(tmp_path / "single", {"tests/test_b.py": ""})
    assert find_suite(single, ["code.py"]).narrowed == ()


def test_project_of_a_repository_of_several_is_the_one_that_is_changed(tmp_path: Path) -> None:
    project(tmp_path, {"one/setup.py": "", "two/pyproject.toml": '[project]\nname = "two"', "two/src/a.py": ""})
    assert find_project(tmp_path, ("two/src/a.py", "two/tests/test_a.py", "README.md")) == "two"
    assert find_project(tmp_path, ("README.md",)) == ""


def test_overlay_replaces_nothing_and_stays_inside(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (tree / "have.py").write_text("mine")
    (tree / "link").symlink_to(outside)
    lay_over(tree, {"have.py": b"theirs", "new/made.py": b"x", "link/evil.py": b"x", "../up.py": b"x"})
    assert (tree / "have.py").read_text() == "mine"
    assert (tree / "new" / "made.py").read_bytes() == b"x"
    assert not list(outside.iterdir())
    assert not (tmp_path / "up.py").exists()


# --- what a collection says -----------------------------------------------------------------------------------------


def test_missing_distributions_are_told_by_what_pytest_complains_of() -> None:
    text = (
        "E   ModuleNotFoundError: No module named 'yaml'\n"
        "ModuleNotFoundError: No module named 'requests_mock.mocker'\n"
        "ModuleNotFoundError: No module named 'mine.sub'\n"
        "ModuleNotFoundError: No module named 'imp'\n"
        "__main__.py: error: unrecognized arguments: --asyncio-mode=auto\n"
    )
    assert missing(text, frozenset({"mine"})) == ["PyYAML", "requests-mock", "pytest-asyncio"]


def test_fixtures_of_plugins_are_asked_for_unless_the_project_has_its_own() -> None:
    tests = "def test_a(mocker, freezer): pass\n@pytest.mark.trio\nasync def test_b(): pass"
    own = "@pytest.fixture\ndef freezer(): pass"
    assert fixtures_wanted([tests, own]) == ("pytest-mock", "pytest-trio")


def test_interpreter_is_one_that_was_there_when_the_base_was_made(tmp_path: Path) -> None:
    files = ProjectFiles(tmp_path, "")
    mine = Path(sys.executable)
    assert find_python(files) == mine
    assert find_python(files, datetime(2100, 1, 1, tzinfo=UTC)) == mine
    old = find_python(files, datetime(2021, 2, 1, tzinfo=UTC))
    assert old == (installed(9) or mine)  # the machine may have no other
    assert released(11) < date(2022, 11, 1) < released(12)


def test_releases_count_from_when_the_interpreter_had_settled() -> None:
    python = Path(sys.executable)
    assert release_day(None, python) is None
    settled = release_day(datetime(2020, 1, 1, tzinfo=UTC), python)
    assert settled == date(2012 + sys.version_info[1], 4, 1)
    assert own_day(datetime(2020, 12, 9, tzinfo=UTC)) == date(2021, 1, 1)


def test_tests_in_a_folder_of_benchmarks_count_below_the_tests_alone(tmp_path: Path) -> None:
    for place in ("benchmarks", "tests/benchmarks"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "test_speed.py").write_text("def test_speed(benchmark): pass\n")
    assert files_of_tests(tmp_path, LOOSE) == [tmp_path / "tests/benchmarks/test_speed.py"]


@pytest.mark.parametrize(
    ("text", "minor", "fit"), [(">=3.8", 11, True), (">=3.12", 11, False), (">=3.6,<3.11", 11, False), ("", 11, True)]
)
def test_interpreter_is_one_that_the_project_runs_on(text: str, minor: int, fit: bool) -> None:
    assert fits(text, minor) is fit
