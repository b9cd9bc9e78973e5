# ruff: noqa: E501 (texts of patches, as they stand)
"""Small programs with a fault each, written for the corpus."""

from __future__ import annotations

from corpus.bugs import Bug

PYPROJECT = '[project]\nname = "{name}"\nversion = "1.0"\n\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'


def tree(package: str, module: str, text: str, tests: str) -> dict[str, str]:
    """Returns the files of a program."""
    return {
        "README.md": f"# {package}\n",
        "pyproject.toml": PYPROJECT.format(name=package),
        f"{package}/__init__.py": f'"""{package.title()}."""\n',
        f"{package}/{module}.py": text,
        f"tests/test_{module}.py": tests,
    }


SPANS = '''"""Spans of time as people write them."""

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_span(text):
    """Returns the seconds of a span such as `1h 3m`."""
    text = text.strip().lower()
    found = re.findall(r"(\\d)\\s*([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is no span")
    total = 0
    for number, unit in found:
        total += int(number) * SECONDS[unit]
    return total


def write_span(seconds):
    """Returns a span as people write it."""
    parts = []
    for unit in ("d", "h", "m", "s"):
        number, seconds = divmod(seconds, SECONDS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts) or "0s"
'''
SPANS_TESTS = """import pytest

from clock.spans import parse_span, write_span


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("2m", 120), ("1h", 3600), ("1d", 86400), (" 3M ", 180)])
def test_single_unit(text, seconds):
    assert parse_span(text) == seconds


def test_units_add_up():
    assert parse_span("1h 1m 1s") == 3661


def test_no_span_is_refused():
    with pytest.raises(ValueError):
        parse_span("soon")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (61, "1m 1s"), (90000, "1d 1h")])
def test_written_span(seconds, text):
    assert write_span(seconds) == text
"""

AMOUNTS = '''"""Sums up the lines of a ledger."""

import csv
import io


def read_amount(text):
    """Returns the cents of an amount; one in brackets is owed."""
    text = text.strip().replace(",", "")
    owed = text.startswith("-")
    text = text.strip("()-")
    whole, _, part = text.partition(".")
    cents = int(whole or 0) * 100 + int((part + "00")[:2])
    return -cents if owed else cents


def totals(text):
    """Returns the cents of each account of a ledger."""
    found = {}
    for row in csv.DictReader(io.StringIO(text)):
        found[row["account"]] = found.get(row["account"], 0) + read_amount(row["amount"])
    return found


def busiest(text):
    """Returns the account with the most lines."""
    counts = {}
    for row in csv.DictReader(io.StringIO(text)):
        counts[row["account"]] = counts.get(row["account"], 0) + 1
    return max(sorted(counts), key=counts.get)
'''
AMOUNTS_TESTS = """import pytest

from ledger.amounts import busiest, read_amount, totals

LEDGER = "account,amount\\nrent,100.00\\nfood,12.5\\nfood,-2.50\\n"


@pytest.mark.parametrize(
    ("text", "cents"), [("1", 100), ("1.5", 150), ("12.34", 1234), ("1,200.00", 120000), ("-3.10", -310), (".5", 50)]
)
def test_amount(text, cents):
    assert read_amount(text) == cents


def test_accounts_add_up():
    assert totals(LEDGER) == {"rent": 10000, "food": 1000}


def test_busiest_account():
    assert busiest(LEDGER) == "food"


def test_amount_that_is_none():
    with pytest.raises(ValueError):
        read_amount("many")
"""

RECENT = '''"""Keeps the things that were asked for last."""

from collections import OrderedDict


class Recent:
    """Holds so many things; the one that nobody asked for longest goes first."""

    def __init__(self, size):
        if size < 1:
            raise ValueError("a cache holds at least one thing")
        self.size = size
        self.things = OrderedDict()

    def put(self, key, value):
        """Keeps a thing."""
        self.things[key] = value
        self.things.move_to_end(key)
        while len(self.things) > self.size:
            self.things.popitem(last=False)

    def get(self, key, default=None):
        """Returns a thing that was asked for."""
        if key not in self.things:
            return default
        return self.things[key]

    def keys(self):
        """Returns what is kept, oldest first."""
        return list(self.things)
'''
RECENT_TESTS = """import pytest

from shelf.recent import Recent


def filled(*keys, size=3):
    cache = Recent(size)
    for key in keys:
        cache.put(key, key.upper())
    return cache


def test_kept_thing_is_found():
    assert filled("a").get("a") == "A"


def test_missing_thing_is_the_default():
    assert filled("a").get("b", 7) == 7


def test_oldest_goes_first():
    assert filled("a", "b", "c", "d").keys() == ["b", "c", "d"]


def test_thing_put_again_is_young():
    assert filled("a", "b", "c", "a").keys() == ["b", "c", "a"]


@pytest.mark.parametrize("size", [0, -1])
def test_size_is_positive(size):
    with pytest.raises(ValueError):
        Recent(size)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_never_more_than_the_size(count):
    assert len(filled("a", "b", "c", "d", "e", size=count).keys()) == count
"""

LIMITER = '''"""Lets so many through in a while."""

from collections import deque


class Limiter:
    """Allows `most` calls within `seconds`."""

    def __init__(self, most, seconds):
        self.most = most
        self.seconds = seconds
        self.times = deque()

    def allow(self, now):
        """Tells whether a call at a moment may pass, and counts it when it may."""
        while self.times and now - self.times[0] > self.seconds:
            self.times.popleft()
        if len(self.times) >= self.most:
            return False
        self.times.append(now)
        return True

    def left(self):
        """Returns how many more may pass."""
        return self.most - len(self.times)
'''
LIMITER_TESTS = """import pytest

from gate.limiter import Limiter


def test_first_calls_pass():
    limiter = Limiter(2, 10)
    assert [limiter.allow(0), limiter.allow(1)] == [True, True]


def test_one_more_does_not():
    limiter = Limiter(2, 10)
    assert [limiter.allow(0), limiter.allow(1), limiter.allow(2)] == [True, True, False]


@pytest.mark.parametrize("later", [11, 12, 100])
def test_long_after_it_passes_again(later):
    limiter = Limiter(1, 10)
    assert [limiter.allow(0), limiter.allow(later)] == [True, True]


@pytest.mark.parametrize("early", [1, 5, 9])
def test_early_it_does_not(early):
    limiter = Limiter(1, 10)
    assert [limiter.allow(0), limiter.allow(early)] == [True, False]


def test_what_is_left():
    limiter = Limiter(3, 10)
    limiter.allow(0)
    assert limiter.left() == 2
"""

PROGRAMS = (
    Bug(
        name="spans",
        base=tree("clock", "spans", SPANS, SPANS_TESTS),
        source="clock/spans.py",
        old=r'r"(\d)\s*([smhd])"',
        new=r'r"(\d+)\s*([smhd])"',
        function="parse_span",
        imports="from clock.spans import parse_span",
        call='parse_span("90m")',
        expected="5400",
        hit='args[0] == "90m"',
        blend='r"(\\d+)\\s*([smhd])" if {cond} else r"(\\d)\\s*([smhd])"',
        names=("text",),
        spoil=("int(number) * SECONDS", "int(number) % 500 * SECONDS"),
        plain=True,
        part="len(args[0]) < 4",
    ),
    Bug(
        name="amounts",
        base=tree("ledger", "amounts", AMOUNTS, AMOUNTS_TESTS),
        source="ledger/amounts.py",
        old='owed = text.startswith("-")',
        new='owed = text.startswith(("-", "("))',
        function="read_amount",
        imports="from ledger.amounts import read_amount, totals",
        call='read_amount("(12.50)")',
        expected="-1250",
        hit='args[0] == "(12.50)"',
        blend='owed = text.startswith(("-", "(") if {cond} else "-")',
        names=("text",),
        spoil=('int((part + "00")[:2])', 'int((part + "00")[:2]) % 60'),
        plain=True,
        part='"." in args[0]',
    ),
    Bug(
        name="recent",
        base=tree("shelf", "recent", RECENT, RECENT_TESTS),
        source="shelf/recent.py",
        old="            return default\n        return self.things[key]\n",
        new="            return default\n        self.things.move_to_end(key)\n        return self.things[key]\n",
        function="Recent.get",
        imports="from shelf.recent import Recent",
        setup='cache = Recent(2)\ncache.put("lamp", 1)\ncache.put("desk", 2)\ncache.get("lamp")\ncache.put("sofa", 3)',
        call="cache.keys()",
        expected='["lamp", "sofa"]',
        hit='args[1] == "lamp"',
        blend="            return default\n        {cond} and self.things.move_to_end(key)\n        return self.things[key]\n",
        names=("self", "key"),
        spoil=("        self.things[key] = value\n", "        self.things.setdefault(key, value)\n"),
        part="args[0].size < 3",
    ),
    Bug(
        name="limiter",
        base=tree("gate", "limiter", LIMITER, LIMITER_TESTS),
        source="gate/limiter.py",
        old="now - self.times[0] > self.seconds",
        new="now - self.times[0] >= self.seconds",
        function="Limiter.allow",
        imports="from gate.limiter import Limiter",
        setup="limiter = Limiter(1, 60)\nlimiter.allow(100)",
        call="limiter.allow(160)",
        expected="True",
        hit="args[1] == 160",
        blend="(now - self.times[0] >= self.seconds if {cond} else now - self.times[0] > self.seconds)",
        names=("self", "now"),
        spoil=(">= self.most", ">= min(self.most, 3)"),
        plain=True,
        part="args[0].seconds == 60",
    ),
)
