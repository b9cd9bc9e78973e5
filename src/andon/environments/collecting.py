"""Asks pytest to collect the base's suite inside the sandbox, and decides what distribution it misses."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from andon.models import Limits, Ran
from andon.protocols import Command, Sandbox

SECONDS = 180.0
NAMES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "",
    "Crypto": "pycryptodome",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "colorama": "colorama",
    "dateutil": "python-dateutil",
    "distutils": "setuptools<81",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "google": "",
    "jwt": "PyJWT",
    "magic": "",
    "mypy_extensions": "mypy_extensions",
    "nose": "pynose",
    "pkg_resources": "setuptools<81",
    "pylab": "",
    "serial": "pyserial",
    "setuptools": "setuptools<81",
    "skimage": "",
    "sklearn": "scikit-learn",
    "socks": "PySocks",
    "usb": "",
    "win32api": "",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
    "zope": "zope.interface",
}
"""Modules whose distribution is called otherwise; empty for what is not fetched by a guess."""
OPTIONS = {
    "--cov": "pytest-cov",
    "--no-cov": "pytest-cov",
    "--asyncio-mode": "pytest-asyncio",
    "--benchmark": "pytest-benchmark",
    "--timeout": "pytest-timeout",
    "--reruns": "pytest-rerunfailures",
    "--mpl": "pytest-mpl",
    "--hypothesis": "hypothesis",
    "--doctest-plus": "pytest-doctestplus",
    "--mypy": "pytest-mypy-plugins",
    "--ds": "pytest-django",
    "--allow-hosts": "pytest-socket",
    "--disable-socket": "pytest-socket",
    "--import-mode": "",
}
"""Options of pytest by the plugin that gives them."""
FIXTURES = {
    "mocker": "pytest-mock",
    "benchmark": "pytest-benchmark",
    "requests_mock": "requests-mock",
    "freezer": "pytest-freezer",
    "subtests": "pytest-subtests",
    "httpserver": "pytest-httpserver",
    "httpbin": "pytest-httpbin",
    "datadir": "pytest-datadir",
    "fs": "pyfakefs",
    "testdir": "",
}
"""Fixtures by the plugin that gives them."""
ASYNC = re.compile(r"@pytest\.mark\.(asyncio|trio|anyio)\b")


ENDED = (0, 1, 2)
"""Exit codes of pytest that reached its end: in order, with failures, stopped by files that cannot be imported."""


class Collected(NamedTuple):
    """What one collection gave."""

    ran: Ran
    tests: int
    errors: int
    missing: tuple[str, ...]
    """Distributions whose modules, options or plugins were not found."""

    @property
    def usable(self) -> bool:
        """Tells whether there is a suite to judge with."""
        return self.tests > 0 and self.ran.code in ENDED and not self.ran.timed_out


def collect(argv: tuple[str, ...], command: Command, sandbox: Sandbox, own: frozenset[str]) -> Collected:
    """Returns what pytest collects with a suite's command; `own` are modules of the project itself.

    Raises:
        SandboxError: it could not be started in isolation.
    """
    with tempfile.TemporaryDirectory(prefix="collect-") as folder:
        words = (
            *argv,
            "--collect-only",
            "-o",
            f"cache_dir={folder}",  # without the cache's plugin, options of a project that speak of it are refused
            "--color=no",
        )
        env = {**command.env, "PYTHONDONTWRITEBYTECODE": "1"}
        ran = sandbox.run(
            command._replace(
                argv=words,
                env=env,
                writable=(*command.writable, Path(folder).resolve()),
                limits=Limits(seconds=SECONDS, output_bytes=2**23),
            )
        )
    text = ran.stdout + "\n" + ran.stderr
    errors = len(set(re.findall(r"^ERROR (?:collecting )?(\S+)", text, re.M)))
    return Collected(ran, counted(ran.stdout), errors, tuple(dict.fromkeys(missing(text, own))))


def counted(text: str) -> int:
    """Returns how many tests a quiet collection names."""
    found = re.search(r"(?:^|[\s=/])(\d+) tests? collected|collected (\d+) items?", text)
    if found:
        return int(found[1] or found[2])
    lines = sum(1 for line in text.splitlines() if re.match(r"\S+\.(py|rst|txt|md)::", line))
    return lines or sum(int(number) for number in re.findall(r"^\S+\.py: (\d+)$", text, re.M))


def missing(text: str, own: frozenset[str]) -> list[str]:
    """Returns the distributions that a collection's complaints call for."""
    modules = re.findall(r"(?:ModuleNotFoundError|ImportError): No module named ['\"]?([\w.]+)", text)
    modules += re.findall(r"Error importing plugin ['\"]([\w.]+)['\"]: No module named", text)
    found = [distribution(module, own) for module in modules]
    for words in re.findall(r"unrecognized arguments: (.*)", text):
        found += [name for option, name in OPTIONS.items() for word in words.split() if word.startswith(option)]
    for words in re.findall(r"Missing required plugins: (.*)", text):
        found += [word for word in re.split(r"[,\s]+", words) if re.fullmatch(r"[\w.-]+([<>=!~]=?[\w.]+)?", word)]
    return [name for name in found if name]


def distribution(module: str, own: frozenset[str]) -> str:
    """Returns the distribution that holds a module, as far as its name is plain; empty otherwise."""
    top = module.split(".")[0]
    if top in NAMES:
        return NAMES[top]
    if top in own or top in sys.stdlib_module_names or top.startswith("_") or top in ("tests", "test", "testing"):
        return ""
    return top.replace("_", "-")


def fixtures_wanted(texts: list[str]) -> tuple[str, ...]:
    """Returns plugins whose fixtures or marks test files use without anybody declaring them."""
    whole = "\n".join(texts)
    named = {
        word.partition(":")[0].partition("=")[0].strip()
        for arguments in re.findall(r"def test_?\w*\(([^)]*)\)", whole)
        for word in arguments.split(",")
    }
    own = set(re.findall(r"@(?:pytest\.)?fixture[^\n]*\n(?:\s*@[^\n]*\n)*\s*(?:async )?def (\w+)", whole))
    found = [name for fixture, name in FIXTURES.items() if name and fixture in named - own]
    marks = set(ASYNC.findall(whole))
    wanted = {"asyncio": "pytest-asyncio", "trio": "pytest-trio", "anyio": "anyio"}
    return (*found, *sorted(wanted[mark] for mark in marks))
