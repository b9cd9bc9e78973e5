"""Small classic bugs of one line, each with the repair that is expected and an oracle that runs it."""

from __future__ import annotations

from textwrap import dedent
from typing import NamedTuple


class SmallBug(NamedTuple):
    """A program with one wrong line."""

    name: str
    source: str
    wrong: str
    """The wrong line as it stands, without indent."""
    right: str
    """The line (or lines) that must take its place."""
    oracle: str
    """Assertions that only the right program passes."""


def bug(name: str, source: str, wrong: str, right: str, oracle: str) -> SmallBug:
    """Returns a bug; checks that its wrong line stands in it once."""
    text = dedent(source).lstrip("\n")
    assert text.count(wrong) == 1, name
    return SmallBug(name, text, wrong, right, dedent(oracle))


SMALL_BUGS = [
    bug(
        "bitcount",
        """
        def bitcount(n):
            count = 0
            while n:
                n ^= n - 1
                count += 1
            return count
        """,
        "n ^= n - 1",
        "n &= n - 1",
        "assert [bitcount(n) for n in (0, 1, 5, 127, 128)] == [0, 1, 2, 7, 1]",
    ),
    bug(
        "gcd-swapped-arguments",
        """
        def gcd(a, b):
            if b == 0:
                return a
            return gcd(a % b, b)
        """,
        "return gcd(a % b, b)",
        "return gcd(b, a % b)",
        "assert (gcd(12, 18), gcd(35, 21), gcd(7, 13)) == (6, 7, 1)",
    ),
    bug(
        "binary-search-boundary",
        """
        def find(items, wanted):
            low, high = 0, len(items)
            while low < high:
                middle = (low + high) // 2
                if items[middle] == wanted:
                    return middle
                if items[middle] < wanted:
                    low = middle
                else:
                    high = middle
            return -1
        """,
        "low = middle\n",
        "low = middle + 1\n",
        "assert [find([1, 3, 5, 9], n) for n in (1, 3, 5, 9, 4, 10)] == [0, 1, 2, 3, -1, -1]",
    ),
    bug(
        "comparison-includes-equal",
        """
        def fits(limit, sizes):
            taken = []
            room = limit
            for size in sizes:
                if size < room:
                    taken.append(size)
                    room -= size
            return taken
        """,
        "if size < room:",
        "if size <= room:",
        "assert fits(10, [4, 6, 1]) == [4, 6] and fits(3, [4]) == [] and fits(5, [5]) == [5]",
    ),
    bug(
        "unbalanced-is-true",
        """
        def balanced(text):
            depth = 0
            for letter in text:
                depth += 1 if letter == "(" else -1
                if depth < 0:
                    return False
            return True
        """,
        "return True",
        "return depth == 0",
        "assert balanced('(())') and not balanced('((') and not balanced(')(') and balanced('')",
    ),
    bug(
        "flatten-yields-itself",
        """
        def flatten(tree):
            for node in tree:
                if isinstance(node, list):
                    yield from flatten(node)
                else:
                    yield flatten(node)
        """,
        "yield flatten(node)",
        "yield node",
        "assert list(flatten([1, [2, [3]], 4])) == [1, 2, 3, 4]",
    ),
    bug(
        "breadth-first-never-ends",
        """
        from collections import deque

        def reaches(start, goal, edges):
            queue = deque([start])
            seen = {start}
            while True:
                node = queue.popleft()
                if node == goal:
                    return True
                for following in edges.get(node, ()):
                    if following not in seen:
                        seen.add(following)
                        queue.append(following)
            return False
        """,
        "while True:",
        "while queue:",
        "assert reaches(1, 3, {1: [2], 2: [3]}) and not reaches(1, 9, {1: [2], 2: [1]})",
    ),
    bug(
        "wrong-variable",
        """
        def move(count, source, target, spare):
            if count == 0:
                return []
            first = move(count - 1, source, spare, target)
            last = move(count - 1, spare, target, source)
            return first + [(source, spare)] + last
        """,
        "return first + [(source, spare)] + last",
        "return first + [(source, target)] + last",
        "assert move(2, 'a', 'c', 'b') == [('a', 'b'), ('a', 'c'), ('b', 'c')]",
    ),
    bug(
        "running-sum-not-clamped",
        """
        def best_sum(numbers):
            here = best = 0
            for number in numbers:
                here = here + number
                best = max(best, here)
            return best
        """,
        "here = here + number",
        "here = max(0, here + number)",
        "assert best_sum([4, -5, 2, 1, -1, 3]) == 5 and best_sum([-1]) == 0 and best_sum([-3, 2, 2]) == 4",
    ),
    bug(
        "missing-strip",
        """
        def read(line):
            key, value = line.split("=")
            return key.strip(), value
        """,
        "return key.strip(), value",
        "return key.strip(), value.strip()",
        "assert read(' a = b ') == ('a', 'b')",
    ),
    bug(
        "search-not-match",
        """
        import re

        def has_number(text):
            return bool(re.match(r"[0-9]", text))
        """,
        'return bool(re.match(r"[0-9]", text))',
        'return bool(re.search(r"[0-9]", text))',
        "assert has_number('a1') and has_number('1') and not has_number('a')",
    ),
    bug(
        "last-item-forgotten",
        """
        def pairs(items):
            found = []
            for place in range(len(items) - 2):
                found.append((items[place], items[place + 1]))
            return found
        """,
        "for place in range(len(items) - 2):",
        "for place in range(len(items) - 1):",
        "assert pairs([1, 2, 3]) == [(1, 2), (2, 3)] and pairs([1]) == []",
    ),
    bug(
        "zone-forgotten",
        """
        from datetime import datetime, timezone

        def moment(seconds):
            return datetime.fromtimestamp(seconds)
        """,
        "return datetime.fromtimestamp(seconds)",
        "return datetime.fromtimestamp(seconds, timezone.utc)",
        "assert moment(0).isoformat() == '1970-01-01T00:00:00+00:00'",
    ),
    bug(
        "seconds-taken-for-minutes",
        """
        def minutes(seconds):
            return seconds / 100
        """,
        "return seconds / 100",
        "return seconds / 60",
        "assert minutes(120) == 2 and minutes(90) == 1.5",
    ),
    bug(
        "missing-return",
        """
        def power(base, exponent):
            if exponent == 0:
                return 1
            base * power(base, exponent - 1)
        """,
        "base * power(base, exponent - 1)",
        "return base * power(base, exponent - 1)",
        "assert power(2, 5) == 32 and power(3, 0) == 1",
    ),
    bug(
        "missing-continue",
        """
        def words(lines):
            found = []
            for line in lines:
                if not line:
                    found.append("-")
                found.append(line.split()[0])
            return found
        """,
        'if not line:\n            found.append("-")\n',
        'if not line:\n            found.append("-")\n            continue\n',
        "assert words(['a b', '', 'c']) == ['a', '-', 'c']",
    ),
    bug(
        "or-for-and",
        """
        def inside(x, y):
            return 0 <= x < 10 or 0 <= y < 10
        """,
        "return 0 <= x < 10 or 0 <= y < 10",
        "return 0 <= x < 10 and 0 <= y < 10",
        "assert inside(1, 1) and not inside(1, 11) and not inside(11, 1) and not inside(11, 11)",
    ),
    bug(
        "return-inside-the-loop",
        """
        def total(numbers):
            result = 0
            for number in numbers:
                result += number
                return result
        """,
        "        return result",
        "    return result",
        "assert total([1, 2, 3]) == 6",
    ),
    bug(
        "exception-swallowed",
        """
        def number(text):
            try:
                return int(text)
            except ValueError:
                pass
        """,
        "pass",
        "raise",
        """
        assert number("3") == 3
        try:
            number("x")
        except ValueError:
            pass
        else:
            raise AssertionError("swallowed")
        """,
    ),
    bug(
        "any-for-all",
        """
        def complete(rows):
            return any(row["done"] for row in rows)
        """,
        'return any(row["done"] for row in rows)',
        'return all(row["done"] for row in rows)',
        "assert complete([{'done': 1}]) and not complete([{'done': 1}, {'done': 0}])",
    ),
]
