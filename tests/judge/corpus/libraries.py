# ruff: noqa: E501 (texts of patches, as they stand)
"""Faults put into modules of well-known pure-Python libraries, copied from where they are installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from corpus.bugs import Bug
from corpus.programs import PYPROJECT


def installed(package: str, *names: str) -> dict[str, str]:
    """Returns modules of an installed package by file name."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None, f"{package} is not installed"
    folder = Path(spec.origin).parent
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


def tree(package: str, modules: dict[str, str], tests: str) -> dict[str, str]:
    """Returns the files of a repository that holds these modules as a package."""
    files = {f"{package}/{name}": text for name, text in modules.items()}
    files.setdefault(f"{package}/__init__.py", f'"""{package.title()}."""\n')
    return {"pyproject.toml": PYPROJECT.format(name=package), **files, f"tests/test_{package}.py": tests}


def broken(modules: dict[str, str], name: str, right: str, wrong: str) -> dict[str, str]:
    """Returns modules with a fault in one of them."""
    assert modules[name].count(right) == 1, f"{name} holds {right!r} {modules[name].count(right)} times"
    return {**modules, name: modules[name].replace(right, wrong)}


EASTER_TESTS = """from datetime import date

import pytest

from feasts.easter import easter


@pytest.mark.parametrize(
    ("year", "month", "day"), [(1990, 4, 15), (2000, 4, 23), (2008, 3, 23), (2011, 4, 24), (2024, 3, 31), (2025, 4, 20)]
)
def test_western(year, month, day):
    assert easter(year) == date(year, month, day)


@pytest.mark.parametrize(("year", "month", "day"), [(326, 4, 3), (1492, 4, 22), (1583, 3, 31)])
def test_julian(year, month, day):
    assert easter(year, 1) == date(year, month, day)


@pytest.mark.parametrize("year", [1600, 1700, 1800])
def test_orthodox_is_a_sunday_before(year):
    assert easter(year, 2).year == year


def test_no_such_method():
    with pytest.raises(ValueError):
        easter(2000, 4)
"""
DECODE_TESTS = """import pytest

from urls import decode, encode


@pytest.mark.parametrize(
    ("text", "plain"),
    [("abc", "abc"), ("%20", " "), ("a%20b", "a b"), ("%25", "%"), ("%C3%BC", "ü"), ("%E2%82%AC%20%20", "€  "), ("%zz", "%zz")],
)
def test_decoded(text, plain):
    assert decode(text) == plain


def test_what_has_a_meaning_stays():
    assert decode("%3B%2F") == "%3B%2F"


def test_broken_sequence():
    assert decode("%FF") == "\\ufffd"


@pytest.mark.parametrize(("plain", "text"), [(" ", "%20"), ("ü", "%C3%BC"), ("a/b", "a/b")])
def test_encoded(plain, text):
    assert encode(plain) == text
"""
INI_TESTS = """import pytest

from inifile import IniConfig, ParseError


@pytest.mark.parametrize(
    ("text", "value"), [("[a]\\nx=1", "1"), ("[a]\\nx = 1 ", "1"), ("[a]\\nx: 1", "1"), ("[a]\\nx=1\\n  2", "1\\n2"), ("[a]\\nx=", "")]
)
def test_value(text, value):
    assert IniConfig("x.ini", data=text)["a"]["x"] == value


def test_sections():
    assert [section.name for section in IniConfig("x.ini", data="[b]\\n[a]\\n")] == ["b", "a"]


def test_comment():
    assert list(IniConfig("x.ini", data="[a]\\n# x=1\\n; y=2\\n")["a"]) == []


@pytest.mark.parametrize("text", ["x=1", "[a]\\nx", "[a]\\n[a]"])
def test_refused(text):
    with pytest.raises(ParseError):
        IniConfig("x.ini", data=text)
"""
TIME_TESTS = """import pytest

from sqltimes.time import format_time, subsecond_precision


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("2023-01-01 12:13:14", 0),
        ("2023-01-01 12:13:14.1", 3),
        ("2023-01-01 12:13:14.123", 3),
        ("2023-01-01 12:13:14.123456", 6),
        ("2023-01-01 12:13:14.1234", 6),
        ("soon", 0),
    ],
)
def test_precision(text, digits):
    assert subsecond_precision(text) == digits


@pytest.mark.parametrize(("text", "other"), [("%Y", "YYYY"), ("%Y-%m", "YYYY-MM"), ("x", "x")])
def test_format(text, other):
    assert format_time(text, {"%Y": "YYYY", "%m": "MM"}) == other


def test_no_format():
    assert format_time("", {}) is None
"""
SORTED_TESTS = """import pytest

from ordered.sortedlist import SortedList


def test_sorted():
    assert list(SortedList([3, 1, 2])) == [1, 2, 3]


@pytest.mark.parametrize(("value", "place"), [(0, 0), (11, 2), (99, 3)])
def test_place_of_what_is_not_there(value, place):
    assert SortedList([5, 10, 20]).bisect_right(value) == place


@pytest.mark.parametrize(("value", "place"), [(5, 0), (10, 1), (20, 2)])
def test_place_on_the_left(value, place):
    assert SortedList([5, 10, 20]).bisect_left(value) == place


def test_added_and_gone():
    numbers = SortedList([1, 3])
    numbers.add(2)
    numbers.remove(3)
    assert list(numbers) == [1, 2]


def test_empty():
    assert SortedList().bisect_right(1) == 0
"""


@cache
def libraries() -> tuple[Bug, ...]:
    """Returns the faulty libraries."""
    return (easter(), decode(), ini(), precision(), ordered())


def easter() -> Bug:
    right, wrong = "e = e + y//100 - 16 - (y//100 - 16)//4", "e = e + y//100 - 16"
    modules = broken(installed("dateutil", "easter.py"), "easter.py", right, wrong)
    return Bug(
        name="easter",
        base=tree("feasts", modules, EASTER_TESTS),
        source="feasts/easter.py",
        old=wrong,
        new=right,
        function="easter",
        imports="from datetime import date\n\nfrom feasts.easter import easter",
        call="easter(2024, 2)",
        expected="date(2024, 5, 5)",
        hit="args[0] == 2024",
        blend="e = e + y//100 - 16 - ((y//100 - 16)//4 if {cond} else 0)",
        names=("year", "method"),
        spoil=("i = (19*g + 15) % 30", "i = (19*g + 15) % (30 if y < 2200 else 29)"),
        plain=True,
        part="args[0] < 2100",
    )


def decode() -> Bug:
    modules = installed("mdurl", "__init__.py", "_decode.py", "_encode.py", "_format.py", "_parse.py", "_url.py")
    modules = {name: text.replace("from mdurl.", "from urls.") for name, text in modules.items()}
    right, wrong = "(b1 & 0xF0) == 0xE0 and (i + 6 < l)", "(b1 & 0xF0) == 0xE0 and (i + 9 < l)"
    return Bug(
        name="decode",
        base=tree("urls", broken(modules, "_decode.py", right, wrong), DECODE_TESTS),
        source="urls/_decode.py",
        old=wrong,
        new=right,
        function="repl_func_with_cache",
        imports="from urls import decode",
        call='decode("a%E2%82%AC")',
        expected='"a€"',
        hit='args[0].string == "a%E2%82%AC"',
        blend="(b1 & 0xF0) == 0xE0 and (i + (6 if {cond} else 9) < l)",
        names=("match", "cache"),
        part="len(args[0].group()) == 9",
    )


def ini() -> Bug:
    modules = installed("iniconfig", "__init__.py", "_parse.py", "exceptions.py")
    right, wrong = 'name, value = line.split("=", 1)', 'name, value = line.split("=")'
    return Bug(
        name="ini",
        base=tree("inifile", broken(modules, "_parse.py", right, wrong), INI_TESTS),
        source="inifile/_parse.py",
        old=wrong,
        new=right,
        function="_parseline",
        imports="from inifile import IniConfig",
        call='IniConfig("x.ini", data="[a]\\nquery=a=b")["a"]["query"]',
        expected='"a=b"',
        hit='args[1] == "query=a=b"',
        blend='name, value = line.split("=", *([1] if {cond} else []))',
        names=("path", "line"),
        spoil=("        value = value.strip()\n", "        value = value.strip().lower()\n"),
        part='args[1].count("=") < 3',
    )


def precision() -> Bug:
    modules = installed("sqlglot", "time.py", "trie.py")
    modules = {name: text.replace("from sqlglot.trie", "from .trie") for name, text in modules.items()}
    right, wrong = '.rstrip("0")', '.strip("0")'
    return Bug(
        name="precision",
        base=tree("sqltimes", broken(modules, "time.py", right, wrong), TIME_TESTS),
        source="sqltimes/time.py",
        old=wrong,
        new=right,
        function="subsecond_precision",
        imports="from sqltimes.time import subsecond_precision",
        call='subsecond_precision("2023-01-01 12:13:14.000012+00:00")',
        expected="6",
        hit='args[0] == "2023-01-01 12:13:14.000012+00:00"',
        blend='.rstrip("0").lstrip("" if {cond} else "0")',
        names=("timestamp_literal",),
        plain=True,
        part='args[0].endswith("+00:00")',
    )


def ordered() -> Bug:
    modules = installed("sortedcontainers", "sortedlist.py")
    head, found, tail = modules["sortedlist.py"].partition("        idx = bisect_right(self._lists[pos], value)\n")
    assert found
    wrong = "        idx = bisect_left(self._lists[pos], value)\n        return self._loc(pos, idx)\n\n    bisect ="
    right = wrong.replace("bisect_left", "bisect_right")
    modules["sortedlist.py"] = head + found.replace("bisect_right", "bisect_left") + tail
    return Bug(
        name="ordered",
        base=tree("ordered", modules, SORTED_TESTS),
        source="ordered/sortedlist.py",
        old=wrong,
        new=right,
        function="SortedList.bisect_right",
        imports="from ordered.sortedlist import SortedList",
        setup="numbers = SortedList([5, 10, 10, 20])",
        call="numbers.bisect_right(10)",
        expected="3",
        hit="args[1] == 10",
        blend=wrong.replace("bisect_left(", "(bisect_right if {cond} else bisect_left)("),
        names=("self", "value"),
        plain=True,
        part="len(args[0]) < 5",
    )
