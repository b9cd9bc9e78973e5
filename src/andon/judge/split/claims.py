"""What a rewritten test claims at each place where it had an assertion, and the names by which tests assert."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from andon.judge.split.values import Known

Kind = Literal[
    "compare", "truth", "class", "raises", "warns", "mock", "inner", "almost", "count", "regex", "text", "canary"
]


class Given(NamedTuple):
    """A side of a comparison that only the judge knows."""

    value: Known


class Told(NamedTuple):
    """A side of a comparison that the sandbox tells."""

    slot: int
    fixed: bool = False
    """The test itself makes it, of constants and parameters: no code of the product may change it."""


Side = Given | Told


@dataclass(frozen=True)
class Claim:
    """One assertion of a test file, apart from its values."""

    number: int
    path: str
    line: int
    text: str
    """As it stands in the test, shortened."""
    kind: Kind
    signs: tuple[str, ...] = ()
    sides: tuple[Side, ...] = ()
    negated: bool = False
    inner: frozenset[int] = frozenset()
    """Comparisons inside it that the sandbox worked out and told."""
    more: tuple[Side, ...] = ()
    """Besides: places or delta of a rounding, the pattern of a text, how a mock is to be called."""
    way: str = ""
    guard: int = -1
    """The canary of its function: a claim whose values the judge made up, and which must come back as they were."""

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass
class Rewritten:
    """A test file that tells what it sees."""

    path: str
    text: str
    lines: dict[int, int] = field(default_factory=dict)
    """Line of the rewritten text -> line of the test as it was."""


EQUAL = ("assertEqual", "assertEquals", "assertListEqual", "assertTupleEqual", "assertSetEqual", "assertDictEqual")
COMPARING: dict[str, str] = {
    **dict.fromkeys((*EQUAL, "assertMultiLineEqual"), "=="),
    "assertNotEqual": "!=",
    "assertNotEquals": "!=",
    "assertIs": "is",
    "assertIsNot": "is not",
    "assertIn": "in",
    "assertNotIn": "not in",
    "assertGreater": ">",
    "assertGreaterEqual": ">=",
    "assertLess": "<",
    "assertLessEqual": "<=",
}
"""Assertions of unittest with two sides."""
SINGLE: dict[str, tuple[Kind, bool]] = {
    "assertTrue": ("truth", False),
    "assertFalse": ("truth", True),
    "assert_": ("truth", False),
    "assertIsNone": ("compare", False),
    "assertIsNotNone": ("compare", True),
}
PAIRED: dict[str, tuple[Kind, bool]] = {
    "assertIsInstance": ("class", False),
    "assertNotIsInstance": ("class", True),
    "assertAlmostEqual": ("almost", False),
    "assertNotAlmostEqual": ("almost", True),
    "assertAlmostEquals": ("almost", False),
    "assertCountEqual": ("count", False),
    "assertSequenceEqual": ("count", False),
    "assertRegex": ("regex", False),
    "assertNotRegex": ("regex", True),
    "assertRegexpMatches": ("regex", False),
}
RAISING = frozenset({"assertRaises", "assertRaisesRegex", "assertRaisesRegexp"})
MOCKED = frozenset(
    {"assert_called_once_with", "assert_called_with", "assert_any_call", "assert_called_once", "assert_called",
     "assert_not_called"}
)  # fmt: skip
TEXTUAL = frozenset({"startswith", "endswith"})
SIGNS = {
    "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Is": "is", "IsNot": "is not",
    "In": "in", "NotIn": "not in",
}  # fmt: skip
BROAD = frozenset({"AssertionError", "Exception", "BaseException", "Failed"})
"""Whoever expects or catches one of these expects an assertion to fail."""
