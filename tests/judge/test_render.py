"""Verdicts as Markdown, as SARIF and as GitHub's annotations; nothing that others said acts in them."""

from __future__ import annotations

import json
import re
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.judge import render_verdict
from andon.judge.telling.github import annotate, command, shortened
from andon.judge.telling.places import places
from andon.judge.telling.render import tagged, tags
from andon.judge.telling.sarif import render_sarif
from andon.models import Outcome, Patch, Proof, Verdict, VerdictOutcome

DIFF = """diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -1,3 +1,3 @@
 def total(prices):
-    return sum(prices[1:])
+    return sum(prices)
 # all
@@ -20,2 +20,3 @@ class Cart:
     def empty(self):
+        # nothing in it
         pass
diff --git a/tests/test_cart.py b/tests/test_cart.py
--- a/tests/test_cart.py
+++ b/tests/test_cart.py
@@ -3,2 +3,2 @@
 def test_total():
-    assert total([1, 2]) == 2
+    assert total([1, 2]) == 3
"""
PATCH = Patch(base="a" * 40, diff=DIFF, tests=(), summary="Count all")
HOSTILE = (
    "\x1b[2J::error file=x::owned\n::set-output name=a::b\r\n%0A::add-mask::x ##[error]x [red]x[/] "
    "<script>alert(1)</script> | a | `b` ``` [click](javascript:x) {0} @everyone \u202egnp.exe"
)


def proof(name: str, outcome: Outcome = Outcome.HOLDS, saw: str = "fine", *details: str) -> Proof:
    return Proof(name=name, outcome=outcome, saw=saw, details=details, seconds=1.25)


def verdict(*proofs: Proof, outcome: VerdictOutcome = VerdictOutcome.NEEDS_EYES, reason: str = "look") -> Verdict:
    return Verdict(
        outcome=outcome, reason=reason, patch=PATCH.fingerprint, base=PATCH.base, proofs=proofs, seconds=2.0,
        isolation="landlock (no pid namespace)", record="e" * 64,
    )  # fmt: skip


FULL = verdict(
    proof("scope", Outcome.NEEDS_EYES, "shop/cart.py adds a long line", "shop/cart.py: line 2: swallows an exception"),
    proof("symptom on base", Outcome.HOLDS, "7 rows offend"),
    proof("symptom on head", Outcome.HOLDS, "none with the patch"),
    proof("new test on base", Outcome.HOLDS, "1 of 1 fail", "tests/test_cart.py::test_total failed (call): 2 != 3"),
    proof("new test on head", Outcome.HOLDS, "1 passed"),
    proof(
        "suite on head", Outcome.NEEDS_EYES, "contested: 1 test", "tests/test_cart.py::test_total failed (call): 3 != 2"
    ),
    proof(
        "every hunk needed",
        Outcome.NEEDS_EYES,
        "1 of 2 places is not needed",
        "shop/cart.py -1,3 +1,3: tests/test_cart.py::test_total is red without it",
        "shop/cart.py -20,2 +20,3: nobody misses it",
    ),
    proof("perturbed replay", Outcome.HOLDS, "green", "names: 3 rows on the base, 0 with the patch"),
)


def test_page_is_in_the_order_in_which_a_person_decides() -> None:
    page = render_verdict(FULL, PATCH)
    heads = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    assert heads == [
        "Verdict: needs eyes: `look`",
        "The symptom, before and after",
        "The regression test",
        "The change, hunk by hunk",
        "Look at",
        "Contested tests",
        "What it does differently",
        "Not checked",
        "All proofs",
    ]
    assert "the sandbox is the weaker one" in page
    assert "e" * 64 in page


def test_hunks_say_what_they_are_for_and_the_diff_still_applies() -> None:
    assert [(tag.at, tag.word) for tag in tags(FULL)] == [
        ("-1,3 +1,3", "causes the flip"),
        ("-20,2 +20,3", "not needed"),
    ]
    shown = tagged(DIFF, FULL)
    assert "@@ -1,3 +1,3 @@  [causes the flip]" in shown
    assert "@@ -20,2 +20,3 @@ class Cart:  [not needed]" in shown
    plain = re.sub(r"  \[[a-z ]+\]$", "", shown, flags=re.MULTILINE)
    assert plain == DIFF


def test_contested_test_stands_as_it_was_beside_as_it_is() -> None:
    page = render_verdict(FULL, PATCH)
    assert "| `    assert total([1, 2]) == 2` | `    assert total([1, 2]) == 3` |" in page
    assert "as it was | as it is now" not in render_verdict(FULL)  # without the patch there is nothing to put beside


def test_at_most_five_flags_and_red_ones_first() -> None:
    many = [proof(f"eyes {number}", Outcome.NEEDS_EYES) for number in range(6)]
    page = render_verdict(verdict(*many, proof("red", Outcome.FAILS), outcome=VerdictOutcome.REJECTED))
    part = page[page.index("### Look at") : page.index("### Not checked")]
    assert re.findall(r"\*\*(.+?)\*\*", part) == ["red", "eyes 0", "eyes 1", "eyes 2", "eyes 3"]
    assert "and 2 more" in part


def test_what_was_not_heard_is_said() -> None:
    page = render_verdict(verdict(proof("scope", Outcome.FAILS), outcome=VerdictOutcome.REJECTED))
    assert "the judge stopped before: special case" in page


def test_marks_are_plain_letters() -> None:
    assert render_verdict(FULL, PATCH).isascii()


@pytest.mark.parametrize(
    ("detail", "place"),
    [
        ("shop/cart.py:12 is not run", ("shop/cart.py", 12)),
        ("shop/cart.py: line 7: swallows an exception", ("shop/cart.py", 7)),
        ("shop/cart.py -1,3 +9,4: nobody misses it", ("shop/cart.py", 9)),
        ("tests/test_cart.py::test_total failed (call): x", ("tests/test_cart.py", None)),
        ("other/shop/cart.py:3 is another file", None),
        ("shop/cart.pyc:3", None),
        ("/etc/passwd:1", None),
    ],
)
def test_place_counts_only_in_a_file_of_the_diff(detail: str, place: tuple[str, int | None] | None) -> None:
    found = places(proof("scope", Outcome.FAILS, "trouble", detail), PATCH)
    assert [(one.path, one.line) for one in found] == ([place] if place else [])


# --- SARIF ------------------------------------------------------------------------------------------------------------


def hold_to_schema(log: object) -> list[dict[str, object]]:
    """Checks what SARIF 2.1.0 and code scanning require of the parts that are used; gives the results."""
    assert isinstance(log, dict)
    assert log["version"] == "2.1.0"
    assert set(log) == {"$schema", "version", "runs"}
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "andon"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert set(rule) <= {"id", "name", "shortDescription", "help"}
        assert rule["shortDescription"]["text"]
    for call in run["invocations"]:
        assert isinstance(call["executionSuccessful"], bool)
        for note in call.get("toolExecutionNotifications", []):
            assert note["message"]["text"]
            assert note["level"] in ("none", "note", "warning", "error")
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    for result in run["results"]:
        assert set(result) <= {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"}
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert len(result["locations"]) == 1
        physical = result["locations"][0]["physicalLocation"]
        uri = physical["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%!$&'()*+,;=@-]+", uri)
        assert not uri.startswith("/")
        assert physical.get("region", {"startLine": 1})["startLine"] >= 1
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    return list(run["results"])


def test_sarif_holds_a_finding_for_each_place_that_fails_or_needs_eyes() -> None:
    found = hold_to_schema(render_sarif(FULL, PATCH))
    assert [one["ruleId"] for one in found] == [
        "judge/scope",
        "judge/suite-on-head",
        "judge/every-hunk-needed",
        "judge/every-hunk-needed",
    ]
    lines = [
        one["locations"][0]["physicalLocation"].get("region", {}).get("startLine")  # type: ignore[index]
        for one in found
    ]
    assert lines == [2, None, 1, 20]


def test_sarif_of_a_broken_judge_holds_no_finding_and_says_so() -> None:
    log = render_sarif(verdict(outcome=VerdictOutcome.JUDGE_BROKEN, reason="no git"), PATCH)
    assert hold_to_schema(log) == []
    assert '"executionSuccessful": false' in json.dumps(log)


def test_sarif_message_holds_no_link_and_no_placeholder() -> None:
    (found,) = hold_to_schema(render_sarif(verdict(proof("scope", Outcome.FAILS, HOSTILE)), PATCH))
    text = found["message"]["text"]  # type: ignore[index]
    assert not re.search(r"(?<!\\)[\[\]]", text)
    assert not re.search(r"(?<!\{)\{(?!\{)", text)


# --- GitHub -----------------------------------------------------------------------------------------------------------

COMMAND = re.compile(r"::(error|warning|notice)(?: ([a-z]+=[^:,\r\n]*(?:,[a-z]+=[^:,\r\n]*)*))?::([^\r\n]*)")


def read_back(line: str) -> tuple[str, dict[str, str], str]:
    """Reads a workflow command as GitHub's runner does."""
    found = COMMAND.fullmatch(line)
    assert found is not None, line
    pairs = (pair.partition("=") for pair in (found[2] or "").split(",") if pair)
    properties = {key: unescaped(value) for key, _, value in pairs}
    return found[1], properties, unescaped(found[3])


def unescaped(text: str) -> str:
    for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_annotations_stand_at_their_lines() -> None:
    told = [read_back(line) for line in annotate(FULL, PATCH)]
    assert told[0][0] == "warning"
    assert told[0][2] == "needs eyes: look"
    spots = [(kind, one.get("file"), one.get("line")) for kind, one, _ in told[1:]]
    assert ("warning", "shop/cart.py", "2") in spots
    assert ("warning", "shop/cart.py", "20") in spots


def test_no_more_annotations_than_the_runner_shows() -> None:
    many = [proof(f"p {number}", Outcome.NEEDS_EYES) for number in range(40)]
    assert len(annotate(verdict(*many), PATCH)) == 10


def test_summary_fits() -> None:
    page = "line of a summary\n" * 100_000
    assert len(shortened(page).encode()) < 1_000_000
    assert "too long" in shortened(page)
    assert shortened("short\n") == "short\n"


# --- whatever is said -------------------------------------------------------------------------------------------------

ODD = st.text(
    st.one_of(st.characters(), st.sampled_from(list("\n\r\t:%,`[]{}<>|#@*_\\\x1b\u202e\u2028\x85\x00"))), max_size=60
)
WORDS = st.one_of(ODD, st.just(HOSTILE))


@settings(max_examples=150, deadline=None)
@given(saw=WORDS, detail=WORDS, reason=WORDS, path=WORDS)
def test_hostile_words_act_nowhere(saw: str, detail: str, reason: str, path: str) -> None:
    patch = PATCH.model_copy(update={"diff": DIFF.replace("shop/cart.py", path) if path.strip() else DIFF})
    said = verdict(
        proof("scope", Outcome.FAILS, saw, detail, f"{path}:3: {detail}"),
        proof("every hunk needed", Outcome.NEEDS_EYES, saw, f"{path} -1,3 +1,3: {detail}"),
        proof("suite on head", Outcome.NEEDS_EYES, saw, f"{path}::{detail}"),
        proof("new test on base", Outcome.HOLDS, saw, detail),
        outcome=VerdictOutcome.REJECTED,
        reason=reason,
    )
    for line in annotate(said, patch):
        read_back(line)
    log = render_sarif(said, patch)
    hold_to_schema(log)
    json.loads(json.dumps(log))
    page = render_verdict(said, patch)
    lines = page.split("\n")
    assert all(len(line.splitlines()) <= 1 for line in lines)
    assert all(line == "" or line.startswith(("#", "- ", "  - ", "|", "4 proofs", "Record ")) for line in lines)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", page)
    assert "<" not in outside
    assert "](" not in outside
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", page)


@given(message=st.text(max_size=200), file=st.text(max_size=50))
def test_command_is_read_back_as_it_was_meant(message: str, file: str) -> None:
    _, properties, _ = read_back(command("error", message, title="t", file=file))
    assert properties == {"title": "t", "file": file}


def test_uri_of_an_odd_path_is_quoted() -> None:
    patch = PATCH.model_copy(update={"diff": DIFF.replace("shop/cart.py", "shop/a %20#?.py")})
    said = verdict(proof("scope", Outcome.FAILS, "x", "shop/a %20#?.py:4: y"))
    (found,) = hold_to_schema(render_sarif(said, patch))
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]  # type: ignore[index]
    assert urllib.parse.unquote(uri) == "shop/a %20#?.py"
