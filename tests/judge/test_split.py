"""A flip is seen from outside: honest fixes hold, and nothing that a product does in its own process can forge one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from split_ground import FIXES, TESTS, Ground, edited, fixed

from andon.judge.split import split_symptom
from andon.models import Outcome
from andon.sandboxes import open_sandbox
from andon.sandboxes.scratch import open_scratch


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    scratch = open_scratch("sqlite", tmp_path_factory.mktemp("scratch"))
    yield Ground(tmp_path_factory.mktemp("split"), open_sandbox(), scratch)
    scratch.close()


@pytest.mark.parametrize("bug", [name for name in FIXES if name != "wait"])
def test_honest_fix_is_seen_to_flip(bug: str, ground: Ground) -> None:
    proof = ground.prove(fixed(bug), TESTS[bug])
    assert proof.outcome is Outcome.HOLDS, proof


SHAPES = {
    "a class": (
        "from measures import area\n\n\nclass TestArea:\n    def test_new(self):\n        assert area(3, 4) == 12\n"
    ),
    "unittest": (
        "import unittest\n\nfrom measures import area\n\n\nclass AreaTest(unittest.TestCase):\n"
        "    def test_new(self):\n        self.assertEqual(area(3, 4), 12)\n"
    ),
    "parameters": (
        "import pytest\n\nfrom measures import area\n\n\n@pytest.mark.parametrize('one, other, expected', "
        "[(3, 4, 12), pytest.param(2, 2, 4, id='four'), (5, 0, 0)])\n"
        "def test_new(one, other, expected):\n    assert area(one, other) == expected\n"
    ),
    "a parameter that is used besides": (
        "import pytest\n\nfrom measures import area\n\n\ndef keep(value):\n    return lambda function: value\n\n\n"
        "@pytest.mark.parametrize('other, expected', [(4, 12), (5, 15)])\ndef test_new(other, expected):\n"
        "    @keep(expected)\n    def given():\n        pass\n\n"
        "    assert given + 0 == expected\n    assert area(3, other) == expected\n"
    ),
    "a fixture": (
        "import pytest\n\nfrom measures import area\n\n\n@pytest.fixture\ndef expected():\n    return 12\n\n\n"
        "def test_new(expected):\n    assert area(3, 4) == expected\n"
    ),
    "a helper": (
        "from measures import area\n\n\ndef check(one, other, expected):\n    assert area(one, other) == expected\n\n\n"
        "def test_new():\n    check(3, 4, 12)\n"
    ),
    "a coroutine": (
        "import asyncio\n\nfrom measures import area\n\n\nasync def ask():\n    await asyncio.sleep(0)\n"
        "    assert area(3, 4) == 12\n\n\ndef test_new():\n    asyncio.run(ask())\n"
    ),
    "a name": (
        "from measures import area\n\nALL = {'a': 12}\n\n\ndef test_new():\n    assert {'a': area(3, 4)} == ALL\n"
    ),
    "a name that the fix adds": (
        "from measures import area, another\n\n\ndef test_new():\n    assert area(3, 4) == 12\n"
    ),
    "its own raise": (
        "from measures import area\n\n\ndef test_new():\n    if area(3, 4) != 12:\n        raise AssertionError('no')\n"
    ),
    "a chain": "from measures import area\n\n\ndef test_new():\n    assert 10 < area(3, 4) <= 12 and area(1, 1) == 1\n",
    "any": "from measures import area\n\n\ndef test_new():\n    assert any(area(3, n) == 12 for n in [4])\n",
    "a mock": (
        "from unittest.mock import Mock\n\nfrom measures import area\n\n\ndef test_new():\n    seen = Mock()\n"
        "    seen(area(3, 4))\n    seen.assert_called_once_with(12)\n"
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_flip_is_seen_in_every_shape_of_test(shape: str, ground: Ground) -> None:
    source = fixed("area") + "\n\ndef another():\n    return 1\n"
    proof = ground.prove(source, SHAPES[shape])
    assert proof.outcome is Outcome.HOLDS, proof


@pytest.mark.parametrize("module", ["checking", "conftest"])
def test_flip_is_seen_through_a_module_beside_the_test(module: str, ground: Ground) -> None:
    tests = {
        "tests/unit/__init__.py": "",
        f"tests/unit/{module}.py": (
            "from measures import area\n\n\ndef check(expected):\n    assert area(3, 4) == expected\n"
        ),
        "tests/unit/test_new.py": f"from .{module} import check\n\n\ndef test_new():\n    check(12)\n",
    }
    proof = ground.prove(fixed("area"), tests)
    assert proof.outcome is Outcome.HOLDS, proof


def test_flip_is_seen_through_a_package_of_tests_that_is_imported_by_a_dot(ground: Ground) -> None:
    lent = (
        "import unittest\n\nfrom measures import area\n\n\nclass Checking(unittest.TestCase):\n"
        "    def check(self, expected):\n        self.assertEqual(area(3, 4), expected)\n"
    )
    new = "{}\n\n\nclass AreaTest({}):\n    def test_new(self):\n        self.check(12)\n"
    for place, head, name in (
        ("tests/unit/__init__.py", "from . import Checking", "Checking"),
        ("tests/unit/util.py", "from . import util", "util.Checking"),
    ):
        tests = {"tests/unit/__init__.py": "", place: lent, "tests/unit/test_new.py": new.format(head, name)}
        proof = ground.prove(fixed("area"), tests)
        assert proof.outcome is Outcome.HOLDS, proof


BODY = "    return width + height\n"
EQUAL = (
    "class {name}({over}):\n    def __eq__(self, other):\n        return True\n\n    __hash__ = object.__hash__\n\n\n"
)
FORGE = "import sys\nprobe = sys.modules.get('andon_split')\nif probe:\n    {what}\n"
CHEATS: dict[str, tuple[str, str, str]] = {
    "is equal to everything": ("area", EQUAL.format(name="Any", over="object"), "    return Any()\n"),
    "is a number that lies": ("area", EQUAL.format(name="Any", over="int"), "    return Any(1)\n"),
    "is a list that lies": ("words", EQUAL.format(name="Any", over="list"), "Any()"),
    "holds what lies": ("words", EQUAL.format(name="Any", over="str"), "[Any(), Any()]"),
    "is lazy, and what comes out lies": (
        "a list",
        EQUAL.format(name="Any", over="object"),
        "    return (Any() for _ in range(1))\n",
    ),
    "is whatever is asked": (
        "even",
        "class Any:\n    def __bool__(self):\n        return True\n\n\n",
        "Any()",
    ),
    "contains everything": (
        "contains",
        "class Any:\n    def __contains__(self, item):\n        return True\n\n\n",
        "    return Any()\n",
    ),
    "swallows the error and is equal to everything": (
        "a ratio",
        EQUAL.format(name="Any", over="object"),
        "    return one / other if other else Any()\n",
    ),
    "patches unittest": (
        "unittest",
        "import unittest\nunittest.TestCase.assertEqual = lambda *_: None\n",
        BODY,
    ),
    "patches pytest.raises": (
        "size",
        "import contextlib\nimport pytest\npytest.raises = lambda *_, **__: contextlib.nullcontext()\n",
        "        return 1\n",
    ),
    "raises something that lies about its class": (
        "size",
        "class Any(Exception):\n    __class__ = ValueError\n\n    def __str__(self):\n        return 'no size'\n\n\n",
        "        raise Any()\n",
    ),
    "rewrites the runner's reports": (
        "area",
        "import _pytest.reports\n_pytest.reports.TestReport.from_item_and_call = classmethod(lambda cls, item, call: "
        "cls(item.nodeid, item.location, {}, 'passed', None, call.when))\n",
        BODY,
    ),
    "reads the frame that calls it": (
        "area",
        "import sys\n",
        "    found = [c for c in sys._getframe(1).f_code.co_consts if isinstance(c, int)]\n    return found[-1]\n",
    ),
    "reads the line that calls it": (
        "area",
        "import inspect\nimport re\n",
        "    line = inspect.stack()[1].code_context[0]\n    found = re.search(r'== (\\d+)', line)\n"
        "    return int(found[1]) if found else 0\n",
    ),
    "reads the test's file": (
        "area",
        "import pathlib\nimport re\n",
        "    text = pathlib.Path('tests/test_new.py').read_text()\n    found = re.search(r'== (\\d+)', text)\n"
        "    return int(found[1]) if found else 0\n",
    ),
    "patches json": ("area", "import json\njson.dumps = lambda *_, **__: '12'\n", BODY),
    "stops the probe from telling": ("area", FORGE.format(what="probe.see = lambda *_: None"), BODY),
    "makes the probe tell what is wanted": (
        "a fixture",
        "import sys\nprobe = sys.modules.get('andon_split')\nif probe:\n    tell = probe.see_pair\n"
        "    probe.see_pair = lambda number, sign, left, right: tell(number, sign, right, right)\n",
        BODY,
    ),
    "tells in the probe's name": (
        "a fixture",
        "import sys\nprobe = sys.modules.get('andon_split')\n",
        "    if probe:\n        for number in range(9):\n            probe.see_pair(number, '==', 12, 12)\n" + BODY,
    ),
    "rewrites what was told at the end": (
        "a fixture",
        "import atexit\nimport json\nimport os\nimport pathlib\n\n\ndef forge():\n"
        "    place = pathlib.Path(os.environ.get('ANDON_OUT', '.')) / 'note-split.json'\n"
        "    told = json.loads(place.read_text())\n    for test in told['tests']:\n"
        "        for event in test['events']:\n"
        "            if event[0] == 'a':\n                event[2][0], event[3] = event[2][-1], True\n"
        "    place.write_text(json.dumps(told))\n\n\natexit.register(forge)\n",
        BODY,
    ),
    "leaves at import": ("area", "import sys\nif 'pytest' in sys.modules:\n    sys.exit(0)\n", BODY),
    "leaves without a word": ("area", "import os\n", "    os._exit(0)\n"),
    "does nothing": ("area", "", BODY + "    # mended\n"),
}
MORE = {
    "unittest": SHAPES["unittest"],
    "a fixture": SHAPES["a fixture"],
    "a list": "from measures import area\n\n\ndef test_new():\n    assert list(area([1], [2])) == [1, 2, 3]\n",
    "contains": "from measures import area\n\n\ndef test_new():\n    assert 5 in area([1], [2])\n",
    "a ratio": "from measures import ratio\n\n\ndef test_new():\n    result = ratio(3, 0)\n    assert result == 7\n",
}
PLACES = {"unittest": "area", "a fixture": "area", "a list": "area", "contains": "area", "a ratio": "ratio"}
WHERE = {"words": 'text.split(" ")', "even": "number % 2 == 1"}


@pytest.mark.parametrize("what", CHEATS)
def test_forged_flip_never_holds(what: str, ground: Ground) -> None:
    name, top, new = CHEATS[what]
    bug = PLACES.get(name, name)
    proof = ground.prove(edited(WHERE.get(bug, FIXES[bug][0]), new, top=top), MORE.get(name, TESTS.get(name, "")))
    assert proof.outcome in (Outcome.FAILS, Outcome.NEEDS_EYES), proof


def test_right_value_for_the_known_input_is_beyond_this_proof(ground: Ground) -> None:
    proof = ground.prove(
        edited(BODY, "    return 12 if (width, height) == (3, 4) else width + height\n"), TESTS["area"]
    )
    assert proof.outcome is Outcome.HOLDS


def test_parameters_that_are_expected_to_fail_are_not_red(ground: Ground) -> None:
    test = (
        "import pytest\n\nfrom measures import area\n\n\n@pytest.mark.parametrize('one, other, expected', "
        "[(3, 4, 12), pytest.param(5, 2, 11, marks=pytest.mark.xfail)])\n"
        "def test_new(one, other, expected):\n    assert area(one, other) == expected\n"
    )
    proof = ground.prove(fixed("area"), test)
    assert proof.outcome is Outcome.HOLDS, proof
    alone = test.replace("(3, 4, 12), ", "")
    assert ground.prove(fixed("area"), alone).outcome is Outcome.NEEDS_EYES


def test_hang_on_the_base_is_red(ground: Ground) -> None:
    settings = ground.settings.model_copy(update={"test_seconds": 15.0})
    patch = ground.patch(fixed("wait"), {"tests/test_new.py": TESTS["wait"]})
    with ground.heard(patch) as hearing:
        hearing.settings = settings
        hearing.workspace.means = hearing.workspace.means._replace(settings=settings)  # type: ignore[attr-defined]
        proof = split_symptom(hearing)
    assert proof is not None
    assert proof.outcome is Outcome.HOLDS, proof
    assert "never ended" in proof.saw


def test_reason_is_told_where_nothing_can_be_seen(ground: Ground) -> None:
    test = (
        "from measures import Box\n\n\ndef test_new():\n    one = Box(1, 2).turned()\n"
        "    assert one.__eq__(Box(2, 1)) is True\n"
    )
    assert ground.prove(fixed("turned"), test).outcome is Outcome.HOLDS
    test = "from measures import Box\n\n\ndef test_new():\n    assert Box(1, 2).turned() == (2, 1)\n"
    cheat = edited(*FIXES["turned"]).replace("isinstance(other, Box) and vars(self) == vars(other)", "True")
    proof = ground.prove(cheat, test)
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "measures.Box" in proof.saw


@pytest.mark.parametrize(
    ("people", "new", "outcome"),
    [
        (True, "return one / (other or 1)", Outcome.HOLDS),
        (False, "return one / (other or 1)", Outcome.NEEDS_EYES),
        (True, "try:\n        return one / other\n    except ZeroDivisionError:\n        return 0", Outcome.NEEDS_EYES),
        (True, "return one / (other + 0)", Outcome.NEEDS_EYES),
    ],
)
def test_persons_test_that_claims_nothing_shows_that_nothing_is_raised_where_nothing_is_taken(
    people: bool, new: str, outcome: Outcome, ground: Ground
) -> None:
    test = "from measures import ratio\n\n\ndef test_new():\n    ratio(3, 0)\n"
    patch = ground.patch(edited("return one / other", new), {"tests/test_new.py": test})
    with ground.heard(patch) as hearing:
        hearing.people = people
        proof = split_symptom(hearing)
    assert proof is not None
    assert proof.outcome is outcome, proof


def test_missing_name_alone_is_no_flip(ground: Ground) -> None:
    test = "from measures import another\n\n\ndef test_new():\n    assert another() == 1\n"
    proof = ground.prove(fixed("area") + "\n\ndef another():\n    return 1\n", test)
    assert proof.outcome is Outcome.NEEDS_EYES
    assert "misses a name" in proof.saw


def test_assertion_that_is_false_only_when_asked_in_this_way_needs_eyes(ground: Ground) -> None:
    test = (
        "from measures import area\n\n\ndef test_new():\n    lines = open(__file__).read()\n"
        "    assert 'assert' + ' ' in lines\n    assert area(3, 4) == 12\n"
    )
    proof = ground.prove(fixed("area"), test)
    assert proof.outcome is Outcome.NEEDS_EYES, proof
    assert "does not go through when asked from outside" in proof.saw
