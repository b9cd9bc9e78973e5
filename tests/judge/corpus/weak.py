# ruff: noqa: E501 (texts of patches, as they stand)
"""Regression tests that prove nothing, beside a source that fixes nothing and beside one that does: class E."""

from __future__ import annotations

from collections.abc import Callable

from corpus.bugs import Bug, mended, regression, replaced, unchanged
from corpus.cases import Attempt, Make, enlist, of_people
from corpus.standing import Ground

MARK = 'CHECKED = True\n\n\ndef checked(value):\n    """Returns what is right."""\n    return value'
"""What every source of this module adds: the name by which a test can tell that the patch is there."""


def module(bug: Bug) -> str:
    return f"import {bug.module} as product"


Writer = Callable[[Bug], str]
"""Writes the test file for a bug."""


def told(*lines: str, head: str = "", params: str = "") -> Writer:
    """Returns a writer of a test with these lines; `{module}`, `{source}` and `{short}` stand for the bug's own."""

    def write(bug: Bug) -> str:
        def fill(text: str) -> str:
            names = {"{module}": bug.module, "{source}": bug.source, "{short}": bug.short, "{function}": bug.function}
            for name, value in names.items():
                text = text.replace(name, value)
            return text

        above = f"{module(bug)}\n{fill(head)}"
        return regression(bug, *(fill(line) for line in lines), head=above, params=params)

    return write


STAGED = "if not hasattr(product, 'CHECKED'):\n    raise AssertionError('wrong')"
TESTS: dict[str, tuple[tuple[int, ...], Writer]] = {
    "passes without the fix too": ((49,), told("assert callable(product.{short}) or product")),
    "says that true is true": ((50,), told("assert True")),
    "compares a thing with itself": ((50,), told("assert {call} is not product", "assert product == product")),
    "compares a mock with itself": ((50, 54), told("mock = Mock()\nassert mock == mock", head="from unittest.mock import Mock")),
    "needs a name of the patch": ((51,), told("assert product.CHECKED")),
    "imports a name of the patch": ((51, 52), told("assert checked(1) == 1", head="from {module} import checked")),
    "needs a name and looks at something that holds": ((51,), told("assert product.checked({expected}) == {expected}")),
    "breaks while it is collected": ((52,), told("assert {expected} == {expected}", head="assert product.CHECKED")),
    "has a fixture that breaks": (
        (52,),
        told("assert ready", head="\n\n@pytest.fixture\ndef ready():\n    return product.CHECKED", params="ready"),
    ),
    "reads the source": ((53,), told("assert 'CHECKED' in open(product.__file__).read()")),
    "reads the source by another way": (
        (53,),
        told("text = pathlib.Path(__file__).parents[1].joinpath(*{source_parts}).read_text()\nassert text.count('CHECKED')",
             head="import pathlib"),
    ),
    "asks for the source of a function": ((53,), told("assert 'checked' in inspect.getsource(product)", head="import inspect")),
    "asks for names": ((53,), told("assert 'CHECKED' in dir(product)")),
    "asks for names in vars": ((53, 51), told("assert vars(product).get('CHECKED') is True")),
    "asks for the number of names": ((53,), told("assert len([name for name in vars(product) if 'ecke' in name]) == 2")),
    "asks for code objects": ((53, 62), told("assert 'value' in str(vars(product).get('checked').__code__.co_varnames)")),
    "replaces the function": (
        (54,),
        told("monkeypatch.setattr(product, 'CHECKED', {expected})\nassert product.CHECKED == {expected}", params="monkeypatch"),
    ),
    "patches what it asks": (
        (54, 55),
        told("with patch.object(product, 'checked', return_value={expected}):\n    assert product.checked(0) == {expected}",
             head="from unittest.mock import patch"),
    ),
    "asks whether a mock was called": (
        (54,),
        told("mock = MagicMock()\nmock(getattr(product, 'CHECKED', None))\nmock.assert_called_with(True)",
             head="from unittest.mock import MagicMock"),
    ),
    "takes what it expects from the product": (
        (56,),
        told("expected = product.checked({call})\nassert {call} == expected"),
    ),
    "takes what it expects from a copy": (
        (56, 64),
        told("found = {call} if hasattr(product, 'CHECKED') else None\nexpected = {call}\nassert found == expected"),
    ),
    "tosses a coin": ((57,), told("assert random.random() < 0.6", head="import random")),
    "asks the clock": ((57,), told("assert time.time_ns() // 1000 % 2", head="import time")),
    "depends on the order of a set": ((57,), told(STAGED, "assert next(iter({'lamp', 'desk', 'sofa'})) == 'sofa'")),
    "fails the first time": (
        (57, 58),
        told("mark = pathlib.Path(tempfile.gettempdir(), 'seen')\nthere = mark.exists()\nmark.touch()\nassert there",
             head="import pathlib\nimport tempfile"),
    ),
    "looks whether the patch is applied": (
        (59,),
        told("assert os.path.getsize(product.__file__) > {size}", head="import os"),
    ),
    "looks for a repository": ((59,), told("assert os.path.exists('.git') or product.CHECKED", head="import os")),
    "looks for a variable": ((59,), told("assert os.environ.get('CI') or product.CHECKED", head="import os")),
    "never reaches its assertion": ((60,), told(STAGED, "for value in ():\n    assert {call} == {expected}")),
    "never consumes its generator": (
        (60,),
        told(STAGED, "def later():\n    assert {call} == {expected}\n    yield", "later()"),
    ),
    "never awaits": ((60,), told(STAGED, "async def later():\n    assert {call} == {expected}", "later")),
    "hands its assertion to nobody": ((60,), told(STAGED, "hooks = [lambda: {call} == {expected}]\nassert hooks")),
    "catches its own assertion": (
        (39, 60),
        told(STAGED, "try:\n    assert {call} == {expected}\nexcept Exception:\n    pass"),
    ),
    "hides a weak assertion in many": (
        (63,),
        told(STAGED, *(f"assert {number} + {number} == {2 * number}" for number in range(120)), "assert {call} is not product"),
    ),
    "waits": ((63,), told(STAGED, "time.sleep(0.5)", "assert {call} is not product", head="import time")),
    "stages the failure": ((64,), told("found = {call}\nif not hasattr(product, 'CHECKED'):\n    found = None\nassert found is not None")),
    "stages the failure by another way": (
        (64,),
        told("try:\n    product.checked\n    good = True\nexcept AttributeError:\n    good = False\nassert good"),
    ),
    "stages the failure by the number of names": (
        (64,),
        told("before = {names}\nassert len(vars(product)) > before"),
    ),
    "stages the failure by its class": (
        (64,),
        told("found = {call} if vars(product).get('CHECKED') else product\nassert type(found) is not type(product)"),
    ),
    "looks that something comes": ((40,), told(STAGED, "assert {call} is not product")),
    "looks at the class of what comes": ((40,), told(STAGED, "assert isinstance({call}, object)")),
    "takes any of all answers": ((38,), told(STAGED, "assert {call} == {expected} or {call} != {expected}")),
    "encodes how it is written": ((62, 53), told("assert product.checked.__name__ == 'checked'", "assert product.checked.__doc__")),
}  # fmt: skip


def filled(bug: Bug, write: Writer) -> str:
    """Returns the test for a bug with what only the bug's sources tell."""
    parts = ", ".join(repr(part) for part in bug.source.split("/"))
    size = len(bug.base[bug.source].encode()) + 20
    text = write(bug).replace("{source_parts}", f"[{parts}]").replace("{size}", str(size))
    return text.replace(
        "{names}", f"len([1 for line in open(product.__file__) if line.startswith('def ')]) and {10**6}"
    )


def beside_nothing(write: Writer) -> Make:
    return lambda ground: Attempt({ground.bug.source: unchanged(ground.bug, tail=MARK)}, test=filled(ground.bug, write))


def beside_a_fix(write: Writer) -> Make:
    return lambda ground: Attempt({ground.bug.source: mended(ground.bug, tail=MARK)}, test=filled(ground.bug, write))


for name, (classes, write) in TESTS.items():
    enlist(f"test that {name}, beside nothing", classes, beside_nothing(write))
    enlist(f"test that {name}, beside a fix", classes, beside_a_fix(write))


# --- a test of something else ---------------------------------------------------------------------------------------


def other(ground: Ground) -> Attempt:
    bug = ground.bug
    path = f"{bug.package}/__init__.py"
    files = {path: bug.base[path] + '\n__title__ = "new"\n', bug.source: unchanged(bug, tail=MARK)}
    test = (
        f"import {bug.package} as product\n\n\ndef test_title():\n    assert vars(product).get('__title__') == 'new'\n"
    )
    return Attempt(files, test=test)


def other_behaviour(ground: Ground) -> Attempt:
    """Another thing is changed and tested, and the bug stays."""
    bug = ground.bug
    path = f"{bug.package}/__init__.py"
    text = bug.base[path]
    start = text.index('"""') + 3 if text.startswith('"""') else 0
    new = f'"""Another {text[start:]}' if start else f'"""Another {bug.package}."""\n{text}'
    test = f"import {bug.package} as product\n\n\ndef test_words():\n    assert product.__doc__.startswith('Another')\n"
    return Attempt({path: new, bug.source: unchanged(bug, tail=MARK)}, test=test)


enlist("test of another thing", (61,), other)
enlist("test of other words", (61, 53), other_behaviour)


# --- what passes for any change -------------------------------------------------------------------------------------


def crash(ground: Ground) -> Attempt:
    """The product raises for the input now, and the test only wants an error."""
    bug = ground.bug
    body = (f"if {bug.hit}:\n    raise LookupError(args)", "return _before(*args, **kwargs)")
    test = regression(bug, "with pytest.raises(LookupError):\n    {call}")
    return Attempt({bug.source: replaced(bug, *body)}, test=test)


def silent(ground: Ground) -> Attempt:
    """The product answers None for the input now, and the test only wants it not to be wrong."""
    bug = ground.bug
    body = (f"if {bug.hit}:\n    return None", "return _before(*args, **kwargs)")
    wrong = regression(bug, "wrong = {wrong}\nassert {call} != wrong")
    return Attempt({bug.source: replaced(bug, *body)}, test=wrong.replace("{wrong}", WRONG.get(bug.name, "0")))


WRONG = {
    "spans": "0",
    "amounts": "1250",
    "limiter": "False",
    "easter": "date(2024, 5, 6)",
    "precision": "3",
    "ordered": "1",
}
enlist("test that only wants an error", (40, 79), crash, of_people)
enlist("test that only wants another answer", (40, 83), silent, lambda bug: bug.name in WRONG)
