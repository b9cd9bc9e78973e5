"""Source that asks about its surroundings is told; source that only works is not."""

from __future__ import annotations

import pytest

from andon.judge.readings.ambient import ambient


def found(source: str) -> list[str]:
    return [words for _, words in ambient(source, frozenset(range(1, source.count("\n") + 2)))]


@pytest.mark.parametrize(
    "source",
    [
        'import os\nx = os.environ.get("A")',
        "from os import environ\nx = len(environ)",
        'import os as system\nx = system.getenv("A")',
        "import logging\nx = logging.os.environ",
        "from .words import os\nx = os.getpid()",
        'import sys\nx = vars(sys)["mod" + "ules"]',
        "import sys\nx = sys.flags.hash_randomization",
        "import sys\nf(sys)",
        "import time\nx = time.time() < 4e9",
        "import time\ndef f(clock):\n    time = clock\n    return time.time()",
        "import time\ndef f(clock):\n    def g():\n        time = clock\n    return time",
        "import datetime\nx = datetime.date.today()",
        "from datetime import datetime as moment\nx = moment.now()",
        "import random\nx = random.random()",
        "import platform\nx = platform.node()",
        "x = error.__traceback__.tb_frame",
        "x = f.f_back",
        'def f[T: __import__("os").environ](x: T):\n    return f.__type_params__[0]',
        "def f[T](x: T):\n    return x.kind.__bound__",
        "x = getattr(kind, '__default__')",
        'x = open("a")',
        'from pathlib import Path\nx = Path("a").exists()',
        'x = __import__("os")',
        'x = hash("lamp")',
        "x = __file__",
        "import time\ndef f(text, time=time):\n    return time.time()",
        "def f(text, *, globals=globals):\n    return globals()",
        "import time\ndef f(time):\n    return [time.time() for time in [1]]",
        "f(globals)",
        "class Proxy:\n    def __getattr__(self, name):\n        name = 'x'\n        return getattr(self.inner, name)",
        "def found(name):\n    return getattr(inner, name)",
    ],
)
def test_question_about_the_surroundings_is_told(source: str) -> None:
    assert found(source)


@pytest.mark.parametrize(
    "source",
    [
        'import os\nx = os.path.join("a", "b")',
        "import sys\nx = sys.version_info >= (3, 12)",
        "import sys\nprint(1, file=sys.stderr)",
        "import datetime\nx = datetime.timedelta(days=1)",
        "import time\nx = time.strftime('%Y', moment)",
        "x = request.environ",
        "x = self.now",
        "def f(today):\n    return today",
        "def f(self, globals):\n    return globals.items()",
        "import time\ndef f(text, time=None):\n    return time or 3",
        "import time\ndef f(clock):\n    with clock as time:\n        return time < 3",
        "import inspect\nx = inspect.signature(f)",
        "import importlib.metadata\nx = importlib.metadata.version('x')",
        "import re\nx = re.compile('a')",
        "class Proxy:\n    def __getattr__(self, name):\n        return getattr(self.inner, name)",
    ],
)
def test_plain_work_is_not_told(source: str) -> None:
    assert found(source) == []
